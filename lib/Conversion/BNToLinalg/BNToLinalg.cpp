//===- BNToLinalg.cpp - bn ops to linalg ----------------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'linalg'. The ops say themselves what they are in linalg
// (AggregatedOpInterface); this is the conversion that applies it.
//
//===----------------------------------------------------------------------===//

#include "bn/Conversion/BNToLinalg/BNToLinalg.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::bn {
#define GEN_PASS_DEF_CONVERTBNTOLINALGPASS
#include "bn/Conversion/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Lower OpTy to what its AggregatedOpInterface says.
template <typename OpTy> struct LowerByDecomposition : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    FailureOr<SmallVector<Value>> values = op.decomposeOperation(rewriter);
    if (failed(values))
      return rewriter.notifyMatchFailure(op, "has no decomposition");
    rewriter.replaceOp(op, *values);
    return success();
  }
};

struct ConvertBNToLinalgPass
    : public bn::impl::ConvertBNToLinalgPassBase<ConvertBNToLinalgPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(decomposeToStructural(getOperation())))
      return signalPassFailure();

    RewritePatternSet patterns(&getContext());
    populateBNToLinalgConversionPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void mlir::bn::populateBNToLinalgConversionPatterns(
    RewritePatternSet &patterns) {
  patterns.add<
      LowerByDecomposition<StatsOp>, LowerByDecomposition<MergeStatsOp>,
      LowerByDecomposition<UpdateRunningStatsOp>,
      LowerByDecomposition<NormalizeOp>, LowerByDecomposition<BackwardReduceOp>,
      LowerByDecomposition<BackwardInputOp>>(patterns.getContext());
}
