//===- DecomposeRawStats.cpp - Statistics of raw moments to linalg --------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What AggregatedOpInterface of bn.stats makes of `moments = raw`: one reading
// without a pivot. docs/Numerics.md has the error bounds.
//
//===----------------------------------------------------------------------===//

#include "StatsBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace mlir::bn;

/// The smallest mean square of which they are. Dot products take what
/// underflows for 0, and that is far below the rounding errors then.
static constexpr double kLeastSquare = 0x1p-80;

RawStatsBuilder::RawStatsBuilder(OpBuilder &b, StatsOp op)
    : StatsBuilder(b, op), count(createElementCount(b, loc, input, axis)) {
  Arith arith{b, loc};
  Type wide = b.getF64Type();
  Value inverse = arith.divOrZero(arith.constant(1.0, wide), count);
  Value scale = arith.constant(getScale(), wide);
  sumToMean = arith.convert(arith.mul(inverse, scale), accumulator);
  squareToMean = arith.convert(inverse, accumulator);
}

/// sum(x / scale) and sum(x^2).
linalg::GenericOp RawStatsBuilder::createRawSums() {
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value x = arith.convert(args[0], accumulator);
    Value scale = arith.constant(1.0 / getScale(), accumulator);
    return {arith.add(arith.mul(x, scale), args[1]),
            arith.add(arith.mul(x, x), args[2])};
  };
  return createGeneric(b, op, {input},
                       {createZeros(accumulator), createZeros(accumulator)},
                       {dataMap, channelMap, channelMap}, kinds, body);
}

/// An i1: the sums of a channel with this mean, and this sum of squares, are
/// exact enough.
Value RawStatsBuilder::isExact(Arith arith, Value mean, Value q) {
  auto number = [&](double value) {
    return arith.constant(value, accumulator);
  };
  auto both = [&](Value x, Value y) -> Value {
    return arith::AndIOp::create(arith.b, arith.loc, x, y);
  };
  Value square = arith.mul(q, squareToMean);
  Value bound = arith.mul(square, number(kMostSquare / (1 + kMostSquare)));
  // Comparisons with NaN are false.
  Value isNear =
      arith.compare(arith::CmpFPredicate::OLE, arith.mul(mean, mean), bound);
  Value isFinite =
      arith.compare(arith::CmpFPredicate::OLT, square,
                    number(std::numeric_limits<double>::infinity()));
  Value isNormal =
      arith.compare(arith::CmpFPredicate::OGE, square, number(kLeastSquare));
  return both(both(isNear, isFinite), isNormal);
}

/// Per channel, of `raw` sums: the pivot, which is 0 where they are exact
/// enough, and else the mean; and whether they are not, 0 or 1.
linalg::GenericOp RawStatsBuilder::createPivots(ValueRange raw) {
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value zero = arith.constant(0.0, accumulator),
          one = arith.constant(1.0, accumulator);
    Value mean = arith.mul(args[0], sumToMean);
    Value exact = isExact(arith, mean, args[1]);
    return {arith.select(exact, zero, mean), arith.select(exact, zero, one)};
  };
  Value empty = createEmptyLike(b, loc, input, axis, accumulator);
  return createElementwise(b, op, raw, {empty, empty}, body);
}

linalg::GenericOp RawStatsBuilder::runRaw() {
  auto raw = createRawSums();
  auto pivots = createPivots(raw.getResults());
  Value pivot = pivots.getResult(0);
  ValueRange sums = replaceDoubtfulSums(
      b, op, raw.getResults(), pivots.getResult(1),
      [&]() -> ValueRange { return createCentredSums(pivot).getResults(); });
  return createMerge({pivot, sums[0], sums[1]}, count);
}
