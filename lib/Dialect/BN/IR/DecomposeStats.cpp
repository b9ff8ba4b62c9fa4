//===- DecomposeStats.cpp - Statistics to linalg --------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of bn.stats and bn.merge_stats. The formulas and their
// error bounds are in docs/Numerics.md.
//
//===----------------------------------------------------------------------===//

#include "ScalarArith.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

#include <limits>

using namespace mlir;
using namespace mlir::bn;

/// Largest sum of ones that is exact in f32.
static constexpr int64_t kMostOnesInF32 = 1 << 24;

namespace {
/// Count, mean and m2 of some elements of a channel.
struct Partial {
  Value count, mean, m2;
};
} // namespace

/// Chan's merge of two partial statistics. Written so that no product
/// overflows while the merged statistics are finite: with count 0 in `a`, the
/// last term is delta * 0, and in `b`, delta is 0.
static Partial mergePartials(Arith &arith, Partial a, Partial b) {
  Value count = arith.add(a.count, b.count);
  Value zero = arith.constant(0.0, b.count.getType());
  Value isEmpty = arith.compare(arith::CmpFPredicate::OEQ, b.count, zero);
  Value delta = arith.select(isEmpty, zero, arith.sub(b.mean, a.mean));
  Value share = arith.divOrZero(b.count, count);
  Value step = arith.mul(delta, share);
  Value mean = arith.add(a.mean, step);
  Value between = arith.mul(step, arith.mul(delta, a.count));
  return {count, mean, arith.add(arith.add(a.m2, b.m2), between)};
}

namespace {
/// Builds the steps of bn.stats on one tile.
struct StatsBuilder {
  StatsBuilder(OpBuilder &b, StatsOp op)
      : b(b), op(op), loc(op.getLoc()), input(op.getInput()),
        rank(cast<ShapedType>(input.getType()).getRank()),
        axis(normalizeAxis(op.getAxis(), rank)), kinds(op.getIterationKinds()),
        accumulator(getAccumulatorType(
            cast<ShapedType>(input.getType()).getElementType())) {
    SmallVector<AffineMap> maps = op.getOperandIndexingMaps();
    dataMap = maps.front();
    channelMap = maps.back();
  }

  /// The given pivot, in the type of the sums.
  Value convertPivot() {
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      return {convertFloat(nested, l, args[0], accumulator)};
    };
    Value empty = createEmptyLike(b, loc, input, axis, accumulator);
    return createElementwise(b, op, op.getPivot(), empty, body).getResult(0);
  }

  double getScale() {
    return getSumScale(cast<ShapedType>(input.getType()), kinds);
  }

  /// sum((x - pivot) / scale) and sum((x - pivot)^2). Scaling by a power of two
  /// is exact, and keeps the first sum from overflowing where the mean does
  /// not. It is part of a multiply-add, and costs nothing.
  linalg::GenericOp createCentredSums(Value pivot) {
    Value zeros = createZerosLike(b, loc, input, axis, accumulator);
    Value moreZeros = createZerosLike(b, loc, input, axis, accumulator);
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      Value d = arith.sub(arith.convert(args[0], accumulator), args[1]);
      Value scale = arith.constant(1.0 / getScale(), accumulator);
      return {arith.add(arith.mul(d, scale), args[2]),
              arith.add(arith.mul(d, d), args[3])};
    };
    return createGeneric(b, op, {input, pivot}, {zeros, moreZeros},
                         {dataMap, channelMap, channelMap, channelMap}, kinds,
                         body);
  }

  /// True where the tile has elements and the outs have none yet.
  bool isFirst() {
    auto type = cast<ShapedType>(input.getType());
    return !op.getMask() && type.hasStaticShape() &&
           type.getNumElements() > 0 && isZeroFilled(op.getOuts()[0]) &&
           isZeroFilled(op.getOuts()[2]);
  }

  /// Merges the tile into the outs: `sums` are its pivot, the two centred sums,
  /// and its count per channel where that is not the same for all, `tileCount`.
  /// The tile's own mean and m2 are exact for any pivot; a good one keeps the
  /// correction s^2/n small.
  linalg::GenericOp createMerge(ArrayRef<Value> sums, Value tileCount = {}) {
    Type wide = b.getF64Type();
    bool first = isFirst();
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      auto widen = [&](Value v) { return arith.convert(v, wide); };
      Value count = tileCount ? tileCount : widen(args[3]);
      Value s = arith.mul(widen(args[1]), arith.constant(getScale(), wide));
      Value shift = arith.divOrZero(s, count);
      // Both sums are rounded: of a constant channel the difference may be a
      // negative rounding error. (NaN is kept.) Infinity less infinity is NaN.
      Value squares = widen(args[2]);
      Value infinity =
          arith.constant(std::numeric_limits<double>::infinity(), wide);
      Value overflows =
          arith.compare(arith::CmpFPredicate::OEQ, squares, infinity);
      Value m2 = arith.sub(squares, arith.mul(s, shift));
      m2 = arith.select(overflows, infinity, m2);
      Value zero = arith.constant(0.0, wide);
      Value isNegative = arith.compare(arith::CmpFPredicate::OLT, m2, zero);
      m2 = arith.select(isNegative, zero, m2);
      ValueRange outs = args.take_back(3);
      Partial merged{count, arith.add(widen(args[0]), shift), m2};
      if (!first) {
        Partial running{outs[0], widen(outs[1]), widen(outs[2])};
        merged = mergePartials(arith, running, merged);
      }
      return {merged.count, arith.convert(merged.mean, outs[1].getType()),
              arith.convert(merged.m2, outs[2].getType())};
    };
    SmallVector<Value> outs(op.getOuts());
    if (first) // they are not read
      llvm::transform(outs, outs.begin(), skipZeroFill);
    return createElementwise(b, op, sums, outs, body);
  }

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
} // namespace

namespace {
/// The same with weights. An element of weight 0 counts for nothing, even where
/// it is not a number.
struct MaskedStatsBuilder : StatsBuilder {
  MaskedStatsBuilder(OpBuilder &b, StatsOp op);

  Value createZeros(Type type) {
    return createZerosLike(b, loc, input, axis, type);
  }
  Type getCountType();
  void sumWeights();
  SmallVector<Value> createSums(Value pivot, bool withCount);
  linalg::GenericOp run();

  /// Without the dimensions along which they are broadcast.
  Value weights;
  AffineMap weightsMap;
  /// The sum of the weights, and the weighted mean.
  Value count, mean;
};
} // namespace

MaskedStatsBuilder::MaskedStatsBuilder(OpBuilder &b, StatsOp op)
    : StatsBuilder(b, op) {
  std::tie(weights, weightsMap) = dropUnitDims(b, loc, op.getMask());
}

/// The type of the accumulators, where that can count the elements.
Type MaskedStatsBuilder::getCountType() {
  int64_t most = 1;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (kinds[dim] != utils::IteratorType::reduction)
      continue;
    FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
        presburger::BoundType::UB, {input, dim}, /*stopCondition=*/nullptr,
        /*closedUB=*/true);
    if (failed(bound) || *bound > kMostOnesInF32)
      return b.getF64Type();
    most *= *bound;
    if (most > kMostOnesInF32)
      return b.getF64Type();
  }
  return accumulator;
}

/// Sum of the weights, and mean of the tile, which is its pivot.
void MaskedStatsBuilder::sumWeights() {
  Type countType = getCountType(), wide = b.getF64Type();
  auto sum = [&](OpBuilder &nested, Location l,
                 ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value w = arith.convert(args[1], accumulator);
    Value x = dropExcluded(arith, arith.convert(args[0], accumulator), w);
    Value scaled = arith.mul(x, arith.constant(1.0 / getScale(), accumulator));
    return {arith.add(arith.convert(w, countType), args[2]),
            arith.add(arith.mul(scaled, w), args[3])};
  };
  auto sums =
      createGeneric(b, op, {input, weights},
                    {createZeros(countType), createZeros(accumulator)},
                    {dataMap, weightsMap, channelMap, channelMap}, kinds, sum);
  count = sums.getResult(0);
  auto divide = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value s = arith.mul(arith.convert(args[1], wide),
                        arith.constant(getScale(), wide));
    return {arith.convert(arith.divOrZero(s, arith.convert(args[0], wide)),
                          accumulator)};
  };
  mean = createElementwise(b, op, sums.getResults(),
                           createEmptyLike(b, loc, input, axis, accumulator),
                           divide)
             .getResult(0);
}

/// sum(w (x - pivot) / scale), sum(w (x - pivot)^2) and, `withCount`, sum(w).
SmallVector<Value> MaskedStatsBuilder::createSums(Value pivot, bool withCount) {
  Type countType = getCountType();
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value w = arith.convert(args[1], accumulator);
    Value d = arith.sub(arith.convert(args[0], accumulator), args[2]);
    d = dropExcluded(arith, d, w);
    Value weighted = arith.mul(d, w);
    Value scale = arith.constant(1.0 / getScale(), accumulator);
    SmallVector<Value> sums = {arith.add(arith.mul(weighted, scale), args[3]),
                               arith.add(arith.mul(weighted, d), args[4])};
    if (withCount)
      sums.push_back(arith.add(arith.convert(w, countType), args[5]));
    return sums;
  };
  SmallVector<Value> outs = {createZeros(accumulator),
                             createZeros(accumulator)};
  SmallVector<AffineMap> maps = {dataMap, weightsMap, channelMap, channelMap,
                                 channelMap};
  if (withCount) {
    outs.push_back(createZeros(countType));
    maps.push_back(channelMap);
  }
  auto sums =
      createGeneric(b, op, {input, weights, pivot}, outs, maps, kinds, body);
  return SmallVector<Value>(sums.getResults());
}

linalg::GenericOp MaskedStatsBuilder::run() {
  SmallVector<Value> sums;
  if (op.getPivot()) {
    Value pivot = convertPivot();
    sums = createSums(pivot, /*withCount=*/true);
    sums.insert(sums.begin(), pivot);
  } else {
    sumWeights();
    sums = createSums(mean, /*withCount=*/false);
    sums.insert(sums.begin(), mean);
    sums.push_back(count);
  }
  return createMerge(sums);
}

FailureOr<SmallVector<Value>> StatsOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  if (getMask())
    return SmallVector<Value>(MaskedStatsBuilder(b, *this).run().getResults());
  StatsBuilder stats(b, *this);
  Value count = createElementCount(b, getLoc(), getInput(), stats.axis);
  Value pivot = getPivot() ? stats.convertPivot()
                           : createMean(b, *this, getInput(), stats.axis);
  auto sums = stats.createCentredSums(pivot);
  auto merged =
      stats.createMerge({pivot, sums.getResult(0), sums.getResult(1)}, count);
  return SmallVector<Value>(merged.getResults());
}

FailureOr<SmallVector<Value>> MergeStatsOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getCount().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  Type wide = b.getF64Type();
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    auto partial = [&](ValueRange values) {
      return Partial{values[0], arith.convert(values[1], wide),
                     arith.convert(values[2], wide)};
    };
    Partial merged = mergePartials(arith, partial(args.drop_front(3)),
                                   partial(args.take_front(3)));
    return {merged.count, arith.convert(merged.mean, args[4].getType()),
            arith.convert(merged.m2, args[5].getType())};
  };
  auto generic = createElementwise(b, *this, {getCount(), getMean(), getM2()},
                                   getOuts(), body);
  return SmallVector<Value>(generic.getResults());
}
