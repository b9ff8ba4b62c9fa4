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
// made element by element. Here all is 32 bits wide until the last step; or, of
// vectors that arithmetic made, 16 bits wide, two numbers in a lane.
//
//===----------------------------------------------------------------------===//

#include "RoundToBF16.h"
#include "WidenBF16Pairs.h"
#include "bn/Codegen/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
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

/// Levels of ops that are looked through for what NaN becomes.
static constexpr unsigned kMaxDepth = 8;

bool mlir::bn::staysNaNInHalf(Value value, unsigned depth) {
  Operation *op = value.getDefiningOp();
  if (!op || depth > kMaxDepth)
    return false;
  if (widensBF16(op) || isa<arith::AddFOp, arith::SubFOp, arith::MulFOp,
                            arith::DivFOp, math::FmaOp>(op))
    return true;
  if (DenseFPElementsAttr elements; matchPattern(op, m_Constant(&elements)))
    return elements.isSplat() && !elements.getSplatValue<APFloat>().isNaN();
  ValueRange values = op->getOperands();
  if (isa<arith::SelectOp>(op))
    values = values.drop_front();
  else if (!isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
                arith::MinNumFOp, arith::NegFOp>(op))
    return false;
  return llvm::all_of(values, [&](Value operand) {
    return staysNaNInHalf(operand, depth + 1);
  });
}

/// The lower half of each lane of `even` beside the upper half of that of
/// `odd`.
static Value interleave(OpBuilder &b, Location loc, Value even, Value odd) {
  auto wide = cast<VectorType>(even.getType());
  int64_t lanes = 2 * wide.getDimSize(0);
  auto type = VectorType::get(lanes, b.getI16Type());
  SmallVector<int64_t> inTurns;
  for (int64_t i = 0; i < lanes; i += 2)
    inTurns.append({i, lanes + i + 1});
  return vector::ShuffleOp::create(
      b, loc, vector::BitCastOp::create(b, loc, type, even),
      vector::BitCastOp::create(b, loc, type, odd), inTurns);
}

/// To nearest, ties to even, of two numbers in each 32-bit lane: what is cut
/// off, less 1 where the last kept bit is even, says in its highest bit whether
/// to add one. That must not run through a NaN, of which all bits may be set.
Value mlir::bn::createRoundedPairs(OpBuilder &b, Location loc, Value even,
                                   Value odd, bool hasShortNaN) {
  auto wide = cast<VectorType>(even.getType()).clone(b.getI32Type());
  even = arith::BitcastOp::create(b, loc, wide, even);
  odd = arith::BitcastOp::create(b, loc, wide, odd);
  Value sixteen = createBits(b, loc, wide, 16);
  Value kept =
      interleave(b, loc, arith::ShRUIOp::create(b, loc, even, sixteen), odd);
  Value cut =
      interleave(b, loc, even, arith::ShLIOp::create(b, loc, odd, sixteen));

  auto type = cast<VectorType>(kept.getType());
  auto constant = [&](int16_t bits) -> Value {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, b.getI16IntegerAttr(bits)));
  };
  Value less = arith::AndIOp::create(
      b, loc, arith::XOrIOp::create(b, loc, kept, constant(-1)), constant(1));
  if (!hasShortNaN) {
    Value isAllOnes = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::eq,
        arith::OrIOp::create(b, loc, kept, constant(-0x8000)), constant(-1));
    less = arith::OrIOp::create(
        b, loc, less, arith::ExtSIOp::create(b, loc, type, isAllOnes));
  }
  // Unsigned, and not below 0: one instruction.
  Value rest = arith::SubIOp::create(
      b, loc, arith::MaxUIOp::create(b, loc, cut, less), less);
  Value one = arith::ShRUIOp::create(b, loc, rest, constant(15));
  return arith::AddIOp::create(b, loc, kept, one);
}

namespace {
/// Of vectors, in place of RoundInIntegers: each two registers become one.
struct RoundPairs : OpRewritePattern<arith::TruncFOp> {
  RoundPairs(MLIRContext *context, int64_t vectorBits)
      : OpRewritePattern(context, /*benefit=*/2), vectorBits(vectorBits) {}

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &b) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!isRoundingToBF16(op) || !type || type.getRank() != 1 ||
        type.isScalable() || type.getDimSize(0) % 2 != 0 ||
        !staysNaNInHalf(op.getIn()))
      return b.notifyMatchFailure(op, "not pairs of what arithmetic made");
    int64_t lanes = type.getDimSize(0), unit = vectorBits / 16;
    if (lanes % unit != 0)
      unit = lanes;
    SmallVector<int64_t> first, second, inOrder;
    for (int64_t begin = 0, half = unit / 2; begin < lanes; begin += unit)
      for (int64_t i = 0; i < unit; ++i) {
        (i < half ? first : second).push_back(begin + i);
        int64_t from = begin + i % half * 2 + i / half;
        inOrder.append({2 * from, 2 * from + 1});
      }
    Location loc = op.getLoc();
    auto shuffle = [&](Value value, ArrayRef<int64_t> which) -> Value {
      return vector::ShuffleOp::create(b, loc, value, value, which);
    };
    Value rounded = createRoundedPairs(b, loc, shuffle(op.getIn(), first),
                                       shuffle(op.getIn(), second));
    // As bytes: LLVM would make a shuffle of numbers one of bf16, which it
    // does element by element.
    auto bytes = VectorType::get(2 * lanes, b.getI8Type());
    Value ordered =
        shuffle(vector::BitCastOp::create(b, loc, bytes, rounded), inOrder);
    b.replaceOpWithNewOp<vector::BitCastOp>(op, type, ordered);
    return success();
  }

  int64_t vectorBits;
};

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
    patterns.add<RoundPairs>(&getContext(), vectorBits);
    patterns.add<RoundInIntegers>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
