//===- DecomposeToLinalg.cpp - Structural ops to linalg -------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of bn.update_running_stats and bn.normalize; those of
// statistics and gradients are in DecomposeStats.cpp and DecomposeGradients.cpp.
// The formulas and their error bounds are in docs/Numerics.md.
//
//===----------------------------------------------------------------------===//

#include "ScalarArith.h"
#include "ScalarCode.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// Sums over the elements of a channel
//===----------------------------------------------------------------------===//

Value mlir::bn::createElementCount(OpBuilder &b, Location loc, Value input,
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

Value mlir::bn::areAllZero(OpBuilder &b, Operation *from, Value perChannel) {
  Location loc = from->getLoc();
  auto type = cast<ShapedType>(perChannel.getType());
  Value zero = floatConstant(b, loc, 0.0, type.getElementType());
  Value empty = tensor::EmptyOp::create(b, loc, ArrayRef<int64_t>(),
                                        type.getElementType());
  Value start = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    return {Arith{nested, l}.add(args[0], args[1])};
  };
  int64_t rank = type.getRank();
  auto sum = createGeneric(
      b, from, perChannel, start,
      {b.getMultiDimIdentityMap(rank), AffineMap::get(rank, 0, b.getContext())},
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::reduction),
      body);
  Value total = tensor::ExtractOp::create(b, loc, sum.getResult(0));
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, total, zero);
}

double mlir::bn::getSumScale(ShapedType type,
                             ArrayRef<utils::IteratorType> kinds) {
  double count = 1;
  for (auto [size, kind] : llvm::zip_equal(type.getShape(), kinds))
    if (kind == utils::IteratorType::reduction)
      count *= ShapedType::isDynamic(size) ? kDynamicScale : size;
  return std::exp2(std::ceil(std::log2(std::clamp(count, 1.0, kDynamicScale))));
}

/// sum(x * 1/n). Scaling first keeps the sum from overflowing where the mean
/// does not.
Value mlir::bn::createMean(OpBuilder &b, Operation *from, Value input,
                           ArrayRef<int64_t> axis) {
  Location loc = from->getLoc();
  FloatType accumulator = getAccumulatorTypeOf(input);
  int64_t rank = cast<ShapedType>(input.getType()).getRank();
  SmallVector<int64_t> channels = normalizeAxis(axis, rank);
  SmallVector<utils::IteratorType> kinds(rank, utils::IteratorType::reduction);
  for (int64_t dim : channels)
    kinds[dim] = utils::IteratorType::parallel;
  Arith outer{b, loc};
  Value count = createElementCount(b, loc, input, channels);
  Value inverse = outer.convert(
      outer.divOrZero(outer.constant(1.0, b.getF64Type()), count), accumulator);
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value x = arith.convert(args[0], accumulator);
    return {arith.add(arith.mul(x, inverse), args[1])};
  };
  return createGeneric(b, from, input,
                       createZerosLike(b, loc, input, channels, accumulator),
                       {b.getMultiDimIdentityMap(rank),
                        getChannelMap(rank, channels, b.getContext())},
                       kinds, body)
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

Value mlir::bn::dropExcluded(Arith &arith, Value x, Value w) {
  Value zero = arith.constant(0.0, w.getType());
  Value isExcluded = arith.compare(arith::CmpFPredicate::OEQ, w, zero);
  return arith.select(isExcluded, arith.constant(0.0, x.getType()), x);
}

std::pair<Value, AffineMap>
mlir::bn::dropUnitDims(OpBuilder &b, Location loc, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t rank = type.getRank();
  SmallVector<AffineExpr> exprs;
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    if (size == 1)
      continue;
    exprs.push_back(b.getAffineDimExpr(dim));
    shape.push_back(size);
  }
  AffineMap map = AffineMap::get(rank, 0, exprs, b.getContext());
  if (shape.size() == static_cast<size_t>(rank))
    return {value, map};
  SmallVector<OpFoldResult> zeros(rank, b.getIndexAttr(0)),
      ones(rank, b.getIndexAttr(1));
  Value smaller = tensor::ExtractSliceOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), value, zeros,
      tensor::getMixedSizes(b, loc, value), ones);
  return {smaller, map};
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

/// The most deviations that all means may be from 0 for it. Then rounding
/// errors are far below those of writing 16 bits (docs/Numerics.md).
static constexpr double kMostFolded = 16;

/// True where the subtraction of a mean is worth a version of the sweep that
/// has none: inside the caches, elements of 16 bits wait for instructions. (A
/// pipelined loop is one with the sums.)
static bool paysToFoldMean(NormalizeOp op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  auto type = cast<ShapedType>(op.getInput().getType());
  return strategy && strategy.getStores() == StoreKind::Temporal &&
         strategy.getSchedule() != Schedule::PipelinedSlab && op.getMean() &&
         op.getVariance() && type.getElementTypeBitWidth() == 16;
}

/// `op` with coefficients that are ready to be applied.
static Value createNormalize(OpBuilder &b, NormalizeOp op, Value mean,
                             Value scale, Value offset) {
  auto result = NormalizeOp::create(
      b, op.getLoc(), op->getResultTypes(), op.getInput(), mean,
      /*variance=*/Value(), scale, offset, op.getEpilogueInputs(),
      op.getOuts(), op.getAxisAttr(), /*epsilon=*/FloatAttr(),
      op->getNumRegions());
  cloneScalarCode(op, result);
  copyLoweringStrategy(op, result);
  return result.getResult(0);
}

/// Rewrites `op` as a bn.normalize whose mean, scale and offset are ready to be
/// applied: rounded mean m, a = scale / sqrt(variance + epsilon), and
/// offset - (mean - m) * a. All of it is f64, once per channel. Where it pays,
/// there is a version without m, with offset - mean * a, for means so near 0
/// that this cancels little.
static Value createCoefficients(OpBuilder &b, NormalizeOp op) {
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
  // What is absent costs nothing; but the rest of a mean is an offset.
  bool subtracts = op.getMean() != nullptr;
  bool adds = subtracts || op.getOffset();
  bool folds = paysToFoldMean(op);
  for (int i = 1 + subtracts + adds + 2 * folds; i > 0; --i)
    outs.push_back(createEmptyLike(b, loc, op.getInput(), axis, narrow));

  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    unsigned index = 0;
    auto take = [&](Value operand, double absent) {
      return operand ? arith.convert(args[index++], wide)
                     : arith.constant(absent, wide);
    };
    Value mean = take(op.getMean(), 0.0), toRound = mean;
    Value a, inverse;
    if (op.getVariance()) {
      Value variance = take(op.getVariance(), 0.0);
      inverse = a = arith.inverseDeviation(variance,
                                           op.getEpsilon()->convertToDouble());
      if (!fits(op.getMean(), cast<FloatType>(narrow)))
        toRound = roundToDeviation(arith, mean, variance, a);
      if (op.getScale())
        a = arith.mul(take(op.getScale(), 1.0), a);
    } else {
      a = take(op.getScale(), 1.0);
    }
    Value offset = take(op.getOffset(), 0.0);
    SmallVector<Value> results, forFolding;
    if (folds) {
      Value distance = math::AbsFOp::create(nested, l,
                                            arith.mulOrZero(mean, inverse));
      // Not of NaN, of which either version makes NaN: other channels keep
      // theirs.
      Value isFar = arith.compare(arith::CmpFPredicate::OGT, distance,
                                  arith.constant(kMostFolded, wide));
      Value folded = arith.sub(offset, arith.mulOrZero(mean, a));
      forFolding = {arith.convert(folded, narrow),
                    arith.select(isFar, arith.constant(1.0, narrow),
                                 arith.constant(0.0, narrow))};
    }
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
    llvm::append_range(results, forFolding);
    return results;
  };
  auto generic = createElementwise(b, op, ins, outs, body);
  ValueRange results = generic.getResults();
  Value mean = subtracts ? results[0] : Value(), scale = results[subtracts];
  Value exactOffset = adds ? results[subtracts + 1] : Value();
  if (!folds)
    return createNormalize(b, op, mean, scale, exactOffset);
  auto choice = scf::IfOp::create(b, loc, op->getResultTypes(),
                                  areAllZero(b, op, results.back()),
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  Value folded =
      createNormalize(b, op, /*mean=*/Value(), scale, results.drop_back().back());
  scf::YieldOp::create(b, loc, folded);
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, loc,
                       createNormalize(b, op, mean, scale, exactOffset));
  return choice.getResult(0);
}

FailureOr<SmallVector<Value>> NormalizeOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  if (!hasOwnCoefficients(*this))
    return SmallVector<Value>{createCoefficients(b, *this)};
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
    while (index < args.size() - 1)
      others.push_back(take());
    y = inlineScalarCode(nested, *this, y, others);
    return {arith.convert(y, args.back().getType())};
  };
  auto generic =
      createGeneric(b, *this, ins, getOuts(), getOperandIndexingMaps(),
                    getIterationKinds(), body);
  return SmallVector<Value>(generic.getResults());
}
