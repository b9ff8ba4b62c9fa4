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

#include "CanonicalView.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::bn {
#define GEN_PASS_DEF_COLLAPSEDIMENSIONSPASS
#include "bn/Dialect/BN/Transforms/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// The mask of `op`, if it has one.
static Value getMask(Operation *op) {
  return TypeSwitch<Operation *, Value>(op)
      .Case<TrainingOp, StatsOp, BackwardOp, BackwardInputOp>(
          [](auto masked) { return masked.getMask(); })
      .Default(Value());
}

LogicalResult mlir::bn::collapseDimensions(RewriterBase &rewriter,
                                           Operation *op) {
  auto indexed = cast<IndexedOpInterface>(op);
  Value input = indexed.getSpanningOperand().get();
  auto type = dyn_cast<RankedTensorType>(input.getType());
  auto axisAttr = op->getAttrOfType<DenseI64ArrayAttr>("axis");
  // Groups cut the first dimension.
  if (!type || !axisAttr || getNumGroups(op) != 1)
    return failure();
  // A strategy written by hand is about the view that the op has. With a size
  // of 0 there is no work, and next to it `?` has no legal collapsed type.
  if (getLoweringStrategy(op) || llvm::is_contained(type.getShape(), 0))
    return failure();

  Value mask = getMask(op);
  CanonicalView view =
      CanonicalView::get(type, normalizeAxis(axisAttr, type.getRank()),
                         mask ? cast<ShapedType>(mask.getType()) : nullptr);
  if (static_cast<int64_t>(view.data.size()) == type.getRank())
    return failure();

  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  Location loc = op->getLoc();
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), rewriter.getContext());
  SmallVector<Value> operands;
  SmallVector<bool> isData;
  DenseMap<Value, Value> views; // one for each value: in place stays in place
  for (auto [operand, map] :
       llvm::zip_equal(op->getOperands(), indexed.getOperandIndexingMaps())) {
    isData.push_back(map == identity);
    Value &collapsed = views[operand];
    if (!collapsed && operand == mask)
      collapsed = collapse(
          rewriter, loc, repeatMask(rewriter, loc, mask, input, view.repeated),
          view.data);
    else if (!collapsed)
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
    results.push_back(
        expand(rewriter, loc, result, op->getOperand(firstInit + i),
               isData[firstInit + i] ? view.data : view.channels));
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
