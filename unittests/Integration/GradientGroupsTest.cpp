//===- GradientGroupsTest.cpp - Gradients of batches in parts ---*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// bn.backward with groups: against the reference, against finite differences
// of training with groups, and against one call for each group.
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

struct Parts {
  DimVector shape, axis;
  int64_t groups;
};

/// Parts for each schedule: single, slabs, pipelined slabs, rows, split; axes
/// that are apart; dimensions of size 1; parts of one sample; many small parts,
/// which threads share, of short rows, long rows and rows of few channels.
const std::vector<Parts> &getParts() {
  static const std::vector<Parts> parts = {
      {{6, 5, 7, 9}, {1}, 3},       {{8, 48, 28, 28}, {1}, 2},
      {{15, 31, 7, 7}, {1}, 5},     {{4, 64, 33, 32}, {1}, 4},
      {{6, 31, 29, 37}, {3}, 3},    {{30030, 7}, {1}, 7},
      {{1024, 65}, {1}, 8},         {{4, 3, 30011}, {1}, 2},
      {{6, 5, 301, 10}, {1, 3}, 2}, {{6, 3, 4, 17}, {1, 2}, 3},
      {{4, 1, 19, 1}, {2}, 2},      {{7, 1, 1, 13}, {3}, 7},
      {{5, 11, 1}, {1}, 5},         {{2, 16, 65537}, {1}, 2},
      {{48, 33, 5, 7}, {1}, 16},    {{4096, 3}, {1}, 32},
      {{90, 41, 36}, {2}, 10},      {{9, 3, 700, 4}, {1, 3}, 9}};
  return parts;
}

constexpr DType kTypes[] = {DType::F32, DType::F64, DType::F16, DType::BF16};
constexpr const char *kDynamic[] = {"static", "dynamic", "any batch"};
/// Without one, and masks of samples, of all reduced elements, of elements
/// whichever sample they are of, and of everything.
constexpr unsigned kMasks = 5;

void addMask(BatchNormSpec &spec, unsigned number) {
  int64_t rank = spec.shape.size();
  if (number == 0)
    return;
  for (int64_t dim = 0; dim < rank; ++dim) {
    bool isKept = llvm::is_contained(spec.axis, dim);
    bool varies = number == 1   ? dim == 0
                  : number == 2 ? !isKept
                  : number == 3 ? !isKept && dim != 0
                                : true;
    spec.maskShape.push_back(varies ? spec.shape[dim] : 1);
  }
}

BatchNormSpec getGroupsSpec(const Parts &parts, DType dtype,
                            llvm::StringRef dynamic = "static") {
  BatchNormSpec spec =
      getSpec(Kind::Backward, dtype, parts.shape, parts.axis);
  spec.groups = parts.groups;
  if (dynamic == "dynamic")
    spec.shape.assign(parts.shape.size(), -1);
  else if (dynamic == "any batch")
    spec.shape[0] = -1;
  return spec;
}

TEST(GradientGroupsTest, MatchesReference) {
  unsigned sizes[] = {static_cast<unsigned>(getParts().size()), 4, 3, kMasks,
                      7, 2, 2, 3};
  // Parts with each other factor, and all pairs of what is small.
  std::vector<std::vector<unsigned>> together;
  for (unsigned a = 0; a < std::size(sizes); ++a)
    for (unsigned b = a + 1; b < std::size(sizes); ++b)
      together.push_back({a, b});
  Ratios largest;
  for (const std::vector<unsigned> &row : coverCombinations(sizes, together)) {
    const Parts &parts = getParts()[row[0]];
    BatchNormSpec spec = getGroupsSpec(parts, kTypes[row[1]], kDynamic[row[2]]);
    addMask(spec, row[3]);
    spec.hasInputGrad = (row[4] + 1) & 1;
    spec.hasScaleGrad = (row[4] + 1) & 2;
    spec.hasOffsetGrad = (row[4] + 1) & 4;
    spec.isFrozen = row[5] == 1;
    spec.hasScale = row[6] == 0;
    if (row[6] == 1)
      spec.statisticsKind = BatchNormSpec::StatisticsKind::InverseStd;
    if (row[6] == 1 && row[5] == 1) // f64 statistics and gradients
      spec.parameterType = spec.statisticsType = DType::F64;
    spec.threads = row[7] + 1;
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, parts.shape, /*isShifted=*/row[7] == 2);
    run.fill(41);
    Random random(42);
    run.fillMask([&](int64_t) { return std::max(0., random.uniform(-1, 2)); });
    if (run.run(/*inPlace=*/row[7] == 1))
      largest.include(run.compare());
  }
  llvm::outs() << llvm::formatv(
      "largest part of its bound that an error took up: input_grad {0:f2}, "
      "scale_grad {1:f2}, offset_grad {2:f2}\n",
      largest.inputGrad, largest.scaleGrad, largest.offsetGrad);
}

/// Central differences of sum(output_grad * output), where output is what
/// training with the same groups gives.
TEST(GradientGroupsTest, FiniteDifferences) {
  constexpr double kStep = 1e-5;
  Parts all[] = {{{4, 3, 5}, {1}, 2},
                 {{6, 2, 3}, {2}, 3},
                 {{4, 3, 4, 2}, {1, 3}, 2},
                 {{16, 2}, {1}, 2}};
  for (const Parts &parts : all)
    for (unsigned mask : {0, 2, 3}) {
      BatchNormSpec spec = getGroupsSpec(parts, DType::F64);
      addMask(spec, mask);
      spec.maskType = DType::F64;
      SCOPED_TRACE(spec.getKey());
      BatchNormSpec forwardSpec = spec;
      forwardSpec.kind = Kind::Training;
      forwardSpec.hasRunningStats = false;
      Execution backward(spec, parts.shape), forward(forwardSpec, parts.shape);
      backward.fill(43);
      forward.fill(43);
      forward.fillMask([](int64_t i) { return 0.25 + i % 4; });
      forward.run();
      for (const char *name : {"input", "scale", "mean", "variance"})
        backward[name] = forward[name];
      if (mask != 0)
        backward["mask"] = forward["mask"];
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

TEST(GradientGroupsTest, SameBits) {
  for (const Parts &parts : getParts())
    for (bool isDynamic : {false, true}) {
      BatchNormSpec spec =
          getGroupsSpec(parts, isDynamic ? DType::BF16 : DType::F32,
                        isDynamic ? "dynamic" : "static");
      SCOPED_TRACE(spec.getKey());
      Execution first(spec, parts.shape);
      first.fill(44);
      first.run();
      for (int64_t threads : {1, 2, 3}) {
        spec.threads = threads;
        Execution run(spec, parts.shape, /*isShifted=*/threads == 3);
        run.fill(44);
        run.run(/*inPlace=*/threads != 3);
        for (llvm::StringRef name : {"input_grad", "scale_grad", "offset_grad"})
          EXPECT_TRUE(first[name].getBytes() == run[name].getBytes())
              << name.str() << " with " << threads << " threads";
      }
    }
}

/// The same as one call for each group, bit for bit where both have the same
/// schedule, as here: sums over groups are of f64 gradients, in order.
TEST(GradientGroupsTest, SameAsOneByOne) {
  for (const Parts &parts : getParts()) {
    BatchNormSpec spec = getGroupsSpec(parts, DType::F32);
    SCOPED_TRACE(spec.getKey());
    Execution all(spec, parts.shape);
    all.fill(45);
    all.run();
    spec.groups = 1;
    spec.shape[0] /= parts.groups;
    spec.parameterType = DType::F64;
    Execution one(spec, spec.shape);
    one.fillChannels("scale", [&](int64_t c) { return all["scale"][c]; });
    int64_t size = one["input"].size(), channels = one.getNumChannels();
    std::vector<double> scale(channels), offset(channels);
    for (int64_t group = 0; group < parts.groups; ++group) {
      for (const char *name : {"input", "output_grad"})
        one.fillData(name, [&](int64_t i, int64_t) {
          return all[name][group * size + i];
        });
      for (const char *name : {"mean", "variance"})
        one.fillChannels(name, [&](int64_t c) {
          return all[name][group * channels + c];
        });
      one.run();
      llvm::StringRef part = one["input_grad"].getBytes();
      EXPECT_TRUE(all["input_grad"].getBytes().substr(group * part.size(),
                                                      part.size()) == part)
          << "group " << group;
      for (int64_t c = 0; c < channels; ++c) {
        scale[c] += one["scale_grad"][c];
        offset[c] += one["offset_grad"][c];
      }
    }
    EXPECT_EQ(all.countOthers("scale_grad", [&](int64_t c) {
      return scale[c];
    }), 0);
    EXPECT_EQ(all.countOthers("offset_grad", [&](int64_t c) {
      return offset[c];
    }), 0);
  }
}

/// Groups whose gradients cancel, a small one between two large ones: only
/// their sum is rounded.
TEST(GradientGroupsTest, SumIsRoundedOnce) {
  Parts parts = {{3, 5, 2}, {1}, 3};
  for (DType dtype : {DType::F32, DType::BF16}) {
    BatchNormSpec spec = getGroupsSpec(parts, dtype);
    Execution run(spec, parts.shape);
    run.fill(46);
    double values[] = {16777216, 3, -16777216};
    run.fillData("output_grad",
                 [&](int64_t i, int64_t) { return values[i / 10]; });
    ASSERT_TRUE(run.run());
    EXPECT_EQ(run.countOthers("offset_grad", [](int64_t) { return 6; }), 0);
  }
}

TEST(GradientGroupsTest, NoSamples) {
  Parts all[] = {
      {{0, 19, 5}, {1}, 7}, {{14, 0, 19}, {2}, 7}, {{0, 4, 3, 5}, {1, 3}, 7}};
  for (const Parts &parts : all)
    for (DType dtype : kTypes)
      for (const char *dynamic : kDynamic) {
        BatchNormSpec spec = getGroupsSpec(parts, dtype, dynamic);
        SCOPED_TRACE(spec.getKey());
        Execution run(spec, parts.shape);
        run.fill(47);
        if (!run.run())
          continue;
        for (const char *name : {"scale_grad", "offset_grad"})
          EXPECT_EQ(run.countOthers(name, [](int64_t) { return 0; }), 0);
      }
}

/// NaN and infinity touch the gradient of the input in their group and channel
/// only, and those of scale and offset of their channel.
TEST(GradientGroupsTest, PoisonStays) {
  double infinity = std::numeric_limits<double>::infinity();
  for (const Parts &parts : getParts())
    for (double poison : {infinity - infinity, infinity}) {
      BatchNormSpec spec = getGroupsSpec(parts, DType::F32);
      SCOPED_TRACE(spec.getKey());
      Execution clean(spec, parts.shape);
      clean.fill(48);
      Execution run = clean;
      clean.run();
      int64_t size = run["input"].size(), where = size / 2, channel = 0;
      forEachElement(parts.shape, parts.axis, [&](int64_t i, int64_t c) {
        channel = i == where ? c : channel;
      });
      run["output_grad"].set(where, poison);
      run.run();
      int64_t groupSize = size / parts.groups, group = where / groupSize;
      forEachElement(parts.shape, parts.axis, [&](int64_t i, int64_t c) {
        if (c == channel && i / groupSize == group)
          ASSERT_FALSE(std::isfinite(run["input_grad"][i])) << i;
        else
          ASSERT_EQ(run["input_grad"][i], clean["input_grad"][i]) << i;
      });
      for (llvm::StringRef name : {"scale_grad", "offset_grad"})
        for (int64_t c = 0; c < run.getNumChannels(); ++c) {
          if (c == channel)
            EXPECT_FALSE(std::isfinite(run[name][c]));
          else
            EXPECT_EQ(run[name][c], clean[name][c]);
        }
    }
}

/// The batch is known at the call only.
TEST(GradientGroupsTest, ErrorBatch) {
  BatchNormSpec spec = getSpec(Kind::Backward, DType::F32, {-1, 5, 3}, {1});
  spec.groups = 4;
  auto kernel = getCompiler().compile(spec);
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  Execution run(spec, {6, 5, 3});
  std::vector<TensorView> views;
  for (const KernelOperand &operand : kernel->getSignature().arguments)
    views.push_back(run[operand.name].getView());
  EXPECT_EQ(llvm::toString(kernel->call(views)),
            "expected 'output_grad' to have a size in dimension 0 that is "
            "divisible by 'groups' (4), got 6");
}

} // namespace
