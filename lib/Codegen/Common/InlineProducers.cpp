//===- InlineProducers.cpp - A tile and what is done with it: one op ------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'linalg'. A tile that bn-tile-producers computes where it is read
// becomes part of the op that reads it: no element of it is in memory.
//
//===----------------------------------------------------------------------===//

#include "Producers.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::bn {
#define GEN_PASS_DEF_INLINEPRODUCERSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Makes what makes `operand` a part of its owner. Returns the op with both;
/// null when that is not possible.
static linalg::GenericOp inlineProducer(RewriterBase &b, OpOperand &operand) {
  auto op = cast<linalg::GenericOp>(operand.getOwner());
  auto producer = operand.get().getDefiningOp<linalg::LinalgOp>();
  if (!isProducer(producer) ||
      !op.getMatchingIndexingMap(&operand).isIdentity())
    return {};
  // A copy, as there may be other ops that read the tile.
  b.setInsertionPoint(op);
  auto copy = cast<linalg::LinalgOp>(b.clone(*producer));
  if (!isa<linalg::GenericOp>(copy))
    copy = *linalg::generalizeNamedOp(b, copy);
  b.modifyOpInPlace(op, [&]() { operand.set(copy->getResult(0)); });
  FailureOr<linalg::ElementwiseOpFusionResult> fused = failure();
  if (linalg::areElementwiseOpsFusable(&operand))
    fused = linalg::fuseElementwiseOps(b, &operand);
  if (failed(fused)) {
    b.modifyOpInPlace(op, [&]() { operand.set(producer->getResult(0)); });
    b.eraseOp(copy);
    return {};
  }
  fused->fusedOp->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  b.replaceOp(op, fused->fusedOp->getResults());
  b.eraseOp(copy);
  eraseUnread(b, producer);
  return cast<linalg::GenericOp>(fused->fusedOp);
}

namespace {
struct InlineProducersPass
    : public bn::impl::InlineProducersPassBase<InlineProducersPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) {
      if (getLoweringStrategy(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : ops)
      for (int64_t i = 0; i < op.getNumDpsInputs();) {
        linalg::GenericOp both =
            inlineProducer(rewriter, *op.getDpsInputOperand(i));
        if (both)
          op = both; // its operands come instead
        else
          ++i;
      }
  }
};
} // namespace
