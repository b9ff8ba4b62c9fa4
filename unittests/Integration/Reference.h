//===- Reference.h - What batch norm is, and how exact ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An independent reference: plain index arithmetic over any shape and list of
// axes, sums in long double. Next to each number stands the bound of
// docs/Numerics.md on how far a kernel may be from it.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#ifndef BN_UNITTESTS_INTEGRATION_REFERENCE_H
#define BN_UNITTESTS_INTEGRATION_REFERENCE_H

#include "HostArray.h"
#include "bn/ExecutionEngine/BatchNormSpec.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::bn::test {

using Real = long double;

/// Calls `visit(element, channel)` for every element of `shape` in C order.
void forEachElement(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> axis,
                    llvm::function_ref<void(int64_t, int64_t)> visit);

/// A number, and how far a kernel may be from it.
struct Bounded {
  Real value = 0;
  Real bound = 0;

  /// The distance of `got` as a part of the bound; 0 where both are NaN or
  /// the same infinity, and infinity where only one is.
  double getRatio(double got) const;
  /// The same number, rounded to an element type.
  Bounded roundedTo(DType dtype) const;
};

/// Statistics of one channel, not rounded to any type. Their bounds are those
/// of what a kernel carries within.
struct ChannelStatistics {
  int64_t numElements = 0;
  /// The number of elements, or the sum of their weights.
  Bounded count;
  Bounded mean, variance;
};

/// Statistics of every channel of `input`, accumulated in f32, or in f64 for
/// f64 data; of each of `groups` parts of dimension 0, one behind the other.
/// With a mask, elements count with their weight, and not at all where that is
/// 0.
std::vector<ChannelStatistics>
computeStatistics(const HostArray &input, llvm::ArrayRef<int64_t> axis,
                  int64_t groups = 1, const HostArray *mask = nullptr);

/// The new running mean and variance of one channel, whose statistics in each
/// group are `batches`.
struct RunningStatistics {
  Bounded mean, variance;
};
RunningStatistics updateRunning(const BatchNormSpec &spec,
                                llvm::ArrayRef<ChannelStatistics> batches,
                                double oldMean, double oldVariance);

/// The output for one element. `mean` and `variance` are exact (bound 0)
/// in an inference.
Bounded normalize(const BatchNormSpec &spec, double x, Bounded mean,
                  Bounded variance, double scale, double offset);

/// What the epilogue of `spec` makes of `y`.
Bounded applyEpilogue(const BatchNormSpec &spec, Bounded y, double addend);
/// What the gradients of one channel are made of. `scale` is 1 where there is
/// none, and `inverse` is 1 / sqrt(variance + epsilon).
struct ChannelGradients {
  int64_t count = 0;
  /// What the sums are divided by: the count, or the sum of the weights.
  Bounded divisor;
  Real mean = 0, inverse = 0, scale = 1;
  /// sum(output_grad) and sum(output_grad * (input - mean)).
  Bounded sum, product;

  Bounded getOffsetGrad() const { return sum; }
  Bounded getScaleGrad() const;
  /// Of one element; `isFrozen` as in the spec. Without a mask, `weight` is
  /// null.
  Bounded getInputGrad(DType dtype, bool isFrozen, double outputGrad,
                       double input, const double *weight = nullptr) const;
};

/// Fills in count and sums of each of `channels`, whose other fields are given:
/// those of each of `groups` parts of dimension 0, one behind the other.
void sumGradients(std::vector<ChannelGradients> &channels,
                  const HostArray &outputGrad, const HostArray &input,
                  llvm::ArrayRef<int64_t> axis, int64_t groups = 1,
                  const HostArray *mask = nullptr);

/// The sum of gradients of each group, one after the other in f64.
Bounded addGroups(llvm::ArrayRef<Bounded> parts);

/// The entry of a mask for an element of data of `shape`.
int64_t getMaskIndex(llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<int64_t> mask, int64_t element);

/// Unit roundoff of the sums over data of a type.
Real getAccumulatorRoundoff(DType dtype);
inline bool has16Bits(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16;
}
/// How errors of a chain of additions add up, in units of u. Those of f16 and
/// bf16 data repeat, because the data has few values.
Real getGrowth(DType dtype, int64_t count);

} // namespace mlir::bn::test

#endif // BN_UNITTESTS_INTEGRATION_REFERENCE_H
