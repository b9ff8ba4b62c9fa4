//===- BitsTest.cpp - The same bits, whatever the call ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Results do not depend on the number of threads, on whose they are, on whether
// the output takes the input's memory, on where the arrays begin, or on when
// the call is made.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Execution.h"

#include "bn/ExecutionEngine/ThreadPool.h"

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

struct BitsCase {
  DimVector shape, axis;
};

/// One case for each schedule: single, slabs of one and of several channels,
/// rows, split, sweeps, and axes that are apart.
const std::vector<BitsCase> &getCases() {
  static const std::vector<BitsCase> cases = {
      {{3, 5, 7, 9}, {1}},   {{4, 48, 28, 28}, {1}},
      {{16, 64, 7, 7}, {1}}, {{4, 31, 29, 70}, {3}},
      {{50021, 3}, {1}},     {{2, 3, 30011}, {1}},
      {{1, 100003}, {0}},    {{7, 6, 301, 10}, {1, 3}},
      {{7, 6, 301, 10}, {2}}};
  return cases;
}

const char *const kOutputs[] = {"output", "mean", "variance",
                                "new_running_mean", "new_running_variance"};

void expectSameBits(const Execution &a, const Execution &b) {
  bool isTraining = a.getSpec().kind == BatchNormSpec::Kind::Training;
  for (llvm::StringRef name : kOutputs)
    if (isTraining || name == "output")
      EXPECT_EQ(a[name].getBytes() == b[name].getBytes(), true) << name.str();
}

template <typename Body> void forAll(Body body) {
  for (auto kind :
       {BatchNormSpec::Kind::Training, BatchNormSpec::Kind::Inference})
    for (const BitsCase &c : getCases())
      for (bool isDynamic : {false, true}) {
        // Types only matter to loads and stores.
        DType dtype = isDynamic ? DType::BF16 : DType::F32;
        BatchNormSpec spec = getSpec(kind, dtype, c.shape, c.axis);
        if (isDynamic)
          spec.shape.assign(c.shape.size(), -1);
        SCOPED_TRACE(spec.getKey());
        body(spec, c.shape);
      }
}

TEST(BitsTest, ThreadsAndRepetition) {
  forAll([](BatchNormSpec spec, const DimVector &shape) {
    Execution first(spec, shape);
    first.fill(8);
    first.run();
    bool isTraining = spec.kind == BatchNormSpec::Kind::Training;
    for (int64_t threads : {2, 3}) {
      if (threads == 2 && !isTraining)
        continue; // a sweep adds nothing up
      spec.threads = threads;
      Execution run(spec, shape);
      run.fill(8);
      run.run();
      expectSameBits(first, run);
      run.run();
      expectSameBits(first, run);
    }
  });
}

/// One thread after the other, the last one first.
class Backwards final : public ThreadPool {
public:
  int64_t getNumThreads() override { return 5; }
  void forEach(int64_t count, llvm::function_ref<void(int64_t)> work) override {
    while (count > 0)
      work(--count);
  }
};

TEST(BitsTest, ThreadPools) {
  forAll([](const BatchNormSpec &spec, const DimVector &shape) {
    Execution first(spec, shape), backwards(spec, shape);
    first.fill(10);
    backwards.fill(10);
    first.run();
    Backwards pool;
    ThreadPoolScope scope(pool);
    backwards.run();
    expectSameBits(first, backwards);
  });
}

TEST(BitsTest, InPlaceAndShifted) {
  forAll([](BatchNormSpec spec, const DimVector &shape) {
    spec.threads = 2;
    Execution first(spec, shape), inPlace(spec, shape);
    Execution shifted(spec, shape, /*isShifted=*/true);
    for (Execution *run : {&first, &inPlace, &shifted})
      run->fill(9);
    first.run();
    inPlace.run(Execution::InPlace::First);
    shifted.run();
    expectSameBits(first, inPlace);
    expectSameBits(first, shifted);
  });
}

} // namespace
