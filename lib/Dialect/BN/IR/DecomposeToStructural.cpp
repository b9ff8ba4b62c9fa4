//===- DecomposeToStructural.cpp - User-level ops to structural ones ------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// AggregatedOpInterface of bn.training and bn.inference; that of bn.backward is
// in DecomposeBackward.cpp. Statistics and sums travel between structural ops
// as f64, one number per channel, so that the mean which is subtracted is not
// rounded to the type of the data.
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
    ValueRange outs = getOuts().slice(3, 2);
    auto update = UpdateRunningStatsOp::create(
        b, loc, TypeRange(outs), count, mean, variance, getRunningMean(),
        getRunningVariance(), outs, getMomentumAttr(),
        getRunningVarianceKindAttr());
    results[3] = update.getResult(0);
    results[4] = update.getResult(1);
  }
  SmallVector<Value> written = {getOuts()[0]};
  if (Value saved = getSavedOut())
    written.push_back(saved);
  auto normalize = NormalizeOp::create(
      b, loc, TypeRange(ValueRange(written)), input, mean, variance, getScale(),
      getOffset(), getEpilogueInputs(), written, b.getDenseI64ArrayAttr(axis),
      getEpsilonAttr(), (*this)->getNumRegions());
  cloneScalarCode(*this, normalize);
  copyLoweringStrategy(*this, normalize);
  results[0] = normalize.getResult(0);
  if (getSavedOut())
    results.back() = normalize.getResult(1);
  return results;
}

FailureOr<SmallVector<Value>> InferenceOp::decomposeOperation(OpBuilder &b) {
  if (!isa<TensorType>(getInput().getType()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(*this);
  auto normalize = NormalizeOp::create(
      b, getLoc(), TypeRange(getOuts()), getInput(), getMean(), getVariance(),
      getScale(), getOffset(), getEpilogueInputs(), getOuts(), getAxisAttr(),
      getEpsilonAttr(), (*this)->getNumRegions());
  cloneScalarCode(*this, normalize);
  copyLoweringStrategy(*this, normalize);
  return SmallVector<Value>(normalize.getResults());
}
