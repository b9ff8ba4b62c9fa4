//===- TileReductions.cpp - Statistics and normalization along the data ---===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'.
//
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::bn {
#define GEN_PASS_DEF_TILEREDUCTIONSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Ops of one of the types OpTys in `function` that have a strategy.
template <typename... OpTys>
static SmallVector<TilingInterface> collect(func::FuncOp function) {
  SmallVector<TilingInterface> ops;
  function.walk([&](Operation *op) {
    if (isa<OpTys...>(op) && getLoweringStrategy(op))
      ops.push_back(cast<TilingInterface>(op));
  });
  return ops;
}

/// True for a sweep that is to be one with the sums of the next group, or to go
/// over some channels at a time.
static bool isTiledInSequence(LoweringStrategyAttr strategy) {
  switch (strategy.getSchedule()) {
  case Schedule::PipelinedSlab:
    return true;
  case Schedule::RowBlocks:
  case Schedule::Sweep:
    return strategy.getTile().back() != 0;
  default:
    return false;
  }
}

static LogicalResult tileSweep(RewriterBase &b, TilingInterface op) {
  return isTiledInSequence(getLoweringStrategy(op)) ? tileInSequence(b, op)
                                                    : success();
}

static LogicalResult tileSums(RewriterBase &b, TilingInterface op) {
  Operation *inStreams =
      splitIntoStreams(b, cast<IndexedOpInterface>(op.getOperation()));
  if (auto stats = dyn_cast<StatsOp>(inStreams))
    return tileStatsInSequence(b, stats);
  return tileInSequence(b, cast<TilingInterface>(inStreams));
}

namespace {
struct TileReductionsPass
    : public bn::impl::TileReductionsPassBase<TileReductionsPass> {
  using Base::Base;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    auto apply = [&](ArrayRef<TilingInterface> ops, auto tile) {
      return llvm::all_of(ops, [&](TilingInterface op) {
        return succeeded(tile(rewriter, op));
      });
    };
    auto tileParallel = [](RewriterBase &b, TilingInterface op) {
      return tileInParallel(b, op);
    };
    auto collectSweeps = [&] {
      return collect<NormalizeOp, BackwardInputOp>(getOperation());
    };
    auto collectSums = [&] {
      return collect<StatsOp, BackwardReduceOp>(getOperation());
    };
    if (failed(tileOneSweeps(rewriter, getOperation())) ||
        !apply(collectSweeps(), tileParallel) ||
        !apply(collectSweeps(), tileSweep) ||
        !apply(collectSums(), tileParallel) || !apply(collectSums(), tileSums))
      signalPassFailure();
  }
};
} // namespace
