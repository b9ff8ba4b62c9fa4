//===- Widener.cpp - Scalar ops in a wider type ---------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'bn'. What elementwise ops compute in the type of the data, an epilogue
// computes in that of the accumulator.
//
//===----------------------------------------------------------------------===//

#include "Widener.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::bn;

bool Widener::canCopy(Operation *op) const {
  if (!isLegalInScalarCode(op))
    return false;
  auto changed = [&](Type type) { return changes(type); };
  if (llvm::none_of(op->getOperandTypes(), changed) &&
      llvm::none_of(op->getResultTypes(), changed))
    return true;
  // What others mean by a type is not known; and bits are not numbers.
  return isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) &&
         !isa<arith::BitcastOp>(op);
}

/// extf and truncf, of which one side is widened: what is left of them.
void Widener::copyConversion(OpBuilder &b, Operation *op,
                             IRMapping &mapping) const {
  Value from = mapping.lookupOrDefault(op->getOperand(0));
  Type to = convert(op->getResult(0).getType());
  unsigned width = from.getType().getIntOrFloatBitWidth();
  unsigned wanted = to.getIntOrFloatBitWidth();
  if (width < wanted)
    from = arith::ExtFOp::create(b, op->getLoc(), to, from);
  else if (width > wanted)
    from = arith::TruncFOp::create(b, op->getLoc(), to, from);
  mapping.map(op->getResult(0), from);
}

void Widener::copy(OpBuilder &b, Operation *op, IRMapping &mapping) const {
  if (isa<arith::ExtFOp, arith::TruncFOp>(op) &&
      (changes(op->getOperand(0).getType()) ||
       changes(op->getResult(0).getType())))
    return copyConversion(b, op, mapping);
  FloatAttr constant;
  if (matchPattern(op, m_Constant(&constant)) && changes(constant.getType())) {
    bool losesInfo;
    APFloat value = constant.getValue();
    value.convert(wide.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    mapping.map(
        op->getResult(0),
        arith::ConstantOp::create(b, op->getLoc(), FloatAttr::get(wide, value))
            .getResult());
    return;
  }
  Operation *copied = b.clone(*op, mapping);
  for (Value result : copied->getResults())
    result.setType(convert(result.getType()));
}
