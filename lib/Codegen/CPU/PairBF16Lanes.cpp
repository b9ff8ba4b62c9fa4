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
#include "bn/Codegen/CPU/Passes.h"

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

namespace {
/// What leads from bf16 vectors to one truncation.
class Chain {
public:
  explicit Chain(arith::TruncFOp end) : end(end) {}

  /// Finds the ops; false when there is one that cannot be done in pairs.
  bool collect();
  void rewrite(RewriterBase &b);

private:
  using Halves = std::pair<Value, Value>;

  bool isLeaf(Operation *op) const;
  bool add(Value value);
  Type getHalf(Type type) const;
  Halves getHalves(RewriterBase &b, Value value);
  Halves widen(RewriterBase &b, arith::ExtFOp op);
  void split(RewriterBase &b, Operation *op);

  arith::TruncFOp end;
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

/// Leaves may have other users.
bool Chain::isLeaf(Operation *op) const {
  auto extension = dyn_cast<arith::ExtFOp>(op);
  return isSplat(op) ||
         (extension &&
          getElementTypeOrSelf(extension.getIn().getType()).isBF16() &&
          getElementTypeOrSelf(extension.getType()).isF32());
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
  if (!isRoundingToBF16(end) || lanes < kMinLanes || lanes % 2 != 0 ||
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

static Value createConstant(OpBuilder &b, Location loc, Type type,
                            uint32_t bits) {
  return arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(cast<VectorType>(type),
                             b.getI32IntegerAttr(int32_t(bits))));
}

/// The lower and the upper halves of pairs, each as f32: bf16 is the upper half
/// of that.
Chain::Halves Chain::widen(RewriterBase &b, arith::ExtFOp op) {
  Location loc = op.getLoc();
  Type half = getHalf(op.getType());
  Type bitsType = cast<VectorType>(half).clone(b.getI32Type());
  Value pairs = vector::BitCastOp::create(b, loc, bitsType, op.getIn());
  Value lower = arith::ShLIOp::create(b, loc, pairs,
                                      createConstant(b, loc, bitsType, 16));
  Value upper = arith::AndIOp::create(
      b, loc, pairs, createConstant(b, loc, bitsType, 0xffff0000));
  return {arith::BitcastOp::create(b, loc, half, lower),
          arith::BitcastOp::create(b, loc, half, upper)};
}

/// Makes the halves of the result of `op`.
void Chain::split(RewriterBase &b, Operation *op) {
  b.setInsertionPoint(op);
  Value result = op->getResult(0);
  if (auto extension = dyn_cast<arith::ExtFOp>(op)) {
    halves[result] = widen(b, extension);
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
    Value same = vector::BroadcastOp::create(b, op->getLoc(), half,
                                             broadcast.getSource());
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

void Chain::rewrite(RewriterBase &b) {
  for (Operation *op : ops)
    split(b, op);
  b.setInsertionPoint(end);
  Location loc = end.getLoc();
  auto [low, high] = halves[end.getIn()];
  Value lower = createRoundedBits(b, loc, low);
  Value upper = createRoundedBits(b, loc, high);
  Type type = lower.getType();
  lower = arith::ShRUIOp::create(b, loc, lower,
                                 createConstant(b, loc, type, 16));
  upper = arith::AndIOp::create(b, loc, upper,
                                createConstant(b, loc, type, 0xffff0000));
  Value pairs = arith::OrIOp::create(b, loc, upper, lower);
  b.replaceOpWithNewOp<vector::BitCastOp>(end, end.getType(), pairs);
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
      Chain chain(end);
      if (chain.collect())
        chain.rewrite(rewriter);
    }
  }
};
} // namespace
