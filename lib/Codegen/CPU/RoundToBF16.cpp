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
// vectors in which every NaN shows in the upper half, 16 bits wide.
//
//===----------------------------------------------------------------------===//

#include "RoundToBF16.h"
#include "WidenBF16Pairs.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

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

static bool roundsToNearest(arith::TruncFOp op) {
  return op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) ==
         arith::RoundingMode::to_nearest_even;
}

bool mlir::bn::isRoundingToBF16(arith::TruncFOp op) {
  return getElementTypeOrSelf(op.getIn().getType()).isF32() &&
         getElementTypeOrSelf(op.getType()).isBF16() && roundsToNearest(op);
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

/// Levels of ops that are looked through for the bits of NaN.
static constexpr unsigned kMaxDepth = 6;

bool mlir::bn::makesShortNaN(Operation *op) {
  return widensBF16(op) || op->hasAttr(kShortNaNAttrName);
}

static bool isArithmetic(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
             math::FmaOp>(op);
}

static bool isConstant(Value value) {
  if (auto broadcast = value.getDefiningOp<vector::BroadcastOp>())
    return matchPattern(broadcast.getSource(), m_Constant());
  return matchPattern(value, m_Constant());
}

/// True for arithmetic that is executed, so that its NaN are quiet: LLVM may
/// replace it by an operand if all the others are constant, or if it may do
/// more than to contract. (What only LLVM finds to be constant is a limit that
/// docs/Numerics.md names.)
static bool makesQuietNaN(Operation *op) {
  if (!isArithmetic(op))
    return false;
  auto flags = cast<arith::ArithFastMathInterface>(op).getFastMathFlagsAttr();
  bool mayOnlyContract = (flags.getValue() | arith::FastMathFlags::contract) ==
                         arith::FastMathFlags::contract;
  return mayOnlyContract && llvm::count_if(op->getOperands(), isConstant) + 1 <
                                op->getNumOperands();
}

/// True for ops whose NaN are one of their operands', or the default NaN, whose
/// lower half is 0.
static bool passesNaNOn(Operation *op) {
  return isArithmetic(op) ||
         isa<arith::SelectOp, arith::MaximumFOp, arith::MinimumFOp,
             arith::MaxNumFOp, arith::MinNumFOp, arith::NegFOp>(op);
}

static NaNBits getNaNBits(Value value, function_ref<bool(Operation *)> isShort,
                          unsigned depth) {
  Operation *op = value.getDefiningOp();
  if (!op || depth > kMaxDepth)
    return NaNBits::Any;
  if (isShort(op))
    return NaNBits::Short;
  if (DenseFPElementsAttr elements; matchPattern(op, m_Constant(&elements)))
    return elements.isSplat() && !elements.getSplatValue<APFloat>().isNaN()
               ? NaNBits::Short
               : NaNBits::Any;
  if (!passesNaNOn(op))
    return NaNBits::Any;
  NaNBits bits = NaNBits::Short;
  for (Value operand : op->getOperands().drop_front(isa<arith::SelectOp>(op)))
    bits = std::min(bits, getNaNBits(operand, isShort, depth + 1));
  return makesQuietNaN(op) ? std::max(bits, NaNBits::UpperHalf) : bits;
}

NaNBits mlir::bn::getNaNBits(Value value,
                             function_ref<bool(Operation *)> isShort) {
  return ::getNaNBits(value, isShort, /*depth=*/0);
}

/// To nearest, ties to even, of two numbers in each 32-bit lane: what is cut
/// off, less 1 where the last kept bit is even, says in its highest bit whether
/// to add one. That must not run through a NaN whose bits are all set.
Value mlir::bn::createRoundedPairs(OpBuilder &b, Location loc, Value even,
                                   Value odd, NaNBits bits) {
  auto wide = cast<VectorType>(even.getType()).clone(b.getI32Type());
  even = arith::BitcastOp::create(b, loc, wide, even);
  odd = arith::BitcastOp::create(b, loc, wide, odd);
  Value sixteen = createBits(b, loc, wide, 16);
  Value kept =
      blendHalves(b, loc, arith::ShRUIOp::create(b, loc, even, sixteen), odd);
  Value cut =
      blendHalves(b, loc, even, arith::ShLIOp::create(b, loc, odd, sixteen));

  Type type = kept.getType();
  auto constant = [&](uint32_t bits) { return createBits(b, loc, type, bits); };
  Value less = arith::AndIOp::create(
      b, loc, arith::XOrIOp::create(b, loc, kept, constant(0xffff)),
      constant(1));
  if (bits != NaNBits::Short) {
    Value isAllOnes = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::eq,
        arith::OrIOp::create(b, loc, kept, constant(0x8000)), constant(0xffff));
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
/// From f64, or to it, of which upstream's expansion knows nothing. What is
/// rounded is so twice, as docs/Numerics.md says of all that goes through f32.
template <typename CastOp> struct CastThroughF32 : OpRewritePattern<CastOp> {
  using OpRewritePattern<CastOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &b) const override {
    Type in = getElementTypeOrSelf(op.getIn().getType()),
         out = getElementTypeOrSelf(op.getType());
    bool isBetween =
        (in.isF64() && out.isBF16()) || (in.isBF16() && out.isF64());
    if constexpr (std::is_same_v<CastOp, arith::TruncFOp>)
      isBetween &= roundsToNearest(op);
    if (!isBetween)
      return b.notifyMatchFailure(op, "not between f64 and bf16");
    Type single = withElement(op.getType(), b.getF32Type());
    Value between = CastOp::create(b, op.getLoc(), single, op.getIn());
    b.replaceOpWithNewOp<CastOp>(op, op.getType(), between);
    return success();
  }
};

/// The one op of the input that upstream's passes leave in bf16.
struct FmaInF32 : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::FmaOp op,
                                PatternRewriter &b) const override {
    if (!getElementTypeOrSelf(op.getType()).isBF16())
      return b.notifyMatchFailure(op, "not bf16");
    Type wide = withElement(op.getType(), b.getF32Type());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(arith::ExtFOp::create(b, op.getLoc(), wide, operand));
    Value result = math::FmaOp::create(b, op.getLoc(), TypeRange(wide),
                                       operands, op->getAttrs());
    b.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), result);
    return success();
  }
};

/// Of vectors, in place of RoundInIntegers: each two registers become one.
struct RoundPairs : OpRewritePattern<arith::TruncFOp> {
  RoundPairs(MLIRContext *context, int64_t vectorBits)
      : OpRewritePattern(context, /*benefit=*/2), vectorBits(vectorBits) {}

  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &b) const override {
    auto type = dyn_cast<VectorType>(op.getType());
    int64_t unit = vectorBits / 16;
    if (!isRoundingToBF16(op) || !type || type.getRank() != 1 ||
        type.isScalable() || type.getDimSize(0) % unit != 0)
      return b.notifyMatchFailure(op, "no pairs of registers");
    NaNBits bits = getNaNBits(op.getIn(), makesShortNaN);
    if (bits == NaNBits::Any)
      return b.notifyMatchFailure(op, "may have NaN that look like infinity");
    int64_t lanes = type.getDimSize(0);
    SmallVector<int64_t> first, second, inOrder;
    for (int64_t begin = 0, half = unit / 2; begin < lanes; begin += unit)
      for (int64_t i = 0; i < unit; ++i) {
        (i < half ? first : second).push_back(begin + i);
        inOrder.push_back(begin + i % half * 2 + i / half);
      }
    Location loc = op.getLoc();
    auto shuffle = [&](Value value, ArrayRef<int64_t> which) -> Value {
      return vector::ShuffleOp::create(b, loc, value, value, which);
    };
    Value rounded = createRoundedPairs(b, loc, shuffle(op.getIn(), first),
                                       shuffle(op.getIn(), second), bits);
    b.replaceOpWithNewOp<vector::BitCastOp>(op, type,
                                            shuffle(rounded, inOrder));
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
    if (failed(verifyVectorBits([&] { return getOperation().emitError(); },
                                vectorBits)))
      return signalPassFailure();
    // What the first makes is for the second.
    RewritePatternSet inF32(&getContext()), patterns(&getContext());
    inF32.add<CastThroughF32<arith::TruncFOp>, CastThroughF32<arith::ExtFOp>,
              FmaInF32>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(inF32));
    patterns.add<RoundPairs>(&getContext(), vectorBits);
    patterns.add<RoundInIntegers>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
