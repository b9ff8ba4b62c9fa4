//===- DecomposeMaskedStats.cpp - Statistics with weights to linalg -------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What AggregatedOpInterface of bn.stats makes of a mask.
//
//===----------------------------------------------------------------------===//

#include "StatsBuilder.h"

#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace mlir::bn;

/// Largest sum of ones that is exact in f32.
static constexpr int64_t kMostOnesInF32 = 1 << 24;

MaskedStatsBuilder::MaskedStatsBuilder(OpBuilder &b, StatsOp op)
    : StatsBuilder(b, op) {
  std::tie(weights, weightsMap) = dropUnitDims(b, loc, op.getMask());
}

/// The type of the accumulators, where that can count the elements.
Type MaskedStatsBuilder::getCountType() {
  int64_t most = 1;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (kinds[dim] != utils::IteratorType::reduction)
      continue;
    FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
        presburger::BoundType::UB, {input, dim}, /*stopCondition=*/nullptr,
        /*closedUB=*/true);
    if (failed(bound) || *bound > kMostOnesInF32)
      return b.getF64Type();
    most *= *bound;
    if (most > kMostOnesInF32)
      return b.getF64Type();
  }
  return accumulator;
}

/// Sum of the weights, and mean of the tile, which is its pivot.
void MaskedStatsBuilder::sumWeights() {
  Type countType = getCountType(), wide = b.getF64Type();
  auto sum = [&](OpBuilder &nested, Location l,
                 ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value w = arith.convert(args[1], accumulator);
    Value x = dropExcluded(arith, arith.convert(args[0], accumulator), w);
    Value scaled = arith.mul(x, arith.constant(1.0 / getScale(), accumulator));
    return {arith.add(arith.convert(w, countType), args[2]),
            arith.add(arith.mul(scaled, w), args[3])};
  };
  auto sums =
      createGeneric(b, op, {input, weights},
                    {createZeros(countType), createZeros(accumulator)},
                    {dataMap, weightsMap, channelMap, channelMap}, kinds, sum);
  count = sums.getResult(0);
  auto divide = [&](OpBuilder &nested, Location l,
                    ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value s = arith.mul(arith.convert(args[1], wide),
                        arith.constant(getScale(), wide));
    return {arith.convert(arith.divOrZero(s, arith.convert(args[0], wide)),
                          accumulator)};
  };
  mean = createElementwise(b, op, sums.getResults(),
                           createEmptyLike(b, loc, input, axis, accumulator),
                           divide)
             .getResult(0);
}

/// sum(w (x - pivot) / scale), sum(w (x - pivot)^2) and, `withCount`, sum(w).
SmallVector<Value> MaskedStatsBuilder::createSums(Value pivot, bool withCount) {
  Type countType = getCountType();
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Arith arith{nested, l};
    Value w = arith.convert(args[1], accumulator);
    Value d = arith.sub(arith.convert(args[0], accumulator), args[2]);
    d = dropExcluded(arith, d, w);
    Value weighted = arith.mul(d, w);
    Value scale = arith.constant(1.0 / getScale(), accumulator);
    SmallVector<Value> sums = {arith.add(arith.mul(weighted, scale), args[3]),
                               arith.add(arith.mul(weighted, d), args[4])};
    if (withCount)
      sums.push_back(arith.add(arith.convert(w, countType), args[5]));
    return sums;
  };
  SmallVector<Value> outs = {createZeros(accumulator),
                             createZeros(accumulator)};
  SmallVector<AffineMap> maps = {dataMap, weightsMap, channelMap, channelMap,
                                 channelMap};
  if (withCount) {
    outs.push_back(createZeros(countType));
    maps.push_back(channelMap);
  }
  auto sums =
      createGeneric(b, op, {input, weights, pivot}, outs, maps, kinds, body);
  return SmallVector<Value>(sums.getResults());
}

linalg::GenericOp MaskedStatsBuilder::runMasked() {
  SmallVector<Value> sums;
  if (op.getPivot()) {
    Value pivot = convertPivot();
    sums = createSums(pivot, /*withCount=*/true);
    sums.insert(sums.begin(), pivot);
  } else {
    sumWeights();
    sums = createSums(mean, /*withCount=*/false);
    sums.insert(sums.begin(), mean);
    sums.push_back(count);
  }
  return createMerge(sums);
}
