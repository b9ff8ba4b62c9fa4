//===- Timing.h - Blocks of calls -------------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Memory is shared with neighbours and its speed moves by a factor of two
// within minutes, so times are only compared within a round: one short block
// of calls of each candidate after the other. A block begins with a call that
// is not measured (the caches hold what the last candidate left there) and
// gives the median of its samples.
//
//===----------------------------------------------------------------------===//

#ifndef BN_BENCHMARKS_KERNEL_TIMING_H
#define BN_BENCHMARKS_KERNEL_TIMING_H

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace mlir::bn::bench {

/// Returns the median; of an even number the upper one of the middle.
inline double getMedian(std::vector<double> values) {
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// `samples` times are taken in a block, each of `batch` calls.
struct BlockPlan {
  int samples = 3;
  int batch = 1;
};

/// Seconds per call of `batch` calls.
template <typename Body> double timeBatch(int batch, Body &&body) {
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < batch; ++i)
    body();
  std::chrono::duration<double> spent =
      std::chrono::steady_clock::now() - start;
  return spent.count() / batch;
}

/// Seconds per call of `body`.
template <typename Body> double measureBlock(BlockPlan plan, Body &&body) {
  body();
  std::vector<double> seconds;
  for (int sample = 0; sample < plan.samples; ++sample)
    seconds.push_back(timeBatch(plan.batch, body));
  return getMedian(std::move(seconds));
}

/// Plans blocks of at least `blockSeconds` and three samples. A sample is long
/// against reading the clock.
template <typename Body> BlockPlan planBlock(double blockSeconds, Body &&body) {
  constexpr double sampleSeconds = 20e-6;
  body();
  double call = timeBatch(1, body);
  if (call < sampleSeconds)
    call = timeBatch(16, body);
  call = std::max(call, 50e-9);
  BlockPlan plan;
  plan.batch = std::max(1, static_cast<int>(std::ceil(sampleSeconds / call)));
  plan.samples = std::max(
      3, static_cast<int>(std::ceil(blockSeconds / (call * plan.batch))));
  return plan;
}

} // namespace mlir::bn::bench

#endif // BN_BENCHMARKS_KERNEL_TIMING_H
