//===- Divisors.cpp - What is known to divide an index --------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'. Upstream knows bounds of indices, and of affine expressions
// alone what divides them.
//
//===----------------------------------------------------------------------===//

#include "Divisors.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

#include <numeric>

using namespace mlir;
using namespace mlir::bn;

/// A number that divides `expr`, of which `operands` are dimensions, then
/// symbols.
static int64_t getDivisorOf(AffineExpr expr, unsigned numDims,
                            ValueRange operands) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::abs(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return getKnownDivisor(operands[dim.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return getKnownDivisor(operands[numDims + symbol.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t lhs = getDivisorOf(binary.getLHS(), numDims, operands);
  int64_t rhs = getDivisorOf(binary.getRHS(), numDims, operands);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
  case AffineExprKind::Mod: // x mod c = x - c * k
    return std::gcd(lhs, rhs);
  case AffineExprKind::Mul:
    return lhs * rhs;
  default: {
    auto by = dyn_cast<AffineConstantExpr>(binary.getRHS());
    bool isWhole = by && by.getValue() > 0 && lhs % by.getValue() == 0;
    return isWhole ? lhs / by.getValue() : 1;
  }
  }
}

/// The same for an induction variable; 1 for other arguments of blocks.
static int64_t getDivisorOf(BlockArgument argument) {
  auto loop = dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp());
  std::optional<SmallVector<Value>> ivs =
      loop ? loop.getLoopInductionVars() : std::nullopt;
  if (!ivs || !llvm::is_contained(*ivs, argument))
    return 1;
  unsigned i = llvm::find(*ivs, argument) - ivs->begin();
  return std::gcd(getKnownDivisor((*loop.getLoopLowerBounds())[i]),
                  getKnownDivisor((*loop.getLoopSteps())[i]));
}

int64_t mlir::bn::getKnownDivisor(OpFoldResult value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return std::abs(*constant);
  auto dynamic = cast<Value>(value);
  if (auto argument = dyn_cast<BlockArgument>(dynamic))
    return getDivisorOf(argument);
  Operation *op = dynamic.getDefiningOp();
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return getDivisorOf(apply.getAffineMap().getResult(0),
                        apply.getAffineMap().getNumDims(),
                        apply.getMapOperands());
  auto of = [&](unsigned operand) {
    return getKnownDivisor(OpFoldResult(op->getOperand(operand)));
  };
  if (isa<affine::AffineMinOp, affine::AffineMaxOp>(op)) {
    AffineMap map = isa<affine::AffineMinOp>(op)
                        ? cast<affine::AffineMinOp>(op).getAffineMap()
                        : cast<affine::AffineMaxOp>(op).getAffineMap();
    int64_t divisor = 0;
    for (AffineExpr expr : map.getResults())
      divisor = std::gcd(
          divisor, getDivisorOf(expr, map.getNumDims(), op->getOperands()));
    return divisor;
  }
  if (isa<arith::AddIOp, arith::SubIOp, arith::MinSIOp, arith::MinUIOp,
          arith::MaxSIOp, arith::MaxUIOp>(op))
    return std::gcd(of(0), of(1));
  if (isa<arith::SelectOp>(op))
    return std::gcd(of(1), of(2));
  if (isa<arith::MulIOp>(op))
    return of(0) * of(1);
  APInt mask;
  if (isa<arith::AndIOp>(op) &&
      matchPattern(op->getOperand(1), m_ConstantInt(&mask)) &&
      mask.isMask()) // a remainder
    return std::gcd(of(0), mask.getSExtValue() + 1);
  return 1;
}
