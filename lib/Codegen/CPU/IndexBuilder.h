//===- IndexBuilder.h - Arithmetic on index values --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_INDEXBUILDER_H
#define BN_LIB_CODEGEN_CPU_INDEXBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace mlir::bn {

/// Creates ops at one location, folded where that is possible. Divisions and
/// comparisons are unsigned.
struct IndexBuilder {
  OpBuilder &b;
  Location loc;

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value add(Value x, Value y) {
    return b.createOrFold<arith::AddIOp>(loc, x, y);
  }
  Value sub(Value x, Value y) {
    return b.createOrFold<arith::SubIOp>(loc, x, y);
  }
  Value mul(Value x, Value y) {
    return b.createOrFold<arith::MulIOp>(loc, x, y);
  }
  Value div(Value x, int64_t y) {
    return b.createOrFold<arith::DivUIOp>(loc, x, constant(y));
  }
  /// Remainder by a power of two.
  Value mod(Value x, int64_t y) {
    return b.createOrFold<arith::AndIOp>(loc, x, constant(y - 1));
  }
  Value roundDown(Value x, int64_t y) { return mul(div(x, y), constant(y)); }
  Value isZero(Value x) {
    return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, x,
                                         constant(0));
  }
  Value isLess(Value x, Value y) {
    return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ult, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return b.createOrFold<arith::SelectOp>(loc, condition, x, y);
  }
};

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_INDEXBUILDER_H
