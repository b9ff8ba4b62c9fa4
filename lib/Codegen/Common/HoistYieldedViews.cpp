//===- HoistYieldedViews.cpp - Views that both branches end with ----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer', when loops do not carry buffers any more. CSE does not look
// into branches.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/Common/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::bn {
#define GEN_PASS_DEF_HOISTYIELDEDVIEWSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// True when `first` and `second`, of the two branches, are the same value, or
/// views that are made of the same values in the same way.
static bool isSameView(Value first, Value second) {
  if (first == second)
    return true;
  auto result = dyn_cast<OpResult>(first), other = dyn_cast<OpResult>(second);
  if (!result || !other || result.getResultNumber() != other.getResultNumber())
    return false;
  Operation *a = result.getOwner(), *b = other.getOwner();
  return isa<ViewLikeOpInterface>(a) &&
         OperationEquivalence::isEquivalentTo(
             a, b, [](Value x, Value y) { return success(isSameView(x, y)); },
             /*markEquivalent=*/nullptr, OperationEquivalence::IgnoreLocations);
}

/// Moves what makes `view` out of `branch`, and what that is made of.
static void hoist(RewriterBase &rewriter, Value view, scf::IfOp branch) {
  Operation *op = view.getDefiningOp();
  if (!op || !branch->isProperAncestor(op))
    return;
  for (Value operand : op->getOperands())
    hoist(rewriter, operand, branch);
  rewriter.moveOpBefore(op, branch);
}

namespace {
struct HoistYieldedViewsPass
    : public bn::impl::HoistYieldedViewsPassBase<HoistYieldedViewsPass> {
  using Base::Base;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](scf::IfOp branch) {
      for (auto [i, result] : llvm::enumerate(branch.getResults())) {
        if (!isa<MemRefType>(result.getType()))
          continue;
        Value view = branch.thenYield().getOperand(i);
        if (!isSameView(view, branch.elseYield().getOperand(i)))
          continue;
        hoist(rewriter, view, branch);
        rewriter.replaceAllUsesWith(result, view);
      }
    });
  }
};
} // namespace
