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

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace mlir::bn;

/// The largest square of a mean, in variances, of which raw moments are taken:
/// their rounding errors are at most 1 + that times those of central ones.
static constexpr double kMostSquare = 16;

/// The smallest mean square above 0 of which they are: products that underflow
/// are far below its rounding errors.
static constexpr double kLeastSquare = 0x1p-80;

RawStatsBuilder::RawStatsBuilder(OpBuilder &b, StatsOp op)
    : StatsBuilder(b, op),
      count(createElementCount(b, loc, input, axis)) {}

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

/// Moves the raw sums of a tile to its mean m, rounded to the accumulator's
/// type: sum(x - m) = s - n m, and sum((x - m)^2) = q - m (2 s - n m).
void RawStatsBuilder::centre(ValueRange raw) {
  Type wide = b.getF64Type();
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    auto widen = [&](Value v) { return arith.convert(v, wide); };
    auto number = [&](double value) { return arith.constant(value, wide); };
    Value s = arith.mul(widen(args[0]), number(getScale()));
    Value q = widen(args[1]);
    Value exact = arith.divOrZero(s, count);
    Value rounded = arith.convert(exact, accumulator), m = widen(rounded);
    Value rest = arith.sub(s, arith.mul(count, m));
    Value squares = arith.sub(q, arith.mul(m, arith.add(s, rest)));

    // Comparisons with NaN are false. Of an infinite q nothing is known.
    Value bound = arith.mul(q, number(kMostSquare / (1 + kMostSquare)));
    Value isNear = arith.compare(arith::CmpFPredicate::OLE,
                                 arith.mul(s, exact), bound);
    Value isFinite =
        arith.compare(arith::CmpFPredicate::OLT, q,
                      number(std::numeric_limits<double>::infinity()));
    Value isNormal =
        arith.compare(arith::CmpFPredicate::OGE, q,
                      arith.mul(count, number(kLeastSquare)));
    Value isZero = arith.compare(arith::CmpFPredicate::OEQ, q, number(0.0));
    auto both = [&](Value x, Value y) {
      return arith::AndIOp::create(nested, l, x, y).getResult();
    };
    Value fits = both(both(isNear, isFinite),
                      arith::OrIOp::create(nested, l, isNormal, isZero));
    return {rounded, arith.convert(arith.mul(rest, number(1 / getScale())), accumulator),
            arith.convert(squares, accumulator),
            arith.select(fits, arith.constant(0.0, accumulator),
                         arith.constant(1.0, accumulator))};
  };
  SmallVector<Value> outs(
      4, createEmptyLike(b, loc, input, axis, accumulator));
  auto centred = createElementwise(b, op, raw, outs, body);
  mean = centred.getResult(0);
  sums = {centred.getResult(1), centred.getResult(2)};
  doubt = centred.getResult(3);
}

/// An i1: no channel of the tile is in doubt.
Value RawStatsBuilder::areExact() {
  int64_t channelRank = cast<ShapedType>(doubt.getType()).getRank();
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    return {Arith{nested, l}.add(args[0], args[1])};
  };
  Value zero = createZerosLike(b, loc, input, {}, accumulator);
  auto sum = createGeneric(
      b, op, doubt, zero,
      {b.getMultiDimIdentityMap(channelRank),
       AffineMap::get(channelRank, 0, b.getContext())},
      SmallVector<utils::IteratorType>(channelRank,
                                       utils::IteratorType::reduction),
      body);
  Value total = tensor::ExtractOp::create(b, loc, sum.getResult(0));
  Arith arith{b, loc};
  return arith.compare(arith::CmpFPredicate::OEQ, total,
                       arith.constant(0.0, accumulator));
}

linalg::GenericOp RawStatsBuilder::run() {
  centre(createRawSums().getResults());
  Value fits = areExact();
  auto choice = scf::IfOp::create(b, loc, TypeRange(ValueRange(sums)), fits,
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    scf::YieldOp::create(b, loc, sums);
    b.setInsertionPointToStart(choice.elseBlock());
    auto again = createCentredSums(mean, sums);
    scf::YieldOp::create(b, loc, again.getResults());
  }
  return createMerge({mean, choice.getResult(0), choice.getResult(1)}, count);
}
