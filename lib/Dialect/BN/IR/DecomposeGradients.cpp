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
#include "bn/Dialect/BN/IR/BNOps.h"

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// bn.backward_reduce
//===----------------------------------------------------------------------===//

namespace {
/// Builds the steps of bn.backward_reduce on one tile.
struct SumsBuilder {
  SumsBuilder(OpBuilder &b, BackwardReduceOp op)
      : b(b), op(op), loc(op.getLoc()), data(op.getOutputGrad()),
        type(cast<ShapedType>(data.getType())),
        axis(normalizeAxis(op.getAxis(), type.getRank())),
        accumulator(getAccumulatorTypeOf(data)),
        meanFits(fits(op.getMean(), accumulator)) {
    scale = getSumScale(type, op.getIterationKinds());
    needsDY = op.hasSumDY() || !meanFits;
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

  /// sum(dy / scale), where it is needed, and sum(dy * ((x - m) / scale)),
  /// where it is asked for. The scaled difference is that of the scaled
  /// numbers: one multiply-add.
  linalg::GenericOp createSums(Value mean) {
    SmallVector<AffineMap> all = op.getOperandIndexingMaps();
    AffineMap dataMap = all.front(), channelMap = all.back();
    SmallVector<Value> ins = {data}, zeros;
    SmallVector<AffineMap> maps = {dataMap};
    if (op.hasSumDYXmu()) {
      ins.append({op.getInput(), mean});
      maps.append({dataMap, channelMap});
    }
    for (int i = needsDY + op.hasSumDYXmu(); i > 0; --i) {
      zeros.push_back(createZerosLike(b, loc, data, axis, accumulator));
      maps.push_back(channelMap);
    }
    auto body = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
      Arith arith{nested, l};
      Value inverse = arith.constant(1.0 / scale, accumulator);
      Value dy = arith.convert(args[0], accumulator);
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
  Value mean = getMean();
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

bool BackwardInputOp::hasCoefficients() {
  FloatType accumulator = getAccumulatorTypeOf(getInput());
  return llvm::all_of(ArrayRef<Value>{getMean(), getA(), getB(), getC()},
                      [&](Value value) { return fits(value, accumulator); });
}

/// Rewrites `op` as a bn.backward_input whose mean and coefficients are ready
/// to be applied: rounded mean m, a, b, and c - b * (mean - m). All of it is
/// f64, once per channel.
static BackwardInputOp roundCoefficients(OpBuilder &b, BackwardInputOp op) {
  Location loc = op.getLoc();
  auto type = cast<ShapedType>(op.getInput().getType());
  SmallVector<int64_t> axis = normalizeAxis(op.getAxis(), type.getRank());
  FloatType narrow = getAccumulatorType(type.getElementType());
  Type wide = b.getF64Type();
  SmallVector<Value> ins = {op.getA(), op.getB(), op.getC()}, outs;
  bool splitsMean = !fits(op.getMean(), narrow);
  if (splitsMean)
    ins.push_back(op.getMean());
  for (size_t i = 0; i < ins.size(); ++i)
    outs.push_back(createEmptyLike(b, loc, op.getInput(), axis, narrow));
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
  auto result = BackwardInputOp::create(
      b, loc, op->getResultTypes(), op.getOutputGrad(), op.getInput(),
      splitsMean ? generic.getResult(3) : op.getMean(), generic.getResult(0),
      generic.getResult(1), generic.getResult(2), op.getMask(), op.getOuts(),
      op.getAxisAttr());
  copyLoweringStrategy(op, result);
  return result;
}

FailureOr<SmallVector<Value>>
BackwardInputOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  if (!hasCoefficients())
    return SmallVector<Value>(roundCoefficients(b, *this).getResults());

  Type accumulator = getAccumulatorTypeOf(getInput());
  bool isCentred = getMean() != nullptr, isMasked = getMask() != nullptr;
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    unsigned index = 0;
    auto take = [&]() { return arith.convert(args[index++], accumulator); };
    Value dy = take(), x = take();
    if (isCentred)
      x = arith.sub(x, take());
    Value a = take(), slope = take(), c = take();
    Value first = arith.mul(a, dy), rest = arith.add(arith.mul(slope, x), c);
    if (isMasked) {
      Value w = take();
      rest = dropExcluded(arith, arith.mul(w, rest), w);
    }
    Value dx = arith.add(first, rest);
    return {arith.convert(dx, args.back().getType())};
  };
  SmallVector<Value> ins(ValueRange(getOperands()).drop_back());
  SmallVector<AffineMap> maps = getOperandIndexingMaps();
  if (isMasked) // The last of the inputs.
    std::tie(ins.back(), maps[ins.size() - 1]) =
        dropUnitDims(b, getLoc(), getMask());
  auto generic =
      createGeneric(b, *this, ins, getOuts(), maps, getIterationKinds(), body);
  return SmallVector<Value>(generic.getResults());
}
