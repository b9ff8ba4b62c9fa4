//===- GradientsTest.cpp - Gradients against the reference ------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Gradients within the bounds of docs/Numerics.md: a selection of kinds, types,
// layouts, subsets and sizes, large offsets, and finite differences of our own
// forward kernels; and the same bits whatever the call.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Cases.h"
#include "Execution.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir::bn;
using namespace mlir::bn::test;
using Kind = BatchNormSpec::Kind;

namespace {

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

class GradientsProductTest : public testing::TestWithParam<Case> {
protected:
  static void TearDownTestSuite() {
    llvm::outs() << llvm::formatv(
        "largest part of its bound that an error took up: input_grad {0:f2}, "
        "scale_grad {1:f2}, offset_grad {2:f2}\n",
        ratios.inputGrad, ratios.scaleGrad, ratios.offsetGrad);
  }
  static Ratios ratios;
};
Ratios GradientsProductTest::ratios;

TEST_P(GradientsProductTest, MatchesReference) {
  const Case &c = GetParam();
  Execution execution(c.spec, c.shape, c.isShifted);
  execution.fill(testing::UnitTest::GetInstance()->random_seed() + 2);
  if (execution.run())
    ratios.include(execution.compare());
}

std::string getName(const testing::TestParamInfo<Case> &info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(, GradientsProductTest,
                         testing::ValuesIn(selectGradientCases()), getName);

//===----------------------------------------------------------------------===//
// Offsets
//===----------------------------------------------------------------------===//

struct Layout {
  DimVector shape, axis;
};

/// One for each schedule: single, slabs (pipelined, of short rows), rows,
/// packed rows, split, and axes that are apart.
const std::vector<Layout> &getLayouts() {
  static const std::vector<Layout> layouts = {
      {{3, 5, 7, 9}, {1}},    {{4, 48, 28, 28}, {1}},    {{16, 64, 7, 7}, {1}},
      {{4, 31, 29, 70}, {3}}, {{50021, 3}, {1}},         {{2, 3, 30011}, {1}},
      {{1, 100003}, {0}},     {{7, 6, 301, 10}, {1, 3}}, {{7, 6, 301, 10}, {2}},
      {{300, 40, 49}, {1}}};
  return layouts;
}

/// The means and variances of the input, as a forward call gives them.
void fillStatistics(Execution &run) {
  auto statistics = computeStatistics(run["input"], run.getSpec().axis);
  run.fillChannels("mean", [&](int64_t c) {
    return static_cast<double>(statistics[c].mean.value);
  });
  run.fillChannels("variance", [&](int64_t c) {
    return static_cast<double>(statistics[c].variance.value);
  });
}

/// The error does not grow with the offset of the input where the mean is given
/// in f64, not even in units of the gradient.
TEST(GradientsTest, Offsets) {
  for (const Layout &layout : getLayouts())
    for (double offset : {0.0, 1e2, 1e4, 1e6})
      for (DType statistics : {DType::F32, DType::F64}) {
        BatchNormSpec spec =
            getSpec(Kind::Backward, DType::F32, layout.shape, layout.axis);
        spec.statisticsType = statistics;
        spec.threads = 2;
        spec.hasScale = false;
        SCOPED_TRACE(spec.getKey());
        Execution run(spec, layout.shape);
        run.fill(3);
        Random random(4);
        run.fillInput(
            [&](int64_t, int64_t) { return offset + random.normal(); });
        fillStatistics(run);
        if (!run.run())
          continue;
        run.compare();
        if (statistics == DType::F32)
          continue;
        std::vector<ChannelGradients> expected = run.computeGradients();
        Real worst = 0;
        forEachElement(layout.shape, layout.axis, [&](int64_t i, int64_t c) {
          Bounded dx = expected[c].getInputGrad(
              DType::F32, false, run["output_grad"][i], run["input"][i]);
          worst = std::max(worst, std::fabs(run["input_grad"][i] - dx.value));
        });
        EXPECT_LE(worst, 3e-6) << offset;
      }
}

/// Means of 16-bit data on either side of 3 and 16 deviations, between which
/// sums and sweeps change: all near 0, and the same with one that is far.
TEST(GradientsTest, MeansOfFewDeviations) {
  for (const Layout &layout : getLayouts())
    for (DType dtype : {DType::F16, DType::BF16})
      for (double far : {0.0, 18.0, 3000.0}) {
        BatchNormSpec spec =
            getSpec(Kind::Backward, dtype, layout.shape, layout.axis);
        spec.threads = 2;
        SCOPED_TRACE(spec.getKey() + " " + std::to_string(far));
        Execution run(spec, layout.shape);
        run.fill(5);
        Random random(6);
        int64_t last = run.getNumChannels() - 1;
        run.fillInput([&](int64_t, int64_t c) {
          static constexpr double kMeans[] = {0, 2.5, -3.5, 15, -1};
          bool isFar = c == last && far != 0;
          return (isFar ? far : kMeans[c % 5]) + random.normal();
        });
        fillStatistics(run);
        if (run.run())
          run.compare();
      }
}

/// What all elements have in common has no gradient.
TEST(GradientsTest, ConstantOutputGrad) {
  for (const Layout &layout : getLayouts())
    for (double value : {1.0, -0.1, 1e6}) {
      BatchNormSpec spec =
          getSpec(Kind::Backward, DType::F32, layout.shape, layout.axis);
      spec.hasScale = false;
      SCOPED_TRACE(spec.getKey());
      Execution run(spec, layout.shape);
      run.fill(5);
      fillStatistics(run);
      run.fillData("output_grad", [&](int64_t, int64_t) { return value; });
      if (!run.run())
        continue;
      run.compare();
      for (int64_t i = 0; i < run["input_grad"].size(); ++i)
        ASSERT_LE(std::fabs(run["input_grad"][i]), 8e-6 * std::fabs(value));
    }
}

//===----------------------------------------------------------------------===//
// Finite differences
//===----------------------------------------------------------------------===//

constexpr double kStep = 1e-5;

/// sum(output_grad * output) of a forward kernel, as a function of one entry of
/// one of its operands.
class Loss {
public:
  Loss(Execution &forward, const HostArray &outputGrad)
      : forward(forward), outputGrad(outputGrad) {}

  double differentiate(const char *operand, int64_t index) {
    double value = forward[operand][index];
    double above = evaluate(operand, index, value + kStep);
    double below = evaluate(operand, index, value - kStep);
    forward[operand].set(index, value);
    return (above - below) / (2 * kStep);
  }

private:
  double evaluate(const char *operand, int64_t index, double value) {
    forward[operand].set(index, value);
    forward.run();
    Real sum = 0;
    for (int64_t i = 0; i < outputGrad.size(); ++i)
      sum += static_cast<Real>(outputGrad[i]) * forward["output"][i];
    return static_cast<double>(sum);
  }

  Execution &forward;
  const HostArray &outputGrad;
};

void expectDerivatives(const Execution &backward, Execution &forward) {
  Loss loss(forward, backward["output_grad"]);
  std::pair<const char *, const char *> pairs[] = {{"input", "input_grad"},
                                                   {"scale", "scale_grad"},
                                                   {"offset", "offset_grad"}};
  for (auto [operand, gradient] : pairs)
    for (int64_t i = 0; i < backward[gradient].size(); ++i)
      ASSERT_NEAR(backward[gradient][i], loss.differentiate(operand, i), 1e-7)
          << gradient << " " << i;
}

TEST(GradientsTest, FiniteDifferences) {
  std::pair<DimVector, DimVector> layouts[] = {{{3, 4, 5}, {1}},
                                               {{2, 3, 2, 3}, {3}},
                                               {{2, 3, 4, 2}, {1, 3}},
                                               {{17, 2}, {1}}};
  for (auto &[shape, axis] : layouts)
    for (bool isFrozen : {false, true}) {
      BatchNormSpec spec = getSpec(Kind::Backward, DType::F64, shape, axis);
      spec.isFrozen = isFrozen;
      SCOPED_TRACE(spec.getKey());
      BatchNormSpec forwardSpec = spec;
      forwardSpec.kind = isFrozen ? Kind::Inference : Kind::Training;
      forwardSpec.hasRunningStats = false;
      Execution backward(spec, shape), forward(forwardSpec, shape);
      backward.fill(6);
      forward.fill(6);
      forward.run();
      backward["input"] = forward["input"];
      for (const char *name : {"scale", "mean", "variance"})
        backward[name] = forward[name];
      backward.run();
      expectDerivatives(backward, forward);
    }
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

void expectSameBits(const Execution &a, const Execution &b) {
  for (llvm::StringRef name : {"input_grad", "scale_grad", "offset_grad"})
    if (a.has(name))
      EXPECT_EQ(a[name].getBytes() == b[name].getBytes(), true) << name.str();
}

template <typename Body> void forAllBits(Body body) {
  for (const Layout &layout : getLayouts())
    for (bool isFrozen : {false, true})
      for (bool isDynamic : {false, true}) {
        DType dtype = isDynamic ? DType::BF16 : DType::F32;
        BatchNormSpec spec =
            getSpec(Kind::Backward, dtype, layout.shape, layout.axis);
        spec.isFrozen = isFrozen;
        if (isDynamic)
          spec.shape.assign(layout.shape.size(), -1);
        SCOPED_TRACE(spec.getKey());
        body(spec, layout.shape);
      }
}

TEST(GradientsTest, ThreadsAndRepetition) {
  forAllBits([](BatchNormSpec spec, const DimVector &shape) {
    Execution first(spec, shape);
    first.fill(8);
    first.run();
    for (int64_t threads : {2, 3}) {
      spec.threads = threads;
      Execution run(spec, shape);
      run.fill(8);
      for (int repeat = 0; repeat < 2; ++repeat) {
        run.run();
        expectSameBits(first, run);
      }
    }
  });
}

TEST(GradientsTest, InPlaceAndShifted) {
  forAllBits([](BatchNormSpec spec, const DimVector &shape) {
    spec.threads = 2;
    Execution first(spec, shape), inPlace(spec, shape);
    Execution shifted(spec, shape, /*isShifted=*/true);
    for (Execution *run : {&first, &inPlace, &shifted})
      run->fill(9);
    first.run();
    inPlace.run(/*inPlace=*/true);
    shifted.run();
    expectSameBits(first, inPlace);
    expectSameBits(first, shifted);
  });
}

} // namespace
