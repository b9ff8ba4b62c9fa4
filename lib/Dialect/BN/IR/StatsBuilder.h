//===- StatsBuilder.h - The steps of bn.stats on one tile -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_IR_STATSBUILDER_H
#define BN_LIB_DIALECT_BN_IR_STATSBUILDER_H

#include "ScalarArith.h"
#include "bn/Dialect/BN/IR/BNOps.h"

namespace mlir::bn {

/// Builds the steps of bn.stats on one tile. The formulas and their error
/// bounds are in docs/Numerics.md.
struct StatsBuilder {
  StatsBuilder(OpBuilder &b, StatsOp op);

  /// What the sums over the tile are scaled down by (getSumScale).
  double getScale() {
    return getSumScale(cast<ShapedType>(input.getType()), kinds);
  }
  /// Zeros of `type` per channel.
  Value createZeros(Type type) {
    return createZerosLike(b, loc, input, axis, type);
  }
  Value convertPivot();
  linalg::GenericOp createCentredSums(Value pivot);
  bool isFirst();
  linalg::GenericOp createMerge(ArrayRef<Value> sums, Value tileCount = {});
  linalg::GenericOp runCentral();

  OpBuilder &b;
  StatsOp op;
  Location loc;
  Value input;
  int64_t rank;
  SmallVector<int64_t> axis;
  SmallVector<utils::IteratorType> kinds;
  FloatType accumulator;
  AffineMap dataMap, channelMap;
};

/// The same with weights. An element of weight 0 counts for nothing, even where
/// it is not a number.
struct MaskedStatsBuilder : StatsBuilder {
  MaskedStatsBuilder(OpBuilder &b, StatsOp op);

  Type getCountType();
  void sumWeights();
  SmallVector<Value> createSums(Value pivot, bool withCount);
  linalg::GenericOp runMasked();

  /// Without the dimensions along which they are broadcast.
  Value weights;
  AffineMap weightsMap;
  /// The sum of the weights, and the weighted mean.
  Value count, mean;
};

/// The same by sums of x and x^2, where those are exact enough.
struct RawStatsBuilder : StatsBuilder {
  RawStatsBuilder(OpBuilder &b, StatsOp op);

  linalg::GenericOp createRawSums();
  Value isExact(Arith arith, Value mean, Value q);
  linalg::GenericOp createPivots(ValueRange raw);
  linalg::GenericOp runRaw();

  /// Elements of a channel; what makes a mean of a scaled sum, and of a sum of
  /// squares.
  Value count, sumToMean, squareToMean;
};

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_IR_STATSBUILDER_H
