//===- LookAhead.cpp - Values of iterations to come -----------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'.
//
//===----------------------------------------------------------------------===//

#include "LookAhead.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::bn;

std::optional<bool> mlir::bn::movesWith(scf::ForOp rows, Value value) {
  if (value == rows.getInductionVar())
    return true;
  if (rows.isDefinedOutsideOfLoop(value))
    return false;
  Operation *op = value.getDefiningOp();
  if (!op) {
    auto loop = dyn_cast<scf::ForOp>(value.getParentBlock()->getParentOp());
    if (loop && value == loop.getInductionVar())
      return false;
    return std::nullopt;
  }
  if (op->getNumRegions() != 0 || !isMemoryEffectFree(op))
    return std::nullopt;
  bool moves = false;
  for (Value operand : op->getOperands()) {
    std::optional<bool> operandMoves = movesWith(rows, operand);
    if (!operandMoves)
      return std::nullopt;
    moves |= *operandMoves;
  }
  return moves;
}

LookAhead::LookAhead(RewriterBase &b, scf::ForOp rows, int64_t distance)
    : b(b), rows(rows) {
  Location loc = rows.getLoc();
  Value lower = rows.getLowerBound(), step = rows.getStep();
  Type type = rows.getInductionVar().getType();
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
  };
  b.setInsertionPoint(rows);
  Value far = b.createOrFold<arith::MulIOp>(loc, step, constant(distance));
  Value range = b.createOrFold<arith::SubIOp>(loc, rows.getUpperBound(), lower);
  range = b.createOrFold<arith::SubIOp>(loc, range, constant(1));
  Value rest = b.createOrFold<arith::RemSIOp>(loc, range, step);
  range = b.createOrFold<arith::SubIOp>(loc, range, rest);
  Value last = b.createOrFold<arith::AddIOp>(loc, lower, range);

  b.setInsertionPointToStart(rows.getBody());
  Value ahead = arith::AddIOp::create(b, loc, rows.getInductionVar(), far);
  later.map(rows.getInductionVar(),
            arith::MinSIOp::create(b, loc, ahead, last).getResult());
}

Value LookAhead::get(Value value) {
  if (later.contains(value) || !*movesWith(rows, value))
    return later.lookupOrDefault(value);
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    get(operand);
  b.setInsertionPoint(op);
  Operation *copy = b.clone(*op, later);
  while (copy->getParentOp() != rows) {
    auto loop = dyn_cast<scf::ForOp>(copy->getParentOp());
    if (!loop || !llvm::all_of(copy->getOperands(), [&](Value operand) {
          return loop.isDefinedOutsideOfLoop(operand);
        }))
      break;
    b.moveOpBefore(copy, loop);
  }
  return later.lookup(value);
}
