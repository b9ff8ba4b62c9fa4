//===- TileProducers.cpp - What makes the data, in the loops over them ----===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. Tiling has left slices of a tensor that an elementwise op in
// front of the loops makes: here each slice is computed where it is read, and
// the tensor is no more. bn-inline-producers then makes one op of the two.
//
//===----------------------------------------------------------------------===//

#include "Producers.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::bn {
#define GEN_PASS_DEF_TILEPRODUCERSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// What is tiled
//===----------------------------------------------------------------------===//

/// True where the dimensions of an operand are those of the result, in their
/// order, and perhaps fewer.
static bool isInOrder(AffineMap map) {
  unsigned next = 0;
  for (AffineExpr result : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    if (!dim || dim.getPosition() < next)
      return false;
    next = dim.getPosition() + 1;
  }
  return true;
}

/// True where vectors of the operand can be read, or it is no tensor in memory
/// in the end.
static bool isReadable(linalg::LinalgOp op, OpOperand &operand) {
  Value value = operand.get();
  Type element = getElementTypeOrSelf(value.getType());
  if (!element.isIntOrIndexOrFloat() ||
      !isInOrder(op.getMatchingIndexingMap(&operand)))
    return false;
  return !element.isInteger(1) ||
         (value.hasOneUse() && isProducer(value.getDefiningOp()));
}

bool mlir::bn::isProducer(Operation *candidate) {
  auto op = dyn_cast_if_present<linalg::LinalgOp>(candidate);
  if (!op || op->getNumResults() != 1 || !op.hasPureTensorSemantics() ||
      op.getNumParallelLoops() != op.getNumLoops() || getLoweringStrategy(op))
    return false;
  OpOperand &init = op.getDpsInitsMutable()[0];
  if (op.payloadUsesValueFromOperand(&init) ||
      !op.getMatchingIndexingMap(&init).isIdentity())
    return false;
  return llvm::all_of(op.getDpsInputOperands(),
                      [&](OpOperand *in) { return isReadable(op, *in); }) &&
         llvm::all_of(
             op.getBlock()->without_terminator(),
             [](Operation &scalar) { return isLegalInScalarCode(&scalar); });
}

static bool isDim(OpOperand &use) { return isa<tensor::DimOp>(use.getOwner()); }

/// True where `use` is that of an op, with a strategy or a producer, that reads
/// each element at its own index.
static bool isElementwiseRead(OpOperand &use) {
  Operation *op = use.getOwner();
  auto inPlace = dyn_cast<DestinationStyleOpInterface>(op);
  if (!inPlace || inPlace.isDpsInit(&use))
    return false;
  if (auto indexed = dyn_cast<IndexedOpInterface>(op))
    return indexed.getOperandIndexingMaps()[use.getOperandNumber()]
               .isIdentity() &&
           getLoweringStrategy(op);
  auto inner = dyn_cast<linalg::LinalgOp>(op);
  return inner && inner.getMatchingIndexingMap(&use).isIdentity() &&
         (getLoweringStrategy(op) || isProducer(op));
}

/// Finds the bn ops that read `value`, or tiles of it; false when something
/// else does.
static bool collectReaders(Value value, SetVector<Operation *> &readers) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isDim(use))
      continue;
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(user)) {
      if (slice.getType().getRank() != slice.getSourceType().getRank() ||
          !slice.hasUnitStride() || !collectReaders(slice.getResult(), readers))
        return false;
      continue;
    }
    if (!isElementwiseRead(use))
      return false;
    if (getLoweringStrategy(user))
      readers.insert(user);
    else if (!collectReaders(user->getResult(0), readers))
      return false;
  }
  return true;
}

static bool isSum(Operation *op) {
  if (auto indexed = dyn_cast<IndexedOpInterface>(op))
    return llvm::is_contained(indexed.getIterationKinds(),
                              utils::IteratorType::reduction);
  return cast<linalg::LinalgOp>(op).getNumReductionLoops() != 0;
}

/// True when it pays to compute `producer` in each sweep over its result.
static bool isWorthTiling(linalg::LinalgOp producer) {
  SetVector<Operation *> readers;
  if (!collectReaders(producer->getResult(0), readers) || readers.empty())
    return false;
  bool once = llvm::all_of(readers, isSum) || llvm::none_of(readers, isSum);
  return once || isCheap(*producer.getBlock());
}

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

void mlir::bn::eraseUnread(RewriterBase &b, linalg::LinalgOp producer) {
  Value result = producer->getResult(0);
  b.replaceUsesWithIf(result, producer.getDpsInits().front(), isDim);
  if (result.use_empty())
    b.eraseOp(producer);
}

/// The same op on the view of its result that alone is used, if there is one:
/// that which bn-collapse-dimensions has made for a bn op.
static linalg::LinalgOp collapse(RewriterBase &b, linalg::LinalgOp op) {
  tensor::CollapseShapeOp view;
  for (OpOperand &use : op->getResult(0).getUses()) {
    if (isDim(use))
      continue;
    if (view)
      return op;
    view = dyn_cast<tensor::CollapseShapeOp>(use.getOwner());
    if (!view)
      return op;
  }
  if (!view || !linalg::areDimSequencesPreserved(
                   op.getIndexingMapsArray(), view.getReassociationIndices()))
    return op;
  b.setInsertionPoint(op);
  FailureOr<linalg::CollapseResult> result =
      linalg::collapseOpIterationDims(op, view.getReassociationIndices(), b);
  if (failed(result))
    return op;
  Value collapsed = result->collapsedOp->getResult(0);
  if (collapsed.getType() != view.getType())
    return op;
  b.replaceOp(view, collapsed);
  b.replaceAllUsesWith(op->getResult(0), op.getDpsInits().front()); // sizes
  b.eraseOp(op);
  for (Value expanded : result->results)
    b.eraseOp(expanded.getDefiningOp());
  return result->collapsedOp;
}

/// Computes `slice` of the result of `op` where it is.
static FailureOr<linalg::LinalgOp>
tileSlice(RewriterBase &b, linalg::LinalgOp op, tensor::ExtractSliceOp slice) {
  b.setInsertionPoint(slice);
  FailureOr<TilingResult> tiled =
      tensor::replaceExtractSliceWithTiledProducer(b, slice, op->getResult(0));
  if (failed(tiled))
    return failure();
  auto tile = cast<linalg::LinalgOp>(tiled->tiledOps.front());
  // Nothing is in the memory that the tile is of.
  b.setInsertionPoint(tile);
  Value empty = tensor::EmptyOp::create(b, op.getLoc(), slice.getMixedSizes(),
                                        slice.getType().getElementType());
  tile.getDpsInitsMutable()[0].set(empty);
  b.replaceUsesWithIf(slice.getResult(), empty, isDim);
  b.replaceOp(slice, tile->getResult(0));
  return tile;
}

/// Computes what is read of the result of `producer`, slices of slices
/// included, where it is read.
static void tileResult(RewriterBase &b, linalg::LinalgOp producer) {
  SmallVector<linalg::LinalgOp> ops = {producer};
  while (!ops.empty()) {
    linalg::LinalgOp op = ops.pop_back_val();
    Value result = op->getResult(0);
    for (Operation *user : llvm::make_early_inc_range(result.getUsers()))
      if (auto slice = dyn_cast<tensor::ExtractSliceOp>(user))
        if (auto tile = tileSlice(b, op, slice); succeeded(tile))
          ops.push_back(*tile);
    eraseUnread(b, op);
  }
}

namespace {
struct TileProducersPass
    : public bn::impl::TileProducersPassBase<TileProducersPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> producers;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (isProducer(op))
        producers.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    // What makes the operands of a producer comes after it.
    for (linalg::LinalgOp op : llvm::reverse(producers)) {
      op = collapse(rewriter, op);
      if (isWorthTiling(op))
        tileResult(rewriter, op);
    }
  }
};
} // namespace
