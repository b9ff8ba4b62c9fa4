//===- PairBF16Lanes.cpp - Two bf16 in one 32-bit lane --------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. The upper and the lower half of a 32-bit lane are widened by
// one instruction each, and put together as they are rounded, where widening a
// vector in order moves elements between registers. So elementwise work on bf16
// is done on the lower halves and on the upper halves of pairs.
//
//===----------------------------------------------------------------------===//

#include "BF16Chain.h"
#include "RoundToBF16.h"
#include "WidenBF16Pairs.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::bn {
#define GEN_PASS_DEF_PAIRBF16LANESPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Elements that AVX512-BF16 rounds at a time, half of them from each of two
/// registers.
static constexpr int64_t kRounded = 32;

namespace {
/// What leads from bf16 vectors to one truncation.
class Chain {
public:
  Chain(arith::TruncFOp end, bool avx512BF16)
      : end(end), avx512BF16(avx512BF16) {}

  /// Finds the ops; false when there is one that cannot be done in pairs.
  bool collect();
  void rewrite(RewriterBase &b);

private:
  using Halves = std::pair<Value, Value>;

  int64_t getLanes() { return cast<VectorType>(end.getType()).getDimSize(0); }
  bool isInside(Operation *op) { return op == end || ops.contains(op); }
  bool hasUsersOutside(Operation *op) {
    return !llvm::all_of(op->getUsers(),
                         [&](auto *user) { return isInside(user); });
  }
  bool takesOrGivesBits(Operation *op);
  Type getHalf(Type type) const;
  void split(RewriterBase &b, Operation *op);
  Halves createHalves(RewriterBase &b, Operation *op);
  Value roundInIntegers(RewriterBase &b, Halves numbers);
  Value roundByInstruction(RewriterBase &b, Halves numbers);

  arith::TruncFOp end;
  bool avx512BF16;
  /// Operands before users.
  SetVector<Operation *> ops;
  DenseMap<Value, Halves> halves;
};
} // namespace

/// True for a vector of bits that is read, or that others need in order.
bool Chain::takesOrGivesBits(Operation *op) {
  return makesPairedBits(op) &&
         (isa<vector::BitCastOp>(op) ||
          (!isLeafOfBF16Chain(op) && hasUsersOutside(op)));
}

/// Registers of masks, which processors with AVX512-BF16 have, are in order.
bool Chain::collect() {
  return collectBF16Chain(end, isLeafOfBF16Chain, ops) &&
         (!avx512BF16 ||
          (getLanes() % kRounded == 0 &&
           llvm::none_of(ops, [&](auto *op) { return takesOrGivesBits(op); })));
}

Type Chain::getHalf(Type type) const {
  auto vector = cast<VectorType>(type);
  return VectorType::get(vector.getDimSize(0) / 2, vector.getElementType());
}

/// Bits with even numbers and those with odd ones, of `lanes` bits, at most 32,
/// of which `bytes` are made.
static std::pair<Value, Value> splitBits(OpBuilder &b, Location loc,
                                         Value bytes, int64_t lanes) {
  Type type = VectorType::get(1, b.getIntegerType(lanes));
  Value all = vector::ExtractOp::create(
      b, loc, vector::BitCastOp::create(b, loc, type, bytes), 0);
  if (lanes < kMaxPairedBits)
    all = arith::ExtUIOp::create(b, loc, b.getI32Type(), all);
  auto wide = VectorType::get(lanes / 2, b.getI32Type());
  all = vector::BroadcastOp::create(b, loc, wide, all);
  Value none = createBits(b, loc, wide, 0);
  auto pick = [&](int64_t first) -> Value {
    SmallVector<int32_t> places;
    for (int64_t bit = first; bit < lanes; bit += 2)
      places.push_back(int32_t(uint32_t(1) << bit));
    Value own = arith::AndIOp::create(
        b, loc, all,
        arith::ConstantOp::create(
            b, loc, DenseElementsAttr::get(wide, ArrayRef(places))));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, own, none);
  };
  return {pick(0), pick(1)};
}

/// The bits `even` and `odd` in turns.
static Value joinBits(OpBuilder &b, Location loc, Value even, Value odd) {
  auto wide = cast<VectorType>(even.getType()).clone(b.getI32Type());
  Value lanes = blendHalves(b, loc, arith::ExtSIOp::create(b, loc, wide, even),
                            arith::ExtSIOp::create(b, loc, wide, odd));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, lanes,
                               createBits(b, loc, lanes.getType(), 0));
}

/// Makes the halves of the result of `op`, and of bits the whole for others.
void Chain::split(RewriterBase &b, Operation *op) {
  b.setInsertionPoint(op);
  Value result = op->getResult(0);
  auto [even, odd] = halves[result] = createHalves(b, op);
  if (isLeafOfBF16Chain(op) || !hasUsersOutside(op))
    return;
  assert(makesPairedBits(op) && "only bits have users outside of a chain");
  b.replaceUsesWithIf(
      result, joinBits(b, op->getLoc(), even, odd),
      [&](OpOperand &use) { return !isInside(use.getOwner()); });
}

Chain::Halves Chain::createHalves(RewriterBase &b, Operation *op) {
  Value result = op->getResult(0);
  if (widensBF16(op))
    return widenBF16Pairs(b, op->getLoc(), op->getOperand(0));
  if (auto interleave = dyn_cast<vector::InterleaveOp>(op))
    return {interleave.getLhs(), interleave.getRhs()};
  if (auto bits = dyn_cast<vector::BitCastOp>(op))
    return splitBits(b, op->getLoc(), bits.getSource(), getLanes());
  Type half = getHalf(result.getType());
  DenseElementsAttr elements;
  if (matchPattern(op, m_Constant(&elements))) {
    Value constant = arith::ConstantOp::create(
        b, op->getLoc(), elements.resizeSplat(cast<ShapedType>(half)));
    return {constant, constant};
  }
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op)) {
    Value source = broadcast.getSource();
    if (!avx512BF16 && source.getType().isF32())
      source = createShortNaN(b, op->getLoc(), source);
    Value same = vector::BroadcastOp::create(b, op->getLoc(), half, source);
    return {same, same};
  }
  SmallVector<Value> lower, upper;
  for (Value operand : op->getOperands()) {
    lower.push_back(halves[operand].first);
    upper.push_back(halves[operand].second);
  }
  auto create = [&](ValueRange operands) {
    return b
        .create(op->getLoc(), op->getName().getIdentifier(), operands, half,
                op->getAttrs())
        ->getResult(0);
  };
  return {create(lower), create(upper)};
}

Value Chain::roundInIntegers(RewriterBase &b, Halves numbers) {
  Location loc = end.getLoc();
  NaNBits bits = getNaNBits(end.getIn(), [](Operation *op) {
    return makesShortNaN(op) || isa<vector::BroadcastOp>(op); // see split
  });
  if (bits != NaNBits::Any)
    return vector::BitCastOp::create(
        b, loc, end.getType(),
        createRoundedPairs(b, loc, numbers.first, numbers.second, bits));
  Value lower = createRoundedBits(b, loc, numbers.first);
  Value upper = createRoundedBits(b, loc, numbers.second);
  Type type = lower.getType();
  lower = arith::ShRUIOp::create(b, loc, lower, createBits(b, loc, type, 16));
  upper = arith::AndIOp::create(b, loc, upper,
                                createBits(b, loc, type, 0xffff0000));
  Value pairs = arith::OrIOp::create(b, loc, upper, lower);
  return vector::BitCastOp::create(b, loc, end.getType(), pairs);
}

/// Rounds registers of lower and upper halves in turns, and puts the halves of
/// each of the results together by one permutation.
Value Chain::roundByInstruction(RewriterBase &b, Halves numbers) {
  Location loc = end.getLoc();
  int64_t lanes = getLanes(), half = kRounded / 2;
  SmallVector<int64_t> inTurns, together;
  for (int64_t begin = 0; begin < lanes; begin += kRounded) {
    for (int64_t i = 0; i < half; ++i)
      inTurns.push_back(begin / 2 + i);
    for (int64_t i = 0; i < half; ++i)
      inTurns.push_back(lanes / 2 + begin / 2 + i);
    for (int64_t i = 0; i < half; ++i)
      together.append({begin + i, begin + half + i});
  }
  Value wide =
      vector::ShuffleOp::create(b, loc, numbers.first, numbers.second, inTurns);
  Value rounded = arith::TruncFOp::create(b, loc, end.getType(), wide);
  return vector::ShuffleOp::create(b, loc, rounded, rounded, together);
}

void Chain::rewrite(RewriterBase &b) {
  for (Operation *op : ops)
    split(b, op);
  b.setInsertionPoint(end);
  Halves numbers = halves[end.getIn()];
  b.replaceOp(end, avx512BF16 ? roundByInstruction(b, numbers)
                              : roundInIntegers(b, numbers));
  for (Operation *op : llvm::reverse(ops))
    if (op->use_empty())
      b.eraseOp(op);
}

namespace {
struct PairBF16LanesPass
    : public bn::impl::PairBF16LanesPassBase<PairBF16LanesPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<arith::TruncFOp> ends;
    getOperation().walk([&](arith::TruncFOp op) { ends.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (arith::TruncFOp end : ends) {
      Chain chain(end, avx512BF16);
      if (chain.collect())
        chain.rewrite(rewriter);
    }
  }
};
} // namespace
