//===- PairBF16Lanes.cpp - Two bf16 in one 32-bit lane --------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. The upper and the lower half of a 32-bit lane are widened by
// one instruction each and put together by two, where widening a vector in
// order moves elements between registers. So elementwise work on bf16 is done
// on the lower halves and on the upper halves of pairs.
//
//===----------------------------------------------------------------------===//

#include "RoundToBF16.h"
#include "WidenBF16Pairs.h"
#include "bn/Codegen/CPU/Passes.h"

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

/// Shorter vectors are in loops over what is left of a row.
static constexpr int64_t kMinLanes = 16;

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

  bool isLeaf(Operation *op) const;
  bool hasShortNaN() const;
  bool add(Value value);
  Type getHalf(Type type) const;
  void split(RewriterBase &b, Operation *op);
  Value roundInIntegers(RewriterBase &b, Halves numbers);
  Value roundByInstruction(RewriterBase &b, Halves numbers);

  arith::TruncFOp end;
  bool avx512BF16;
  /// Operands before users.
  SetVector<Operation *> ops;
  DenseMap<Value, Halves> halves;
};
} // namespace

static int64_t getLanes(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector && vector.getRank() == 1 && !vector.isScalable()
             ? vector.getDimSize(0)
             : 0;
}

/// True for constants and broadcasts with equal elements.
static bool isSplat(Operation *op) {
  DenseElementsAttr elements;
  if (matchPattern(op, m_Constant(&elements)))
    return elements.isSplat();
  auto broadcast = dyn_cast<vector::BroadcastOp>(op);
  return broadcast && !isa<VectorType>(broadcast.getSourceType());
}

/// `number`, or if that is NaN, one whose lower half is 0: once for a loop.
static Value createShortNaN(OpBuilder &b, Location loc, Value number) {
  auto type = cast<FloatType>(number.getType());
  Value isNaN =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, number, number);
  Value quiet = arith::ConstantOp::create(
      b, loc, b.getFloatAttr(type, APFloat::getQNaN(type.getFloatSemantics())));
  return arith::SelectOp::create(b, loc, isNaN, quiet, number);
}

/// Leaves may have other users.
bool Chain::isLeaf(Operation *op) const {
  return isSplat(op) || widensBF16(op);
}

bool Chain::add(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumResults() != 1 ||
      getLanes(value.getType()) != getLanes(end.getType()))
    return false;
  if (ops.contains(op))
    return true;
  if (!isLeaf(op)) {
    if (!OpTrait::hasElementwiseMappableTraits(op) ||
        !isMemoryEffectFree(op) || op->getNumRegions() != 0 ||
        op->getBlock() != end->getBlock() ||
        !llvm::all_of(op->getOperands(),
                      [&](Value operand) { return add(operand); }))
      return false;
  }
  ops.insert(op);
  return true;
}

bool Chain::collect() {
  int64_t lanes = getLanes(end.getType());
  int64_t unit = avx512BF16 ? kRounded : 2;
  if (!isRoundingToBF16(end) || lanes < kMinLanes || lanes % unit != 0 ||
      !add(end.getIn()))
    return false;
  // What others need, too, would be computed twice.
  return llvm::all_of(ops, [&](Operation *op) {
    return isLeaf(op) || llvm::all_of(op->getUsers(), [&](Operation *user) {
             return user == end || ops.contains(user);
           });
  });
}

Type Chain::getHalf(Type type) const {
  auto vector = cast<VectorType>(type);
  return VectorType::get(vector.getDimSize(0) / 2, vector.getElementType());
}

/// Makes the halves of the result of `op`.
void Chain::split(RewriterBase &b, Operation *op) {
  b.setInsertionPoint(op);
  Value result = op->getResult(0);
  if (auto extension = dyn_cast<arith::ExtFOp>(op)) {
    halves[result] = widenBF16Pairs(b, op->getLoc(), extension.getIn());
    return;
  }
  Type half = getHalf(result.getType());
  DenseElementsAttr elements;
  if (matchPattern(op, m_Constant(&elements))) {
    Value constant = arith::ConstantOp::create(
        b, op->getLoc(), elements.resizeSplat(cast<ShapedType>(half)));
    halves[result] = {constant, constant};
    return;
  }
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op)) {
    Value source = broadcast.getSource();
    if (!avx512BF16 && source.getType().isF32())
      source = createShortNaN(b, op->getLoc(), source);
    Value same = vector::BroadcastOp::create(b, op->getLoc(), half, source);
    halves[result] = {same, same};
    return;
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
  halves[result] = {create(lower), create(upper)};
}

/// True when no NaN of the result has anything in its lower half: what was bf16
/// and what is broadcast have nothing there, and arithmetic adds nothing.
bool Chain::hasShortNaN() const {
  return llvm::all_of(ops, [&](Operation *op) {
    DenseFPElementsAttr constant;
    if (matchPattern(op, m_Constant(&constant)))
      return !constant.getSplatValue<APFloat>().isNaN();
    return isLeaf(op) ||
           isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
               math::FmaOp, arith::NegFOp, arith::CmpFOp, arith::SelectOp,
               arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
               arith::MinNumFOp>(op);
  });
}

Value Chain::roundInIntegers(RewriterBase &b, Halves numbers) {
  Location loc = end.getLoc();
  if (staysNaNInHalf(end.getIn()))
    return vector::BitCastOp::create(b, loc, end.getType(),
                                     createRoundedPairs(b, loc, numbers.first,
                                                        numbers.second,
                                                        hasShortNaN()));
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
  int64_t lanes = getLanes(end.getType()), half = kRounded / 2;
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
