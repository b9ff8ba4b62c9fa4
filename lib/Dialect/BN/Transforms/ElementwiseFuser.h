//===- ElementwiseFuser.h - Ops on tensors as scalar code -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_TRANSFORMS_ELEMENTWISEFUSER_H
#define BN_LIB_DIALECT_BN_TRANSFORMS_ELEMENTWISEFUSER_H

#include "Widener.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::bn {

/// What it takes to make a cluster of elementwise ops on tensors scalar code of
/// a bn op: which ops can be fused, what they take elements of, and copies of
/// their bodies. Which ops are fused, and where the code goes, others decide.
class ElementwiseFuser {
protected:
  /// `data` is the tensor of which an element is there without an input.
  ElementwiseFuser(RewriterBase &b, ScalarCodeOpInterface op, Value data);

  bool isFusable(Operation *candidate);
  /// True when something else than the cluster, and sizes, needs `value`.
  bool isUsedOutside(Value value);
  bool isInside(Value value) {
    return value == data || cluster.contains(value.getDefiningOp());
  }
  /// Puts the cluster in the order of the block.
  void sortCluster();
  /// Collects what the cluster takes from outside; false when there are tensors
  /// that scalar code cannot take, which are in `rejected` then.
  bool collectInputs();

  /// Gives the op scalar code, if it has none, with an argument for each of
  /// `inputs`. The op may be a new one then.
  void startCode();
  /// Copies the bodies of the cluster to where the builder is.
  void copyCluster();
  /// The element of `tensor`, or the scalar, in the code.
  Value getElement(Value tensor);
  void eraseCluster();

  RewriterBase &b;
  ScalarCodeOpInterface op;
  Value data;
  RankedTensorType type;
  Widener widener;
  /// The ops that are fused.
  SetVector<Operation *> cluster;
  /// Tensors that the code takes elements of; scalars from outside; tensors
  /// that the code cannot take.
  SetVector<Value> inputs, captured, rejected;
  /// The elements of tensors in the code.
  IRMapping elements;

private:
  bool isElementwise(linalg::LinalgOp inner, OpOperand &operand);
  bool isPerChannel(Value value);
  bool isInput(Value value);
  Value getBroadcastSource(Value value);
  void addInput(Value value);
  void copyBody(linalg::LinalgOp inner);

  /// From an index of the data to that of its channel.
  AffineMap channelMap;
  /// Tensors with equal elements, and the scalar that these are.
  DenseMap<Value, OpFoldResult> uniform;
  /// Tensors with equal elements in each channel, and the inputs that these are
  /// of.
  llvm::MapVector<Value, Value> broadcast;
};

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_TRANSFORMS_ELEMENTWISEFUSER_H
