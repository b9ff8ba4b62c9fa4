//===- DecomposeNormalize.cpp - bn.normalize to linalg --------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of bn.normalize. The formulas and their error bounds
// are in docs/Numerics.md.
//
//===----------------------------------------------------------------------===//

#include "ScalarArith.h"
#include "ScalarCode.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::bn;

/// True when mean, scale and offset can be applied as they are.
static bool hasOwnCoefficients(NormalizeOp op) {
  FloatType accumulator = getAccumulatorTypeOf(op.getInput());
  return !op.getVariance() &&
         llvm::all_of(
             ArrayRef<Value>{op.getMean(), op.getScale(), op.getOffset()},
             [&](Value value) { return fits(value, accumulator); });
}

bool NormalizeOp::hasCoefficients() {
  return hasOwnCoefficients(*this) && hasOwnCodeInputs(*this);
}

/// Rewrites `op` with what its epilogue takes per channel in the accumulator
/// type.
static NormalizeOp convertEpilogueInputs(OpBuilder &b, NormalizeOp op) {
  SmallVector<Value> inputs = convertCodeInputs(b, op);
  auto result = cast<NormalizeOp>(b.clone(*op));
  result.getEpilogueInputsMutable().assign(inputs);
  return result;
}

/// The f64 mean, rounded to a multiple of a power of two that is at most about
/// half a deviation: where the mean is no larger than that, it is 0, and
/// elsewhere has few digits, so that x - m is exact (docs/Numerics.md). Adding
/// and subtracting 2^51 deviations leaves no smaller digits; `inverse` is 1 /
/// sqrt(variance + epsilon). An infinite variance gives 0.
static Value roundToDeviation(Arith &arith, Value mean, Value variance,
                              Value inverse) {
  Type type = mean.getType();
  Value deviation = arith::MinNumFOp::create(arith.b, arith.loc,
                                             arith.mulOrZero(variance, inverse),
                                             arith.constant(0x1p900, type));
  Value large = arith.mul(deviation, arith.constant(0x1p51, type));
  return arith.sub(arith.add(mean, large), large);
}

namespace {
/// Rewrites an op as a bn.normalize whose mean, scale and offset are ready to
/// be applied: rounded mean m, a = scale / sqrt(variance + epsilon), and
/// offset - (mean - m) * a. All of it is f64, once per channel. Where it pays,
/// there is a version without m, with offset - mean * a, for means so near 0
/// that this cancels little.
struct CoefficientsBuilder {
  CoefficientsBuilder(OpBuilder &b, NormalizeOp op)
      : b(b), op(op), loc(op.getLoc()),
        narrow(getAccumulatorTypeOf(op.getInput())), wide(b.getF64Type()),
        subtracts(op.getMean()), adds(subtracts || op.getOffset()),
        folds(op.getMean() && op.getVariance() &&
              paysToFoldMean(op, op.getInput())) {}

  SmallVector<Value> compute(Arith arith, ValueRange args);
  void foldMean(Arith arith, Value mean, Value variance, Value a, Value offset,
                SmallVector<Value> &results);
  ValueRange createCoefficients();
  ValueRange createNormalize(Value mean, Value scale, Value offset);
  ValueRange run();

  OpBuilder &b;
  NormalizeOp op;
  Location loc;
  FloatType narrow;
  Type wide;
  /// What is absent costs nothing; but the rest of a mean is an offset.
  bool subtracts, adds;
  /// There is a version without a mean.
  bool folds;
};
} // namespace

/// Adds to `results` the offset that holds all of the mean, and 1 where that is
/// too far from 0, or f32 may overflow, else 0. NaN is neither: of it either
/// version makes NaN.
void CoefficientsBuilder::foldMean(Arith arith, Value mean, Value variance,
                                   Value a, Value offset,
                                   SmallVector<Value> &results) {
  auto isAbove = [&](Value value, double most) {
    Value size = math::AbsFOp::create(arith.b, loc, value);
    return arith.compare(arith::CmpFPredicate::OGT, size,
                         arith.constant(most, wide));
  };
  auto either = [&](Value x, Value y) -> Value {
    return arith::OrIOp::create(arith.b, loc, x, y);
  };
  Value part = arith.mulOrZero(mean, a);
  Value isFar = isFarFromZero(arith, mean, variance, StatisticsKind::variance,
                              kMostFolded * kMostFolded);
  isFar = either(
      isFar, either(isAbove(a, kLargestFolded), isAbove(part, kLargestFolded)));
  results.push_back(arith.convert(arith.sub(offset, part), narrow));
  results.push_back(arith.select(isFar, arith.constant(1.0, narrow),
                                 arith.constant(0.0, narrow)));
}

/// The coefficients of one channel; `args` are those operands that are there.
SmallVector<Value> CoefficientsBuilder::compute(Arith arith, ValueRange args) {
  unsigned index = 0;
  auto take = [&](Value operand, double absent) {
    return operand ? arith.convert(args[index++], wide)
                   : arith.constant(absent, wide);
  };
  Value mean = take(op.getMean(), 0.0), toRound = mean, a, variance;
  if (op.getVariance()) {
    variance = take(op.getVariance(), 0.0);
    double epsilon = op.getEpsilon()->convertToDouble();
    a = arith.inverseDeviation(variance, epsilon);
    if (!fits(op.getMean(), narrow))
      toRound = roundToDeviation(arith, mean, variance, a);
    if (op.getScale())
      a = arith.mul(take(op.getScale(), 1.0), a);
  } else {
    a = take(op.getScale(), 1.0);
  }
  Value offset = take(op.getOffset(), 0.0), given = offset;
  SmallVector<Value> results;
  if (subtracts) {
    Value rounded = arith.convert(toRound, narrow);
    // Nothing is left where the mean fits, even where `a` is infinite.
    Value rest = arith.sub(mean, arith.convert(rounded, wide));
    offset = arith.sub(offset, arith.mulOrZero(rest, a));
    results.push_back(rounded);
  }
  results.push_back(arith.convert(a, narrow));
  if (adds)
    results.push_back(arith.convert(offset, narrow));
  if (folds)
    foldMean(arith, mean, variance, a, given, results);
  return results;
}

ValueRange CoefficientsBuilder::createCoefficients() {
  SmallVector<Value> ins;
  for (Value operand :
       {op.getMean(), op.getVariance(), op.getScale(), op.getOffset()})
    if (operand)
      ins.push_back(operand);
  SmallVector<int64_t> axis = normalizeAxis(
      op.getAxis(), cast<ShapedType>(op.getInput().getType()).getRank());
  SmallVector<Value> outs;
  for (int i = 1 + subtracts + adds + 2 * folds; i > 0; --i)
    outs.push_back(createEmptyLike(b, loc, op.getInput(), axis, narrow));
  auto body = [&](OpBuilder &nested, Location l, ValueRange args) {
    return compute({nested, l}, args);
  };
  return createElementwise(b, op, ins, outs, body).getResults();
}

/// The op with coefficients that are ready to be applied.
ValueRange CoefficientsBuilder::createNormalize(Value mean, Value scale,
                                                Value offset) {
  auto result = NormalizeOp::create(
      b, loc, op->getResultTypes(), op.getInput(), mean, /*variance=*/Value(),
      scale, offset, op.getEpilogueInputs(), op.getOuts(), op.getAxisAttr(),
      /*epsilon=*/FloatAttr(), op->getNumRegions());
  cloneScalarCode(op, result);
  copyLoweringStrategy(op, result);
  return result.getResults();
}

ValueRange CoefficientsBuilder::run() {
  ValueRange coefficients = createCoefficients();
  Value mean = subtracts ? coefficients[0] : Value();
  Value scale = coefficients[subtracts];
  Value offset = adds ? coefficients[subtracts + 1] : Value();
  if (!folds)
    return createNormalize(mean, scale, offset);
  Value folded = coefficients.drop_back().back(), doubts = coefficients.back();
  return ifAllZero(
      b, op, doubts, [&] { return createNormalize(Value(), scale, folded); },
      [&] { return createNormalize(mean, scale, offset); });
}

FailureOr<SmallVector<Value>> NormalizeOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  if (!hasOwnCoefficients(*this))
    return SmallVector<Value>(CoefficientsBuilder(b, *this).run());
  if (!hasCoefficients())
    return SmallVector<Value>(convertEpilogueInputs(b, *this).getResults());

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
    while (index < args.size() - getOuts().size())
      others.push_back(take());
    SmallVector<Value> results = inlineScalarCode(nested, *this, y, others);
    Type element = getElementTypeOrSelf(getInput().getType());
    results.front() = arith.convert(results.front(), element);
    return results;
  };
  auto generic =
      createGeneric(b, *this, ins, getOuts(), getOperandIndexingMaps(),
                    getIterationKinds(), body);
  return SmallVector<Value>(generic.getResults());
}
