//===- CollapseDimensions.cpp - The canonical view of an op ---------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'bn'. Later phases see two shapes of work only: the last dimension is
// reduced (channel rows) or kept (channels in the vector lanes).
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::bn {
#define GEN_PASS_DEF_COLLAPSEDIMENSIONSPASS
#include "bn/Dialect/BN/Transforms/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

using Groups = SmallVector<ReassociationIndices>;

namespace {
/// How the dimensions of the data and of per-channel operands are grouped.
struct View {
  Groups data, channels;
  SmallVector<int64_t> axis;
};
} // namespace

/// Groups neighbours of one kind; a reduced dimension of size 1 joins the group
/// before it (or, at the start, after it).
static View computeView(ShapedType type, ArrayRef<int64_t> axis) {
  View view;
  ReassociationIndices leading;
  bool groupIsKept = false;
  for (int64_t dim = 0, channel = 0; dim < type.getRank(); ++dim) {
    bool kept = llvm::is_contained(axis, dim);
    bool isNeutral = !kept && type.getDimSize(dim) == 1;
    if (view.data.empty()) {
      leading.push_back(dim);
      if (isNeutral)
        continue;
      view.data.push_back(leading);
      groupIsKept = !kept;
    } else if (isNeutral || kept == groupIsKept) {
      view.data.back().push_back(dim);
    } else {
      view.data.push_back({dim});
    }
    if (isNeutral)
      continue;
    if (kept && kept != groupIsKept) {
      view.axis.push_back(view.data.size() - 1);
      view.channels.emplace_back();
    }
    groupIsKept = kept;
    if (kept)
      view.channels.back().push_back(channel++);
  }
  return view;
}

static Value collapse(RewriterBase &b, Location loc, Value value,
                      const Groups &groups) {
  int64_t rank = cast<ShapedType>(value.getType()).getRank();
  if (rank == static_cast<int64_t>(groups.size()))
    return value;
  return tensor::CollapseShapeOp::create(b, loc, value, groups);
}

/// Gives `value` back the shape of `like`.
static Value expand(RewriterBase &b, Location loc, Value value, Value like,
                    const Groups &groups) {
  if (value.getType() == like.getType())
    return value;
  SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, like);
  return tensor::ExpandShapeOp::create(b, loc, like.getType(), value, groups,
                                       shape);
}

/// False for masks, whose dimensions of size 1 broadcast, and for groups, which
/// cut the first dimension.
static bool hasCollapsibleOperands(Operation *op) {
  if (auto training = dyn_cast<TrainingOp>(op))
    return !training.getMask() && training.getGroups() == 1;
  return TypeSwitch<Operation *, bool>(op)
      .Case<StatsOp, BackwardOp, BackwardReduceOp>(
          [](auto masked) { return !masked.getMask(); })
      .Default(true);
}

LogicalResult mlir::bn::collapseDimensions(RewriterBase &rewriter,
                                           Operation *op) {
  auto indexed = cast<IndexedOpInterface>(op);
  Value input = indexed.getSpanningOperand().get();
  auto type = dyn_cast<RankedTensorType>(input.getType());
  auto axisAttr = op->getAttrOfType<DenseI64ArrayAttr>("axis");
  if (!type || !axisAttr || !hasCollapsibleOperands(op))
    return failure();
  // A strategy written by hand is about the view that the op has. With a size
  // of 0 there is no work, and next to it `?` has no legal collapsed type.
  if (getLoweringStrategy(op) || llvm::is_contained(type.getShape(), 0))
    return failure();

  View view = computeView(type, normalizeAxis(axisAttr, type.getRank()));
  if (static_cast<int64_t>(view.data.size()) == type.getRank())
    return failure();

  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  Location loc = op->getLoc();
  AffineMap identity = AffineMap::getMultiDimIdentityMap(
      type.getRank(), rewriter.getContext());
  SmallVector<Value> operands;
  SmallVector<bool> isData;
  DenseMap<Value, Value> views; // one for each value: in place stays in place
  for (auto [operand, map] :
       llvm::zip_equal(op->getOperands(), indexed.getOperandIndexingMaps())) {
    isData.push_back(map == identity);
    Value &collapsed = views[operand];
    if (!collapsed)
      collapsed = collapse(rewriter, loc, operand,
                           isData.back() ? view.data : view.channels);
    operands.push_back(collapsed);
  }
  size_t firstInit = operands.size() - op->getNumResults();
  auto types = TypeRange(ValueRange(operands).drop_front(firstInit));
  Operation *collapsed = clone(rewriter, op, types, operands);
  collapsed->setAttr("axis", rewriter.getDenseI64ArrayAttr(view.axis));
  SmallVector<Value> results;
  for (auto [i, result] : llvm::enumerate(collapsed->getResults()))
    results.push_back(expand(rewriter, loc, result,
                             op->getOperand(firstInit + i),
                             isData[firstInit + i] ? view.data
                                                   : view.channels));
  rewriter.replaceOp(op, results);
  return success();
}

namespace {
struct CollapseDimensionsPass
    : public bn::impl::CollapseDimensionsPassBase<CollapseDimensionsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](IndexedOpInterface op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops)
      (void)collapseDimensions(rewriter, op);
  }
};
} // namespace
