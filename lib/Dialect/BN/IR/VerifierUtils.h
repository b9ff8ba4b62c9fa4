//===- VerifierUtils.h - Checks that ops share ------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the dialect. Each check is a constraint of several ops; their
// verifiers have its number.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_IR_VERIFIERUTILS_H
#define BN_LIB_DIALECT_BN_IR_VERIFIERUTILS_H

#include "bn/Dialect/BN/IR/BNOps.h"

namespace mlir::bn {

/// An operand and the name that its op gives it.
using Named = std::pair<StringRef, Value>;

inline ShapedType shapedType(Value value) {
  return cast<ShapedType>(value.getType());
}

/// Checks that `axis` names dimensions of `input`, none twice.
LogicalResult verifyAxis(Operation *op, ArrayRef<int64_t> axis, Value input);

LogicalResult verifyFinite(Operation *op, StringRef name, const APFloat &value);

/// Checks that each of `operands` has one entry per channel of `input`, in the
/// dimensions after the `leading` first ones.
LogicalResult verifyChannelShapes(Operation *op, Value input,
                                  ArrayRef<int64_t> axis,
                                  ArrayRef<Named> operands,
                                  int64_t leading = 0);

/// Checks that element types are that of `input` or wider.
LogicalResult verifyElementTypes(Operation *op, Value input,
                                 ArrayRef<Named> operands);

LogicalResult verifySameType(Operation *op, StringRef name, Value value,
                             StringRef expectedName, Value expected);

/// Checks that there are `expected` outs, which `what` lists.
LogicalResult verifyOutCount(Operation *op, ValueRange outs, size_t expected,
                             StringRef what);

/// Checks results against `outs`: one each on tensors, none on buffers. Every
/// verifier ends with this.
LogicalResult verifyResults(Operation *op, ValueRange outs);

/// Checks that `mask` is broadcastable to `input`.
LogicalResult verifyMask(Operation *op, Value mask, Value input);

/// Checks groups, and what they ask of mean and variance, the `statistics`.
LogicalResult verifyGroups(Operation *op, int64_t groups, Value input,
                           ArrayRef<int64_t> axis, ArrayRef<Named> statistics);

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_IR_VERIFIERUTILS_H
