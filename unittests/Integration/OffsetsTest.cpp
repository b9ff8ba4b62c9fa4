//===- OffsetsTest.cpp - Large offsets, many elements -----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Statistics of numbers that lie far from 0, where others cancel, and of very
// many. Prints the table of measured errors of docs/Numerics.md.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Execution.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

constexpr auto kTraining = BatchNormSpec::Kind::Training;
constexpr auto kInference = BatchNormSpec::Kind::Inference;

struct Layout {
  const char *name;
  DimVector shape, axis;
};

/// 65,536 elements in each of 8 channels, or about so many; tiles of a power of
/// two, and others; tensors small enough for one thread; and many short rows,
/// which are written past the caches.
const std::vector<Layout> &getLayouts() {
  static const std::vector<Layout> layouts = {
      {"NCHW", {16, 8, 64, 64}, {1}},
      {"NHWC", {16, 64, 64, 8}, {3}},
      {"NCHW, odd", {21, 8, 56, 56}, {1}},
      {"NHWC, odd", {13, 71, 71, 8}, {3}},
      {"NC, small", {2039, 8}, {1}},
      {"CN, small", {8, 2039}, {0}},
      {"axis13", {16, 4, 4096, 2}, {1, 3}},
      {"NCW, short rows", {1361, 4, 3}, {1}},
      {"NCHW, past caches", {408, 320, 7, 7}, {1}}};
  return layouts;
}

/// Largest errors over all channels: relative for variances, and absolute in
/// units of the deviation for outputs.
struct Errors {
  double variance = 0, output = 0, twoPassVariance = 0;
};

/// The variances by two plain sums in f32.
std::vector<float> computeTwoPassVariances(const Execution &run) {
  const HostArray &input = run["input"];
  std::vector<float> means(run.getNumChannels()), squares(means.size());
  float count = static_cast<float>(input.size() / run.getNumChannels());
  auto visit = [&](auto body) {
    forEachElement(input.getShape(), run.getSpec().axis, body);
  };
  visit([&](int64_t i, int64_t c) { means[c] += float(input[i]); });
  for (float &mean : means)
    mean /= count;
  visit([&](int64_t i, int64_t c) {
    float d = static_cast<float>(input[i]) - means[c];
    squares[c] += d * d;
  });
  for (float &square : squares)
    square /= count;
  return squares;
}

Errors measure(const Execution &run) {
  const BatchNormSpec &spec = run.getSpec();
  auto statistics = computeStatistics(run["input"], spec.axis);
  std::vector<float> twoPass = computeTwoPassVariances(run);
  Errors errors;
  for (int64_t c = 0; c < run.getNumChannels(); ++c) {
    Real variance = statistics[c].variance.value;
    auto include = [&](double &error, double got) {
      Real relative = std::fabs(got - variance) / variance;
      error = std::max(error, static_cast<double>(relative));
    };
    include(errors.variance, run["variance"][c]);
    include(errors.twoPassVariance, twoPass[c]);
  }
  const HostArray &input = run["input"], &output = run["output"];
  forEachElement(input.getShape(), spec.axis, [&](int64_t i, int64_t c) {
    Bounded expected = normalize(spec, input[i], statistics[c].mean,
                                 statistics[c].variance, 1, 0);
    double error = std::fabs(output[i] - expected.value);
    errors.output = std::max(errors.output, error);
  });
  return errors;
}

/// A spec without parameters, so that errors of outputs are in deviations.
BatchNormSpec getPlainSpec(BatchNormSpec::Kind kind, DType dtype,
                           const Layout &layout) {
  BatchNormSpec spec = getSpec(kind, dtype, layout.shape, layout.axis);
  spec.hasScale = spec.hasOffset = spec.hasRunningStats = false;
  spec.threads = 2;
  return spec;
}

void fillAround(Execution &run, double offset) {
  Random random(1);
  run.fillInput([&](int64_t, int64_t) { return offset + random.normal(); });
}

/// The bounds that docs/Numerics.md promises for f32: offset, error of y.
constexpr std::pair<double, double> kPromised[] = {
    {0, 1e-6}, {1e2, 1e-6}, {1e4, 2e-6}, {1e5, 2e-6}, {1e6, 4e-6}, {1e7, 4e-6}};

TEST(OffsetsTest, F32) {
  llvm::outs() << "f32 training, 65,536 elements a channel: relative error of "
                  "the variance / error of y / variance by two f32 sums\n";
  for (const Layout &layout : getLayouts())
    for (auto [offset, outputBound] : kPromised) {
      Execution run(getPlainSpec(kTraining, DType::F32, layout), layout.shape);
      fillAround(run, offset);
      if (!run.run())
        continue;
      Errors errors = measure(run);
      llvm::outs() << llvm::formatv(
          "{0,-15} offset {1,6:e0}: {2:e1} / {3:e1} / {4:e1}\n", layout.name,
          offset, errors.variance, errors.output, errors.twoPassVariance);
      SCOPED_TRACE(layout.name);
      run.compare();
      EXPECT_LE(errors.variance, errors.twoPassVariance) << offset;
      EXPECT_LE(errors.variance, 3e-7) << offset;
      EXPECT_LE(errors.output, outputBound) << offset;
    }
}

/// Within the general bounds, for all types. f16 and bf16 are already rounded
/// to their spacing at the offset.
TEST(OffsetsTest, AllTypes) {
  std::pair<DType, double> offsets[] = {{DType::F16, 3e2},  {DType::F16, 6e4},
                                        {DType::BF16, 1e2}, {DType::BF16, 1e15},
                                        {DType::F32, 1e6},  {DType::F64, 1e6},
                                        {DType::F64, 1e14}};
  llvm::outs() << "training, 65,536 elements a channel: relative error of the "
                  "variance / error of y\n";
  for (const Layout &layout : getLayouts()) {
    if (!llvm::StringRef(layout.name).contains("odd"))
      continue;
    for (auto [dtype, offset] : offsets) {
      SCOPED_TRACE(layout.name);
      Execution run(getPlainSpec(kTraining, dtype, layout), layout.shape);
      Random random(1);
      double deviation = std::max(1.0, offset * getUnitRoundoff(dtype) * 16);
      run.fillInput([&, offset = offset](int64_t, int64_t) {
        return offset + deviation * random.normal();
      });
      if (!run.run())
        continue;
      run.compare();
      Errors errors = measure(run);
      llvm::outs() << llvm::formatv(
          "{0,-15} {1,-4} offset {2,6:e0}: {3:e1} / {4:e1}\n", layout.name,
          stringifyDType(dtype), offset, errors.variance, errors.output);
    }
  }
}

/// Raw moments, where the processor has AVX512-BF16, and channels among them
/// that are too far from 0 for those: slabs, pieces of images, row blocks.
TEST(OffsetsTest, BF16NearZero) {
  const double offsets[] = {0, 1, -2.8, 3.2, 0.5, 8, -1e3, 2};
  std::vector<Layout> layouts = getLayouts();
  layouts.push_back({"NCHW, slabs", {50, 64, 7, 7}, {1}});
  layouts.push_back({"NCHW, images", {50, 256, 14, 14}, {1}});
  layouts.push_back({"NHWC, blocks", {50, 14, 14, 72}, {3}});
  for (const Layout &layout : layouts) {
    SCOPED_TRACE(layout.name);
    Execution run(getPlainSpec(kTraining, DType::BF16, layout), layout.shape);
    Random random(1);
    run.fillInput([&](int64_t, int64_t c) {
      return offsets[c % std::size(offsets)] + random.normal();
    });
    if (!run.run())
      continue;
    run.compare();
    EXPECT_LE(measure(run).variance, 3e-6);
  }
}

TEST(OffsetsTest, Inference) {
  for (const Layout &layout : getLayouts())
    for (auto [offset, outputBound] : kPromised) {
      SCOPED_TRACE(offset);
      BatchNormSpec spec = getPlainSpec(kInference, DType::F32, layout);
      // A mean that f32 does not hold is not lost.
      spec.statisticsType = DType::F64;
      Execution run(spec, layout.shape);
      fillAround(run, offset);
      run.fillChannels("mean", [&, offset = offset](int64_t channel) {
        return offset + 0.1 * channel + 0.03;
      });
      run.fillChannels("variance", [](int64_t) { return 1.1; });
      if (!run.run())
        continue;
      run.compare();
    }
}

/// More elements than f32 can count.
TEST(OffsetsTest, ManyElements) {
  for (Layout layout : {Layout{"NCW", {1, 1, 17000003}, {1}},
                        Layout{"NWC", {3000017, 2}, {1}}}) {
    Execution run(getPlainSpec(kTraining, DType::F32, layout), layout.shape);
    fillAround(run, 100);
    if (!run.run())
      continue;
    Errors errors = measure(run);
    llvm::outs() << llvm::formatv("{0} elements a channel: {1:e1} / {2:e1}\n",
                                  run["input"].size() / run.getNumChannels(),
                                  errors.variance, errors.output);
    EXPECT_LE(errors.variance, 3e-7) << layout.name;
    EXPECT_LE(errors.output, 1e-6) << layout.name;
  }
}

} // namespace
