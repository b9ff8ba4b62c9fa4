//===- GradientExtremesTest.cpp - Gradients of unusual data -----*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// No elements, one element, NaN and infinity, numbers at the ends of the range,
// and that what is not needed is not read.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Execution.h"

#include <cmath>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;
using Kind = BatchNormSpec::Kind;

namespace {

constexpr DType kTypes[] = {DType::F16, DType::BF16, DType::F32, DType::F64};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr const char *kGradients[] = {"input_grad", "scale_grad",
                                      "offset_grad"};

struct Layout {
  DimVector shape, axis;
};

/// A tail after every width of vector, channels first, last, and in between;
/// small and large enough for the schedules of large tensors.
const std::vector<Layout> &getLayouts() {
  static const std::vector<Layout> layouts = {
      {{3, 13, 7, 9}, {1}},   {{3, 7, 9, 13}, {3}},   {{5, 2, 17, 6}, {1, 3}},
      {{2, 37, 41, 43}, {1}}, {{3, 39, 41, 45}, {3}}, {{5, 3, 10007}, {1}},
      {{30011, 3}, {1}}};
  return layouts;
}

Execution createRun(DType dtype, const Layout &layout, bool isFrozen,
                    bool isDynamic = false) {
  BatchNormSpec spec =
      getSpec(Kind::Backward, dtype, layout.shape, layout.axis);
  spec.isFrozen = isFrozen;
  spec.threads = 2;
  if (isDynamic)
    spec.shape.assign(layout.shape.size(), -1);
  Execution run(spec, layout.shape);
  run.fill(3);
  return run;
}

/// Runs `body` for types, static and dynamic sizes, frozen or not.
void forAll(llvm::ArrayRef<Layout> layouts,
            llvm::function_ref<void(Execution &)> body) {
  for (const Layout &layout : layouts)
    for (DType dtype : kTypes)
      for (bool isFrozen : {false, true})
        for (bool isDynamic : {false, true}) {
          Execution run = createRun(dtype, layout, isFrozen, isDynamic);
          SCOPED_TRACE(run.getSpec().getKey());
          body(run);
        }
}

TEST(GradientExtremesTest, OneElementPerChannel) {
  Layout layouts[] = {{{1, 19, 1, 1}, {1}},
                      {{1, 1, 1, 19}, {3}},
                      {{19}, {0}},
                      {{1, 4, 1, 5}, {1, 3}}};
  forAll(layouts, [](Execution &run) {
    // The mean is the element.
    for (int64_t c = 0; c < run.getNumChannels(); ++c)
      run["mean"].set(c, run["input"][c]);
    if (!run.run())
      return;
    run.compare();
    if (run.getSpec().isFrozen)
      return;
    double u = getUnitRoundoff(DType::F32);
    for (int64_t i = 0; i < run["input_grad"].size(); ++i)
      ASSERT_LE(std::fabs(run["input_grad"][i]),
                32 * u * std::fabs(run["output_grad"][i]) + 1e-7);
  });
}

TEST(GradientExtremesTest, NoElements) {
  Layout layouts[] = {
      {{0, 19, 5}, {1}}, {{5, 0, 19}, {2}}, {{0, 4, 3, 5}, {1, 3}}};
  forAll(layouts, [](Execution &run) {
    if (!run.run())
      return;
    for (const char *name : {"scale_grad", "offset_grad"})
      EXPECT_EQ(run.countOthers(name, [](int64_t) { return 0; }), 0) << name;
  });
}

/// One channel, and no deviation in it.
TEST(GradientExtremesTest, ConstantChannel) {
  Layout layouts[] = {{{3, 1, 70}, {1}}, {{5, 1, 20011}, {1}}, {{211, 1}, {1}}};
  forAll(layouts, [](Execution &run) {
    run.fillInput([](int64_t, int64_t) { return 2.5; });
    run.fillChannels("mean", [](int64_t) { return 2.5; });
    run.fillChannels("variance", [](int64_t) { return 0; });
    if (!run.run())
      return;
    run.compare();
    EXPECT_EQ(run.countOthers("scale_grad", [](int64_t) { return 0; }), 0);
  });
}

/// Sums of large numbers do not overflow, but for what is written of them.
TEST(GradientExtremesTest, LargeNumbers) {
  std::pair<DType, double> largest[] = {{DType::F16, 6e4},
                                        {DType::BF16, 1e37},
                                        {DType::F32, 1e37},
                                        {DType::F64, 1e300}};
  for (const Layout &layout : getLayouts())
    for (auto [dtype, size] : largest) {
      Execution run = createRun(dtype, layout, /*isFrozen=*/false);
      SCOPED_TRACE(run.getSpec().getKey());
      run.fillData("output_grad", [&, size = size](int64_t i, int64_t) {
        return size * (0.9 + (i % 8) * 0.01);
      });
      // Products that fit, and whose sums do not.
      run.fillInput([](int64_t i, int64_t) { return 1 + (i % 5) * 0.25; });
      run.fillChannels("mean", [](int64_t) { return 0.5; });
      if (!run.run())
        continue;
      run.compare();
    }
}

/// Replaces one element of `name` in some channels, and expects all others'
/// gradients to be what they were, bit for bit.
void expectContained(Execution &clean, llvm::StringRef name, double poison) {
  Execution run = clean;
  clean.run();
  int64_t numChannels = run.getNumChannels();
  std::vector<bool> touched(numChannels, false);
  run.fillData(name, [&](int64_t i, int64_t c) {
    bool isPoisoned = c == 0 || c == numChannels / 2;
    if (!isPoisoned || touched[c] || i < run[name].size() / 3)
      return clean[name][i];
    touched[c] = true;
    return poison;
  });
  run.run();
  auto isFinite = [](double x) { return std::isfinite(x); };
  forEachElement(run["input"].getShape(), run.getSpec().axis,
                 [&](int64_t i, int64_t c) {
                   if (!touched[c])
                     ASSERT_EQ(run["input_grad"][i], clean["input_grad"][i]);
                   else if (!run.getSpec().isFrozen)
                     ASSERT_FALSE(isFinite(run["input_grad"][i])) << i;
                 });
  for (int64_t c = 0; c < numChannels; ++c) {
    EXPECT_EQ(isFinite(run["scale_grad"][c]), !touched[c]) << c;
    for (const char *grad : {"scale_grad", "offset_grad"})
      if (!touched[c])
        EXPECT_EQ(run[grad][c], clean[grad][c]) << grad << c;
  }
}

TEST(GradientExtremesTest, NaNStaysInItsChannel) {
  for (const Layout &layout : getLayouts())
    for (DType dtype : kTypes)
      for (bool isFrozen : {false, true})
        for (llvm::StringRef name : {"input", "output_grad"})
          for (double poison : {kNaN, kInfinity}) {
            Execution run = createRun(dtype, layout, isFrozen);
            SCOPED_TRACE(run.getSpec().getKey());
            expectContained(run, name, poison);
          }
}

/// What a gradient does not need may be anything: it is not read, or not used.
TEST(GradientExtremesTest, UnneededOperands) {
  struct {
    bool input, scale, offset, isFrozen;
    std::vector<const char *> unneeded;
  } cases[] = {
      {false, false, true, false, {"input", "scale", "mean", "variance"}},
      {false, false, true, true, {"input", "scale", "mean", "variance"}},
      {true, false, false, true, {"input", "mean"}},
      {true, false, true, true, {"input", "mean"}},
      {false, true, false, false, {"scale"}}};
  for (const Layout &layout : getLayouts())
    for (const auto &c : cases) {
      BatchNormSpec spec =
          getSpec(Kind::Backward, DType::F32, layout.shape, layout.axis);
      spec.hasInputGrad = c.input;
      spec.hasScaleGrad = c.scale;
      spec.hasOffsetGrad = c.offset;
      spec.isFrozen = c.isFrozen;
      SCOPED_TRACE(spec.getKey());
      Execution clean(spec, layout.shape);
      clean.fill(7);
      Execution run = clean;
      for (llvm::StringRef name : c.unneeded)
        for (int64_t i = 0; i < run[name].size(); ++i)
          run[name].set(i, kNaN);
      clean.run();
      run.run();
      clean.compare();
      for (const char *name : kGradients)
        if (run.has(name))
          EXPECT_EQ(run[name].getBytes() == clean[name].getBytes(), true)
              << name;
    }
}

} // namespace
