//===- Rounds.h - A kernel and its floor, interleaved -----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One round is a block of the floor with ordinary stores, one of the floor with
// streaming stores, and one of the kernel, all on the same memory. Every other
// round goes the other way round, so that drift favours nobody.
//
//===----------------------------------------------------------------------===//

#ifndef BN_BENCHMARKS_KERNEL_ROUNDS_H
#define BN_BENCHMARKS_KERNEL_ROUNDS_H

#include "KernelRun.h"
#include "Timing.h"

namespace mlir::bn::bench {

/// Seconds per call.
struct Round {
  double kernel = 0;
  double ordinary = 0;
  double streaming = 0;

  double getFloor() const { return std::min(ordinary, streaming); }
  double getRatio() const { return kernel / getFloor(); }
};

class Rounds {
public:
  /// Blocks last `blockSeconds` or three calls.
  Rounds(const Case &c, KernelRun &run, int threads, double blockSeconds);

  Round measure();

private:
  void callFloor(bool streaming);

  KernelRun &run;
  int64_t bytes;
  int threads;
  BlockPlan kernelPlan, ordinaryPlan, streamingPlan;
  bool isReversed = false;
};

/// What is said about a case.
struct Summary {
  double kernelMin, kernelMedian;
  double floorMin, floorMedian;
  /// The median and the best of the rounds' ratios.
  double ratio, ratioBest;
  /// The share of rounds in which streaming stores made the floor.
  double streamingShare;
};

/// There must be a round.
Summary summarize(const std::vector<Round> &rounds);

} // namespace mlir::bn::bench

#endif // BN_BENCHMARKS_KERNEL_ROUNDS_H
