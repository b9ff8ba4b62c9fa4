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
  int64_t count = 0;
  Bounded mean, variance;
};

/// Statistics of every channel of `input`, accumulated in f32, or in f64 for
/// f64 data.
std::vector<ChannelStatistics> computeStatistics(const HostArray &input,
                                                 llvm::ArrayRef<int64_t> axis);

/// The new running mean and variance of one channel.
struct RunningStatistics {
  Bounded mean, variance;
};
RunningStatistics updateRunning(const BatchNormSpec &spec,
                                const ChannelStatistics &batch, double oldMean,
                                double oldVariance);

/// The output for one element. `mean` and `variance` are exact (bound 0)
/// in an inference.
Bounded normalize(const BatchNormSpec &spec, double x, Bounded mean,
                  Bounded variance, double scale, double offset);

/// What the epilogue of `spec` makes of `y`.
Bounded applyEpilogue(const BatchNormSpec &spec, Bounded y, double addend);

} // namespace mlir::bn::test

#endif // BN_UNITTESTS_INTEGRATION_REFERENCE_H
