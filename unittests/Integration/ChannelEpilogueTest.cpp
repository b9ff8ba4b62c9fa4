//===- ChannelEpilogueTest.cpp - Epilogues with entries per channel -------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A PReLU with a slope per channel, and a bias per channel, behind training and
// inference, in all types, and in the layouts of all schedules.
//
//===----------------------------------------------------------------------===//

#include "Cases.h"
#include "ChannelRun.h"

#include <cmath>
#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

constexpr auto kTraining = BatchNormSpec::Kind::Training;
constexpr auto kInference = BatchNormSpec::Kind::Inference;
constexpr DType kTypes[] = {DType::F32, DType::BF16, DType::F64, DType::F16};

struct Layout {
  DimVector shape, axis;
};

/// With a tail after every width of vector: small; long rows (a pipelined
/// slab), short ones (a slab); channels last, many and few (row blocks, packed
/// rows); split; axes that are neighbours, and that are not; all of them.
const std::vector<Layout> &getLayouts() {
  static const std::vector<Layout> layouts = {
      {{4, 5, 7, 9}, {1}},       {{4, 16, 27, 29}, {1}}, {{12, 64, 7, 7}, {1}},
      {{4, 29, 31, 70}, {3}},    {{20012, 3}, {1}},      {{2, 3, 10007}, {1}},
      {{6, 6, 301, 10}, {1, 3}}, {{4, 3, 5, 37}, {1, 2}}, {{1, 20011}, {0}},
      {{13, 19}, {0, 1}}};
  return layouts;
}

BatchNormSpec getChannelSpec(BatchNormSpec::Kind kind, DType dtype,
                             const Layout &layout, unsigned dynamic = 0) {
  BatchNormSpec spec = getSpec(kind, dtype, layout.shape, layout.axis);
  spec.hasRunningStats = false;
  if (dynamic == 1)
    spec.shape[0] = -1;
  if (dynamic == 2)
    spec.shape.assign(layout.shape.size(), -1);
  return spec;
}

TEST(ChannelEpilogueTest, MatchesReference) {
  unsigned sizes[] = {static_cast<unsigned>(getLayouts().size()), 4, 2, 3, 3,
                      3, 2};
  std::vector<std::vector<unsigned>> together = {{0, 1, 2}};
  for (unsigned a = 0; a < std::size(sizes); ++a)
    for (unsigned b = a + 1; b < std::size(sizes); ++b)
      together.push_back({a, b});
  double largest = 0;
  unsigned count = 0;
  for (const std::vector<unsigned> &row : coverCombinations(sizes, together)) {
    const Layout &layout = getLayouts()[row[0]];
    BatchNormSpec spec = getChannelSpec(row[2] ? kTraining : kInference,
                                        kTypes[row[1]], layout, row[4]);
    spec.threads = row[5] + 1;
    if (row[6] && spec.kind == kTraining && layout.axis.front() != 0)
      spec.groups = 2;
    SCOPED_TRACE(spec.getKey() + " entries " + std::to_string(row[3]));
    ChannelRun run(spec, layout.shape, static_cast<Width>(row[3]),
                   /*isShifted=*/row[5] == 2);
    run.fill(++count);
    if (run.run())
      largest = std::max(largest, run.compare());
  }
  // The bound is not out of reach.
  EXPECT_GT(largest, 0.1);
}

/// Ops on tensors behind the op are the same, to the last bit.
TEST(ChannelEpilogueTest, FusedOps) {
  for (const Layout &layout : getLayouts())
    for (auto kind : {kTraining, kInference})
      for (auto width : {Width::Data, Width::Accumulator}) {
        size_t number = &layout - getLayouts().data() + (kind == kTraining);
        BatchNormSpec spec =
            getChannelSpec(kind, kTypes[number % 4], layout, number % 3);
        SCOPED_TRACE(spec.getKey());
        ChannelRun first(spec, layout.shape, width);
        first.fill(21);
        ChannelRun second = first;
        if (first.run() && second.run(/*asOps=*/true))
          EXPECT_TRUE(first.arrays["output"].getBytes() ==
                      second.arrays["output"].getBytes());
        second.compare();
      }
}

/// So large that stores go past the caches, channels first, with rows of two
/// lengths, and last.
TEST(ChannelEpilogueTest, Large) {
  for (const Layout &layout :
       {Layout{{40, 64, 57, 57}, {1}}, Layout{{40, 57, 57, 64}, {3}},
        Layout{{160, 256, 14, 14}, {1}}})
    for (auto kind : {kTraining, kInference}) {
      DType dtype = kind == kTraining ? DType::F32 : DType::BF16;
      BatchNormSpec spec = getChannelSpec(kind, dtype, layout);
      spec.threads = 2;
      SCOPED_TRACE(spec.getKey());
      ChannelRun run(spec, layout.shape, Width::Data);
      run.fill(22);
      if (run.run())
        run.compare();
    }
}

TEST(ChannelEpilogueTest, SameBits) {
  for (const Layout &layout : getLayouts()) {
    BatchNormSpec spec = getChannelSpec(kTraining, DType::F32, layout);
    SCOPED_TRACE(spec.getKey());
    ChannelRun first(spec, layout.shape, Width::Wide);
    first.fill(23);
    first.run();
    for (int64_t threads : {2, 3}) {
      spec.threads = threads;
      ChannelRun other(spec, layout.shape, Width::Wide,
                       /*isShifted=*/threads == 3);
      other.fill(23);
      other.run();
      EXPECT_TRUE(first.arrays["output"].getBytes() ==
                  other.arrays["output"].getBytes())
          << threads;
    }
  }
}

/// A NaN among the entries is one in its channel, and nowhere else.
TEST(ChannelEpilogueTest, PoisonStays) {
  for (const Layout &layout : getLayouts()) {
    BatchNormSpec spec = getChannelSpec(kTraining, DType::F32, layout);
    SCOPED_TRACE(spec.getKey());
    ChannelRun clean(spec, layout.shape, Width::Data);
    clean.fill(24);
    ChannelRun run = clean;
    int64_t channel = run.arrays.getNumChannels() / 2;
    run.bias.set(channel, std::numeric_limits<double>::quiet_NaN());
    if (!clean.run() || !run.run())
      continue;
    forEachElement(layout.shape, layout.axis, [&](int64_t i, int64_t c) {
      if (c == channel)
        ASSERT_TRUE(std::isnan(run.arrays["output"][i])) << i;
      else
        ASSERT_EQ(run.arrays["output"][i], clean.arrays["output"][i]) << i;
    });
  }
}

} // namespace
