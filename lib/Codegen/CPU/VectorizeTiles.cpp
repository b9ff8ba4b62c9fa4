//===- VectorizeTiles.cpp - linalg tiles to vector loops ------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'vector'. A linalg op on a tile becomes loops over its dimensions; the
// contiguous dimension advances in strips of a register tile, then of one
// vector register or, of a known size, of half as many elements each, then of
// one element, so that any static or dynamic size has a correct tail; where
// masks are free, one masked step is the tail. Reductions carry their
// accumulators in registers, one for each strip width.
// docs/Rationale.md says why this is not linalg::vectorize.
//
//===----------------------------------------------------------------------===//

#include "TileVectorizer.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::bn {
#define GEN_PASS_DEF_VECTORIZETILESPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// True when a vector of `type` lies in memory as so many single elements do;
/// an i1 has a byte of its own, but only a bit in a vector.
static bool isVectorElement(Type type) {
  return type.isIndex() ||
         (type.isIntOrFloat() && type.getIntOrFloatBitWidth() % 8 == 0);
}

/// True when each entry of `init` is written once: it has all parallel
/// dimensions, and a reduction goes on from its last value.
static bool isWrittenOnce(linalg::LinalgOp op, OpOperand &init) {
  return op.getMatchingIndexingMap(&init).getNumResults() ==
             op.getNumParallelLoops() &&
         (op.getNumReductionLoops() == 0 ||
          op.payloadUsesValueFromOperand(&init));
}

static bool isSupported(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics())
    return false;
  for (OpOperand &operand : op->getOpOperands())
    if (!isVectorElement(getElementTypeOrSelf(operand.get().getType())) ||
        !op.getMatchingIndexingMap(&operand).isProjectedPermutation())
      return false;
  for (OpOperand &init : op.getDpsInitsMutable())
    if (!isWrittenOnce(op, init))
      return false;
  return llvm::all_of(op.getBlock()->without_terminator(), [](Operation &o) {
    return OpTrait::hasElementwiseMappableTraits(&o) ||
           o.hasTrait<OpTrait::ConstantLike>();
  });
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

LogicalResult mlir::bn::vectorizeTile(RewriterBase &rewriter,
                                      linalg::LinalgOp op, int64_t vectorBits,
                                      int64_t unroll, bool avx512BF16) {
  if (!isSupported(op))
    return failure();
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  TileVectorizer vectorizer(rewriter, op, vectorBits, unroll, avx512BF16);
  rewriter.replaceOp(op, vectorizer.run());
  return success();
}

namespace {
struct VectorizeTilesPass
    : public bn::impl::VectorizeTilesPassBase<VectorizeTilesPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(LoweringStrategyAttr::verify( // the options
            [&]() { return getOperation().emitError(); }, Schedule::Single,
            /*threads=*/0, {}, {}, vectorBits, unroll, StoreKind::Temporal,
            /*streams=*/1, /*jam=*/1, /*prefetch=*/0, Moments::Central)))
      return signalPassFailure();
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    // From the last to the first: users of a fill come before the fill.
    for (linalg::LinalgOp op : llvm::reverse(ops)) {
      if (isOpTriviallyDead(op)) {
        rewriter.eraseOp(op);
        continue;
      }
      LoweringStrategyAttr strategy = getLoweringStrategy(op);
      bool done = succeeded(vectorizeTile(
          rewriter, op, strategy ? strategy.getVectorBits() : vectorBits,
          strategy ? strategy.getUnroll() : unroll, avx512BF16));
      ++(done ? numVectorized : numLeft);
    }
  }
};
} // namespace
