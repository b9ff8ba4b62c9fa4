//===- MaskTest.cpp - Weighted elements -------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Statistics with a mask, which may be broadcast along any dimensions: against
// the reference, and the policies for elements and channels of weight 0.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Cases.h"
#include "Execution.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

constexpr auto kTraining = BatchNormSpec::Kind::Training;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Variance = BatchNormSpec::RunningVariance;

struct Layout {
  DimVector shape, axis;
  int64_t groups;
};

/// One for each schedule: single, slabs of one and of several channels, rows,
/// few channels in rows, split; tokens; axes that are apart, and adjacent ones;
/// dimensions of size 1.
const std::vector<Layout> &getLayouts() {
  static const std::vector<Layout> layouts = {
      {{3, 5, 7, 9}, {1}, 3},     {{4, 48, 28, 28}, {1}, 2},
      {{16, 64, 7, 7}, {1}, 4},   {{4, 31, 29, 70}, {3}, 2},
      {{50022, 3}, {1}, 3},       {{2, 3, 30011}, {1}, 2},
      {{1, 100003}, {0}, 1},      {{6, 7, 301, 10}, {1, 3}, 2},
      {{7, 6, 301, 10}, {2}, 7},  {{6, 501, 41}, {2}, 3},
      {{6, 5, 4, 33}, {1, 2}, 3}, {{5, 1, 19, 1}, {2}, 5},
      {{1, 6, 1, 2051}, {1}, 1},  {{3, 1, 1, 40}, {3}, 3},
      {{2, 33, 29, 300}, {3}, 1}, {{64, 40, 33}, {2}, 16},
      {{40, 12, 5, 9}, {1}, 10}};
  return layouts;
}

constexpr DType kTypes[] = {DType::F32, DType::F64, DType::F16, DType::BF16};
constexpr const char *kDynamic[] = {"static", "dynamic", "any batch"};

/// A spec with a mask along the dimensions whose bits are set in `along`.
BatchNormSpec getMaskSpec(const Layout &layout, unsigned along, DType dtype,
                          DType maskType, llvm::StringRef dynamic) {
  BatchNormSpec spec = getSpec(kTraining, dtype, layout.shape, layout.axis);
  if (dynamic == "dynamic")
    spec.shape.assign(layout.shape.size(), -1);
  else if (dynamic == "any batch")
    spec.shape[0] = -1;
  spec.maskType = maskType;
  for (auto [dim, size] : llvm::enumerate(spec.shape))
    spec.maskShape.push_back(along >> dim & 1 ? size : 1);
  return spec;
}

/// Numbers that a weight can be, in turn.
double getWeight(unsigned kind, Random &random, int64_t i, int64_t size) {
  switch (kind) {
  case 0: // in or out
    return random.uniform(0, 1) < 0.5;
  case 1: // padding in front
    return i >= size / 2;
  case 2: // fractions
    return std::max(0.0, random.uniform(-0.5, 2));
  default: // nothing
    return 0;
  }
}

TEST(MaskTest, MatchesReference) {
  unsigned sizes[] = {
      static_cast<unsigned>(getLayouts().size()), 16, 4, 4, 3, 4, 3, 2};
  std::vector<std::vector<unsigned>> together;
  for (unsigned a = 0; a < std::size(sizes); ++a)
    for (unsigned b = a + 1; b < std::size(sizes); ++b)
      together.push_back({a, b});
  Ratios largest;
  for (const std::vector<unsigned> &row : coverCombinations(sizes, together)) {
    const Layout &layout = getLayouts()[row[0]];
    BatchNormSpec spec = getMaskSpec(layout, row[1], kTypes[row[2]],
                                     kTypes[row[3]], kDynamic[row[4]]);
    spec.hasRunningStats = row[5] != 1;
    if (row[5] == 2)
      spec.runningVariance = Variance::Sample;
    spec.hasScale = spec.hasOffset = row[6] != 1;
    spec.threads = row[6] + 1;
    if (row[7])
      spec.groups = layout.groups;
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, layout.shape, /*isShifted=*/row[6] == 2);
    run.fill(21);
    Random random(22);
    run.fillMask([&](int64_t i) {
      return getWeight(row[5], random, i, run["mask"].size());
    });
    if (run.run())
      largest.include(run.compare());
  }
  llvm::outs() << llvm::formatv(
      "largest part of its bound that an error took up: output {0:f2}, mean "
      "{1:f2}, variance {2:f2}, running statistics {3:f2}\n",
      largest.output, largest.mean, largest.variance, largest.running);
}

/// The masks that there are in practice, for each layout: of tokens or pixels,
/// of samples, of positions, of everything, of channels.
std::vector<unsigned> getUsualMasks(const Layout &layout) {
  unsigned all = (1u << layout.shape.size()) - 1, channels = 0;
  for (int64_t dim : layout.axis)
    channels |= 1u << dim;
  return {all & ~channels, 1u, all & ~channels & ~1u, all, channels | 1u};
}

/// Each layout with each usual mask, in types that take turns.
void forUsualMasks(
    llvm::function_ref<void(const Layout &, unsigned, DType)> body) {
  unsigned number = 0;
  for (const Layout &layout : getLayouts())
    for (unsigned along : getUsualMasks(layout))
      body(layout, along, kTypes[number++ % std::size(kTypes)]);
}

TEST(MaskTest, SameBits) {
  for (const Layout &layout : getLayouts())
    for (auto [number, along] : llvm::enumerate(getUsualMasks(layout))) {
      bool isDynamic = number % 2;
      BatchNormSpec spec =
          getMaskSpec(layout, along, isDynamic ? DType::BF16 : DType::F32,
                      DType::F32, isDynamic ? "dynamic" : "static");
      SCOPED_TRACE(spec.getKey());
      Execution first(spec, layout.shape);
      first.fill(23);
      first.run();
      for (int64_t threads : {1, 2, 3}) {
        spec.threads = threads;
        Execution run(spec, layout.shape, /*isShifted=*/threads == 3);
        run.fill(23);
        run.run(/*inPlace=*/threads != 3);
        for (llvm::StringRef name :
             {"output", "mean", "variance", "new_running_mean",
              "new_running_variance"})
          EXPECT_TRUE(first[name].getBytes() == run[name].getBytes())
              << name.str() << " with " << threads << " threads";
      }
    }
}

/// Ones: what there is without a mask, within the bounds of that.
TEST(MaskTest, Ones) {
  forUsualMasks([](const Layout &layout, unsigned along, DType dtype) {
    BatchNormSpec spec =
        getMaskSpec(layout, along, dtype, DType::F32, "static");
    spec.runningVariance = Variance::Sample;
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, layout.shape);
    run.fill(24);
    run.fillMask([](int64_t) { return 1; });
    if (!run.run())
      return;
    spec.maskShape.clear();
    Execution plain(spec, layout.shape);
    for (const KernelOperand &operand : spec.getSignature().arguments)
      plain[operand.name] = run[operand.name];
    plain.compare();
  });
}

/// Zeros: no elements.
TEST(MaskTest, Zeros) {
  forUsualMasks([](const Layout &layout, unsigned along, DType dtype) {
    BatchNormSpec spec = getMaskSpec(layout, along, dtype, dtype, "static");
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, layout.shape);
    run.fill(25);
    run.fillMask([](int64_t) { return 0; });
    if (!run.run())
      return;
    run.compare(); // every element is normalized
    for (std::string name : {"running_mean", "running_variance"})
      EXPECT_EQ(run.countOthers("new_" + name,
                                [&](int64_t c) { return run[name][c]; }),
                0);
    for (const char *name : {"mean", "variance"})
      EXPECT_EQ(run.countOthers(name, [](int64_t) { return 0; }), 0);
  });
}

/// The index in the mask of `run` for each element.
std::vector<int64_t> getMaskIndices(const Execution &run) {
  llvm::ArrayRef<int64_t> shape = run["input"].getShape();
  llvm::ArrayRef<int64_t> mask = run["mask"].getShape();
  std::vector<int64_t> indices(run["input"].size());
  for (int64_t i = 0; i < run["input"].size(); ++i)
    for (int64_t dim = mask.size() - 1, rest = i, stride = 1; dim >= 0; --dim) {
      indices[i] += mask[dim] == 1 ? 0 : rest % shape[dim] * stride;
      rest /= shape[dim];
      stride *= mask[dim];
    }
  return indices;
}

/// What is excluded changes no bit of anything else, whatever it is.
TEST(MaskTest, ExcludedPoison) {
  const double poisons[] = {kNaN, kInfinity, -1e38};
  unsigned number = 0;
  for (const Layout &layout : getLayouts())
    for (unsigned along : getUsualMasks(layout)) {
      BatchNormSpec spec =
          getMaskSpec(layout, along, DType::F32, DType::F32, "static");
      SCOPED_TRACE(spec.getKey());
      Execution clean(spec, layout.shape);
      clean.fill(26);
      clean.fillMask([](int64_t i) { return i % 3 != 1; });
      Execution run = clean;
      std::vector<int64_t> indices = getMaskIndices(clean);
      double poison = poisons[number++ % std::size(poisons)];
      run.fillInput([&](int64_t i, int64_t) {
        return indices[i] % 3 == 1 ? poison : clean["input"][i];
      });
      clean.run();
      run.run();
      for (const char *name :
           {"mean", "variance", "new_running_mean", "new_running_variance"})
        EXPECT_TRUE(run[name].getBytes() == clean[name].getBytes()) << name;
      for (int64_t i = 0; i < run["output"].size(); ++i)
        if (indices[i] % 3 != 1)
          ASSERT_EQ(run["output"][i], clean["output"][i]) << i;
    }
}

/// What counts touches its channel only.
TEST(MaskTest, PoisonStays) {
  for (const Layout &layout : getLayouts())
    for (unsigned along : getUsualMasks(layout)) {
      BatchNormSpec spec =
          getMaskSpec(layout, along, DType::F32, DType::F32, "static");
      SCOPED_TRACE(spec.getKey());
      Execution clean(spec, layout.shape);
      clean.fill(26);
      clean.fillMask([](int64_t i) { return i % 2 == 0; });
      Execution run = clean;
      std::vector<int64_t> indices = getMaskIndices(clean);
      int64_t where = indices.size() / 2, channel = 0;
      while (indices[where] % 2 != 0)
        --where;
      run["input"].set(where, kNaN);
      clean.run();
      run.run();
      forEachElement(layout.shape, layout.axis, [&](int64_t i, int64_t c) {
        channel = i == where ? c : channel;
      });
      for (int64_t c = 0; c < run.getNumChannels(); ++c) {
        if (c == channel)
          EXPECT_TRUE(std::isnan(run["variance"][c]));
        else
          ASSERT_EQ(run["variance"][c], clean["variance"][c]) << c;
      }
    }
}

/// Far from 0, with padding of zeros in front: as exact as without a mask.
TEST(MaskTest, Offsets) {
  Layout layouts[] = {{{16, 8, 64, 64}, {1}, 1},    {{16, 64, 64, 8}, {3}, 1},
                      {{21, 8, 56, 56}, {1}, 1},    {{13, 71, 71, 8}, {3}, 1},
                      {{2039, 8}, {1}, 1},          {{32, 2048, 9}, {2}, 1},
                      {{16, 4, 4096, 2}, {1, 3}, 1}};
  for (const Layout &layout : layouts)
    for (double offset : {0.0, 1e4, 1e6})
      for (unsigned along : getUsualMasks(layout)) {
        BatchNormSpec spec =
            getMaskSpec(layout, along, DType::F32, DType::F32, "static");
        spec.hasScale = spec.hasOffset = spec.hasRunningStats = false;
        spec.threads = 2;
        SCOPED_TRACE(spec.getKey());
        Execution run(spec, layout.shape);
        Random random(27);
        run.fillInput(
            [&](int64_t, int64_t) { return offset + random.normal(); });
        int64_t size = run["mask"].size();
        run.fillMask([&](int64_t i) { return i >= size / 3 || size == 1; });
        if (!run.run())
          continue;
        run.compare();
        auto statistics =
            computeStatistics(run["input"], spec.axis, 1, &run["mask"]);
        for (auto [c, expected] : llvm::enumerate(statistics)) {
          Real error = std::fabs(run["variance"][c] - expected.variance.value);
          if (expected.numElements > 1)
            EXPECT_LE(error, 6e-7 * expected.variance.value) << offset;
        }
      }
}

/// Counts are exact beyond what f32 can count, and so are statistics that are
/// merged.
TEST(MaskTest, ManyElements) {
  constexpr int64_t kSize = 17000003;
  BatchNormSpec spec =
      getSpec(BatchNormSpec::Kind::Stats, DType::F32, {1, 1, kSize}, {1});
  spec.statisticsType = DType::F64;
  spec.maskShape = {1, 1, kSize};
  Execution run(spec, spec.shape);
  Random random(28);
  run.fillInput([&](int64_t, int64_t) { return 100 + random.normal(); });
  run.fillMask([](int64_t i) { return i % 1000003 != 0; });
  for (const char *name : {"count", "mean", "m2"})
    run.fillChannels(name, [](int64_t) { return 0; });
  ASSERT_TRUE(run.run());
  double count = kSize - 17;
  EXPECT_EQ(run["count"][0], count);
  ChannelStatistics expected =
      computeStatistics(run["input"], spec.axis, 1, &run["mask"]).front();
  double m2 = run["m2"][0];
  EXPECT_LE(std::fabs(run["mean"][0] - expected.mean.value), 1e-6);
  EXPECT_LE(std::fabs(m2 / count / expected.variance.value - 1), 3e-7);
  // Once more: added to what is there.
  ASSERT_TRUE(run.run());
  EXPECT_EQ(run["count"][0], 2 * count);
  EXPECT_NEAR(run["m2"][0], 2 * m2, 1e-6 * m2);
}

TEST(MaskTest, ErrorCall) {
  BatchNormSpec spec = getSpec(kTraining, DType::F32, {-1, 5, 3}, {1});
  spec.maskShape = {-1, 1, 3};
  auto kernel = getCompiler().compile(spec);
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  Execution run(spec, {6, 5, 3});
  run["mask"] = HostArray(DType::F32, {4, 1, 3});
  std::vector<TensorView> views;
  for (const KernelOperand &operand : kernel->getSignature().arguments)
    views.push_back(run[operand.name].getView());
  EXPECT_EQ(llvm::toString(kernel->call(views)),
            "expected 'mask' to have size 6 in dimension 0 (dimension 0 of "
            "'input'), got 4");
}

} // namespace
