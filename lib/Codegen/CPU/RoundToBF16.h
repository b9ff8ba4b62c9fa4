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

/// True when what `value` holds of NaN is NaN without its lower half, too:
/// arithmetic makes NaN quiet, and what was bf16 has nothing there. Looks
/// through a few levels of ops, of which `depth` have been.
bool staysNaNInHalf(Value value, unsigned depth = 0);

/// `even` and `odd`, vectors of f32, rounded to bf16 and in turns: a vector of
/// twice as many i16. Both have to stay NaN in half. `hasShortNaN` says that
/// their NaN have nothing in the lower half, so that none is rounded up.
Value createRoundedPairs(OpBuilder &b, Location loc, Value even, Value odd,
                         bool hasShortNaN = false);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_ROUNDTOBF16_H
