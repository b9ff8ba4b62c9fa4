//===- Widener.h - Scalar ops in a wider type -------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_TRANSFORMS_WIDENER_H
#define BN_LIB_DIALECT_BN_TRANSFORMS_WIDENER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::bn {

/// Copies scalar ops; what has the type `narrow` there has the type `wide`
/// here.
struct Widener {
  FloatType narrow, wide;

  bool changes(Type type) const { return narrow != wide && type == narrow; }
  Type convert(Type type) const { return changes(type) ? Type(wide) : type; }
  bool canCopy(Operation *op) const;
  void copy(OpBuilder &b, Operation *op, IRMapping &mapping) const;

private:
  void copyConversion(OpBuilder &b, Operation *op, IRMapping &mapping) const;
};

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_TRANSFORMS_WIDENER_H
