//===- FoldInference.cpp - Constant statistics into scale and offset ------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'bn'.
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

#include <cmath>

namespace mlir::bn {
#define GEN_PASS_DEF_FOLDINFERENCEPASS
#include "bn/Dialect/BN/Transforms/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

static double toDouble(APFloat value) {
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

/// Entries of a constant operand as doubles; `absent` for each of `count`
/// channels where there is no operand. Nothing where it is not constant.
static std::optional<SmallVector<double>>
getEntries(Value operand, int64_t count, double absent) {
  if (!operand)
    return SmallVector<double>(count, absent);
  DenseFPElementsAttr constant;
  if (!matchPattern(operand, m_Constant(&constant)))
    return std::nullopt;
  SmallVector<double> entries;
  for (APFloat value : constant.getValues<APFloat>())
    entries.push_back(toDouble(value));
  return entries;
}

/// Constant of `type` with `entries`, rounded to nearest.
static Value createConstant(RewriterBase &b, Location loc,
                            RankedTensorType type, ArrayRef<double> entries) {
  auto element = cast<FloatType>(type.getElementType());
  SmallVector<Attribute> attributes;
  for (double entry : entries)
    attributes.push_back(b.getFloatAttr(element, entry));
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(type, attributes));
}

static LogicalResult foldInference(RewriterBase &b, InferenceOp op,
                                   bool anyMean) {
  auto channelType = dyn_cast<RankedTensorType>(op.getMean().getType());
  if (!channelType || !channelType.hasStaticShape())
    return failure();
  int64_t count = channelType.getNumElements();
  auto mean = getEntries(op.getMean(), count, 0.0);
  auto variance = getEntries(op.getVariance(), count, 1.0);
  auto scale = getEntries(op.getScale(), count, 1.0);
  auto offset = getEntries(op.getOffset(), count, 0.0);
  if (!mean || !variance || !scale || !offset)
    return failure();

  // |mean| <= standard deviation: x * a and mean * a cancel at most as much as
  // x and mean do in data that have these statistics. An infinite a, from a
  // deviation of 0, would make NaN of mean * a.
  double epsilon = op.getEpsilon().convertToDouble();
  bool foldMean = true;
  SmallVector<double> a;
  for (int64_t i = 0; i < count; ++i) {
    double deviation = std::sqrt((*variance)[i] + epsilon);
    a.push_back((*scale)[i] / deviation);
    foldMean &= std::isfinite(a.back()) &&
                (anyMean || std::abs((*mean)[i]) <= deviation);
  }
  SmallVector<double> shift(*offset);
  if (foldMean)
    for (int64_t i = 0; i < count; ++i)
      shift[i] -= (*mean)[i] * a[i];

  Location loc = op.getLoc();
  auto inputType = cast<RankedTensorType>(op.getInput().getType());
  auto type = RankedTensorType::get(
      channelType.getShape(), getAccumulatorType(inputType.getElementType()));
  b.setInsertionPoint(op);
  Value scaleConstant = createConstant(b, loc, type, a);
  Value meanOperand, offsetOperand;
  if (!foldMean)
    meanOperand = op.getMean();
  if (foldMean || op.getOffset())
    offsetOperand = createConstant(b, loc, type, shift);
  auto normalize = NormalizeOp::create(
      b, loc, op->getResultTypes(), op.getInput(), meanOperand,
      /*variance=*/Value(), scaleConstant, offsetOperand,
      op.getEpilogueInputs(), op.getOuts(), op.getAxisAttr(),
      /*epsilon=*/FloatAttr(), op->getNumRegions());
  cloneScalarCode(op, normalize);
  normalize->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  b.replaceOp(op, normalize.getResults());
  return success();
}

namespace {
struct FoldInferencePass
    : public bn::impl::FoldInferencePassBase<FoldInferencePass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<InferenceOp> ops;
    getOperation().walk([&](InferenceOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (InferenceOp op : ops)
      (void)foldInference(rewriter, op, anyMean);
  }
};
} // namespace
