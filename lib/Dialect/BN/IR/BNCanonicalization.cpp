//===- BNCanonicalization.cpp - Simplifications of bn ops -----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Casts between static and dynamic shapes need no pattern here: the tensor
// dialect's canonicalization absorbs them into destination-style ops.
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::bn;

/// True when `operand` is a constant whose every entry is exactly `expected`.
static bool isSplat(Value operand, double expected) {
  DenseFPElementsAttr constant;
  return operand && matchPattern(operand, m_Constant(&constant)) &&
         constant.isSplat() &&
         constant.getSplatValue<APFloat>().isExactlyValue(expected);
}

namespace {
/// Drops a scale of ones and an offset of zeros, which docs/Spec.md makes equal
/// to absent ones. (Adding +0 turns -0 into +0: the sign of a zero output is
/// not specified.)
template <typename OpTy>
struct DropIdentityParameters : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    bool dropScale = isSplat(op.getScale(), 1.0);
    bool dropOffset = isSplat(op.getOffset(), 0.0);
    if (!dropScale && !dropOffset)
      return failure();
    rewriter.modifyOpInPlace(op, [&]() {
      if (dropScale)
        op.getScaleMutable().clear();
      if (dropOffset)
        op.getOffsetMutable().clear();
    });
    return success();
  }
};

/// Drops a scale of ones of a backward op, which has no offset.
struct DropUnitScale : OpRewritePattern<BackwardOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BackwardOp op,
                                PatternRewriter &rewriter) const override {
    if (!isSplat(op.getScale(), 1.0))
      return failure();
    rewriter.modifyOpInPlace(op, [&]() { op.getScaleMutable().clear(); });
    return success();
  }
};

/// Writes `axis` as sorted non-negative dimensions.
template <typename OpTy>
struct NormalizeAxis : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<ShapedType>(op.getSpanningOperand().get().getType());
    int64_t rank = type.getRank();
    SmallVector<int64_t> axis = normalizeAxis(op.getAxis(), rank);
    if (ArrayRef<int64_t>(axis) == op.getAxis())
      return failure();
    rewriter.modifyOpInPlace(op, [&]() { op.setAxis(axis); });
    return success();
  }
};

/// Drops the running statistics of a training op when nobody reads the new
/// ones.
struct DropUnusedRunningStats : OpRewritePattern<TrainingOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TrainingOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasRunningStats() || op.getNumResults() == 0 ||
        !op.getResult(3).use_empty() || !op.getResult(4).use_empty())
      return failure();
    SmallVector<Value> outs(op.getOuts()), results(op.getResults());
    outs.erase(outs.begin() + 3, outs.begin() + 5);
    results.erase(results.begin() + 3, results.begin() + 5);
    auto smaller = TrainingOp::create(
        rewriter, op.getLoc(), TypeRange(ValueRange(outs)), op.getInput(),
        op.getScale(), op.getOffset(), Value(), Value(), op.getMask(),
        op.getEpilogueInputs(), outs, op.getAxisAttr(), op.getEpsilonAttr(),
        FloatAttr(),
        VarianceKindAttr::get(getContext(), VarianceKind::population),
        op.getGroupsAttr(), op->getNumRegions());
    cloneScalarCode(op, smaller);
    smaller->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    rewriter.replaceAllUsesWith(results, smaller.getResults());
    rewriter.eraseOp(op);
    return success();
  }
};

/// Drops an epilogue or a prologue that yields the element as it is.
template <typename OpTy> struct DropIdentityCode : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasScalarCode())
      return failure();
    Block &block = op.getScalarCode();
    ValueRange yielded = block.getTerminator()->getOperands();
    if (yielded.size() != 1 || yielded.front() != block.getArgument(0))
      return failure();
    rewriter.modifyOpInPlace(op, [&]() { op.getCodeInputsMutable().clear(); });
    recreateWithScalarCode(rewriter, op, /*hasCode=*/false);
    return success();
  }
};

/// Drops inputs that an epilogue or a prologue does not use, or takes twice.
template <typename OpTy> struct DropUnusedCodeInputs : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasScalarCode())
      return failure();
    Block &block = op.getScalarCode();
    SmallVector<Value> inputs(op.getCodeInputs());
    for (unsigned i = inputs.size(); i-- > 0;) {
      BlockArgument argument = block.getArgument(i + 1);
      auto *first = llvm::find(inputs, inputs[i]);
      unsigned same = first - inputs.begin();
      if (!argument.use_empty() && same == i)
        continue;
      rewriter.modifyOpInPlace(op, [&]() {
        rewriter.replaceAllUsesWith(argument, block.getArgument(same + 1));
        block.eraseArgument(i + 1);
        op.getCodeInputsMutable().erase(i);
      });
      return success();
    }
    return failure();
  }
};

/// Drops a mask that excludes nothing.
template <typename OpTy> struct DropMaskOfOnes : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!isSplat(op.getMask(), 1.0))
      return failure();
    rewriter.modifyOpInPlace(op, [&]() { op.getMaskMutable().clear(); });
    return success();
  }
};

/// Drops a mask that no gradient asked for depends on: only that of the input
/// does, by way of the statistics.
struct DropUnusedMask : OpRewritePattern<BackwardOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BackwardOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getMask() || op.needsMask())
      return failure();
    rewriter.modifyOpInPlace(op, [&]() { op.getMaskMutable().clear(); });
    return success();
  }
};

/// Drops a mean of zeros.
template <typename OpTy> struct DropZeroMean : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!isSplat(op.getMean(), 0.0))
      return failure();
    rewriter.modifyOpInPlace(op, [&]() { op.getMeanMutable().clear(); });
    return success();
  }
};
} // namespace

template <typename OpTy>
static void addForwardPatterns(RewritePatternSet &patterns) {
  patterns.add<DropIdentityParameters<OpTy>, NormalizeAxis<OpTy>,
               DropIdentityCode<OpTy>, DropUnusedCodeInputs<OpTy>>(
      patterns.getContext());
}

template <typename OpTy>
static void addGradientPatterns(RewritePatternSet &patterns) {
  patterns.add<NormalizeAxis<OpTy>, DropIdentityCode<OpTy>,
               DropUnusedCodeInputs<OpTy>>(patterns.getContext());
}

void TrainingOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                             MLIRContext *context) {
  addForwardPatterns<TrainingOp>(patterns);
  patterns.add<DropUnusedRunningStats, DropMaskOfOnes<TrainingOp>>(context);
}

void InferenceOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  addForwardPatterns<InferenceOp>(patterns);
}

void NormalizeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  addForwardPatterns<NormalizeOp>(patterns);
  patterns.add<DropZeroMean<NormalizeOp>>(context);
}

void BackwardOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                             MLIRContext *context) {
  addGradientPatterns<BackwardOp>(patterns);
  patterns.add<DropUnitScale, DropMaskOfOnes<BackwardOp>, DropUnusedMask>(
      context);
}

void StatsOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {
  patterns.add<NormalizeAxis<StatsOp>, DropMaskOfOnes<StatsOp>>(context);
}

void BackwardReduceOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                   MLIRContext *context) {
  addGradientPatterns<BackwardReduceOp>(patterns);
}

void BackwardInputOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                  MLIRContext *context) {
  addGradientPatterns<BackwardInputOp>(patterns);
  patterns.add<DropZeroMean<BackwardInputOp>, DropMaskOfOnes<BackwardInputOp>>(
      context);
}
