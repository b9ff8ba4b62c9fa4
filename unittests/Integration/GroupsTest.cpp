//===- GroupsTest.cpp - Batches in parts ------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Training with groups: each part of the batch has statistics of its own, and
// the running statistics get the mean over the parts.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Cases.h"
#include "Execution.h"

#include <cmath>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

constexpr auto kTraining = BatchNormSpec::Kind::Training;

struct Parts {
  DimVector shape, axis;
  int64_t groups;
};

/// Parts for each schedule: single, slabs, pipelined slabs, rows, split; axes
/// that are apart; dimensions of size 1; parts of one sample; many small parts,
/// which threads share.
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

constexpr const char *kDynamic[] = {"static", "dynamic", "any batch"};
constexpr DType kTypes[] = {DType::F32, DType::F64, DType::F16, DType::BF16};
using Variance = BatchNormSpec::RunningVariance;

BatchNormSpec getGroupsSpec(const Parts &parts, DType dtype,
                            llvm::StringRef dynamic) {
  BatchNormSpec spec = getSpec(kTraining, dtype, parts.shape, parts.axis);
  spec.groups = parts.groups;
  if (dynamic == "dynamic")
    spec.shape.assign(parts.shape.size(), -1);
  else if (dynamic == "any batch")
    spec.shape[0] = -1;
  return spec;
}

TEST(GroupsTest, MatchesReference) {
  unsigned sizes[] = {static_cast<unsigned>(getParts().size()), 4, 3, 4, 3};
  auto rows = coverCombinations(
      sizes, {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {0, 4}, {2, 3}});
  for (const std::vector<unsigned> &row : rows) {
    const Parts &parts = getParts()[row[0]];
    BatchNormSpec spec = getGroupsSpec(parts, kTypes[row[1]], kDynamic[row[2]]);
    spec.hasRunningStats = row[3] != 0;
    spec.runningVariance =
        row[3] == 1 ? Variance::Population : Variance::Sample;
    if (row[3] == 3 && spec.elementType != DType::F64)
      spec.statisticsType = spec.elementType;
    spec.hasScale = spec.hasOffset = row[4] != 1;
    spec.threads = row[4] + 1;
    SCOPED_TRACE(spec.getKey());
    Execution run(spec, parts.shape, /*isShifted=*/row[4] == 2);
    run.fill(11);
    if (run.run())
      run.compare();
  }
}

TEST(GroupsTest, SameBits) {
  for (const Parts &parts : getParts())
    for (bool isDynamic : {false, true}) {
      BatchNormSpec spec =
          getGroupsSpec(parts, isDynamic ? DType::BF16 : DType::F32,
                        isDynamic ? "dynamic" : "static");
      SCOPED_TRACE(spec.getKey());
      Execution first(spec, parts.shape);
      first.fill(12);
      first.run();
      for (int64_t threads : {1, 2, 3}) {
        spec.threads = threads;
        Execution run(spec, parts.shape, /*isShifted=*/threads == 3);
        run.fill(12);
        run.run(/*inPlace=*/threads != 3);
        for (llvm::StringRef name :
             {"output", "mean", "variance", "new_running_mean",
              "new_running_variance"})
          EXPECT_TRUE(first[name].getBytes() == run[name].getBytes())
              << name.str() << " with " << threads << " threads";
      }
    }
}

/// Groups are batches: the same as one call for each, bit for bit where both
/// have the same schedule, as here.
TEST(GroupsTest, SameAsOneByOne) {
  for (const Parts &parts : getParts()) {
    BatchNormSpec spec = getGroupsSpec(parts, DType::F32, "static");
    spec.hasRunningStats = false;
    SCOPED_TRACE(spec.getKey());
    Execution all(spec, parts.shape);
    all.fill(13);
    all.run();
    spec.groups = 1;
    spec.shape[0] /= parts.groups;
    Execution one(spec, spec.shape);
    for (const char *name : {"scale", "offset"})
      one[name] = all[name];
    int64_t size = one["input"].size();
    for (int64_t group = 0; group < parts.groups; ++group) {
      one.fillInput(
          [&](int64_t i, int64_t) { return all["input"][group * size + i]; });
      one.run();
      auto expectPart = [&](llvm::StringRef name) {
        llvm::StringRef part = one[name].getBytes();
        EXPECT_TRUE(all[name].getBytes().substr(group * part.size(),
                                                part.size()) == part)
            << name.str() << " of group " << group;
      };
      for (llvm::StringRef name : {"output", "mean", "variance"})
        expectPart(name);
    }
  }
}

/// No samples: the running statistics stay what they are, to the last bit.
TEST(GroupsTest, NoSamples) {
  Parts parts[] = {
      {{0, 19, 5}, {1}, 7}, {{14, 0, 19}, {2}, 7}, {{0, 4, 3, 5}, {1, 3}, 7}};
  for (const Parts &p : parts)
    for (DType dtype : kTypes)
      for (const char *dynamic : kDynamic) {
        BatchNormSpec spec = getGroupsSpec(p, dtype, dynamic);
        spec.momentum = 0.3;
        SCOPED_TRACE(spec.getKey());
        Execution run(spec, p.shape);
        run.fill(14);
        // NaN and infinity, too, are left.
        run["running_mean"].set(0, std::numeric_limits<double>::infinity());
        run["running_mean"].set(1, std::numeric_limits<double>::quiet_NaN());
        if (!run.run())
          continue;
        for (std::string name : {"running_mean", "running_variance"})
          EXPECT_EQ(run.countOthers("new_" + name,
                                    [&](int64_t c) { return run[name][c]; }),
                    0);
        for (const char *name : {"mean", "variance"})
          EXPECT_EQ(run.countOthers(name, [](int64_t) { return 0; }), 0);
      }
}

/// NaN and infinity touch the output of their group and channel only, and the
/// running statistics of their channel.
TEST(GroupsTest, PoisonStays) {
  double infinity = std::numeric_limits<double>::infinity();
  for (const Parts &parts : getParts())
    for (double poison : {infinity - infinity, infinity}) {
      BatchNormSpec spec = getGroupsSpec(parts, DType::F32, "static");
      SCOPED_TRACE(spec.getKey());
      Execution clean(spec, parts.shape), run(spec, parts.shape);
      for (Execution *execution : {&clean, &run})
        execution->fill(15);
      clean.run();
      int64_t size = run["input"].size(), where = size / 2, channel = 0;
      forEachElement(parts.shape, parts.axis, [&](int64_t i, int64_t c) {
        channel = i == where ? c : channel;
      });
      run["input"].set(where, poison);
      run.run();
      int64_t groupSize = size / parts.groups, group = where / groupSize;
      forEachElement(parts.shape, parts.axis, [&](int64_t i, int64_t c) {
        if (c == channel && i / groupSize == group)
          ASSERT_FALSE(std::isfinite(run["output"][i])) << i;
        else
          ASSERT_EQ(run["output"][i], clean["output"][i]) << i;
      });
      for (int64_t c = 0; c < run.getNumChannels(); ++c) {
        if (c == channel)
          EXPECT_FALSE(std::isfinite(run["new_running_mean"][c]));
        else
          EXPECT_EQ(run["new_running_mean"][c], clean["new_running_mean"][c]);
      }
    }
}

/// The batch is known at the call only.
TEST(GroupsTest, ErrorBatch) {
  BatchNormSpec spec = getSpec(kTraining, DType::F32, {-1, 5, 3}, {1});
  spec.groups = 4;
  auto kernel = getCompiler().compile(spec);
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  Execution run(spec, {6, 5, 3});
  std::vector<TensorView> views;
  for (const KernelOperand &operand : kernel->getSignature().arguments)
    views.push_back(run[operand.name].getView());
  EXPECT_EQ(llvm::toString(kernel->call(views)),
            "expected 'input' to have a size in dimension 0 that is divisible "
            "by 'groups' (4), got 6");
}

} // namespace
