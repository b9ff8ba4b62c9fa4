//===- DecomposeToLinalg.cpp - Structural ops to linalg -------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of the structural ops. The formulas and their error
// bounds are in docs/Numerics.md.
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::bn;

// A multiplication and an addition may be fused; NaN and Inf keep their
// meaning. (The order of a sum is bn-vectorize-tiles' own, and fixed.)
static constexpr auto kContract = arith::FastMathFlags::contract;

namespace {
/// Short names for scalar float arithmetic at one location.
struct Arith {
  OpBuilder &b;
  Location loc;

  Value add(Value x, Value y) {
    return arith::AddFOp::create(b, loc, x, y, kContract);
  }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) {
    return arith::MulFOp::create(b, loc, x, y, kContract);
  }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value constant(double value, Type type) {
    return floatConstant(b, loc, value, type);
  }
  Value convert(Value x, Type type) { return convertFloat(b, loc, x, type); }
  /// `x / y`, and 0 where y is not above 0.
  Value divOrZero(Value x, Value y) {
    Value zero = constant(0.0, x.getType());
    Value positive =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, y, zero);
    return arith::SelectOp::create(b, loc, positive, div(x, y), zero);
  }
};

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
  Value isEmpty = arith::CmpFOp::create(
      arith.b, arith.loc, arith::CmpFPredicate::OEQ, b.count, zero);
  Value delta = arith::SelectOp::create(arith.b, arith.loc, isEmpty, zero,
                                        arith.sub(b.mean, a.mean));
  Value share = arith.divOrZero(b.count, count);
  Value step = arith.mul(delta, share);
  Value mean = arith.add(a.mean, step);
  Value between = arith.mul(step, arith.mul(delta, a.count));
  return {count, mean, arith.add(arith.add(a.m2, b.m2), between)};
}

//===----------------------------------------------------------------------===//
// bn.stats, bn.merge_stats
//===----------------------------------------------------------------------===//

/// Number of elements per channel in `input`, as f64: exact up to 2^53.
static Value createElementCount(OpBuilder &b, Location loc, Value input,
                                ArrayRef<int64_t> axis) {
  int64_t rank = cast<ShapedType>(input.getType()).getRank();
  Value count = arith::ConstantIndexOp::create(b, loc, 1);
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (llvm::is_contained(axis, dim))
      continue;
    Value size = tensor::DimOp::create(b, loc, input, dim);
    count = b.createOrFold<arith::MulIOp>(loc, count, size);
  }
  Value asInt = arith::IndexCastOp::create(b, loc, b.getI64Type(), count);
  return arith::SIToFPOp::create(b, loc, b.getF64Type(), asInt);
}

/// Scale of sums over a number of elements that is not known.
static constexpr double kDynamicScale = 1 << 16;

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

  /// About the mean of the tile: sum(x * 1/n). Scaling first keeps the sum
  /// from overflowing where the mean does not.
  Value createPivot(Value inverseCount) {
    Value zeros = createZerosLike(b, loc, input, axis, accumulator);
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      Value x = arith.convert(args[0], accumulator);
      return {arith.add(arith.mul(x, inverseCount), args[1])};
    };
    return createGeneric(b, op, input, zeros, {dataMap, channelMap}, kinds,
                         body)
        .getResult(0);
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

  /// A power of two, at least the number of elements of a channel; 2^16 for a
  /// number that is not known.
  double getScale() {
    auto type = cast<ShapedType>(input.getType());
    double count = 1;
    for (int64_t dim = 0; dim < rank; ++dim)
      if (kinds[dim] == utils::IteratorType::reduction)
        count *= type.isDynamicDim(dim) ? kDynamicScale : type.getDimSize(dim);
    return std::exp2(std::ceil(std::log2(std::clamp(count, 1.0,
                                                    kDynamicScale))));
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

  /// Merges the tile into the outs. The tile's own mean and m2 are exact for
  /// any pivot; a good one keeps the correction s^2/n small.
  linalg::GenericOp createMerge(Value tileCount, Value pivot, Value sum,
                                Value sumOfSquares) {
    Type wide = b.getF64Type();
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      auto widen = [&](Value v) { return arith.convert(v, wide); };
      Value s =
          arith.mul(widen(args[1]), arith.constant(getScale(), wide));
      Value shift = arith.divOrZero(s, tileCount);
      // Both sums are rounded: of a constant channel the difference may be a
      // negative rounding error. (NaN is kept.) Infinity less infinity is NaN.
      Value squares = widen(args[2]);
      Value infinity =
          arith.constant(std::numeric_limits<double>::infinity(), wide);
      Value overflows = arith::CmpFOp::create(
          nested, l, arith::CmpFPredicate::OEQ, squares, infinity);
      Value m2 = arith.sub(squares, arith.mul(s, shift));
      m2 = arith::SelectOp::create(nested, l, overflows, infinity, m2);
      Value zero = arith.constant(0.0, wide);
      Value isNegative = arith::CmpFOp::create(
          nested, l, arith::CmpFPredicate::OLT, m2, zero);
      m2 = arith::SelectOp::create(nested, l, isNegative, zero, m2);
      Partial tile{tileCount, arith.add(widen(args[0]), shift), m2};
      Partial running{args[3], widen(args[4]), widen(args[5])};
      Partial merged = mergePartials(arith, running, tile);
      return {merged.count, arith.convert(merged.mean, args[4].getType()),
              arith.convert(merged.m2, args[5].getType())};
    };
    return createElementwise(b, op, {pivot, sum, sumOfSquares}, op.getOuts(),
                             body);
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

FailureOr<SmallVector<Value>> StatsOp::decomposeOperation(OpBuilder &b) {
  if (getMask() || !isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  StatsBuilder stats(b, *this);
  Arith arith{b, getLoc()};
  Value count = createElementCount(b, getLoc(), getInput(), stats.axis);
  Value inverse =
      arith.convert(arith.divOrZero(arith.constant(1.0, b.getF64Type()), count),
                    stats.accumulator);
  Value pivot =
      getPivot() ? stats.convertPivot() : stats.createPivot(inverse);
  auto sums = stats.createCentredSums(pivot);
  auto merged =
      stats.createMerge(count, pivot, sums.getResult(0), sums.getResult(1));
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

//===----------------------------------------------------------------------===//
// bn.update_running_stats
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Value>>
UpdateRunningStatsOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getCount().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  double momentum = getMomentum().convertToDouble();
  bool sample = getRunningVarianceKind() == VarianceKind::sample;
  Type wide = b.getF64Type();
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value count = args[0];
    Value zero = arith.constant(0.0, wide), one = arith.constant(1.0, wide);
    auto above = [&](Value limit) -> Value {
      return arith::CmpFOp::create(nested, l, arith::CmpFPredicate::OGT, count,
                                   limit);
    };
    auto select = [&](Value condition, Value yes, Value no) -> Value {
      return arith::SelectOp::create(nested, l, condition, yes, no);
    };
    Value mean = arith.convert(args[1], wide);
    Value variance = arith.convert(args[2], wide);
    if (sample) {
      Value factor = arith.div(count, arith.sub(count, one));
      variance = arith.mul(variance, select(above(one), factor, one));
    }
    Value hasElements = above(zero);
    // Chosen in f64: LLVM's choice between two bf16 calls a library function.
    auto average = [&](Value narrow, Value batch, Type type) {
      Value old = arith.convert(narrow, wide);
      Value kept = arith.mul(old, arith.constant(momentum, wide));
      Value taken = arith.mul(batch, arith.constant(1.0 - momentum, wide));
      return arith.convert(select(hasElements, arith.add(kept, taken), old),
                           type);
    };
    return {average(args[3], mean, args[5].getType()),
            average(args[4], variance, args[6].getType())};
  };
  auto generic = createElementwise(b, *this,
                                   {getCount(), getMean(), getVariance(),
                                    getRunningMean(), getRunningVariance()},
                                   getOuts(), body);
  return SmallVector<Value>(generic.getResults());
}

//===----------------------------------------------------------------------===//
// bn.normalize
//===----------------------------------------------------------------------===//

bool NormalizeOp::hasCoefficients() {
  unsigned width = getAccumulatorType(
                       cast<ShapedType>(getInput().getType()).getElementType())
                       .getWidth();
  auto fits = [&](Value value) {
    return !value || cast<ShapedType>(value.getType())
                             .getElementType()
                             .getIntOrFloatBitWidth() <= width;
  };
  return !getVariance() && fits(getMean()) && fits(getScale()) &&
         fits(getOffset());
}

/// Rewrites `op` as a bn.normalize whose mean, scale and offset are ready to be
/// applied: rounded mean m, a = scale / sqrt(variance + epsilon), and
/// offset - (mean - m) * a. All of it is f64, once per channel.
static NormalizeOp createCoefficients(OpBuilder &b, NormalizeOp op) {
  Location loc = op.getLoc();
  auto inputType = cast<ShapedType>(op.getInput().getType());
  SmallVector<int64_t> axis = normalizeAxis(op.getAxis(), inputType.getRank());
  Type narrow = getAccumulatorType(inputType.getElementType());
  Type wide = b.getF64Type();

  SmallVector<Value> ins, outs;
  for (Value operand :
       {op.getMean(), op.getVariance(), op.getScale(), op.getOffset()})
    if (operand)
      ins.push_back(operand);
  for (int i = 0; i < 3; ++i)
    outs.push_back(createEmptyLike(b, loc, op.getInput(), axis, narrow));

  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    unsigned index = 0;
    auto take = [&](Value operand, double absent) {
      return operand ? arith.convert(args[index++], wide)
                     : arith.constant(absent, wide);
    };
    Value mean = take(op.getMean(), 0.0);
    Value a;
    if (op.getVariance()) {
      Value epsilon = arith.constant(op.getEpsilon()->convertToDouble(), wide);
      Value variance = take(op.getVariance(), 0.0);
      a = arith.div(
          arith.constant(1.0, wide),
          math::SqrtOp::create(nested, l, arith.add(variance, epsilon)));
      if (op.getScale())
        a = arith.mul(take(op.getScale(), 1.0), a);
    } else {
      a = take(op.getScale(), 1.0);
    }
    Value offset = take(op.getOffset(), 0.0);
    Value rounded = arith.convert(mean, narrow);
    // Nothing is left where the mean fits, even where `a` is infinite.
    Value rest = arith.sub(mean, arith.convert(rounded, wide));
    Value zero = arith.constant(0.0, wide);
    Value fits =
        arith::CmpFOp::create(nested, l, arith::CmpFPredicate::OEQ, rest, zero);
    Value correction =
        arith::SelectOp::create(nested, l, fits, zero, arith.mul(rest, a));
    offset = arith.sub(offset, correction);
    return {rounded, arith.convert(a, narrow), arith.convert(offset, narrow)};
  };
  auto generic = createElementwise(b, op, ins, outs, body);
  auto result = NormalizeOp::create(
      b, loc, op->getResultTypes(), op.getInput(), generic.getResult(0),
      /*variance=*/Value(), generic.getResult(1), generic.getResult(2),
      op.getEpilogueInputs(), op.getOuts(), op.getAxisAttr(),
      /*epsilon=*/FloatAttr(), op->getNumRegions());
  cloneEpilogue(op, result);
  copyLoweringStrategy(op, result);
  return result;
}

FailureOr<SmallVector<Value>> NormalizeOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  if (!hasCoefficients())
    return SmallVector<Value>(createCoefficients(b, *this).getResults());

  Type accumulator = getAccumulatorType(
      cast<ShapedType>(getInput().getType()).getElementType());
  SmallVector<Value> ins = {getInput()};
  for (Value operand : {getMean(), getScale(), getOffset()})
    if (operand)
      ins.push_back(operand);
  llvm::append_range(ins, getEpilogueInputs());
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    unsigned index = 0;
    auto take = [&]() { return arith.convert(args[index++], accumulator); };
    Value y = take();
    if (getMean())
      y = arith.sub(y, take());
    if (getScale())
      y = arith.mul(y, take());
    if (getOffset())
      y = arith.add(y, take());
    SmallVector<Value> others;
    while (index < args.size() - 1)
      others.push_back(take());
    y = inlineEpilogue(nested, *this, y, others);
    return {arith.convert(y, args.back().getType())};
  };
  auto generic =
      createGeneric(b, *this, ins, getOuts(), getOperandIndexingMaps(),
                    getIterationKinds(), body);
  return SmallVector<Value>(generic.getResults());
}
