//===- Rounds.cpp - A kernel and its floor, interleaved -------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Blocks, rounds and their statistics.
//
//===----------------------------------------------------------------------===//

#include "Rounds.h"

#include "Floor.h"

using namespace mlir::bn;
using namespace mlir::bn::bench;

Rounds::Rounds(const Case &c, KernelRun &run, int threads, double blockSeconds)
    : run(run), bytes(c.getTensorBytes()), threads(threads) {
  ordinaryPlan = planBlock(blockSeconds, [&] { callFloor(false); });
  streamingPlan = planBlock(blockSeconds, [&] { callFloor(true); });
  kernelPlan = planBlock(blockSeconds, [&] { this->run.call(); });
}

void Rounds::callFloor(bool streaming) {
  bnFloor(run.getOutput(), run.getFirstInput(), run.getSecondInput(), bytes,
          threads, streaming);
}

Round Rounds::measure() {
  Round round;
  auto measureFloor = [&] {
    round.ordinary = measureBlock(ordinaryPlan, [&] { callFloor(false); });
    round.streaming = measureBlock(streamingPlan, [&] { callFloor(true); });
  };
  auto measureKernel = [&] {
    round.kernel = measureBlock(kernelPlan, [&] { run.call(); });
  };
  if (isReversed)
    measureKernel();
  measureFloor();
  if (!isReversed)
    measureKernel();
  isReversed = !isReversed;
  return round;
}

Summary bench::summarize(const std::vector<Round> &rounds) {
  std::vector<double> kernel, floor, ratio;
  double streaming = 0;
  for (const Round &round : rounds) {
    kernel.push_back(round.kernel);
    floor.push_back(round.getFloor());
    ratio.push_back(round.getRatio());
    streaming += round.streaming < round.ordinary;
  }
  auto getMin = [](const std::vector<double> &values) {
    return *std::min_element(values.begin(), values.end());
  };
  return {getMin(kernel),           getMedian(kernel), getMin(floor),
          getMedian(floor),         getMedian(ratio),  getMin(ratio),
          streaming / rounds.size()};
}
