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

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_ROUNDTOBF16_H
