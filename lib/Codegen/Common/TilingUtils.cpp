//===- TilingUtils.cpp - Obeying a lowering strategy ----------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bn;

/// Gives `op` its strategy without what has been obeyed.
static void setStrategy(Operation *op, LoweringStrategyAttr strategy,
                        ArrayRef<int64_t> parallel, ArrayRef<int64_t> tile) {
  op->setAttr(kLoweringStrategyAttrName,
              LoweringStrategyAttr::get(
                  op->getContext(), strategy.getSchedule(),
                  strategy.getThreads(), parallel, tile,
                  strategy.getVectorBits(), strategy.getUnroll(),
                  strategy.getStores()));
}

/// Tile sizes as values: `-p` in `sizes` means equal pieces, at most p.
static SmallVector<OpFoldResult>
resolveSizes(OpBuilder &b, TilingInterface op, ArrayRef<int64_t> sizes) {
  SmallVector<OpFoldResult> resolved;
  AffineExpr n = b.getAffineSymbolExpr(0);
  for (auto [size, range] : llvm::zip_equal(sizes, op.getIterationDomain(b))) {
    if (size >= 0) {
      resolved.push_back(b.getIndexAttr(size));
      continue;
    }
    // At least 1, for an empty dimension.
    AffineMap pieces = AffineMap::get(
        0, 1, {n.ceilDiv(-size), b.getAffineConstantExpr(1)}, b.getContext());
    resolved.push_back(affine::makeComposedFoldedAffineMax(
        b, op.getLoc(), pieces, {range.size}));
  }
  return resolved;
}

/// True when both slices are the same part.
static bool isSamePart(tensor::ExtractSliceOp a, tensor::ExtractSliceOp b) {
  return a.getMixedOffsets() == b.getMixedOffsets() &&
         a.getMixedSizes() == b.getMixedSizes() &&
         a.getMixedStrides() == b.getMixedStrides();
}

/// Of an op that works in place, the input slice of a tile comes from outside
/// the loop and the slice of the out from what the loop carries. It is the same
/// part of the same tensor, which no other iteration writes: using one slice
/// for both saves bufferization from a copy of the tensor.
static void shareSlicesInPlace(Operation *tile,
                               ArrayRef<LoopLikeOpInterface> loops) {
  auto getOuterTensor = [&](Value value) {
    for (LoopLikeOpInterface loop : llvm::reverse(loops))
      if (auto argument = dyn_cast<BlockArgument>(value))
        if (OpOperand *init = loop.getTiedLoopInit(argument))
          value = init->get();
    return value;
  };
  auto destination = cast<DestinationStyleOpInterface>(tile);
  for (OpOperand *input : destination.getDpsInputOperands()) {
    auto slice = input->get().getDefiningOp<tensor::ExtractSliceOp>();
    for (Value out : destination.getDpsInits()) {
      auto outSlice = out.getDefiningOp<tensor::ExtractSliceOp>();
      if (slice && outSlice && isSamePart(slice, outSlice) &&
          getOuterTensor(outSlice.getSource()) == slice.getSource())
        input->set(out);
    }
  }
}

static LogicalResult tile(RewriterBase &rewriter, TilingInterface op,
                          scf::SCFTilingOptions &options,
                          ArrayRef<int64_t> sizes,
                          function_ref<void(Operation *)> update) {
  if (llvm::all_of(sizes, [](int64_t size) { return size == 0; }))
    return success();
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  options.setTileSizes(resolveSizes(rewriter, op, sizes));
  FailureOr<scf::SCFTilingResult> tiled =
      scf::tileUsingSCF(rewriter, op, options);
  if (failed(tiled))
    return op->emitOpError("expected a strategy that the op can be tiled with, "
                           "got ")
           << getLoweringStrategy(op);
  int64_t threads = getLoweringStrategy(op).getThreads();
  for (LoopLikeOpInterface loop : tiled->loops)
    if (threads != 0 && isa<scf::ForallOp>(loop))
      loop->setAttr(kThreadsAttrName, rewriter.getI64IntegerAttr(threads));
  for (Operation *inner : tiled->tiledOps) {
    update(inner);
    if (isa<DestinationStyleOpInterface>(inner))
      shareSlicesInPlace(inner, tiled->loops);
  }
  rewriter.replaceOp(op, tiled->replacements);
  return success();
}

LogicalResult mlir::bn::tileInParallel(RewriterBase &rewriter,
                                       TilingInterface op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  ArrayRef<int64_t> sizes = strategy.getParallel();
  scf::SCFTilingOptions options;
  options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  SmallVector<unsigned> reductionDims;
  for (auto [dim, kind] : llvm::enumerate(op.getLoopIteratorTypes()))
    if (kind == utils::IteratorType::reduction && sizes[dim] != 0)
      reductionDims.push_back(dim);
  if (!reductionDims.empty())
    options
        .setReductionTilingStrategy(
            ReductionTilingStrategy::PartialReductionOuterParallel)
        .setReductionDims(reductionDims);
  SmallVector<int64_t> none(sizes.size(), 0);
  return tile(rewriter, op, options, sizes, [&](Operation *inner) {
    setStrategy(inner, strategy, none, strategy.getTile());
  });
}

LogicalResult mlir::bn::tileInSequence(RewriterBase &rewriter,
                                       TilingInterface op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  scf::SCFTilingOptions options;
  SmallVector<int64_t> none(strategy.getTile().size(), 0);
  return tile(rewriter, op, options, strategy.getTile(),
              [&](Operation *inner) {
                setStrategy(inner, strategy, strategy.getParallel(), none);
              });
}
