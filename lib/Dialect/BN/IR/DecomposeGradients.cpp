//===- DecomposeGradients.cpp - Steps of the gradients to linalg ----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of bn.backward_reduce and bn.backward_input. The
// formulas and their error bounds are in docs/Numerics.md.
//
//===----------------------------------------------------------------------===//

#include "ScalarArith.h"
#include "ScalarCode.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// bn.backward_reduce
//===----------------------------------------------------------------------===//

/// The smallest sums that dot products are trusted with: they take what
/// underflows for 0, which is far below the rounding errors then.
static constexpr double kLeastSum = 0x1p-80;

namespace {
/// Builds the steps of bn.backward_reduce on one tile.
struct SumsBuilder {
  SumsBuilder(OpBuilder &b, BackwardReduceOp op)
      : b(b), op(op), loc(op.getLoc()), data(op.getOutputGrad()),
        type(cast<ShapedType>(data.getType())),
        axis(normalizeAxis(op.getAxis(), type.getRank())),
        accumulator(getAccumulatorTypeOf(data)),
        meanFits(!op.getPivot() && fits(op.getMean(), accumulator)) {
    scale = getSumScale(type, op.getIterationKinds());
    needsDY = op.hasSumDY() || !meanFits;
  }

  /// Sums of `dy * x` where the pivot is 0.
  bool isRaw() {
    LoweringStrategyAttr strategy = getLoweringStrategy(op);
    return op.getPivot() && strategy && strategy.getMoments() == Moments::Raw;
  }

  /// The mean in the type of the sums.
  Value roundMean() {
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      return {convertFloat(nested, l, args[0], accumulator)};
    };
    Value empty = createEmptyLike(b, loc, data, axis, accumulator);
    return createElementwise(b, op, op.getMean(), empty, body).getResult(0);
  }

  /// The element of the gradient that is summed.
  Value inlinePrologue(OpBuilder &nested, Location l, Value dy,
                       ValueRange others) {
    SmallVector<Value> inputs;
    for (Value other : others)
      inputs.push_back(convertCodeElement(nested, l, other, accumulator));
    return inlineScalarCode(nested, op,
                            convertFloat(nested, l, dy, accumulator), inputs)
        .front();
  }

  /// sum(dy / scale), where it is needed, and sum(dy * ((x - m) / scale)),
  /// where it is asked for. The scaled difference is that of the scaled
  /// numbers: one multiply-add.
  linalg::GenericOp createSums(Value mean) {
    SmallVector<AffineMap> all = op.getOperandIndexingMaps();
    AffineMap channelMap = all.back();
    SmallVector<Value> ins = {data}, zeros;
    if (op.hasSumDYXmu())
      ins.append({op.getInput(), mean});
    size_t firstCodeInput = ins.size();
    llvm::append_range(ins, convertCodeInputs(b, op));
    SmallVector<AffineMap> maps(ArrayRef(all).take_front(ins.size()));
    for (int i = needsDY + op.hasSumDYXmu(); i > 0; --i) {
      zeros.push_back(createZerosLike(b, loc, data, axis, accumulator));
      maps.push_back(channelMap);
    }
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      Value inverse = arith.constant(1.0 / scale, accumulator);
      Value dy = inlinePrologue(
          nested, l, args[0],
          args.slice(firstCodeInput, ins.size() - firstCodeInput));
      ValueRange sums = args.drop_front(ins.size());
      SmallVector<Value> results;
      if (needsDY)
        results.push_back(arith.add(arith.mul(dy, inverse), sums.front()));
      if (op.hasSumDYXmu()) {
        Value x = arith.mul(arith.convert(args[1], accumulator), inverse);
        Value m = arith.mul(args[2], inverse);
        Value d = arith::SubFOp::create(nested, l, x, m, kContract);
        results.push_back(arith.add(arith.mul(d, dy), sums.back()));
      }
      return results;
    };
    return createGeneric(b, op, ins, zeros, maps, op.getIterationKinds(), body);
  }

  /// sum(dy) and sum(dy * x).
  linalg::GenericOp createRawSums() {
    SmallVector<AffineMap> all = op.getOperandIndexingMaps();
    AffineMap channelMap = all.back();
    Value zeros = createZerosLike(b, loc, data, axis, accumulator);
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      Value dy = arith.convert(args[0], accumulator);
      Value x = arith.convert(args[1], accumulator);
      return {arith.add(dy, args[2]), arith.add(arith.mul(x, dy), args[3])};
    };
    return createGeneric(b, op, {data, op.getInput()}, {zeros, zeros},
                         {all[0], all[1], channelMap, channelMap},
                         op.getIterationKinds(), body);
  }

  /// Of `raw` sums: both scaled, and whether they are in doubt, 0 or 1: they
  /// are about 0 and not the pivot, have overflowed, or are so small that it
  /// counts what dot products flush. (Channels of zeros are.)
  linalg::GenericOp createDoubts(ValueRange raw) {
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      auto number = [&](double value) {
        return arith.constant(value, accumulator);
      };
      auto compare = [&](arith::CmpFPredicate predicate, Value x, double y) {
        return arith.compare(predicate, x, number(y));
      };
      Value isExact = compare(arith::CmpFPredicate::OEQ, args[2], 0.0);
      for (Value sum : args.take_front(2)) {
        Value size = math::AbsFOp::create(nested, l, sum);
        // Both are false for NaN.
        for (Value is : {compare(arith::CmpFPredicate::OGE, size, kLeastSum),
                         compare(arith::CmpFPredicate::OLT, size,
                                 std::numeric_limits<double>::infinity())})
          isExact = arith::AndIOp::create(nested, l, isExact, is);
      }
      Value inverse = number(1.0 / scale);
      return {arith.mul(args[0], inverse), arith.mul(args[1], inverse),
              arith.select(isExact, number(0.0), number(1.0))};
    };
    Value empty = createEmptyLike(b, loc, data, axis, accumulator);
    return createElementwise(b, op, {raw[0], raw[1], op.getPivot()},
                             {empty, empty, empty}, body);
  }

  /// Both sums, scaled; channels in doubt are summed up about their pivots.
  ValueRange runRaw() {
    auto doubts = createDoubts(createRawSums().getResults());
    return replaceDoubtfulSums(
        b, op, doubts.getResults().take_front(2), doubts.getResult(2),
        [&]() -> ValueRange { return createSums(op.getPivot()).getResults(); });
  }

  /// Adds the sums of the tile to the outs; what the rounded mean has lost is
  /// taken off again.
  linalg::GenericOp createTotals(Value rounded, ValueRange sums) {
    Type wide = b.getF64Type();
    SmallVector<Value> ins(sums);
    if (!meanFits)
      ins.append({op.getMean(), rounded});
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      auto widen = [&](Value v) { return arith.convert(v, wide); };
      auto unscale = [&](Value v) {
        return arith.mul(widen(v), arith.constant(scale, wide));
      };
      SmallVector<Value> parts;
      if (op.hasSumDY())
        parts.push_back(unscale(args[0]));
      if (op.hasSumDYXmu()) {
        Value part = unscale(args[sums.size() - 1]);
        if (!meanFits) {
          Value rest =
              arith.sub(widen(args[sums.size()]), widen(args[sums.size() + 1]));
          part = arith.sub(part, arith.mulOrZero(rest, unscale(args[0])));
        }
        parts.push_back(part);
      }
      SmallVector<Value> totals;
      for (auto [total, part] :
           llvm::zip_equal(args.drop_front(ins.size()), parts))
        totals.push_back(
            arith.convert(arith.add(widen(total), part), total.getType()));
      return totals;
    };
    return createElementwise(b, op, ins, op.getOuts(), body);
  }

  OpBuilder &b;
  BackwardReduceOp op;
  Location loc;
  Value data;
  ShapedType type;
  SmallVector<int64_t> axis;
  FloatType accumulator;
  bool meanFits, needsDY;
  double scale;
};
} // namespace

FailureOr<SmallVector<Value>>
BackwardReduceOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getOutputGrad().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  SumsBuilder builder(b, *this);
  if (builder.isRaw())
    return SmallVector<Value>(
        builder.createTotals(getPivot(), builder.runRaw()).getResults());
  Value mean = getPivot() ? getPivot() : getMean();
  // A narrower mean is widened, too: f16 to f32.
  if (mean &&
      cast<ShapedType>(mean.getType()).getElementType() != builder.accumulator)
    mean = builder.roundMean();
  linalg::GenericOp sums = builder.createSums(mean);
  return SmallVector<Value>(
      builder.createTotals(mean, sums.getResults()).getResults());
}

//===----------------------------------------------------------------------===//
// bn.backward_input
//===----------------------------------------------------------------------===//

/// True when mean and coefficients can be applied as they are.
static bool hasOwnCoefficients(BackwardInputOp op) {
  FloatType accumulator = getAccumulatorTypeOf(op.getOutputGrad());
  return llvm::all_of(
      ArrayRef<Value>{op.getMean(), op.getA(), op.getB(), op.getC()},
      [&](Value value) { return fits(value, accumulator); });
}

bool BackwardInputOp::hasCoefficients() {
  return hasOwnCoefficients(*this) && hasOwnCodeInputs(*this);
}

/// Rewrites `op` as a bn.backward_input whose mean and coefficients are ready
/// to be applied: rounded mean m, a, b, and c - b * (mean - m). All of it is
/// f64, once per channel.
static BackwardInputOp roundCoefficients(OpBuilder &b, BackwardInputOp op) {
  Value data = op.getOutputGrad();
  auto type = cast<ShapedType>(data.getType());
  SmallVector<int64_t> axis = normalizeAxis(op.getAxis(), type.getRank());
  FloatType narrow = getAccumulatorType(type.getElementType());
  Type wide = b.getF64Type();
  SmallVector<Value> ins, outs;
  for (Value coefficient : {op.getA(), op.getB(), op.getC()})
    if (coefficient)
      ins.push_back(coefficient);
  bool splitsMean = !fits(op.getMean(), narrow);
  if (splitsMean)
    ins.push_back(op.getMean());
  for (size_t i = 0; i < ins.size(); ++i)
    outs.push_back(createEmptyLike(b, op.getLoc(), data, axis, narrow));
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    SmallVector<Value> wides, results;
    for (Value in : args.take_front(ins.size()))
      wides.push_back(arith.convert(in, wide));
    if (splitsMean) {
      Value rounded = arith.convert(wides[3], narrow);
      Value rest = arith.sub(wides[3], arith.convert(rounded, wide));
      wides[2] = arith.sub(wides[2], arith.mulOrZero(rest, wides[1]));
    }
    for (Value value : wides)
      results.push_back(arith.convert(value, narrow));
    return results;
  };
  auto generic = createElementwise(b, op, ins, outs, body);
  auto result = cast<BackwardInputOp>(b.clone(*op));
  result.getAMutable().assign(generic.getResult(0));
  if (op.getB()) {
    result.getBMutable().assign(generic.getResult(1));
    result.getCMutable().assign(generic.getResult(2));
  }
  if (splitsMean)
    result.getMeanMutable().assign(generic.getResult(3));
  return result;
}

namespace {
/// Builds the scalar code of bn.backward_input.
struct DataGradBuilder {
  BackwardInputOp op;
  FloatType accumulator;
  /// The elements of the inputs that there are, in their order.
  ValueRange args;
  unsigned index = 0;

  Value take(Arith &arith) { return arith.convert(args[index++], accumulator); }
  Value takeIf(Arith &arith, Value operand) {
    return operand ? take(arith) : Value();
  }

  /// The gradient of the input, if it is asked for, and that of the normalized
  /// elements.
  std::pair<Value, Value> build(OpBuilder &nested, Location l) {
    Arith arith{nested, l};
    Value dy = take(arith), x = takeIf(arith, op.getInput());
    if (op.getMean())
      x = arith.sub(x, take(arith));
    Value a = takeIf(arith, op.getA()), b = takeIf(arith, op.getB());
    Value c = takeIf(arith, op.getC()), w = takeIf(arith, op.getMask());
    SmallVector<Value> others;
    for ([[maybe_unused]] Value input : op.getPrologueInputs())
      others.push_back(
          convertCodeElement(nested, l, args[index++], accumulator));
    Value g = inlineScalarCode(nested, op, dy, others).front();
    Value dx = a ? arith.mul(a, g) : Value();
    if (!x)
      return {dx, g};
    Value rest = arith.add(arith.mul(b, x), c);
    if (w)
      rest = dropExcluded(arith, arith.mul(w, rest), w);
    return {arith.add(dx, rest), g};
  }
};
} // namespace

FailureOr<SmallVector<Value>>
BackwardInputOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getOutputGrad().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  if (!hasOwnCoefficients(*this))
    return SmallVector<Value>(roundCoefficients(b, *this).getResults());
  if (!hasCoefficients()) {
    SmallVector<Value> inputs = convertCodeInputs(b, *this);
    auto result = cast<BackwardInputOp>(b.clone(**this));
    result.getPrologueInputsMutable().assign(inputs);
    return SmallVector<Value>(result.getResults());
  }

  FloatType accumulator = getAccumulatorTypeOf(getOutputGrad());
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    auto [dx, g] = DataGradBuilder{*this, accumulator, args}.build(nested, l);
    SmallVector<Value> results;
    for (Value grad : {dx, writesNormalized() ? g : Value()})
      if (grad)
        results.push_back(convertFloat(nested, l, grad, args.back().getType()));
    return results;
  };
  SmallVector<Value> ins(ValueRange(getOperands()).drop_back(getOuts().size()));
  SmallVector<AffineMap> maps = getOperandIndexingMaps();
  if (getMask()) {
    unsigned place = getMaskMutable()[0].getOperandNumber();
    std::tie(ins[place], maps[place]) = dropUnitDims(b, getLoc(), getMask());
  }
  auto generic =
      createGeneric(b, *this, ins, getOuts(), maps, getIterationKinds(), body);
  return SmallVector<Value>(generic.getResults());
}
