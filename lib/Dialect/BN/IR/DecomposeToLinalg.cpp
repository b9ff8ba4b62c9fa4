//===- DecomposeToLinalg.cpp - Structural ops to linalg -------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of bn.update_running_stats, and what others have in
// common; theirs are in DecomposeStats.cpp, DecomposeNormalize.cpp and
// DecomposeGradients.cpp. The formulas and their error bounds are in
// docs/Numerics.md.
//
//===----------------------------------------------------------------------===//

#include "ScalarArith.h"
#include "ScalarCode.h"
#include "bn/Dialect/BN/IR/BNOps.h"

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

/// An i1: all entries of `perChannel` are 0.
static Value areAllZero(OpBuilder &b, Operation *from, Value perChannel) {
  Location loc = from->getLoc();
  auto type = cast<ShapedType>(perChannel.getType());
  Value zero = floatConstant(b, loc, 0.0, type.getElementType());
  Value start =
      createZerosLike(b, loc, perChannel, /*dims=*/{}, type.getElementType());
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

ValueRange mlir::bn::ifAllZero(OpBuilder &b, Operation *from, Value perChannel,
                               function_ref<ValueRange()> yes,
                               function_ref<ValueRange()> no) {
  auto yield = [](function_ref<ValueRange()> create) {
    return [create](OpBuilder &nested, Location l) {
      scf::YieldOp::create(nested, l, create());
    };
  };
  return scf::IfOp::create(b, from->getLoc(), areAllZero(b, from, perChannel),
                           yield(yes), yield(no))
      .getResults();
}

ValueRange mlir::bn::replaceDoubtfulSums(OpBuilder &b, Operation *from,
                                         ValueRange sums, Value doubts,
                                         function_ref<ValueRange()> sumAgain) {
  auto choose = [](OpBuilder &nested, Location l,
                   ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value isDoubtful = arith.compare(arith::CmpFPredicate::ONE, args[2],
                                     arith.constant(0.0, args[2].getType()));
    return {arith.select(isDoubtful, args[0], args[3]),
            arith.select(isDoubtful, args[1], args[4])};
  };
  return ifAllZero(
      b, from, doubts, [&] { return sums; },
      [&]() -> ValueRange {
        ValueRange again = sumAgain();
        return createElementwise(b, from, {again[0], again[1], doubts}, sums,
                                 choose)
            .getResults();
      });
}

Value mlir::bn::isFarFromZero(Arith &arith, Value mean, Value second,
                              StatisticsKind kind, double mostSquare) {
  Value square = arith.mul(mean, mean);
  Value most = arith.constant(mostSquare, mean.getType());
  if (kind == StatisticsKind::inverse_std)
    square = arith.mul(square, arith.mul(second, second));
  else
    most = arith.mul(most, second);
  return arith.compare(arith::CmpFPredicate::OGT, square, most);
}

bool mlir::bn::paysToFoldMean(Operation *op, Value data) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  auto type = cast<ShapedType>(data.getType());
  return strategy && strategy.getStores() == StoreKind::Temporal &&
         strategy.getSchedule() != Schedule::PipelinedSlab &&
         type.getElementTypeBitWidth() == 16;
}

/// Scale of sums over a number of elements that is not known.
static constexpr double kDynamicScale = 1 << 16;

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
