//===- RenormalizationTest.cpp - Corrected batch statistics -----*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Renormalization and its gradients against the reference, in all layouts; the
// gradients against differences of what the forward kernel gives; and what is
// particular: no elements, NaN, large means, threads, data past the caches.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Cases.h"
#include "RenormalizationRun.h"

#include <cmath>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

using Kind = BatchNormSpec::Kind;
using Epilogue = BatchNormSpec::Epilogue;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr DType kTypes[] = {DType::F32, DType::F64, DType::F16, DType::BF16};
/// None, some that clip some channels, and such that clip all.
constexpr Limits kLimits[] = {
    {0, kInfinity, kInfinity}, {0.6, 1.5, 0.8}, {1.25, 1.25, 1e-6}};

struct Layout {
  DimVector shape, axis;
};

const std::vector<Layout> &getLayouts() {
  static const std::vector<Layout> layouts = {{{6, 5, 7, 9}, {1}},
                                              {{4, 48, 28, 28}, {1}},
                                              {{15, 31, 7, 7}, {1}},
                                              {{2, 64, 33, 32}, {1}},
                                              {{6, 29, 37, 31}, {3}},
                                              {{3001, 7}, {1}},
                                              {{1024, 65}, {1}},
                                              {{2, 3, 30011}, {1}},
                                              {{3, 5, 301, 10}, {1, 3}},
                                              {{6, 3, 4, 17}, {1, 2}},
                                              {{4, 1, 19}, {1}},
                                              {{1, 13, 1, 1}, {1}},
                                              {{17}, {0}},
                                              {{6, 9, 5, 4}, {0, -1}}};
  return layouts;
}

BatchNormSpec getRenormSpec(Kind kind, DType dtype, const Layout &layout,
                            unsigned dynamic = 0) {
  BatchNormSpec spec = getSpec(kind, dtype, layout.shape, layout.axis);
  spec.isRenormalized = true;
  spec.renormMomentum = 0.75;
  spec.momentum = 0.875;
  if (dynamic == 1)
    spec.shape[0] = -1;
  if (dynamic == 2)
    spec.shape.assign(layout.shape.size(), -1);
  return spec;
}

/// A mask with the sizes of the spec in every other dimension.
DimVector getMaskShape(const BatchNormSpec &spec) {
  DimVector shape = spec.shape;
  for (size_t dim = 1; dim < shape.size(); dim += 2)
    shape[dim] = 1;
  return shape;
}

/// Layout, type, dynamic, limits, operands, epilogue, mask: all pairs of them.
std::vector<std::vector<unsigned>> getRows() {
  unsigned sizes[] = {
      static_cast<unsigned>(getLayouts().size()), 4, 3, 3, 4, 3, 2};
  std::vector<std::vector<unsigned>> pairs;
  for (unsigned a = 0; a < std::size(sizes); ++a)
    for (unsigned b = a + 1; b < std::size(sizes); ++b)
      pairs.push_back({a, b});
  return coverCombinations(sizes, pairs);
}

TEST(RenormalizationTest, MatchesReference) {
  double largest = 0;
  unsigned seed = 0;
  for (const std::vector<unsigned> &row : getRows()) {
    const Layout &layout = getLayouts()[row[0]];
    BatchNormSpec spec =
        getRenormSpec(Kind::Training, kTypes[row[1]], layout, row[2]);
    spec.hasScale = row[4] & 1;
    spec.hasOffset = row[4] & 2;
    spec.hasRunningStats = row[4] != 1;
    spec.epilogue = row[5] == 2   ? Epilogue::AddRelu
                    : row[5] == 1 ? Epilogue::Relu
                                  : Epilogue::None;
    if (row[6])
      spec.maskShape = getMaskShape(spec);
    spec.threads = row[5] + 1;
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, layout.shape, /*isShifted=*/row[5] == 2);
    fillRenormalization(run, ++seed, kLimits[row[3]]);
    if (run.run(/*inPlace=*/row[5] != 1))
      largest = std::max(largest, compareRenormalization(run));
  }
  // The bound is not out of reach.
  EXPECT_GT(largest, 0.1);
}

TEST(RenormalizationTest, GradientsMatchReference) {
  double largest = 0;
  unsigned seed = 0;
  for (const std::vector<unsigned> &row : getRows()) {
    const Layout &layout = getLayouts()[row[0]];
    BatchNormSpec spec =
        getRenormSpec(Kind::Backward, kTypes[row[1]], layout, row[2]);
    spec.hasScale = row[3] != 0;
    spec.hasInputGrad = row[4] != 1;
    spec.hasScaleGrad = row[4] != 2;
    spec.hasOffsetGrad = row[4] != 3;
    if (row[5] == 2)
      spec.statisticsKind = BatchNormSpec::StatisticsKind::InverseStd;
    if (row[6])
      spec.maskShape = getMaskShape(spec);
    spec.threads = row[5] + 1;
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, layout.shape, /*isShifted=*/row[5] == 2);
    fillRenormalization(run, ++seed, kLimits[0]);
    if (run.run(/*inPlace=*/row[5] != 1))
      largest = std::max(largest, compareRenormalization(run));
  }
  EXPECT_GT(largest, 0.1);
}

/// With limits that fix r and d for all channels, the gradients are the slopes
/// of what the forward kernel computes, in f64.
TEST(RenormalizationTest, GradientsAreSlopes) {
  Layout layout{{5, 3, 4}, {1}};
  BatchNormSpec spec = getRenormSpec(Kind::Training, DType::F64, layout);
  Execution forward(spec, layout.shape);
  fillRenormalization(forward, 31, kLimits[2]);
  ASSERT_TRUE(forward.run());
  spec.kind = Kind::Backward;
  Execution backward(spec, layout.shape);
  fillRenormalization(backward, 32, kLimits[2]);
  for (const char *name : {"input", "scale", "mean", "variance", "r", "d"})
    backward[name] = forward[name];
  ASSERT_TRUE(backward.run());
  const HostArray &dy = backward["output_grad"];
  auto getLoss = [&] {
    double sum = 0;
    EXPECT_TRUE(forward.run());
    for (int64_t i = 0; i < dy.size(); ++i)
      sum += dy[i] * forward["output"][i];
    return sum;
  };
  constexpr double step = 1e-6;
  for (std::string name : {"input", "scale", "offset"})
    for (int64_t i = 0; i < forward[name].size(); ++i) {
      double at = forward[name][i];
      forward[name].set(i, at + step);
      double above = getLoss();
      forward[name].set(i, at - step);
      double slope = (above - getLoss()) / (2 * step);
      forward[name].set(i, at);
      EXPECT_NEAR(backward[name + "_grad"][i], slope, 1e-7) << name << " " << i;
    }
}

TEST(RenormalizationTest, SameBits) {
  for (const Layout &layout : getLayouts())
    for (Kind kind : {Kind::Training, Kind::Backward}) {
      BatchNormSpec spec = getRenormSpec(kind, DType::F32, layout);
      SCOPED_TRACE(spec.getKey());
      Execution first(spec, layout.shape);
      fillRenormalization(first, 33, kLimits[1]);
      first.run();
      for (int64_t threads : {2, 3}) {
        spec.threads = threads;
        Execution run(spec, layout.shape, /*isShifted=*/threads == 3);
        fillRenormalization(run, 33, kLimits[1]);
        run.run(/*inPlace=*/threads == 2);
        for (const char *name : {"output", "variance", "r", "d",
                                 "new_renorm_std", "input_grad", "scale_grad"})
          EXPECT_TRUE(!run.has(name) ||
                      first[name].getBytes() == run[name].getBytes())
              << name << " with " << threads << " threads";
      }
    }
}

TEST(RenormalizationTest, NoElements) {
  for (const Layout &layout : {Layout{{0, 5, 3}, {1}}, Layout{{4, 0, 5}, {2}}})
    for (unsigned dynamic : {0, 1, 2}) {
      BatchNormSpec spec =
          getRenormSpec(Kind::Training, DType::F32, layout, dynamic);
      SCOPED_TRACE(spec.getKey());
      Execution run(spec, layout.shape);
      fillRenormalization(run, 34, kLimits[1]);
      run["renorm_mean"].set(0, kInfinity); // it, too, is left
      if (!run.run())
        continue;
      for (std::string name :
           {"renorm_mean", "renorm_std", "running_mean", "running_std"})
        EXPECT_EQ(run.countOthers("new_" + name,
                                  [&](int64_t c) { return run[name][c]; }),
                  0);
      EXPECT_EQ(run.countOthers("r", [](int64_t) { return 1; }), 0);
      for (const char *name : {"d", "mean", "variance"})
        EXPECT_EQ(run.countOthers(name, [](int64_t) { return 0; }), 0);
    }
}

TEST(RenormalizationTest, PoisonStays) {
  for (const Layout &layout : getLayouts()) {
    BatchNormSpec spec = getRenormSpec(Kind::Training, DType::F32, layout);
    SCOPED_TRACE(spec.getKey());
    Execution clean(spec, layout.shape), run(spec, layout.shape);
    for (Execution *execution : {&clean, &run})
      fillRenormalization(*execution, 35, kLimits[1]);
    clean.run();
    int64_t where = run["input"].size() / 2, channel = 0;
    forEachElement(layout.shape, layout.axis, [&](int64_t i, int64_t c) {
      channel = i == where ? c : channel;
    });
    run["input"].set(where, std::numeric_limits<double>::quiet_NaN());
    run.run();
    forEachElement(layout.shape, layout.axis, [&](int64_t i, int64_t c) {
      if (c == channel)
        ASSERT_TRUE(std::isnan(run["output"][i])) << i;
      else
        ASSERT_EQ(run["output"][i], clean["output"][i]) << i;
    });
    for (int64_t c = 0; c < run.getNumChannels(); ++c)
      for (const char *name : {"r", "d", "new_renorm_mean", "new_renorm_std"}) {
        if (c == channel)
          EXPECT_TRUE(std::isnan(run[name][c])) << name;
        else
          EXPECT_EQ(run[name][c], clean[name][c]) << name;
      }
  }
}

/// A deviation of batches before of 0 is taken as the root of epsilon.
TEST(RenormalizationTest, NoDeviationBefore) {
  Layout layout{{7, 5, 3}, {1}};
  BatchNormSpec spec = getRenormSpec(Kind::Training, DType::F32, layout);
  Execution run(spec, layout.shape);
  fillRenormalization(run, 36, kLimits[0]);
  run.fillChannels("renorm_std", [](int64_t) { return 0; });
  ASSERT_TRUE(run.run());
  compareRenormalization(run);
  EXPECT_GT(run["r"][0], 10);
}

/// Where the mean is large against the deviation, nothing cancels.
TEST(RenormalizationTest, LargeMeans) {
  for (const Layout &layout :
       {Layout{{8, 16, 28, 28}, {1}}, Layout{{3001, 33}, {1}}}) {
    BatchNormSpec spec = getRenormSpec(Kind::Training, DType::F32, layout);
    spec.hasScale = spec.hasOffset = false;
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, layout.shape);
    fillRenormalization(run, 37, kLimits[0]);
    Random random(38);
    run.fillInput(
        [&](int64_t, int64_t) { return 1.0e6 + 4 * random.normal(); });
    run.fillChannels("renorm_mean", [](int64_t) { return 1.0e6; });
    run.fillChannels("renorm_std", [](int64_t) { return 4; });
    ASSERT_TRUE(run.run());
    compareRenormalization(run);
    double largest = 0;
    for (int64_t i = 0; i < run["output"].size(); ++i)
      largest = std::max(
          largest, std::fabs(run["output"][i] - (run["input"][i] - 1.0e6) / 4));
    EXPECT_LT(largest, 4e-6);
  }
}

TEST(RenormalizationTest, Large) {
  for (const Layout &layout :
       {Layout{{40, 64, 57, 57}, {1}}, Layout{{40, 57, 57, 64}, {3}},
        Layout{{160, 256, 14, 14}, {1}}})
    for (Kind kind : {Kind::Training, Kind::Backward}) {
      BatchNormSpec spec = getRenormSpec(kind, DType::F32, layout);
      spec.threads = 2;
      SCOPED_TRACE(spec.getKey());
      Execution run(spec, layout.shape);
      fillRenormalization(run, 39, kLimits[1]);
      if (run.run())
        compareRenormalization(run);
    }
}

} // namespace
