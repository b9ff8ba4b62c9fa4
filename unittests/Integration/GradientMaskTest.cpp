//===- GradientMaskTest.cpp - Gradients of weighted statistics --*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// bn.backward with a mask: against the reference, against finite differences
// of training with that mask, and the policies for elements of weight 0.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Cases.h"
#include "Execution.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;
using Kind = BatchNormSpec::Kind;

namespace {

struct Layout {
  DimVector shape, axis;
};

/// One for each schedule: single, slabs, rows, packed rows, split; tokens; axes
/// that are apart; dimensions of size 1.
const std::vector<Layout> &getLayouts() {
  static const std::vector<Layout> layouts = {
      {{3, 5, 7, 9}, {1}},     {{2, 48, 28, 28}, {1}},   {{16, 40, 7, 7}, {1}},
      {{2, 31, 29, 70}, {3}},  {{20022, 3}, {1}},        {{2, 3, 10011}, {1}},
      {{1, 20003}, {0}},       {{3, 7, 201, 10}, {1, 3}}, {{6, 301, 41}, {2}},
      {{5, 1, 19, 1}, {2}}};
  return layouts;
}

constexpr DType kTypes[] = {DType::F32, DType::F64, DType::F16, DType::BF16};
/// Masks of: tokens or pixels, samples, positions, everything, channels of a
/// sample, channels; and one weight.
constexpr unsigned kMasks = 7;

/// The dimensions along which mask `number` varies, as bits.
unsigned getMaskDims(const Layout &layout, unsigned number) {
  unsigned all = (1u << layout.shape.size()) - 1, channels = 0;
  for (int64_t dim : layout.axis)
    channels |= 1u << dim;
  unsigned reduced = all & ~channels;
  unsigned dims[kMasks] = {reduced, 1u,       reduced & ~1u, all, channels | 1u,
                           channels, 0u};
  return dims[number];
}

BatchNormSpec getMaskSpec(const Layout &layout, unsigned mask, DType dtype,
                          bool isDynamic = false) {
  BatchNormSpec spec =
      getSpec(Kind::Backward, dtype, layout.shape, layout.axis);
  if (isDynamic)
    spec.shape.assign(layout.shape.size(), -1);
  unsigned along = getMaskDims(layout, mask);
  for (auto [dim, size] : llvm::enumerate(spec.shape))
    spec.maskShape.push_back(along >> dim & 1 ? size : 1);
  return spec;
}

TEST(GradientMaskTest, MatchesReference) {
  unsigned sizes[] = {
      static_cast<unsigned>(getLayouts().size()), kMasks, 4, 4, 3, 4, 3, 4};
  // Layouts with masks, and all pairs of what is small.
  std::vector<std::vector<unsigned>> together = {{0, 1}};
  for (unsigned a = 1; a < std::size(sizes); ++a)
    for (unsigned b = a + 1; b < std::size(sizes); ++b)
      together.push_back({a, b});
  Ratios largest;
  for (const std::vector<unsigned> &row : coverCombinations(sizes, together)) {
    const Layout &layout = getLayouts()[row[0]];
    BatchNormSpec spec =
        getMaskSpec(layout, row[1], kTypes[row[2]], row[4] == 1);
    if (row[4] == 2) { // any batch
      spec.maskShape[0] = spec.maskShape[0] == spec.shape[0] &&
                                  getMaskDims(layout, row[1]) & 1
                              ? -1
                              : 1;
      spec.shape[0] = -1;
    }
    spec.maskType = kTypes[row[3]];
    spec.threads = row[6] + 1;
    spec.isFrozen = row[7] == 3;
    spec.hasScale = row[7] != 2;
    spec.hasScaleGrad = spec.hasOffsetGrad = row[7] != 1;
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, layout.shape, /*isShifted=*/row[6] == 2);
    run.fill(31);
    Random random(32);
    int64_t size = run["mask"].size();
    run.fillMask([&](int64_t i) -> double {
      switch (row[5]) {
      case 0: // in or out
        return random.uniform(0, 1) < 0.5;
      case 1: // padding in front
        return i >= size / 2;
      case 2: // fractions
        return std::max(0.0, random.uniform(-0.5, 2));
      default: // nothing
        return 0;
      }
    });
    if (run.run())
      largest.include(run.compare());
  }
  llvm::outs() << llvm::formatv(
      "largest part of its bound that an error took up: input_grad {0:f2}, "
      "scale_grad {1:f2}, offset_grad {2:f2}\n",
      largest.inputGrad, largest.scaleGrad, largest.offsetGrad);
}

/// Central differences of sum(output_grad * output), where output is what
/// training with the mask gives.
TEST(GradientMaskTest, FiniteDifferences) {
  constexpr double kStep = 1e-5;
  Layout layouts[] = {{{3, 4, 5}, {1}},
                      {{2, 3, 2, 3}, {3}},
                      {{2, 3, 4, 2}, {1, 3}},
                      {{17, 2}, {1}}};
  for (const Layout &layout : layouts)
    for (unsigned mask : {0, 1, 3, 5}) {
      BatchNormSpec spec = getMaskSpec(layout, mask, DType::F64);
      spec.maskType = DType::F64;
      SCOPED_TRACE(spec.getKey());
      BatchNormSpec forwardSpec = spec;
      forwardSpec.kind = Kind::Training;
      forwardSpec.hasRunningStats = false;
      Execution backward(spec, layout.shape);
      Execution forward(forwardSpec, layout.shape);
      backward.fill(33);
      forward.fill(33);
      forward.fillMask([](int64_t i) { return i % 3 == 1 ? 0 : 0.5 + i % 4; });
      forward.run();
      for (const char *name : {"input", "mask", "scale", "mean", "variance"})
        backward[name] = forward[name];
      backward.run();
      auto evaluate = [&](const char *operand, int64_t i, double value) {
        double before = forward[operand][i];
        forward[operand].set(i, value);
        forward.run();
        forward[operand].set(i, before);
        Real sum = 0;
        for (int64_t k = 0; k < forward["output"].size(); ++k)
          sum += static_cast<Real>(backward["output_grad"][k]) *
                 forward["output"][k];
        return sum;
      };
      std::pair<const char *, const char *> pairs[] = {
          {"input", "input_grad"},
          {"scale", "scale_grad"},
          {"offset", "offset_grad"}};
      for (auto [operand, gradient] : pairs)
        for (int64_t i = 0; i < backward[gradient].size(); ++i) {
          double x = forward[operand][i];
          Real difference = evaluate(operand, i, x + kStep) -
                            evaluate(operand, i, x - kStep);
          ASSERT_NEAR(backward[gradient][i],
                      static_cast<double>(difference / (2 * kStep)), 1e-7)
              << gradient << " " << i;
        }
    }
}

TEST(GradientMaskTest, SameBits) {
  for (auto [number, layout] : llvm::enumerate(getLayouts())) {
    bool isDynamic = number % 3 == 0;
    BatchNormSpec spec =
        getMaskSpec(layout, number % kMasks,
                    isDynamic ? DType::BF16 : DType::F32, isDynamic);
    SCOPED_TRACE(spec.getKey());
    Execution first(spec, layout.shape);
    first.fill(34);
    first.run();
    for (int64_t threads : {1, 2, 3}) {
      spec.threads = threads;
      Execution run(spec, layout.shape, /*isShifted=*/threads == 3);
      run.fill(34);
      run.run(/*inPlace=*/threads != 3);
      for (llvm::StringRef name : {"input_grad", "scale_grad", "offset_grad"})
        EXPECT_TRUE(first[name].getBytes() == run[name].getBytes())
            << name.str() << " " << threads;
    }
  }
}

/// With ones: as without a mask. (Not the same schedule, so not the same bits.)
TEST(GradientMaskTest, Ones) {
  for (const Layout &layout : getLayouts()) {
    BatchNormSpec spec = getMaskSpec(layout, 3, DType::F32);
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, layout.shape);
    run.fill(35);
    run.fillMask([](int64_t) { return 1; });
    if (!run.run())
      continue;
    spec.maskShape.clear();
    Execution plain(spec, layout.shape);
    for (const KernelOperand &operand : spec.getSignature().arguments)
      plain[operand.name] = run[operand.name];
    plain.compare();
  }
}

/// The input of an element of weight 0 is not in its own gradient, and touches
/// its channel only: there it is in the sums, as its output is.
TEST(GradientMaskTest, PoisonStays) {
  for (const Layout &layout : getLayouts())
    for (double poison : {std::numeric_limits<double>::quiet_NaN(),
                          std::numeric_limits<double>::infinity()}) {
      BatchNormSpec spec = getMaskSpec(layout, 3, DType::F32);
      SCOPED_TRACE(spec.getKey());
      Execution clean(spec, layout.shape);
      clean.fill(36);
      clean.fillMask([](int64_t i) { return i % 3 != 1; });
      Execution run = clean;
      int64_t where = run["input"].size() / 2, channel = 0;
      while (where % 3 != 1)
        --where;
      run["input"].set(where, poison);
      clean.run();
      run.run();
      forEachElement(layout.shape, layout.axis, [&](int64_t i, int64_t c) {
        channel = i == where ? c : channel;
      });
      EXPECT_FALSE(std::isfinite(run["scale_grad"][channel]));
      EXPECT_EQ(run["input_grad"][where], clean["input_grad"][where]);
      forEachElement(layout.shape, layout.axis, [&](int64_t i, int64_t c) {
        if (c != channel)
          ASSERT_EQ(run["input_grad"][i], clean["input_grad"][i]) << i;
      });
    }
}

/// The count is exact beyond what f32 can count.
TEST(GradientMaskTest, ManyElements) {
  constexpr int64_t kSize = 17000003;
  Layout layout = {{1, 1, kSize}, {1}};
  BatchNormSpec spec = getMaskSpec(layout, 0, DType::F32);
  spec.hasScaleGrad = spec.hasOffsetGrad = spec.hasScale = false;
  spec.epsilon = 0;
  Execution run(spec, layout.shape);
  run.fillInput([](int64_t, int64_t) { return 0; });
  run.fillData("output_grad", [](int64_t, int64_t) { return 1; });
  run.fillMask([](int64_t i) { return i % 1000003 != 0; });
  run.fillChannels("mean", [](int64_t) { return 0; });
  run.fillChannels("variance", [](int64_t) { return 1; });
  ASSERT_TRUE(run.run());
  EXPECT_EQ(run["input_grad"][0], 1);
  // 1 - size / (size - 17), which a wrong count would miss by far.
  EXPECT_NEAR(run["input_grad"][1], -17.0 / (kSize - 17), 1.3e-7);
}

} // namespace
