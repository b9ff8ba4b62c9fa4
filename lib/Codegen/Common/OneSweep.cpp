//===- OneSweep.cpp - Sums and results in one sweep over the data ---------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. With frozen statistics the gradient of the input needs none of
// the sums that those of scale and offset are made of, but the same data; that
// of the normalized elements never does. What makes one loop of the two is
// bn-fuse-sibling-loops; here they get loops that it can fuse.
//
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Sums, and the sweep behind them.
struct Pair {
  BackwardReduceOp sums;
  BackwardInputOp sweep;
};
} // namespace

BackwardReduceOp mlir::bn::findSumsOfSweep(BackwardInputOp sweep) {
  LoweringStrategyAttr strategy = getLoweringStrategy(sweep);
  auto data = cast<ShapedType>(sweep.getOutputGrad().getType());
  if (!strategy || sweep.getInput() ||
      (strategy.getStreams() != 1 && !hasWholeLines(data, strategy)) ||
      (strategy.getSchedule() != Schedule::Slab &&
       strategy.getSchedule() != Schedule::RowBlocks &&
       strategy.getSchedule() != Schedule::Split))
    return {};
  auto isSummed = [](BackwardReduceOp sums, Value out) {
    return llvm::is_contained(sums.getOperands(), out);
  };
  for (Operation *user : sweep.getOutputGrad().getUsers()) {
    auto sums = dyn_cast<BackwardReduceOp>(user);
    if (sums && sums->getBlock() == sweep->getBlock() &&
        sums->isBeforeInBlock(sweep) && sums.getAxis() == sweep.getAxis() &&
        sums.getOutputGrad() == sweep.getOutputGrad() &&
        llvm::none_of(sweep.getOuts(),
                      [&](Value out) { return isSummed(sums, out); }) &&
        getLoweringStrategy(sums) == strategy)
      return sums;
  }
  return {};
}

/// Moves what `second` needs, and is behind `first`, in front of it. Fails
/// where that is not possible.
static LogicalResult moveOperandsBefore(RewriterBase &b, Operation *second,
                                        Operation *first) {
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.omitBlockArguments = true;
  options.omitUsesFromAbove = false;
  options.filter = [&](Operation *op) {
    return op->getBlock() == first->getBlock() && !op->isBeforeInBlock(first);
  };
  if (failed(getBackwardSlice(second, &slice, options)) ||
      slice.contains(first) || !llvm::all_of(slice, isMemoryEffectFree))
    return failure();
  for (Operation *op : slice)
    b.moveOpBefore(op, first);
  return success();
}

/// The parallel loop around `op` that its tiling has made, if any.
static scf::ForallOp getLoop(Operation *op) {
  return op ? op->getParentOfType<scf::ForallOp>() : scf::ForallOp();
}

/// Tiles both in parallel, and makes one loop of the two. Where none is made
/// both are in one already, that of a slab.
static FailureOr<scf::ForallOp> tileTogether(RewriterBase &b, Pair pair) {
  Operation *sums = pair.sums, *sweep = pair.sweep;
  auto tile = [&](Operation *&op) {
    return tileInParallel(b, cast<TilingInterface>(op),
                          [&](Operation *inner) { op = inner; });
  };
  if (failed(tile(sums)) || failed(tile(sweep)))
    return failure();
  scf::ForallOp first = getLoop(sums), second = getLoop(sweep);
  if (!first || first == second)
    return first;
  if (!second || first->getBlock() != second->getBlock() ||
      first.getMixedLowerBound() != second.getMixedLowerBound() ||
      first.getMixedUpperBound() != second.getMixedUpperBound() ||
      first.getMixedStep() != second.getMixedStep() ||
      failed(moveOperandsBefore(b, second, first)))
    return scf::ForallOp();
  DictionaryAttr marks = first->getDiscardableAttrDictionary();
  // Sums first: in place, they read what the sweep overwrites. The loop is made
  // where `second` is, behind what is done with the sums.
  Operation *before = first->getPrevNode();
  Block *block = first->getBlock();
  scf::ForallOp fused = fuseIndependentSiblingForallLoops(
      /*target=*/first, /*source=*/second, b);
  if (before)
    b.moveOpAfter(fused, before);
  else
    b.moveOpBefore(fused, block, block->begin());
  fused->setDiscardableAttrs(marks);
  return fused;
}

/// Rows that are written are walked one by one. They need a loop over register
/// tiles, for one that stores past the caches; of half the width, which is as
/// fast for rows of many tiles. And the sweep does not run backwards, as the
/// second of two over row blocks does.
static void setStrategies(Pair pair) {
  LoweringStrategyAttr strategy = getLoweringStrategy(pair.sweep);
  int64_t unroll = strategy.getUnroll();
  if (strategy.getStreams() != 1)
    unroll = std::max<int64_t>(unroll / 2, 1);
  auto set = [&](Operation *op, Schedule schedule) {
    op->setAttr(kLoweringStrategyAttrName,
                LoweringStrategyAttr::get(
                    strategy.getContext(), schedule, strategy.getThreads(),
                    strategy.getParallel(), strategy.getTile(),
                    strategy.getVectorBits(), unroll, strategy.getStores(),
                    /*streams=*/1, /*jam=*/1, strategy.getPrefetch(),
                    strategy.getMoments()));
  };
  set(pair.sums, strategy.getSchedule());
  set(pair.sweep, Schedule::Sweep);
}

LogicalResult mlir::bn::tileOneSweeps(RewriterBase &rewriter,
                                      func::FuncOp function) {
  SmallVector<Pair> pairs;
  // Tiling replaces the sums: one sweep only has them with it.
  DenseSet<Operation *> taken;
  function.walk([&](BackwardInputOp sweep) {
    BackwardReduceOp sums = findSumsOfSweep(sweep);
    if (sums && taken.insert(sums).second)
      pairs.push_back({sums, sweep});
  });
  for (Pair pair : pairs) {
    setStrategies(pair);
    FailureOr<scf::ForallOp> loop = tileTogether(rewriter, pair);
    if (failed(loop))
      return failure();
    if (!*loop)
      continue;
    (*loop)->setAttr(kOneSweepAttrName, rewriter.getUnitAttr());
    SmallVector<TilingInterface> sweeps;
    (*loop)->walk([&](BackwardInputOp sweep) {
      sweeps.push_back(cast<TilingInterface>(sweep.getOperation()));
    });
    for (TilingInterface sweep : sweeps)
      if (failed(tileInSequence(rewriter, sweep)))
        return failure();
  }
  return success();
}
