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

/// Ops of type OpTy in `function` that have a strategy.
template <typename OpTy>
static SmallVector<TilingInterface> collect(func::FuncOp function) {
  SmallVector<TilingInterface> ops;
  function.walk([&](OpTy op) {
    if (getLoweringStrategy(op))
      ops.push_back(cast<TilingInterface>(op.getOperation()));
  });
  return ops;
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
    auto tileStats = [](RewriterBase &b, TilingInterface op) {
      return tileStatsInSequence(
          b, splitIntoStreams(b, cast<StatsOp>(op.getOperation())));
    };
    // So that it can be fused with the statistics of the next group.
    auto tileLikeStats = [](RewriterBase &b, TilingInterface op) {
      return getLoweringStrategy(op).getSchedule() == Schedule::PipelinedSlab
                 ? tileInSequence(b, op)
                 : success();
    };
    if (!apply(collect<NormalizeOp>(getOperation()), tileInParallel) ||
        !apply(collect<NormalizeOp>(getOperation()), tileLikeStats) ||
        !apply(collect<StatsOp>(getOperation()), tileInParallel) ||
        !apply(collect<StatsOp>(getOperation()), tileStats))
      signalPassFailure();
  }
};
} // namespace
