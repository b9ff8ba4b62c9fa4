//===- TileSlabs.cpp - User-level ops into channel groups -----------------===//
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

/// True for an op of whose results of the data's size somebody reads one: else
/// there is nothing worth keeping with the sums. Groups are left to
/// bn-decompose, which refuses them.
static bool goesOverDataAgain(Operation *op) {
  if (op->getNumResults() == 0 || getNumGroups(op) != 1)
    return false;
  auto backward = dyn_cast<BackwardOp>(op);
  if (!backward)
    return isa<TrainingOp>(op) && !op->getResult(0).use_empty();
  if (backward.isElementwise())
    return false;
  auto isRead = [&](Gradient gradient) {
    return backward.wants(gradient) &&
           !op->getResult(backward.getPlace(gradient)).use_empty();
  };
  return isRead(Gradient::input) || isRead(Gradient::normalized);
}

namespace {
struct TileSlabsPass : public bn::impl::TileSlabsPassBase<TileSlabsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<TilingInterface> ops;
    getOperation().walk([&](Operation *op) {
      LoweringStrategyAttr strategy = getLoweringStrategy(op);
      if (strategy &&
          (strategy.getSchedule() == Schedule::Slab ||
           strategy.getSchedule() == Schedule::PipelinedSlab) &&
          goesOverDataAgain(op))
        ops.push_back(cast<TilingInterface>(op));
    });
    IRRewriter rewriter(&getContext());
    for (TilingInterface op : ops)
      if (failed(tileInParallel(rewriter, op)))
        return signalPassFailure();
  }
};
} // namespace
