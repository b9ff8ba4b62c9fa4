//===- ExtremesTest.cpp - Constant, huge, tiny, NaN -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Data at the ends of a type's range, and the policies: constant channels, no
// elements, one element, a variance of 0 without epsilon, NaN and infinity.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Execution.h"

#include <cmath>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

constexpr auto kTraining = BatchNormSpec::Kind::Training;
constexpr auto kInference = BatchNormSpec::Kind::Inference;
constexpr DType kTypes[] = {DType::F16, DType::BF16, DType::F32, DType::F64};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

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

Execution createRun(BatchNormSpec::Kind kind, DType dtype,
                    const Layout &layout) {
  BatchNormSpec spec = getSpec(kind, dtype, layout.shape, layout.axis);
  spec.threads = 2;
  Execution run(spec, layout.shape);
  run.fill(3);
  return run;
}

std::string describe(DType dtype, const Layout &layout) {
  std::string text = stringifyDType(dtype).str();
  for (int64_t size : layout.shape)
    text += " " + std::to_string(size);
  return text;
}

template <typename Body> void forAll(Body body) {
  for (const Layout &layout : getLayouts())
    for (DType dtype : kTypes) {
      SCOPED_TRACE(describe(dtype, layout));
      body(dtype, layout);
    }
}

//===----------------------------------------------------------------------===//
// Constant channels
//===----------------------------------------------------------------------===//

TEST(ExtremesTest, ConstantChannels) {
  const double values[] = {0, 1, -0.1, 1.0 / 3, 12345.678, -6e4, 7.0 / 1024};
  forAll([&](DType dtype, const Layout &layout) {
    Execution run = createRun(kTraining, dtype, layout);
    HostArray constants(dtype, {static_cast<int64_t>(std::size(values))});
    for (int64_t i = 0; i < constants.size(); ++i)
      constants.set(i, values[i]);
    auto getValue = [&](int64_t channel) {
      return constants[channel % constants.size()];
    };
    run.fillInput([&](int64_t, int64_t channel) { return getValue(channel); });
    if (!run.run())
      return;
    EXPECT_EQ(run.countOthers("mean", getValue), 0);
    EXPECT_EQ(run.countOthers("variance", [](int64_t) { return 0; }), 0);
    EXPECT_EQ(
        run.countOthers("output", [&](int64_t c) { return run["offset"][c]; }),
        0);
  });
}

/// Small ones, too, of which the square is far below epsilon.
TEST(ExtremesTest, SmallConstantChannels) {
  forAll([&](DType dtype, const Layout &layout) {
    Execution run = createRun(kTraining, dtype, layout);
    HostArray constants(dtype, {3});
    constants.set(0, 0);
    constants.set(1, 7.0 / 1024);
    constants.set(2, -0.01);
    run.fillInput(
        [&](int64_t, int64_t channel) { return constants[channel % 3]; });
    run.fillChannels("offset", [](int64_t) { return 0; });
    if (run.run())
      EXPECT_EQ(run.countOthers("output", [](int64_t) { return 0; }), 0);
  });
}

/// NaN and infinity exactly where the formula gives them.
TEST(ExtremesTest, NoEpsilonAndNoVariance) {
  for (double epsilon : {0.0, -1.0})
    for (auto kind : {kTraining, kInference})
      for (const Layout &layout : getLayouts()) {
        SCOPED_TRACE(describe(DType::F32, layout));
        BatchNormSpec spec =
            getSpec(kind, DType::F32, layout.shape, layout.axis);
        spec.epsilon = epsilon;
        Execution run(spec, layout.shape);
        run.fill(3);
        run.fillInput([](int64_t i, int64_t channel) {
          return channel == 1 ? 2.0 : 3.0 * ((i * 31) % 17);
        });
        if (kind == kInference)
          run.fillChannels("variance",
                           [](int64_t c) { return c == 1 ? 0 : 1.5; });
        if (run.run())
          run.compare();
      }
}

//===----------------------------------------------------------------------===//
// No elements, one element
//===----------------------------------------------------------------------===//

/// Runs a training with running statistics of the sample variance on each
/// layout, in each type, with static and with dynamic sizes.
void forTrainings(llvm::ArrayRef<Layout> layouts, double momentum,
                  llvm::function_ref<void(const Execution &)> check) {
  for (const Layout &layout : layouts)
    for (DType dtype : kTypes)
      for (bool isDynamic : {false, true}) {
        BatchNormSpec spec =
            getSpec(kTraining, dtype, layout.shape, layout.axis);
        spec.runningVariance = BatchNormSpec::RunningVariance::Sample;
        spec.momentum = momentum;
        if (isDynamic)
          spec.shape.assign(layout.shape.size(), -1);
        SCOPED_TRACE(spec.getKey());
        Execution run(spec, layout.shape);
        run.fill(4);
        if (run.run())
          check(run);
      }
}

TEST(ExtremesTest, OneElementPerChannel) {
  Layout layouts[] = {{{1, 19, 1, 1}, {1}},
                      {{1, 1, 1, 19}, {3}},
                      {{19}, {0}},
                      {{1, 4, 1, 5}, {1, 3}}};
  forTrainings(layouts, 0.5, [](const Execution &run) {
    run.compare();
    EXPECT_EQ(run.countOthers("variance", [](int64_t) { return 0; }), 0);
    EXPECT_EQ(run.countOthers(
                  "new_running_variance",
                  [&](int64_t c) { return 0.5 * run["running_variance"][c]; }),
              0);
  });
}

TEST(ExtremesTest, NoElements) {
  Layout layouts[] = {
      {{0, 19, 5}, {1}}, {{5, 0, 19}, {2}}, {{0, 4, 3, 5}, {1, 3}}};
  forTrainings(layouts, 0.25, [](const Execution &run) {
    for (std::string name : {"running_mean", "running_variance"})
      EXPECT_EQ(run.countOthers("new_" + name,
                                [&](int64_t c) { return run[name][c]; }),
                0);
    for (const char *name : {"mean", "variance"})
      EXPECT_EQ(run.countOthers(name, [](int64_t) { return 0; }), 0);
  });
}

TEST(ExtremesTest, Momentum) {
  for (double momentum : {-0.5, 0.0, 1.0, 1.5, 1e10}) {
    BatchNormSpec spec = getSpec(kTraining, DType::F32, {7, 5, 11}, {1});
    spec.momentum = momentum;
    Execution run(spec, spec.shape);
    run.fill(5);
    run.run();
    run.compare();
    if (momentum == 1) {
      EXPECT_EQ(run["new_running_mean"].getBytes(),
                run["running_mean"].getBytes());
    }
  }
}

//===----------------------------------------------------------------------===//
// Ends of the range
//===----------------------------------------------------------------------===//

/// Numbers from -size to size. Where their squares do not fit the accumulator,
/// the variance is infinite, and then the output is the offset.
TEST(ExtremesTest, LargeNumbers) {
  struct {
    DType dtype;
    double size;
    bool overflows;
  } largest[] = {{DType::F16, 6e4, false},    {DType::F64, 1e150, false},
                 {DType::F32, 1e17, false},   {DType::F32, 1e30, true},
                 {DType::BF16, 1.5e38, true}, {DType::F64, 1e200, true}};
  for (const Layout &layout : getLayouts())
    for (auto [dtype, size, overflows] : largest) {
      SCOPED_TRACE(describe(dtype, layout));
      Execution run = createRun(kTraining, dtype, layout);
      Random random(6);
      run.fillInput([&, size = size](int64_t, int64_t) {
        return size * random.uniform(-1, 1);
      });
      if (!run.run())
        continue;
      if (!overflows) {
        run.compare();
        continue;
      }
      for (int64_t c = 0; c < run.getNumChannels(); ++c)
        ASSERT_LE(std::fabs(run["mean"][c]), size);
      EXPECT_EQ(run.countOthers("variance", [](int64_t) { return kInfinity; }),
                0);
      EXPECT_EQ(run.countOthers("output",
                                [&](int64_t c) { return run["offset"][c]; }),
                0);
    }
}

/// Constant channels: the variance is that of rounding errors, or infinite
/// where the squares of these do not fit, and never NaN.
TEST(ExtremesTest, LargestNumbers) {
  forAll([&](DType dtype, const Layout &layout) {
    Execution run = createRun(kTraining, dtype, layout);
    double large = getLargest(dtype) / 2;
    run.fillInput(
        [&](int64_t, int64_t channel) { return channel % 2 ? large : -large; });
    if (!run.run())
      return;
    for (int64_t c = 0; c < run.getNumChannels(); ++c) {
      ASSERT_NEAR(std::fabs(run["mean"][c]), large, large * 1e-4);
      ASSERT_TRUE(run["variance"][c] <= large * 1e-4 ||
                  run["variance"][c] == kInfinity)
          << run["variance"][c];
    }
    EXPECT_EQ(
        run.countOthers("output", [&](int64_t c) { return run["offset"][c]; }),
        0);
  });
}

TEST(ExtremesTest, DenormalNumbers) {
  forAll([&](DType dtype, const Layout &layout) {
    for (auto kind : {kTraining, kInference}) {
      Execution run = createRun(kind, dtype, layout);
      Random random(7);
      run.fillInput([&](int64_t, int64_t channel) {
        return getSmallest(dtype) * std::floor(random.uniform(0, 9));
      });
      // What is too small to be seen beside an offset is seen without.
      run.fillChannels("offset", [](int64_t) { return 0; });
      run.fillChannels("mean", [](int64_t) { return 0; });
      run.run();
      // Sums are scaled down by up to 2^16, which f32 and f64 data feel here;
      // f16 is widened to f32, where these are normal numbers.
      if (kind == kInference || dtype == DType::F16)
        run.compare();
      else
        for (int64_t c = 0; c < run.getNumChannels(); ++c) {
          ASSERT_NEAR(run["mean"][c], 0, 9 * 65536 * getSmallest(dtype));
          ASSERT_EQ(run["variance"][c], 0);
        }
    }
  });
}

/// Squares that f32 holds, but a dot product of bf16 makes 0 of.
TEST(ExtremesTest, TinyDeviations) {
  for (const Layout &layout : getLayouts())
    for (double tiny : {1e-19, 1e-18, 1e-13}) {
      SCOPED_TRACE(describe(DType::BF16, layout));
      BatchNormSpec spec =
          getSpec(kTraining, DType::BF16, layout.shape, layout.axis);
      spec.epsilon = 1e-38;
      Execution run(spec, layout.shape);
      run.fill(3);
      run.fillInput([&](int64_t i, int64_t) {
        return tiny * ((i * 31) % 17 % 2 ? 1 : -1);
      });
      if (run.run())
        run.compare();
    }
}

/// Scales that f32 holds, but not their products with elements.
TEST(ExtremesTest, LargeScales) {
  for (const Layout &layout : getLayouts()) {
    SCOPED_TRACE(describe(DType::BF16, layout));
    Execution run = createRun(kInference, DType::BF16, layout);
    Random random(5);
    run.fillInput([&](int64_t, int64_t) { return 10 + random.normal(); });
    run.fillChannels("mean", [](int64_t) { return 10; });
    run.fillChannels("variance", [](int64_t) { return 1; });
    run.fillChannels("scale", [](int64_t) { return 5e37; });
    if (run.run())
      run.compare();
  }
}

//===----------------------------------------------------------------------===//
// NaN and infinity
//===----------------------------------------------------------------------===//

/// Replaces one element in some channels, and expects all others' results to be
/// what they were, bit for bit.
void expectContained(Execution &clean, double poison) {
  Execution run = clean;
  clean.run();
  int64_t numChannels = run.getNumChannels(), count = 0;
  auto isPoisoned = [&](int64_t c) {
    return c == 0 || c == numChannels / 2 || c == numChannels - 2;
  };
  run.fillInput([&](int64_t i, int64_t c) {
    bool here = isPoisoned(c) && i >= run["input"].size() / 3 && count < 3;
    count += here;
    return here ? poison : clean["input"][i];
  });
  ASSERT_EQ(count, 3);
  std::vector<bool> touched(numChannels, false);
  auto isFinite = [](double x) { return std::isfinite(x); };
  forEachElement(run["input"].getShape(), run.getSpec().axis,
                 [&](int64_t i, int64_t c) {
                   if (!isFinite(run["input"][i]))
                     touched[c] = true;
                 });
  run.run();
  forEachElement(run["input"].getShape(), run.getSpec().axis,
                 [&](int64_t i, int64_t c) {
                   if (touched[c])
                     ASSERT_FALSE(isFinite(run["output"][i])) << i;
                   else
                     ASSERT_EQ(run["output"][i], clean["output"][i]) << i;
                 });
  for (const char *name : {"mean", "variance", "new_running_mean"})
    for (int64_t c = 0; c < numChannels; ++c) {
      if (touched[c])
        EXPECT_FALSE(isFinite(run[name][c])) << name << c;
      else
        EXPECT_EQ(run[name][c], clean[name][c]) << name << c;
    }
}

TEST(ExtremesTest, NaNStaysInItsChannel) {
  forAll([&](DType dtype, const Layout &layout) {
    for (double poison :
         {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity}) {
      Execution run = createRun(kTraining, dtype, layout);
      expectContained(run, poison);
    }
  });
}

TEST(ExtremesTest, NaNInInference) {
  forAll([&](DType dtype, const Layout &layout) {
    Execution run = createRun(kInference, dtype, layout);
    run.fillInput([&](int64_t i, int64_t) {
      return i % 37 == 5   ? std::numeric_limits<double>::quiet_NaN()
             : i % 41 == 7 ? kInfinity
                           : i % 11;
    });
    run.run();
    run.compare();
  });
}

} // namespace
