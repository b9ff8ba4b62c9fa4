//===- DecomposeToStructural.cpp - User-level ops to structural ones ------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of the user-level ops. Statistics and sums travel
// between structural ops as f64, one number per channel, so that the mean which
// is subtracted is not rounded to the type of the data.
//
//===----------------------------------------------------------------------===//

#include "ScalarArith.h"
#include "bn/Dialect/BN/IR/BNOps.h"

using namespace mlir;
using namespace mlir::bn;

/// `m2 / count`, and 0 where there are no elements.
static Value createVariance(OpBuilder &builder, Operation *op, Value count,
                            Value m2, Value empty) {
  auto body = [](OpBuilder &b, Location loc,
                 ValueRange args) -> SmallVector<Value> {
    Value zero = floatConstant(b, loc, 0.0, args[0].getType());
    Value isEmpty = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                                          args[0], zero);
    Value variance = arith::DivFOp::create(b, loc, args[1], args[0]);
    return {arith::SelectOp::create(b, loc, isEmpty, zero, variance)};
  };
  return createElementwise(builder, op, {count, m2}, empty, body).getResult(0);
}

FailureOr<SmallVector<Value>> TrainingOp::decomposeOperation(OpBuilder &b) {
  if (getGroups() != 1 || !isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  Location loc = getLoc();
  Value input = getInput();
  SmallVector<int64_t> axis = normalizeAxis(
      getAxis(), cast<ShapedType>(input.getType()).getRank());
  Type f64 = b.getF64Type();

  Value zeros = createZerosLike(b, loc, input, axis, f64);
  Type channels = zeros.getType();
  auto stats = StatsOp::create(b, loc, TypeRange{channels, channels, channels},
                               input, getMask(), /*pivot=*/Value(),
                               ValueRange{zeros, zeros, zeros}, axis);
  copyLoweringStrategy(*this, stats);
  Value count = stats.getResult(0), mean = stats.getResult(1);
  Value variance = createVariance(b, *this, count, stats.getResult(2),
                                  createEmptyLike(b, loc, input, axis, f64));

  SmallVector<Value> results(getNumResults());
  results[1] = convertTensor(b, *this, mean, getOuts()[1]);
  results[2] = convertTensor(b, *this, variance, getOuts()[2]);
  if (hasRunningStats()) {
    ValueRange outs = getOuts().drop_front(3);
    auto update = UpdateRunningStatsOp::create(
        b, loc, TypeRange(outs), count, mean, variance, getRunningMean(),
        getRunningVariance(), outs, getMomentumAttr(),
        getRunningVarianceKindAttr());
    results[3] = update.getResult(0);
    results[4] = update.getResult(1);
  }
  auto normalize = NormalizeOp::create(
      b, loc, getOuts()[0].getType(), input, mean, variance, getScale(),
      getOffset(), getEpilogueInputs(), getOuts()[0],
      b.getDenseI64ArrayAttr(axis), getEpsilonAttr(), (*this)->getNumRegions());
  cloneEpilogue(*this, normalize);
  copyLoweringStrategy(*this, normalize);
  results[0] = normalize.getResult(0);
  return results;
}

FailureOr<SmallVector<Value>> InferenceOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  auto normalize = NormalizeOp::create(
      b, getLoc(), getOuts()[0].getType(), getInput(), getMean(), getVariance(),
      getScale(), getOffset(), getEpilogueInputs(), getOuts()[0], getAxisAttr(),
      getEpsilonAttr(), (*this)->getNumRegions());
  cloneEpilogue(*this, normalize);
  copyLoweringStrategy(*this, normalize);
  return SmallVector<Value>{normalize.getResult(0)};
}

//===----------------------------------------------------------------------===//
// bn.backward
//===----------------------------------------------------------------------===//

namespace {
/// Builds the steps of bn.backward.
struct BackwardBuilder {
  BackwardBuilder(OpBuilder &b, BackwardOp op)
      : b(b), op(op), loc(op.getLoc()), data(op.getOutputGrad()),
        axis(normalizeAxis(op.getAxis(),
                           cast<ShapedType>(data.getType()).getRank())),
        wide(b.getF64Type()), results(op.getNumResults()) {}

  void run();

private:
  void createSums(bool dy, bool dyXmu);
  void createParameterGrads();
  Value createWeightSum();
  Value createInputGrad();
  Value createFrozenInputGrad();
  Value createEmpty() { return createEmptyLike(b, loc, data, axis, wide); }
  /// The out of one gradient.
  Value getOut(Gradient gradient) { return op.getOuts()[getPlace(gradient)]; }
  unsigned getPlace(Gradient gradient) {
    auto before = static_cast<uint32_t>(gradient) - 1;
    return llvm::popcount(static_cast<uint32_t>(op.getWrt()) & before);
  }
  /// `1 / sqrt(variance + epsilon)`, of the second statistic.
  Value getInverse(Arith &arith, Value statistic) {
    Value value = arith.convert(statistic, wide);
    if (op.getStatisticsKind() == StatisticsKind::inverse_std)
      return value;
    return arith.inverseDeviation(value, op.getEpsilon()->convertToDouble());
  }

  OpBuilder &b;
  BackwardOp op;
  Location loc;
  Value data;
  SmallVector<int64_t> axis;
  Type wide;
  /// `count` is the number of elements, whatever their weights.
  Value sumDY, sumDYXmu, count;

public:
  SmallVector<Value> results;
};
} // namespace

void BackwardBuilder::createSums(bool dy, bool dyXmu) {
  GradientSums sums = !dyXmu ? GradientSums::dy
                      : dy   ? GradientSums::both
                             : GradientSums::dy_xmu;
  Value zeros = createZerosLike(b, loc, data, axis, wide);
  SmallVector<Value> outs(dy + dyXmu, zeros);
  auto reduce = BackwardReduceOp::create(b, loc, TypeRange(ValueRange(outs)),
                                         data, dyXmu ? op.getInput() : Value(),
                                         dyXmu ? op.getMean() : Value(),
                                         outs, axis, sums);
  copyLoweringStrategy(op, reduce);
  if (dy)
    sumDY = reduce.getResult(0);
  if (dyXmu)
    sumDYXmu = reduce.getResults().back();
}

/// The gradients of scale and offset from the sums; 0 without elements.
void BackwardBuilder::createParameterGrads() {
  if (op.wants(Gradient::offset))
    results[getPlace(Gradient::offset)] =
        convertTensor(b, op, sumDY, getOut(Gradient::offset));
  if (!op.wants(Gradient::scale))
    return;
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value zero = arith.constant(0.0, wide);
    Value isEmpty = arith.compare(arith::CmpFPredicate::OEQ, count, zero);
    Value grad = arith.mul(args[0], getInverse(arith, args[1]));
    return {
        arith.convert(arith.select(isEmpty, zero, grad), args[2].getType())};
  };
  results[getPlace(Gradient::scale)] =
      createElementwise(b, op, {sumDYXmu, op.getVariance()},
                        getOut(Gradient::scale), body)
          .getResult(0);
}

/// The sum of the weights of each channel. It is taken of the mask alone, which
/// may be far smaller than the data.
Value BackwardBuilder::createWeightSum() {
  Value mask = op.getMask();
  auto type = cast<RankedTensorType>(mask.getType());
  int64_t rank = type.getRank();
  // Weights of f64 data are summed up as such.
  if (cast<ShapedType>(data.getType()).getElementType().isF64() &&
      !type.getElementType().isF64()) {
    SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    mask = convertTensor(b, op, mask, createEmptyLike(b, loc, mask, all, wide));
  }
  Value zeros = createZerosLike(b, loc, mask, axis, wide);
  auto reduce = BackwardReduceOp::create(
      b, loc, TypeRange(zeros.getType()), mask, /*input=*/Value(),
      /*mean=*/Value(), zeros, axis, GradientSums::dy);
  copyLoweringStrategy(op, reduce);
  // Each weight stands for the elements along which it is broadcast.
  SmallVector<int64_t> kept;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (llvm::is_contained(axis, dim) || type.getDimSize(dim) != 1)
      kept.push_back(dim);
  Value repeats = createElementCount(b, loc, data, kept);
  auto [sums, map] = dropUnitDims(b, loc, reduce.getResult(0));
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    return {Arith{nested, l}.mul(args[0], repeats)};
  };
  int64_t channels = axis.size();
  SmallVector<utils::IteratorType> kinds(channels,
                                         utils::IteratorType::parallel);
  return createGeneric(b, op, sums, createEmpty(),
                       {map, b.getMultiDimIdentityMap(channels)}, kinds, body)
      .getResult(0);
}

/// `a * output_grad + w * (b * (input - mean) + c)`, with the weight `w`,
/// `a = scale * r`, `b = -a * r * r * sum_dy_xmu / n` and
/// `c = -a * sum_dy / n`.
Value BackwardBuilder::createInputGrad() {
  SmallVector<Value> ins = {sumDY, sumDYXmu, op.getVariance()};
  if (op.getScale())
    ins.push_back(op.getScale());
  if (op.getMask())
    ins.push_back(createWeightSum());
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value n = op.getMask() ? args[ins.size() - 1] : count;
    Value r = getInverse(arith, args[2]), a = r;
    if (op.getScale())
      a = arith.mul(arith.convert(args[3], wide), r);
    Value minusA = arith.mul(a, arith.constant(-1.0, wide));
    Value share = arith.divOrZero(args[1], n);
    Value slope = arith.mul(minusA, arith.mul(r, arith.mul(r, share)));
    Value c = arith.mul(minusA, arith.divOrZero(args[0], n));
    return {a, slope, c};
  };
  auto coefficients = createElementwise(
      b, op, ins, {createEmpty(), createEmpty(), createEmpty()}, body);
  Value out = getOut(Gradient::input);
  auto input = BackwardInputOp::create(
      b, loc, out.getType(), data, op.getInput(), op.getMean(),
      coefficients.getResult(0), coefficients.getResult(1),
      coefficients.getResult(2), op.getMask(), out, axis);
  copyLoweringStrategy(op, input);
  return input.getResult(0);
}

/// `scale * r * output_grad`: as a normalization that only scales.
Value BackwardBuilder::createFrozenInputGrad() {
  Value variance = op.getVariance(), scale = op.getScale();
  if (op.getStatisticsKind() == StatisticsKind::inverse_std) {
    if (scale) {
      auto body = [&](OpBuilder &nested, Location l,
                      ValueRange args) -> SmallVector<Value> {
        Arith arith{nested, l};
        return {arith.mul(arith.convert(args[1], wide),
                          arith.convert(args[0], wide))};
      };
      scale = createElementwise(b, op, {variance, scale}, createEmpty(), body)
                  .getResult(0);
    } else {
      scale = variance;
    }
    variance = {};
  }
  Value out = getOut(Gradient::input);
  auto normalize = NormalizeOp::create(
      b, loc, out.getType(), data, /*mean=*/Value(), variance, scale,
      /*offset=*/Value(), out, b.getDenseI64ArrayAttr(axis),
      op.getEpsilonAttr());
  copyLoweringStrategy(op, normalize);
  return normalize.getResult(0);
}

void BackwardBuilder::run() {
  bool training = op.wants(Gradient::input) && !op.getFrozen();
  bool dy = training || op.wants(Gradient::offset);
  bool dyXmu = training || op.wants(Gradient::scale);
  if (dy || dyXmu) {
    count = createElementCount(b, loc, data, axis);
    createSums(dy, dyXmu);
    createParameterGrads();
  }
  if (op.wants(Gradient::input))
    results[0] = training ? createInputGrad() : createFrozenInputGrad();
}

FailureOr<SmallVector<Value>> BackwardOp::decomposeOperation(OpBuilder &b) {
  if (getGroups() != 1 || !isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  BackwardBuilder builder(b, *this);
  builder.run();
  return builder.results;
}
