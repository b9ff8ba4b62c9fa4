//===- RoundToBF16.h - f32 to bf16 in integers ------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The arithmetic of bn-round-to-bf16, for passes that place its result
// otherwise.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_ROUNDTOBF16_H
#define BN_LIB_CODEGEN_CPU_ROUNDTOBF16_H

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::bn {

/// True for a truncation from f32 to bf16, to nearest with ties to even.
bool isRoundingToBF16(arith::TruncFOp op);

/// The bits of `value`, f32 or a vector of it, whose upper halves are rounded
/// to bf16; what the lower halves are is open. NaN becomes quiet.
Value createRoundedBits(OpBuilder &b, Location loc, Value value);

/// What the bits of a NaN may be: any; or such that its upper half is that of a
/// NaN, too; or such that its lower half is 0, so that rounding adds nothing.
enum class NaNBits { Any, UpperHalf, Short };

/// What is known of a NaN among the elements of `value`, an f32 or a vector of
/// it. Those that `isShort` holds for make none but short ones.
NaNBits getNaNBits(Value value, function_ref<bool(Operation *)> isShort);

/// True for ops that make only short NaN: what was bf16 has nothing in the
/// lower half, and some vectors say so (kShortNaNAttrName).
bool makesShortNaN(Operation *op);

/// `even` and `odd`, vectors of f32, rounded to bf16 and in turns: a vector of
/// twice as many i16. The bits of their NaN are not any.
Value createRoundedPairs(OpBuilder &b, Location loc, Value even, Value odd,
                         NaNBits bits);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_ROUNDTOBF16_H
