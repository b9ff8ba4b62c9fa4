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

#include "RoundToBF16.h"
#include "WidenBF16Pairs.h"
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

bool mlir::bn::isRoundingToBF16(arith::TruncFOp op) {
  return getElementTypeOrSelf(op.getIn().getType()).isF32() &&
         getElementTypeOrSelf(op.getType()).isBF16() &&
         op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) ==
             arith::RoundingMode::to_nearest_even;
}

/// To nearest, ties to even: add half of the last kept bit, and one more where
/// that bit is odd; the carry may run into the exponent, as it should.
Value mlir::bn::createRoundedBits(OpBuilder &b, Location loc, Value value) {
  Type wide = withElement(value.getType(), b.getI32Type());
  auto constant = [&](uint32_t bits) { return createBits(b, loc, wide, bits); };
  Value bits = arith::BitcastOp::create(b, loc, wide, value);
  Value odd = arith::AndIOp::create(
      b, loc, arith::ShRUIOp::create(b, loc, bits, constant(16)), constant(1));
  Value half = arith::AddIOp::create(b, loc, odd, constant(0x7fff));
  Value rounded = arith::AddIOp::create(b, loc, bits, half);
  // A NaN keeps its sign and becomes quiet. (A choice between a constant and
  // something else would be moved behind the truncation by LLVM.)
  Value quiet = arith::OrIOp::create(b, loc, bits, constant(0x400000));
  Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, value,
                                      value);
  return arith::SelectOp::create(b, loc, isNaN, quiet, rounded);
}

namespace {
struct RoundInIntegers : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &b) const override {
    if (!isRoundingToBF16(op))
      return b.notifyMatchFailure(op, "not f32 to bf16, to nearest");
    Location loc = op.getLoc();
    Value kept = createRoundedBits(b, loc, op.getIn());
    Type wide = kept.getType();
    Value high =
        arith::ShRUIOp::create(b, loc, kept, createBits(b, loc, wide, 16));
    Value narrow = arith::TruncIOp::create(
        b, loc, withElement(wide, b.getI16Type()), high);
    b.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), narrow);
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
