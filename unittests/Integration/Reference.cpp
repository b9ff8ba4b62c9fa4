//===- Reference.cpp - What batch norm is, and how exact --------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The names of docs/Numerics.md: u is the unit roundoff of the accumulator, w
// that of f64, L the longest chain of additions, A the largest magnitude in a
// channel.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;

/// Additions that follow each other in a sum of one tile: see
/// SelectLoweringStrategy.cpp.
static constexpr int64_t kLongestChain = 256;
/// Elements of the smallest tile of a tensor with more than one.
static constexpr int64_t kSmallestTile = 64;

void mlir::bn::test::forEachElement(
    llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> axis,
    llvm::function_ref<void(int64_t, int64_t)> visit) {
  int64_t rank = shape.size(), numElements = 1, numChannels = 1;
  for (int64_t size : shape)
    numElements *= size;
  // What a step along a dimension adds to the number of the channel.
  DimVector step(rank, 0), position(rank, 0);
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    if (!llvm::is_contained(axis, dim) && !llvm::is_contained(axis, dim - rank))
      continue;
    step[dim] = numChannels;
    numChannels *= shape[dim];
  }
  int64_t channel = 0;
  for (int64_t element = 0; element < numElements; ++element) {
    visit(element, channel);
    for (int64_t dim = rank - 1; dim >= 0; --dim) {
      channel += step[dim];
      if (++position[dim] < shape[dim])
        break;
      channel -= step[dim] * shape[dim];
      position[dim] = 0;
    }
  }
}

double Bounded::getRatio(double got) const {
  Real infinity = std::numeric_limits<Real>::infinity();
  if (std::isnan(value) || std::isnan(got))
    return std::isnan(value) == std::isnan(got) ? 0 : infinity;
  if (got == value || std::isinf(bound))
    return 0;
  Real distance = std::fabs(got - value);
  return std::isfinite(distance) ? static_cast<double>(distance / bound)
                                 : infinity;
}

Bounded Bounded::roundedTo(DType dtype) const {
  Real u = getUnitRoundoff(dtype);
  if (std::fabs(value) > getLargest(dtype) * (1 + u))
    return {std::copysign(std::numeric_limits<Real>::infinity(), value), bound};
  // Within the bound there are numbers that are rounded to infinity.
  if (std::fabs(value) + bound > getLargest(dtype))
    return {value, std::numeric_limits<Real>::infinity()};
  // Rounded twice where the type is not the one computed in: once more u*u.
  return {value, bound + u * (std::fabs(value) + bound) * (1 + u) +
                     static_cast<Real>(getSmallestWritten(dtype))};
}

Real mlir::bn::test::getAccumulatorRoundoff(DType dtype) {
  return getUnitRoundoff(dtype == DType::F64 ? DType::F64 : DType::F32);
}

Real mlir::bn::test::getGrowth(DType dtype, int64_t count) {
  Real chain = std::min(count, kLongestChain);
  Real growth = 2 * std::sqrt(chain);
  if (dtype == DType::F64) // merged in no wider type
    return growth + std::sqrt(static_cast<Real>(count) / kSmallestTile);
  return dtype == DType::F32 ? growth : std::max(growth, chain / 4);
}

static void setBounds(ChannelStatistics &channel, DType dtype, Real largest,
                      bool isMasked) {
  if (channel.numElements == 0)
    return;
  Real u = getAccumulatorRoundoff(dtype), w = getUnitRoundoff(DType::F64);
  Real n = channel.numElements, variance = channel.variance.value;
  Real growth = getGrowth(dtype, channel.numElements);
  Real chain = std::min(n, static_cast<Real>(kLongestChain));
  if (isMasked) {
    // Products with weights are rounded, and so are sums of weights.
    channel.count.bound = (1 + growth) * u * channel.count.value;
    growth = 2 * growth + 2;
    chain *= 2;
  }
  // How far a pivot may be from the mean of its tile: where all numbers are
  // about the same, so are their errors.
  Real pivot = (2 + chain) * u * largest, raw = 0;
  // Raw moments have none: means of tiles are up to three deviations from it.
  if (dtype == DType::BF16 && !isMasked && hasAVX512BF16()) {
    Real mean = channel.mean.value;
    raw = std::sqrt(std::min(mean * mean + variance, 9 * variance));
    pivot = std::max(pivot, raw);
  }
  Real spread = variance + pivot * pivot;
  Real smallest = getSmallest(dtype == DType::F64 ? DType::F64 : DType::F32);
  // Means of tiles, and merged ones, are rounded to f64.
  Real merge = (4 + std::sqrt(n)) * w * largest;
  channel.mean.bound = (2 + growth) * u * std::sqrt(spread) + merge + smallest;
  // Squares that underflow lose what is below the smallest number.
  channel.variance.bound =
      (4 + growth) * u * spread + 2 * raw * channel.mean.bound +
      2 * merge * std::sqrt(variance) + merge * merge + 4 * smallest;
}

int64_t mlir::bn::test::getMaskIndex(llvm::ArrayRef<int64_t> shape,
                                      llvm::ArrayRef<int64_t> mask,
                                      int64_t index) {
  int64_t result = 0, stride = 1;
  for (int64_t dim = shape.size() - 1; dim >= 0; --dim) {
    if (mask[dim] != 1)
      result += index % shape[dim] * stride;
    index /= shape[dim];
    stride *= mask[dim];
  }
  return result;
}

std::vector<ChannelStatistics>
mlir::bn::test::computeStatistics(const HostArray &input,
                                  llvm::ArrayRef<int64_t> axis, int64_t groups,
                                  const HostArray *mask) {
  int64_t rank = input.getShape().size(), numChannels = 1;
  for (int64_t dim : axis)
    numChannels *= input.getShape()[dim < 0 ? dim + rank : dim];
  std::vector<ChannelStatistics> channels(groups * numChannels);
  std::vector<Real> largest(channels.size(), 0);
  // Calls `body(value, weight, channel of the group)`.
  auto visit = [&](auto body) {
    forEachElement(input.getShape(), axis, [&](int64_t i, int64_t c) {
      Real weight =
          mask ? (*mask)[getMaskIndex(input.getShape(), mask->getShape(), i)]
               : 1;
      int64_t group = i / (input.size() / groups);
      if (weight != 0)
        body(input[i], weight, group * numChannels + c);
    });
  };
  visit([&](Real x, Real weight, int64_t c) {
    ++channels[c].numElements;
    channels[c].count.value += weight;
    channels[c].mean.value += weight * x;
    largest[c] = std::max<Real>(largest[c], std::fabs(x));
  });
  for (ChannelStatistics &channel : channels)
    if (channel.numElements != 0)
      channel.mean.value /= channel.count.value;
  visit([&](Real x, Real weight, int64_t c) {
    Real difference = x - channels[c].mean.value;
    channels[c].variance.value += weight * difference * difference;
  });
  for (auto [channel, magnitude] : llvm::zip_equal(channels, largest)) {
    if (channel.numElements != 0)
      channel.variance.value /= channel.count.value;
    setBounds(channel, input.getDType(), magnitude, mask);
  }
  return channels;
}

static RunningStatistics updateByGroup(const BatchNormSpec &spec,
                                       const ChannelStatistics &batch,
                                       double oldMean, double oldVariance) {
  if (batch.numElements == 0)
    return {{oldMean, 0}, {oldVariance, 0}};
  Bounded factor{1, 0};
  Real n = batch.count.value;
  if (spec.runningVariance == BatchNormSpec::RunningVariance::Sample && n > 1)
    factor = {n / (n - 1), batch.count.bound / ((n - 1) * (n - 1))};
  Real w = getUnitRoundoff(DType::F64);
  auto average = [&](double old, Bounded taken, Bounded factor) -> Bounded {
    Real weight = 1 - static_cast<Real>(spec.momentum);
    Real part = weight * factor.value;
    Real kept = spec.momentum * static_cast<Real>(old);
    Real size = std::fabs(kept) + std::fabs(part * taken.value);
    return {kept + part * taken.value,
            std::fabs(part) * taken.bound + 4 * w * size +
                std::fabs(weight) * factor.bound *
                    (std::fabs(taken.value) + taken.bound)};
  };
  return {average(oldMean, batch.mean, {1, 0}),
          average(oldVariance, batch.variance, factor)};
}

RunningStatistics
mlir::bn::test::updateRunning(const BatchNormSpec &spec,
                              llvm::ArrayRef<ChannelStatistics> batches,
                              double oldMean, double oldVariance) {
  RunningStatistics mean;
  Real largestMean = 0, largestVariance = 0, groups = batches.size();
  auto add = [&](Bounded &sum, Bounded part, Real &largest) {
    sum.value += part.value / groups;
    sum.bound += part.bound / groups;
    largest = std::max(largest, std::fabs(part.value));
  };
  for (const ChannelStatistics &batch : batches) {
    RunningStatistics part = updateByGroup(spec, batch, oldMean, oldVariance);
    add(mean.mean, part.mean, largestMean);
    add(mean.variance, part.variance, largestVariance);
  }
  // A running mean is rounded at each group.
  Real w = getUnitRoundoff(DType::F64);
  Real rounding = groups == 1 ? 0 : 3 * groups * w;
  mean.mean.bound += rounding * largestMean;
  mean.variance.bound += rounding * largestVariance;
  return mean;
}

Bounded mlir::bn::test::normalize(const BatchNormSpec &spec, double x,
                                  Bounded mean, Bounded variance, double scale,
                                  double offset) {
  Real u = getAccumulatorRoundoff(spec.elementType);
  Real sum = variance.value + spec.epsilon;
  Real a = scale / std::sqrt(sum), size = std::fabs(a);
  Real t = (x - mean.value) * a, y = t + offset;
  // x - m, a, their product, and the part of the mean that m does not hold,
  // which is added to the offset.
  Real bound =
      u * (4 * std::fabs(t) + 3 * std::fabs(static_cast<Real>(offset)) +
           2 * std::fabs(y) + 4 * u * std::fabs(mean.value) * size);
  bound += size * mean.bound;
  // Of 16-bit data, means of up to 16 deviations (and what statistics are off
  // by) may be part of the offset: a, that, and the product are rounded.
  if (has16Bits(spec.elementType) &&
      std::fabs(mean.value) <= 17 * std::sqrt(variance.value))
    bound += 3 * u * std::fabs(mean.value) * size;
  // Of a mean in f64, as it is in training, that is up to half a deviation,
  // unless the accumulator holds it.
  bool isWide = spec.kind == BatchNormSpec::Kind::Training ||
                spec.statisticsType == DType::F64;
  if (isWide && spec.elementType != DType::F64)
    bound += u * size * std::sqrt(variance.value) / 2;
  if (sum != 0)
    bound += std::fabs(t) * variance.bound / (2 * std::fabs(sum));
  DType accumulator = spec.elementType == DType::F64 ? DType::F64 : DType::F32;
  bound += static_cast<Real>(getSmallest(accumulator)) * (1 + size);
  return {y, bound};
}

Bounded mlir::bn::test::applyEpilogue(const BatchNormSpec &spec, Bounded y,
                                      double addend) {
  using Epilogue = BatchNormSpec::Epilogue;
  Real u = getAccumulatorRoundoff(spec.elementType);
  DType accumulator = spec.elementType == DType::F64 ? DType::F64 : DType::F32;
  auto rounded = [&](Real value, Real bound) -> Bounded {
    return {value, bound + u * (std::fabs(value) + bound) +
                       static_cast<Real>(getSmallest(accumulator))};
  };
  if (spec.takesAddend())
    y = rounded(y.value + addend, y.bound);
  bool isRelu = spec.epilogue == Epilogue::Relu ||
                spec.epilogue == Epilogue::AddRelu;
  // Both have slopes of at most the larger of 1 and `slope`; NaN is no number
  // below 0.
  if (isRelu && y.value < 0)
    return {0, y.bound};
  if (spec.epilogue != Epilogue::LeakyRelu)
    return y;
  Real slope = spec.slope;
  // The slope itself is rounded to the accumulator's type.
  Bounded scaled = rounded(y.value * slope,
                           std::max<Real>(std::fabs(slope), 1) * y.bound +
                               u * std::fabs(slope * y.value));
  return y.value > 0 ? Bounded{y.value, std::max(y.bound, scaled.bound)}
                     : scaled;
}
