//===- TileSlabs.cpp - Training ops into channel groups -------------------===//
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
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::bn {
#define GEN_PASS_DEF_TILESLABSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

namespace {
struct TileSlabsPass : public bn::impl::TileSlabsPassBase<TileSlabsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<TrainingOp> ops;
    getOperation().walk([&](TrainingOp op) {
      LoweringStrategyAttr strategy = getLoweringStrategy(op);
      // Left for bn-decompose to refuse.
      if (op.getMask() || op.getGroups() != 1 || op.getNumResults() == 0)
        return;
      // An output that nobody reads is not worth keeping with its statistics.
      if (strategy && (strategy.getSchedule() == Schedule::Slab ||
                       strategy.getSchedule() == Schedule::PipelinedSlab) &&
          !op.getResult(0).use_empty())
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (TrainingOp op : ops)
      if (failed(tileInParallel(
              rewriter, cast<TilingInterface>(op.getOperation()))))
        return signalPassFailure();
  }
};
} // namespace
