//===- TilingUtils.cpp - Obeying a lowering strategy ----------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bn;

/// What the rows of a piece are a multiple of, so that they can be read from
/// the streams of `strategy` without any left over.
static int64_t getStep(LoweringStrategyAttr strategy, int64_t numPieces) {
  bool hasStreams = strategy.getSchedule() == Schedule::RowBlocks &&
                    strategy.getParallel().size() == 2;
  return hasStreams && numPieces > 1 ? strategy.getStreams() : 1;
}

/// True for an op on bytes. These may be views of bits, so that its tiles start
/// at multiples of 8 elements.
static bool hasBytes(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), [](Type type) {
    return getElementTypeOrSelf(type).isInteger(8);
  });
}

/// Tile sizes as values: `-p` in `sizes` means equal pieces, at most p.
static SmallVector<OpFoldResult>
resolveSizes(OpBuilder &b, TilingInterface op, ArrayRef<int64_t> sizes) {
  SmallVector<OpFoldResult> resolved;
  AffineExpr n = b.getAffineSymbolExpr(0);
  for (auto [size, range] : llvm::zip_equal(sizes, op.getIterationDomain(b))) {
    bool isLast = resolved.size() + 1 == sizes.size();
    int64_t unit = isLast && hasBytes(op) ? 8 : 1;
    if (size >= 0) {
      resolved.push_back(b.getIndexAttr(llvm::alignTo(size, unit)));
      continue;
    }
    // At least 1, for an empty dimension.
    int64_t step = llvm::alignTo(getStep(getLoweringStrategy(op), -size), unit);
    AffineMap pieces = AffineMap::get(
        0, 1, {n.ceilDiv(-size * step) * step, b.getAffineConstantExpr(1)},
        b.getContext());
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

/// Lets each piece of `loop` fill its own part of what it adds to: in parallel,
/// and in the caches of the thread that adds to it. Of many channels, one
/// thread takes as long to fill all partial results as to merge them.
static void fillInPieces(RewriterBase &b, scf::ForallOp loop) {
  OpBuilder::InsertionGuard guard(b);
  for (auto [argument, init] :
       llvm::zip_equal(loop.getRegionIterArgs(), loop.getOutputsMutable())) {
    auto fill = init.get().getDefiningOp<linalg::FillOp>();
    bool isSliced = llvm::all_of(
        argument.getUsers(),
        llvm::IsaPred<tensor::ExtractSliceOp, tensor::ParallelInsertSliceOp>);
    if (!fill || !isSliced)
      continue;
    for (Operation *user : argument.getUsers()) {
      auto slice = dyn_cast<tensor::ExtractSliceOp>(user);
      if (!slice)
        continue;
      b.setInsertionPointAfter(slice);
      auto filled = linalg::FillOp::create(b, fill.getLoc(), fill.value(),
                                           slice.getResult());
      b.replaceAllUsesExcept(slice, filled.getResult(0), filled);
    }
    b.startOpModification(loop);
    init.set(fill.output());
    b.finalizeOpModification(loop);
  }
}

/// Tells later passes what the strategy says about `loops`.
static void markLoops(Builder &b, ArrayRef<LoopLikeOpInterface> loops,
                      LoweringStrategyAttr strategy) {
  if (loops.empty())
    return;
  if (isa<scf::ForallOp>(loops.front())) {
    if (strategy.getThreads() != 0)
      loops.front()->setAttr(kThreadsAttrName,
                             b.getI64IntegerAttr(strategy.getThreads()));
  } else if (strategy.getPrefetch() != 0 &&
             llvm::is_contained(strategy.getTile(), 1)) {
    // The loop over rows, if there are several, and not the one over their
    // parts: the last part has none ahead. Of tiles of several rows,
    // bn-vectorize-tiles marks it.
    const auto *rows = llvm::find_if(loops, [](LoopLikeOpInterface loop) {
      std::optional<APInt> count =
          cast<scf::ForOp>(loop.getOperation()).getStaticTripCount();
      return !count || !count->isOne();
    });
    if (rows != loops.end())
      LoopLikeOpInterface(*rows)->setAttr(
          kPrefetchAttrName, b.getI64IntegerAttr(strategy.getPrefetch()));
  }
}

/// Lets each of `threads` threads run through its tiles of `loop`, which OpenMP
/// gives it in one run, from the last to the first: what it has read last in
/// the sweep before is still in its caches. The tiles of another thread need
/// not be in them, so without a number of threads the order stays.
static void reverseOrder(RewriterBase &b, scf::ForallOp loop, int64_t threads) {
  if (threads == 0 || loop.getRank() != 1)
    return;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Location loc = loop.getLoc();
  Value iv = loop.getInductionVars().front();
  auto toValue = [&](OpFoldResult value) {
    return getValueOrCreateConstantIndexOp(b, loc, value);
  };
  Value lower = toValue(loop.getMixedLowerBound().front());
  Value upper = toValue(loop.getMixedUpperBound().front());
  Value step = toValue(loop.getMixedStep().front());
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto add = [&](Value x, Value y) -> Value {
    return b.createOrFold<arith::AddIOp>(loc, x, y);
  };
  auto sub = [&](Value x, Value y) -> Value {
    return b.createOrFold<arith::SubIOp>(loc, x, y);
  };
  auto mul = [&](Value x, Value y) -> Value {
    return b.createOrFold<arith::MulIOp>(loc, x, y);
  };
  auto div = [&](Value x, Value y) -> Value {
    return b.createOrFold<arith::DivUIOp>(loc, x, y);
  };
  auto ceilDiv = [&](Value x, Value y) { return div(add(x, sub(y, one)), y); };
  Value count = ceilDiv(sub(upper, lower), step);
  Value run = ceilDiv(count, arith::ConstantIndexOp::create(b, loc, threads));
  Operation *first =
      arith::SubIOp::create(b, loc, iv, lower); // the one that uses iv
  Value number = div(first->getResult(0), step);
  Value begin = mul(div(number, run), run);
  Value end = b.createOrFold<arith::MinUIOp>(loc, add(begin, run), count);
  Value reversed = sub(sub(add(begin, end), one), number);
  Value tile = add(lower, mul(reversed, step));
  b.replaceAllUsesExcept(iv, tile, first);
}

/// True for the sweep that writes what pieces of the data were summed up for.
static bool isSecondSweep(Operation *op) {
  Schedule schedule = getLoweringStrategy(op).getSchedule();
  return isa<NormalizeOp, BackwardInputOp>(op) &&
         (schedule == Schedule::RowBlocks || schedule == Schedule::Split);
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
  markLoops(rewriter, tiled->loops, getLoweringStrategy(op));
  auto forall =
      tiled->loops.empty()
          ? scf::ForallOp()
          : dyn_cast<scf::ForallOp>(tiled->loops.front().getOperation());
  if (forall)
    fillInPieces(rewriter, forall);
  for (Operation *inner : tiled->tiledOps) {
    update(inner);
    if (isa<DestinationStyleOpInterface>(inner))
      shareSlicesInPlace(inner, tiled->loops);
  }
  if (isSecondSweep(op) && forall)
    reverseOrder(rewriter, forall, getLoweringStrategy(op).getThreads());
  rewriter.replaceOp(op, tiled->replacements);
  return success();
}

LogicalResult
mlir::bn::tileInParallel(RewriterBase &rewriter, TilingInterface op,
                         function_ref<void(Operation *)> update) {
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
    inner->setAttr(kLoweringStrategyAttrName,
                   strategy.withSizes(none, strategy.getTile()));
    if (update)
      update(inner);
  });
}

LogicalResult
mlir::bn::tileInSequence(RewriterBase &rewriter, TilingInterface op,
                         function_ref<void(Operation *)> update) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  scf::SCFTilingOptions options;
  SmallVector<int64_t> none(strategy.getTile().size(), 0);
  return tile(rewriter, op, options, strategy.getTile(),
              [&](Operation *inner) {
                inner->setAttr(
                    kLoweringStrategyAttrName,
                    strategy.withSizes(strategy.getParallel(), none));
                if (update)
                  update(inner);
              });
}
