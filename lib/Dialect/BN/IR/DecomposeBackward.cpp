//===- DecomposeBackward.cpp - bn.backward to structural ops --------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of bn.backward. Sums travel between structural ops as
// f64, one number per channel.
//
//===----------------------------------------------------------------------===//

#include "ScalarArith.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Builds the steps of bn.backward.
struct BackwardBuilder {
  BackwardBuilder(OpBuilder &b, BackwardOp op)
      : b(b), op(op), loc(op.getLoc()), data(op.getOutputGrad()),
        axis(normalizeAxis(op.getAxis(),
                           cast<ShapedType>(data.getType()).getRank())),
        wide(b.getF64Type()), hasPrologue(op.hasScalarCode()),
        results(op.getNumResults()) {}

  void run();

private:
  bool takesRawSums();
  Value createPivot();
  void createSums(bool dy, bool dyXmu);
  void createParameterGrads();
  Value createWeightSum();
  SmallVector<Value> createCoefficients();
  Value createFrozenCoefficient();
  bool writesNormalizedFirst();
  void createDataGrads(ArrayRef<Gradient> gradients,
                       ArrayRef<Value> coefficients);
  Value createEmpty() { return createEmptyLike(b, loc, data, axis, wide); }
  /// The out of one gradient, and its result.
  Value getOut(Gradient gradient) {
    return op.getOuts()[op.getPlace(gradient)];
  }
  Value &getResult(Gradient gradient) { return results[op.getPlace(gradient)]; }
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
  /// Whether `data` goes through the prologue.
  bool hasPrologue;
  /// `count` is the number of elements, whatever their weights.
  Value sumDY, sumDYXmu, count;

public:
  SmallVector<Value> results;
};
} // namespace

/// True where the strategy wants sums of `dy * x`, which are dot products. What
/// a prologue makes of `dy` is none of their factors.
bool BackwardBuilder::takesRawSums() {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  return strategy && strategy.getMoments() == Moments::Raw && !hasPrologue;
}

/// 0 where a channel's mean is near enough to it for sums of `dy * x`, else the
/// rounded mean.
Value BackwardBuilder::createPivot() {
  Type narrow = getAccumulatorTypeOf(data);
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value mean = arith.convert(args[0], wide);
    Value second = arith.convert(args[1], wide);
    Value square = arith.mul(mean, mean);
    Value bound = arith.constant(kMostSquare, wide);
    if (op.getStatisticsKind() == StatisticsKind::inverse_std)
      square = arith.mul(square, arith.mul(second, second));
    else
      bound = arith.mul(bound, second);
    // Comparisons with NaN are false.
    Value isNear = arith.compare(arith::CmpFPredicate::OLE, square, bound);
    return {arith.select(isNear, arith.constant(0.0, narrow),
                         arith.convert(mean, narrow))};
  };
  Value empty = createEmptyLike(b, loc, data, axis, narrow);
  return createElementwise(b, op, {op.getMean(), op.getVariance()}, empty, body)
      .getResult(0);
}

void BackwardBuilder::createSums(bool dy, bool dyXmu) {
  GradientSums sums = !dyXmu ? GradientSums::dy
                      : dy   ? GradientSums::both
                             : GradientSums::dy_xmu;
  Value zeros = createZerosLike(b, loc, data, axis, wide);
  SmallVector<Value> outs(dy + dyXmu, zeros);
  auto reduce = BackwardReduceOp::create(
      b, loc, TypeRange(ValueRange(outs)), data,
      dyXmu ? op.getInput() : Value(), dyXmu ? op.getMean() : Value(),
      dy && dyXmu && takesRawSums() ? createPivot() : Value(),
      op.getPrologueInputs(), outs, axis, sums, op->getNumRegions());
  cloneScalarCode(op, reduce);
  copyLoweringStrategy(op, reduce);
  if (dy)
    sumDY = reduce.getResult(0);
  if (dyXmu)
    sumDYXmu = reduce.getResults().back();
}

/// The gradients of scale and offset from the sums; 0 without elements.
void BackwardBuilder::createParameterGrads() {
  if (op.wants(Gradient::offset))
    getResult(Gradient::offset) =
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
  getResult(Gradient::scale) =
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
      /*mean=*/Value(), /*pivot=*/Value(), /*prologue_inputs=*/ValueRange(),
      zeros, axis, GradientSums::dy, /*prologuesCount=*/0);
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

/// `a = scale * r`, `b = -a * r * r * sum_dy_xmu / n` and
/// `c = -a * sum_dy / n`.
SmallVector<Value> BackwardBuilder::createCoefficients() {
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
  return SmallVector<Value>(coefficients.getResults());
}

/// `a = scale * r`.
Value BackwardBuilder::createFrozenCoefficient() {
  SmallVector<Value> ins = {op.getVariance()};
  if (op.getScale())
    ins.push_back(op.getScale());
  else if (op.getStatisticsKind() == StatisticsKind::inverse_std)
    return op.getVariance();
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value a = getInverse(arith, args[0]);
    if (op.getScale())
      a = arith.mul(arith.convert(args[1], wide), a);
    return {a};
  };
  return createElementwise(b, op, ins, createEmpty(), body).getResult(0);
}

/// Those of `gradients`, of the size of the data, in one sweep: of `input`,
/// `a * dy + w * (b * (input - mean) + c)` with the weight `w`, and `dy`
/// itself, the gradient of the normalized elements.
void BackwardBuilder::createDataGrads(ArrayRef<Gradient> gradients,
                                      ArrayRef<Value> coefficients) {
  bool isFull = coefficients.size() == 3;
  auto get = [&](size_t i) {
    return i < coefficients.size() ? coefficients[i] : Value();
  };
  SmallVector<Value> outs = llvm::map_to_vector(
      gradients, [&](Gradient gradient) { return getOut(gradient); });
  auto grads = BackwardInputOp::create(
      b, loc, TypeRange(ValueRange(outs)), data,
      isFull ? op.getInput() : Value(), isFull ? op.getMean() : Value(), get(0),
      get(1), get(2), isFull ? op.getMask() : Value(),
      hasPrologue ? op.getPrologueInputs() : ValueRange(), outs, axis,
      /*prologuesCount=*/hasPrologue);
  if (hasPrologue)
    cloneScalarCode(op, grads);
  copyLoweringStrategy(op, grads);
  for (auto [gradient, result] : llvm::zip_equal(gradients, grads.getResults()))
    getResult(gradient) = result;
}

/// True for what the code of a prologue yields when it is an element of
/// `output_grad` as it was, or 0: the types of data lose nothing of it.
static bool isUnrounded(Value value, BlockArgument outputGrad) {
  if (auto select = value.getDefiningOp<arith::SelectOp>())
    return isUnrounded(select.getTrueValue(), outputGrad) &&
           isUnrounded(select.getFalseValue(), outputGrad);
  return value == outputGrad || matchPattern(value, m_AnyZeroFloat());
}

/// True when the gradient of the normalized elements is written in the sweep of
/// the sums, and takes the place of `output_grad` after it: the second sweep
/// then reads nothing of the prologue's. Where channels are contiguous that is
/// a read less; elsewhere the second sweep finds its data in the cache.
bool BackwardBuilder::writesNormalizedFirst() {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  if (!strategy || strategy.getSchedule() != Schedule::RowBlocks ||
      !op.needsSumsForData() || !op.wants(Gradient::normalized) ||
      !op.hasScalarCode())
    return false;
  auto type = cast<ShapedType>(data.getType());
  Block &code = op->getRegion(0).front();
  bool isExact =
      getAccumulatorType(type.getElementType()) == type.getElementType() ||
      isUnrounded(code.getTerminator()->getOperand(0), code.getArgument(0));
  // In place the sums would read what is overwritten.
  Value out = getOut(Gradient::normalized);
  return isExact && hasWholeLines(type, strategy) &&
         llvm::count(op->getOperands(), out) == 1;
}

void BackwardBuilder::run() {
  bool training = op.needsSumsForData();
  bool dy = training || op.wants(Gradient::offset);
  bool dyXmu = training || op.wants(Gradient::scale);
  if (dy || dyXmu) {
    count = createElementCount(b, loc, data, axis);
    createSums(dy, dyXmu);
    createParameterGrads();
  }
  if (writesNormalizedFirst()) {
    createDataGrads(Gradient::normalized, {});
    data = getResult(Gradient::normalized);
    hasPrologue = false;
  }
  SmallVector<Value> coefficients;
  if (training)
    coefficients = createCoefficients();
  else if (op.wants(Gradient::input))
    coefficients.push_back(createFrozenCoefficient());
  SmallVector<Gradient> written;
  for (Gradient gradient : {Gradient::input, Gradient::normalized})
    if (op.wants(gradient) && !getResult(gradient))
      written.push_back(gradient);
  if (!written.empty())
    createDataGrads(written, coefficients);
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
