//===- BF16Chain.cpp - From vectors of bf16 to a vector of bf16 -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BF16Chain.h"
#include "RoundToBF16.h"
#include "WidenBF16Pairs.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::bn;

static int64_t getLanes(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector && vector.getRank() == 1 && !vector.isScalable()
             ? vector.getDimSize(0)
             : 0;
}

bool mlir::bn::isSplat(Operation *op) {
  DenseElementsAttr elements;
  if (matchPattern(op, m_Constant(&elements)))
    return elements.isSplat();
  auto broadcast = dyn_cast<vector::BroadcastOp>(op);
  return broadcast && !isa<VectorType>(broadcast.getSourceType());
}

bool mlir::bn::makesPairedBits(Operation *op) {
  Type type = op->getResult(0).getType();
  return getElementTypeOrSelf(type).isInteger(1) &&
         llvm::is_contained({kMinPairedLanes, kMaxPairedBits}, getLanes(type));
}

bool mlir::bn::isLeafOfBF16Chain(Operation *op) {
  return isSplat(op) || widensBF16(op) || isa<vector::InterleaveOp>(op) ||
         (isa<vector::BitCastOp>(op) && makesPairedBits(op));
}

/// Adds what `value`, an operand in the chain to `end`, is computed from.
static bool addToChain(Value value, arith::TruncFOp end,
                       function_ref<bool(Operation *)> isLeaf,
                       SetVector<Operation *> &ops) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumResults() != 1 ||
      getLanes(value.getType()) != getLanes(end.getType()))
    return false;
  if (ops.contains(op))
    return true;
  if (!isLeaf(op)) {
    if (!OpTrait::hasElementwiseMappableTraits(op) || !isMemoryEffectFree(op) ||
        op->getNumRegions() != 0 || op->getBlock() != end->getBlock() ||
        !llvm::all_of(op->getOperands(), [&](Value operand) {
          return addToChain(operand, end, isLeaf, ops);
        }))
      return false;
  }
  ops.insert(op);
  return true;
}

bool mlir::bn::collectBF16Chain(arith::TruncFOp end,
                                function_ref<bool(Operation *)> isLeaf,
                                SetVector<Operation *> &ops) {
  int64_t lanes = getLanes(end.getType());
  if (!isRoundingToBF16(end) || lanes < kMinPairedLanes || lanes % 2 != 0 ||
      !addToChain(end.getIn(), end, isLeaf, ops))
    return false;
  // What others need, too, would be computed twice.
  return llvm::all_of(ops, [&](Operation *op) {
    return isLeaf(op) || makesPairedBits(op) ||
           llvm::all_of(op->getUsers(), [&](Operation *user) {
             return user == end || ops.contains(user);
           });
  });
}

Value mlir::bn::createShortNaN(OpBuilder &b, Location loc, Value number) {
  Value isNaN =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, number, number);
  auto type = cast<FloatType>(getElementTypeOrSelf(number.getType()));
  Value quiet = createScalarOrSplatConstant(
      b, loc, number.getType(), APFloat::getQNaN(type.getFloatSemantics()));
  return arith::SelectOp::create(b, loc, isNaN, quiet, number);
}
