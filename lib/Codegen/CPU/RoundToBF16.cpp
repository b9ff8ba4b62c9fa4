//===- RoundToBF16.cpp - f32 to bf16 in integers --------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. Upstream's expansion (arith-expand) chooses NaN after the
// truncation to 16 bits, by a mask of 32-bit lanes: on x86 such a choice is
// made element by element. Here all is 32 bits wide until the last step.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::bn {
#define GEN_PASS_DEF_ROUNDTOBF16PASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// `like` with another element type.
static Type withElement(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

namespace {
/// To nearest, ties to even: add half of the last kept bit, and one more where
/// that bit is odd; the carry may run into the exponent, as it should.
struct RoundInIntegers : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &b) const override {
    Type from = op.getIn().getType(), to = op.getType();
    if (!getElementTypeOrSelf(from).isF32() ||
        !getElementTypeOrSelf(to).isBF16())
      return b.notifyMatchFailure(op, "not f32 to bf16");
    if (op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) !=
        arith::RoundingMode::to_nearest_even)
      return b.notifyMatchFailure(op, "another rounding mode");
    Location loc = op.getLoc();
    Type wide = withElement(from, b.getI32Type());
    auto constant = [&](int64_t bits) -> Value {
      TypedAttr attr = b.getI32IntegerAttr(bits);
      if (auto vector = dyn_cast<VectorType>(wide))
        attr = DenseElementsAttr::get(vector, attr);
      return arith::ConstantOp::create(b, loc, attr);
    };
    Value sixteen = constant(16);
    Value bits = arith::BitcastOp::create(b, loc, wide, op.getIn());
    Value odd = arith::AndIOp::create(
        b, loc, arith::ShRUIOp::create(b, loc, bits, sixteen), constant(1));
    Value half = arith::AddIOp::create(b, loc, odd, constant(0x7fff));
    Value rounded = arith::AddIOp::create(b, loc, bits, half);
    // A NaN keeps its sign and becomes quiet. (A choice between a constant and
    // something else would be moved behind the truncation by LLVM.)
    Value quiet = arith::OrIOp::create(b, loc, bits, constant(0x400000));
    Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO,
                                        op.getIn(), op.getIn());
    Value kept = arith::SelectOp::create(b, loc, isNaN, quiet, rounded);
    Value high = arith::ShRUIOp::create(b, loc, kept, sixteen);
    Value narrow = arith::TruncIOp::create(
        b, loc, withElement(from, b.getI16Type()), high);
    b.replaceOpWithNewOp<arith::BitcastOp>(op, to, narrow);
    return success();
  }
};

struct RoundToBF16Pass : public bn::impl::RoundToBF16PassBase<RoundToBF16Pass> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<RoundInIntegers>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
