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

#include "StatsBuilder.h"

#include <limits>

using namespace mlir;
using namespace mlir::bn;

/// Least elements of a channel in a tile of which raw moments are taken.
static constexpr int64_t kLeastRawElements = 16;

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

StatsBuilder::StatsBuilder(OpBuilder &b, StatsOp op)
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
Value StatsBuilder::convertPivot() {
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    return {convertFloat(nested, l, args[0], accumulator)};
  };
  Value empty = createEmptyLike(b, loc, input, axis, accumulator);
  return createElementwise(b, op, op.getPivot(), empty, body).getResult(0);
}

/// sum((x - pivot) / scale) and sum((x - pivot)^2). Scaling by a power of two
/// is exact, and keeps the first sum from overflowing where the mean does not.
/// It is part of a multiply-add, and costs nothing.
linalg::GenericOp StatsBuilder::createCentredSums(Value pivot) {
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value d = arith.sub(arith.convert(args[0], accumulator), args[1]);
    Value scale = arith.constant(1.0 / getScale(), accumulator);
    return {arith.add(arith.mul(d, scale), args[2]),
            arith.add(arith.mul(d, d), args[3])};
  };
  return createGeneric(b, op, {input, pivot},
                       {createZeros(accumulator), createZeros(accumulator)},
                       {dataMap, channelMap, channelMap, channelMap}, kinds,
                       body);
}

/// True where the tile has elements and the outs have none yet.
bool StatsBuilder::isFirst() {
  auto type = cast<ShapedType>(input.getType());
  return !op.getMask() && type.hasStaticShape() && type.getNumElements() > 0 &&
         isZeroFilled(op.getOuts()[0]) && isZeroFilled(op.getOuts()[2]);
}

/// Merges the tile into the outs: `sums` are its pivot, the two centred sums,
/// and its count per channel where that is not the same for all, `tileCount`.
/// The tile's own mean and m2 are exact for any pivot; a good one keeps the
/// correction s^2/n small.
linalg::GenericOp StatsBuilder::createMerge(ArrayRef<Value> sums,
                                            Value tileCount) {
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

linalg::GenericOp StatsBuilder::runCentral() {
  Value count = createElementCount(b, loc, input, axis);
  Value pivot = op.getPivot() ? convertPivot() : createMean(b, op, input, axis);
  auto sums = createCentredSums(pivot);
  return createMerge({pivot, sums.getResult(0), sums.getResult(1)}, count);
}

/// True for so few elements of a channel that their mean is far from 0 by
/// chance.
static bool hasFewElements(StatsOp op) {
  std::optional<int64_t> elements = countReducedElements(
      cast<ShapedType>(op.getInput().getType()), op.getIterationKinds());
  return elements && *elements < kLeastRawElements;
}

FailureOr<SmallVector<Value>> StatsOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  LoweringStrategyAttr strategy = getLoweringStrategy(*this);
  bool isRaw = strategy && strategy.getMoments() == Moments::Raw &&
               !getPivot() && !getMask() && !hasFewElements(*this);
  auto merged = getMask() ? MaskedStatsBuilder(b, *this).runMasked()
                : isRaw   ? RawStatsBuilder(b, *this).runRaw()
                          : StatsBuilder(b, *this).runCentral();
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
