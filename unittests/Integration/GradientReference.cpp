//===- GradientReference.cpp - What gradients are, and how exact -*- C++
//-*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The names of docs/Numerics.md: u is the unit roundoff of the accumulator, w
// that of f64.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Reference.h"

#include <cmath>

using namespace mlir::bn;
using namespace mlir::bn::test;

/// Sums of small numbers are scaled down by up to this power of two.
static constexpr Real kSumScale = 65536;

static Real getSmallestOfAccumulator(DType dtype) {
  return getSmallest(dtype == DType::F64 ? DType::F64 : DType::F32);
}

/// How far what is subtracted from data of type `dtype` may be from the mean of
/// `channel`: it is rounded to the accumulator, and in sums of products of bf16
/// nothing is subtracted where the mean is within three deviations from 0.
static Real getPivotError(const ChannelGradients &channel, DType dtype) {
  bool isNear = std::fabs(channel.mean * channel.inverse) <= 3;
  if (dtype == DType::BF16 && isNear && hasAVX512BF16())
    return std::fabs(channel.mean);
  return getAccumulatorRoundoff(dtype) * std::fabs(channel.mean);
}

void mlir::bn::test::sumGradients(std::vector<ChannelGradients> &channels,
                                  const HostArray &outputGrad,
                                  const HostArray &input,
                                  llvm::ArrayRef<int64_t> axis, int64_t groups,
                                  const HostArray *mask) {
  DType dtype = input.getDType();
  Real u = getAccumulatorRoundoff(dtype), w = getUnitRoundoff(DType::F64);
  // Sums of the magnitudes.
  std::vector<Real> sizes(channels.size()), productSizes(channels.size());
  int64_t perGroup = channels.size() / groups, part = input.size() / groups;
  forEachElement(input.getShape(), axis, [&](int64_t i, int64_t inGroup) {
    int64_t c = i / part * perGroup + inGroup;
    ChannelGradients &channel = channels[c];
    Real dy = outputGrad[i], distance = input[i] - channel.mean;
    ++channel.count;
    channel.divisor.value +=
        mask ? (*mask)[getMaskIndex(input.getShape(), mask->getShape(), i)] : 1;
    channel.sum.value += dy;
    channel.product.value += dy * distance;
    sizes[c] += std::fabs(dy);
    productSizes[c] +=
        std::fabs(dy) * (std::fabs(distance) + getPivotError(channel, dtype));
  });
  for (size_t c = 0; c < channels.size(); ++c) {
    ChannelGradients &channel = channels[c];
    if (channel.count == 0)
      continue;
    Real growth = getGrowth(dtype, channel.count);
    if (mask)
      channel.divisor.bound = (1 + growth) * u * channel.divisor.value;
    Real merge = (4 + std::sqrt(static_cast<Real>(channel.count))) * w;
    Real smallest = channel.count * kSumScale * getSmallestOfAccumulator(dtype);
    channel.sum.bound = ((2 + growth) * u + merge) * sizes[c] + smallest;
    channel.product.bound = ((4 + growth) * u + merge) * productSizes[c] +
                            getPivotError(channel, dtype) * channel.sum.bound +
                            smallest * (1 + sizes[c] / channel.count);
  }
}

Bounded mlir::bn::test::addGroups(llvm::ArrayRef<Bounded> parts) {
  Bounded sum;
  Real size = 0;
  for (const Bounded &part : parts) {
    sum.value += part.value;
    sum.bound += part.bound;
    size += std::fabs(part.value);
  }
  // To add the first part to 0 is exact.
  sum.bound += (parts.size() - 1) * getUnitRoundoff(DType::F64) * size;
  return sum;
}

Bounded ChannelGradients::getScaleGrad() const {
  Real w = getUnitRoundoff(DType::F64), value = product.value * inverse;
  if (count == 0)
    return {0, 0};
  return {value, std::fabs(inverse) * product.bound + 4 * w * std::fabs(value)};
}

Bounded ChannelGradients::getInputGrad(DType dtype, bool isFrozen,
                                       double outputGrad, double input,
                                       const double *weight) const {
  Real u = getAccumulatorRoundoff(dtype);
  Real a = scale * inverse, first = a * outputGrad;
  Real smallest = getSmallestOfAccumulator(dtype) * (2 + std::fabs(a));
  // One product with a rounded factor.
  if (isFrozen || (weight && *weight == 0) || divisor.value == 0)
    return Bounded{first, 3 * u * std::fabs(first) + smallest}.roundedTo(dtype);
  // What an element does to the statistics counts with its weight.
  Real share = (weight ? *weight : 1) / divisor.value;
  Real slope = -a * inverse * inverse * product.value * share;
  Real distance = input - mean, second = slope * distance;
  Real third = -a * sum.value * share, value = first + second + third;
  // Coefficients, products and sums, each rounded once; what the rounded mean
  // has lost is in the third term.
  Real bound =
      u * (2 * std::fabs(first) +
           4 * std::fabs(slope) * (std::fabs(distance) + u * std::fabs(mean)) +
           2 * std::fabs(third) + std::fabs(value));
  // Of 16-bit data, means of up to 16 deviations may be part of the third term:
  // slope, that, and the product are rounded.
  if (has16Bits(dtype) && std::fabs(mean) * inverse <= 17)
    bound += 3 * u * std::fabs(slope * mean);
  bound += std::fabs(a) * sum.bound * share;
  bound += std::fabs(a) * inverse * inverse * std::fabs(distance) *
           product.bound * share;
  if (weight) // rounded, multiplied with, and in the divisor
    bound += (2 * u + divisor.bound / divisor.value) *
             (std::fabs(second) + std::fabs(third));
  return Bounded{value, bound + smallest * (1 + std::fabs(distance))}.roundedTo(
      dtype);
}
