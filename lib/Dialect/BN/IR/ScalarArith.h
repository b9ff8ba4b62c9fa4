//===- ScalarArith.h - What decompositions are written in -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_IR_SCALARARITH_H
#define BN_LIB_DIALECT_BN_IR_SCALARARITH_H

#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace mlir::bn {

// A multiplication and an addition may be fused; NaN and Inf keep their
// meaning. (The order of a sum is bn-vectorize-tiles' own, and fixed.)
inline constexpr auto kContract = arith::FastMathFlags::contract;

/// The type in which `data` are computed.
inline FloatType getAccumulatorTypeOf(Value data) {
  return getAccumulatorType(cast<ShapedType>(data.getType()).getElementType());
}

/// True when `value`, which may be null, can be applied to data of the
/// accumulator type as it is.
inline bool fits(Value value, FloatType accumulator) {
  return !value || cast<ShapedType>(value.getType())
                           .getElementType()
                           .getIntOrFloatBitWidth() <= accumulator.getWidth();
}

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
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, loc, condition, yes, no);
  }
  /// `x / y`, and 0 where y is not above 0.
  Value divOrZero(Value x, Value y) {
    Value zero = constant(0.0, x.getType());
    Value positive = compare(arith::CmpFPredicate::OGT, y, zero);
    return select(positive, div(x, y), zero);
  }
  /// `x * y`, and 0 where x is 0, even where y is infinite.
  Value mulOrZero(Value x, Value y) {
    Value zero = constant(0.0, x.getType());
    Value isZero = compare(arith::CmpFPredicate::OEQ, x, zero);
    return select(isZero, zero, mul(x, y));
  }
  /// `1 / sqrt(variance + epsilon)`, with a true root and division.
  Value inverseDeviation(Value variance, double epsilon) {
    Type type = variance.getType();
    Value sum = add(variance, constant(epsilon, type));
    return div(constant(1.0, type), math::SqrtOp::create(b, loc, sum));
  }
};

/// `x`, and 0 where its weight `w` is 0.
Value dropExcluded(Arith &arith, Value x, Value w);

/// `value` without its dimensions of size 1, along which it is broadcast, and
/// its map from the dimensions that it had.
std::pair<Value, AffineMap> dropUnitDims(OpBuilder &b, Location loc,
                                         Value value);

/// What `yes` creates where all entries of `perChannel`, none below 0, are 0,
/// else what `no` does: decided once, at run time. What is computed for that
/// carries the lowering strategy of `from`.
ValueRange ifAllZero(OpBuilder &b, Operation *from, Value perChannel,
                     function_ref<ValueRange()> yes,
                     function_ref<ValueRange()> no);

/// Two `sums` per channel, of dot products. Where `doubts` is not 0, those that
/// `sumAgain` creates take their place; they are computed only if there is such
/// a channel. What comes of a channel does not depend on others.
ValueRange replaceDoubtfulSums(OpBuilder &b, Operation *from, ValueRange sums,
                               Value doubts,
                               function_ref<ValueRange()> sumAgain);

/// Number of elements per channel in `input`, as f64: exact up to 2^53.
Value createElementCount(OpBuilder &b, Location loc, Value input,
                         ArrayRef<int64_t> axis);

/// The largest square of a mean, in variances, of which sums about 0 are taken:
/// it is what rounding errors grow with (docs/Numerics.md).
inline constexpr double kMostSquare = 9;

/// True where the square of `mean` is above `mostSquare` variances; `second` is
/// the second statistic, of this kind. Comparisons with NaN are false.
Value isFarFromZero(Arith &arith, Value mean, Value second, StatisticsKind kind,
                    double mostSquare);

/// The most deviations that the means of all channels may be from 0 for a sweep
/// that has them in its offsets, and the largest coefficient, or product of one
/// and a mean, that nothing overflows with. What is rounded is far below half a
/// unit of the 16 bits of elements near the mean (docs/Numerics.md).
inline constexpr double kMostFolded = 16, kLargestFolded = 0x1p100;

/// True where the subtraction of a mean is worth a version of the sweep of `op`
/// over `data` that has none: inside the caches, elements of 16 bits wait for
/// instructions. (A pipelined loop is one with the sums.)
bool paysToFoldMean(Operation *op, Value data);

/// A power of two that sums over the dimensions of `type` that are reduced are
/// scaled down by: at least the number of elements, 2^16 for a number that is
/// not known or larger. It is exact, keeps a sum from overflowing where the
/// mean does not, and is part of a multiply-add.
double getSumScale(ShapedType type, ArrayRef<utils::IteratorType> kinds);

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_IR_SCALARARITH_H
