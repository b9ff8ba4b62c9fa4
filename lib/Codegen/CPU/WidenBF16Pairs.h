//===- WidenBF16Pairs.h - bf16 to f32 without shuffles ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_WIDENBF16PAIRS_H
#define BN_LIB_CODEGEN_CPU_WIDENBF16PAIRS_H

#include "mlir/IR/Builders.h"

namespace mlir::bn {

/// A constant of `type`, an integer or a vector of it, that is `bits`
/// everywhere.
Value createBits(OpBuilder &b, Location loc, Type type, uint32_t bits);

/// `like`, a number's type or a vector, with another element type.
Type withElement(Type like, Type element);

/// True for an extension from bf16 to f32, of numbers or vectors.
bool widensBF16(Operation *op);

/// The elements of a bf16 vector of even length as f32: those with even indices
/// and those with odd ones, each by one operation on lanes of 32 bits, of which
/// bf16 is the upper half.
std::pair<Value, Value> widenBF16Pairs(OpBuilder &b, Location loc, Value pairs);

/// The lower half of each 32-bit lane of `even` beside the upper half of that
/// of `odd`: a vector of twice as many i16.
Value blendHalves(OpBuilder &b, Location loc, Value even, Value odd);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_WIDENBF16PAIRS_H
