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

#include <limits>

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Of `a * dy + b * (x - mean) + c`; those of a frozen gradient are `a` alone.
struct Coefficients {
  Value a, b, c;
  /// `c` where the mean is absent, and 1 where that is no good, else 0; null
  /// where no sweep without the mean is worth it.
  Value folded, doubts;
};

/// Builds the steps of bn.backward.
struct BackwardBuilder {
  BackwardBuilder(OpBuilder &b, BackwardOp op)
      : b(b), op(op), loc(op.getLoc()), data(op.getOutputGrad()),
        axis(normalizeAxis(op.getAxis(),
                           cast<ShapedType>(data.getType()).getRank())),
        wide(b.getF64Type()), hasPrologue(op.hasScalarCode()),
        folds(paysToFoldMean(op, data)), results(op.getNumResults()) {}

  void run();

private:
  bool takesRawSums();
  /// `second` is the second statistic.
  Value isFar(Arith &arith, Value mean, Value second, double mostSquare) {
    return isFarFromZero(arith, mean, second, op.getStatisticsKind(),
                         mostSquare);
  }
  Value createPivot();
  void createSums(bool dy, bool dyXmu);
  void createParameterGrads();
  Value createWeightSum();
  Coefficients createCoefficients();
  Value createDoubt(Arith &arith, Value mean, Value second, Value part);
  Value createFrozenCoefficient();
  bool writesNormalizedFirst();
  ValueRange createSweep(ArrayRef<Gradient> gradients, Value mean,
                         Coefficients coefficients);
  void createDataGrads(ArrayRef<Gradient> gradients, Coefficients coefficients);
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
  /// There is a version of the second sweep without a mean.
  bool folds;
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
    return {arith.select(isFar(arith, mean, second, kMostSquare),
                         arith.convert(mean, narrow),
                         arith.constant(0.0, narrow))};
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
Coefficients BackwardBuilder::createCoefficients() {
  SmallVector<Value> ins = {sumDY, sumDYXmu, op.getVariance()};
  if (op.getScale())
    ins.push_back(op.getScale());
  if (op.getMask())
    ins.push_back(createWeightSum());
  if (folds)
    ins.push_back(op.getMean());
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value mean = folds ? arith.convert(args[ins.size() - 1], wide) : Value();
    Value n = op.getMask() ? args[ins.size() - 1 - folds] : count;
    Value r = getInverse(arith, args[2]), a = r;
    if (op.getScale())
      a = arith.mul(arith.convert(args[3], wide), r);
    Value minusA = arith.mul(a, arith.constant(-1.0, wide));
    Value share = arith.divOrZero(args[1], n);
    Value slope = arith.mul(minusA, arith.mul(r, arith.mul(r, share)));
    Value c = arith.mul(minusA, arith.divOrZero(args[0], n));
    if (!folds)
      return {a, slope, c};
    Value part = arith.mul(slope, mean);
    return {a, slope, c, arith.sub(c, part),
            createDoubt(arith, mean, arith.convert(args[2], wide), part)};
  };
  SmallVector<Value> outs(folds ? 5 : 3);
  for (Value &out : outs)
    out = createEmpty();
  auto computed = createElementwise(b, op, ins, outs, body).getResults();
  Value folded = folds ? computed[3] : Value();
  Value doubts = folds ? computed[4] : Value();
  return {computed[0], computed[1], computed[2], folded, doubts};
}

/// 1 where a channel's mean is too far from 0 for `c` to hold it, or f32 may
/// overflow with `part`, what it is there, else 0: also where `part` is
/// infinite, as of an infinite element. Either version makes no number of it.
Value BackwardBuilder::createDoubt(Arith &arith, Value mean, Value second,
                                   Value part) {
  Value size = math::AbsFOp::create(arith.b, arith.loc, part);
  auto compare = [&](arith::CmpFPredicate predicate, double bound) {
    return arith.compare(predicate, size, arith.constant(bound, wide));
  };
  Value isLarge = arith::AndIOp::create(
      arith.b, arith.loc, compare(arith::CmpFPredicate::OGT, kLargestFolded),
      compare(arith::CmpFPredicate::OLT,
              std::numeric_limits<double>::infinity()));
  Value isDoubtful = arith::OrIOp::create(
      arith.b, arith.loc, isLarge,
      isFar(arith, mean, second, kMostFolded * kMostFolded));
  return arith.select(isDoubtful, arith.constant(1.0, wide),
                      arith.constant(0.0, wide));
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
ValueRange BackwardBuilder::createSweep(ArrayRef<Gradient> gradients,
                                        Value mean, Coefficients coefficients) {
  bool isFull = !!coefficients.c;
  SmallVector<Value> outs = llvm::map_to_vector(
      gradients, [&](Gradient gradient) { return getOut(gradient); });
  auto grads = BackwardInputOp::create(
      b, loc, TypeRange(ValueRange(outs)), data,
      isFull ? op.getInput() : Value(), mean, coefficients.a, coefficients.b,
      coefficients.c, isFull ? op.getMask() : Value(),
      hasPrologue ? op.getPrologueInputs() : ValueRange(), outs, axis,
      /*prologuesCount=*/hasPrologue);
  if (hasPrologue)
    cloneScalarCode(op, grads);
  copyLoweringStrategy(op, grads);
  return grads.getResults();
}

/// Sets the results of `gradients`. Where it pays, there is a sweep with the
/// means in the coefficients, for means so near 0 that this cancels little.
void BackwardBuilder::createDataGrads(ArrayRef<Gradient> gradients,
                                      Coefficients coefficients) {
  Value mean = coefficients.c ? op.getMean() : Value();
  auto subtract = [&] { return createSweep(gradients, mean, coefficients); };
  auto fold = [&] {
    Coefficients folded = coefficients;
    folded.c = coefficients.folded;
    return createSweep(gradients, /*mean=*/Value(), folded);
  };
  ValueRange grads = coefficients.folded
                         ? ifAllZero(b, op, coefficients.doubts, fold, subtract)
                         : subtract();
  for (auto [gradient, result] : llvm::zip_equal(gradients, grads))
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
  Coefficients coefficients;
  if (training)
    coefficients = createCoefficients();
  else if (op.wants(Gradient::input))
    coefficients.a = createFrozenCoefficient();
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
