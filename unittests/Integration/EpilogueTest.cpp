//===- EpilogueTest.cpp - What happens to normalized elements -------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every epilogue of a spec, in all types, and in the layouts of all schedules.
//
//===----------------------------------------------------------------------===//

#include "Execution.h"

#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::test;
using Epilogue = BatchNormSpec::Epilogue;
using InPlace = Execution::InPlace;

namespace {

constexpr auto kTraining = BatchNormSpec::Kind::Training;
constexpr auto kInference = BatchNormSpec::Kind::Inference;
constexpr DType kTypes[] = {DType::F16, DType::BF16, DType::F32, DType::F64};
constexpr Epilogue kEpilogues[] = {Epilogue::Relu, Epilogue::LeakyRelu,
                                   Epilogue::Add, Epilogue::AddRelu};

struct Layout {
  DimVector shape, axis;
};

/// With a tail after every width of vector: small; long rows (a pipelined
/// slab), short ones (a slab); channels last, many and few (row blocks, packed
/// rows); split; with two axes that are not neighbours.
const std::vector<Layout> &getLayouts() {
  static const std::vector<Layout> layouts = {
      {{3, 5, 7, 9}, {1}},       {{3, 16, 27, 29}, {1}}, {{12, 64, 7, 7}, {1}},
      {{3, 29, 31, 70}, {3}},    {{20011, 3}, {1}},      {{2, 3, 10007}, {1}},
      {{5, 6, 301, 10}, {1, 3}}, {{1, 20011}, {0}}};
  return layouts;
}

BatchNormSpec getEpilogueSpec(BatchNormSpec::Kind kind, DType dtype,
                              const Layout &layout, Epilogue epilogue) {
  BatchNormSpec spec = getSpec(kind, dtype, layout.shape, layout.axis);
  spec.hasRunningStats = false;
  spec.epilogue = epilogue;
  spec.slope = 0.2;
  return spec;
}

template <typename Body> void forAll(Body body) {
  for (const Layout &layout : getLayouts())
    for (auto kind : {kTraining, kInference})
      for (Epilogue epilogue : kEpilogues) {
        // Each type meets each of the others once in two layouts.
        for (size_t i = 0; i < std::size(kTypes); ++i) {
          size_t turn = i + static_cast<size_t>(epilogue) + (kind == kTraining);
          if ((turn + (&layout - getLayouts().data())) % 2 != 0)
            continue;
          BatchNormSpec spec =
              getEpilogueSpec(kind, kTypes[i], layout, epilogue);
          SCOPED_TRACE(spec.getKey());
          body(spec, layout.shape);
        }
      }
}

TEST(EpilogueTest, MatchesReference) {
  double largest = 0;
  unsigned count = 0;
  forAll([&](BatchNormSpec spec, const DimVector &shape) {
    spec.threads = 2;
    Execution run(spec, shape, /*isShifted=*/++count % 3 == 0);
    run.fill(count);
    if (run.run())
      largest = std::max(largest, run.compare().getLargest());
  });
  // The bound is not out of reach.
  EXPECT_GT(largest, 0.1);
}

TEST(EpilogueTest, Dynamic) {
  unsigned count = 0;
  forAll([&](BatchNormSpec spec, const DimVector &shape) {
    if (++count % 3 != 0)
      return;
    bool allSizes = count % 2 == 0;
    for (size_t dim = 0; dim < shape.size(); ++dim)
      if (allSizes || dim == 0)
        spec.shape[dim] = -1;
    spec.threads = 2;
    Execution run(spec, shape);
    run.fill(count);
    if (run.run())
      run.compare();
  });
}

/// The same bits whatever the number of threads is and where the output lies.
TEST(EpilogueTest, ThreadsAndInPlace) {
  unsigned count = 0;
  forAll([&](BatchNormSpec spec, const DimVector &shape) {
    if (++count % 2 != 0)
      return;
    spec.threads = 1;
    Execution first(spec, shape);
    first.fill(5);
    if (!first.run())
      return;
    auto expectSame = [&](const Execution &other, const char *what) {
      for (llvm::StringRef name : {"output", "mean", "variance"})
        EXPECT_TRUE(first[name].getBytes() == other[name].getBytes())
            << what << " " << name.str();
    };
    for (int64_t threads : {2, 3}) {
      spec.threads = threads;
      Execution other(spec, shape, /*isShifted=*/threads == 3);
      other.fill(5);
      other.run();
      expectSame(other, "threads");
    }
    for (InPlace inPlace : {InPlace::First, InPlace::Last}) {
      Execution other(spec, shape);
      other.fill(5);
      other.run(inPlace);
      expectSame(other,
                 inPlace == InPlace::First ? "over input" : "over addend");
    }
  });
}

/// Groups, whose parts of the addend are slices, too, also in place; and a
/// mask, which has no part in the epilogue.
TEST(EpilogueTest, GroupsAndMask) {
  for (const Layout &layout :
       {Layout{{6, 16, 27, 29}, {1}}, Layout{{6, 29, 31, 70}, {3}},
        Layout{{64, 40, 3, 5}, {1}}})
    for (Epilogue epilogue : {Epilogue::LeakyRelu, Epilogue::AddRelu})
      for (InPlace inPlace : {InPlace::No, InPlace::First, InPlace::Last}) {
        BatchNormSpec spec =
            getEpilogueSpec(kTraining, DType::F32, layout, epilogue);
        spec.threads = 2;
        spec.groups = 2;
        spec.maskShape.assign(layout.shape.size(), 1);
        spec.maskShape.front() = layout.shape.front();
        SCOPED_TRACE(spec.getKey());
        Execution run(spec, layout.shape);
        run.fill(13);
        for (int64_t i = 0; i < run["mask"].size(); ++i)
          run["mask"].set(i, i % 3 == 1 ? 0 : 1 + i % 2);
        if (run.run(inPlace))
          run.compare();
      }
}

/// So large that stores go past the caches, channels first and last.
TEST(EpilogueTest, Large) {
  for (DType dtype : {DType::BF16, DType::F32})
    for (const Layout &layout :
         {Layout{{40, 64, 57, 57}, {1}}, Layout{{40, 57, 57, 64}, {3}},
          Layout{{160, 256, 14, 14}, {1}}})
      for (auto kind : {kTraining, kInference}) {
        if ((dtype == DType::F32) != (kind == kTraining) &&
            layout.axis.front() != 1)
          continue; // the code of channels last is the same for both
        BatchNormSpec spec =
            getEpilogueSpec(kind, dtype, layout, Epilogue::AddRelu);
        SCOPED_TRACE(spec.getKey());
        spec.threads = 2;
        Execution run(spec, layout.shape);
        run.fill(11);
        if (run.run())
          run.compare();
      }
}

/// A NaN in data or addend is a NaN in the output, and nowhere else.
TEST(EpilogueTest, NaN) {
  double nan = std::numeric_limits<double>::quiet_NaN();
  forAll([&](BatchNormSpec spec, const DimVector &shape) {
    if (spec.kind != kInference)
      return;
    Execution run(spec, shape);
    run.fill(7);
    const char *name = spec.takesAddend() ? "addend" : "input";
    int64_t size = run["input"].size();
    for (int64_t i : {int64_t(0), size / 2, size - 1})
      run[name].set(i, nan);
    if (!run.run())
      return;
    int64_t count = 0;
    for (int64_t i = 0; i < size; ++i)
      count += std::isnan(run["output"][i]);
    EXPECT_EQ(count, 3);
    for (int64_t i : {int64_t(0), size / 2, size - 1})
      EXPECT_TRUE(std::isnan(run["output"][i])) << i;
  });
}

/// Nothing is rounded between normalization and addition: with an addend that
/// all but cancels the normalized element, what is left is exact to the
/// accumulator's type.
TEST(EpilogueTest, RoundsOnce) {
  for (DType dtype : {DType::F16, DType::BF16}) {
    Layout layout{{4, 3, 40}, {1}};
    BatchNormSpec spec =
        getEpilogueSpec(kInference, dtype, layout, Epilogue::Add);
    Execution run(spec, layout.shape);
    run.fill(3);
    spec.epilogue = Epilogue::None;
    Execution plain(spec, layout.shape);
    plain.fill(3);
    plain["input"] = run["input"];
    for (const char *name : {"mean", "variance", "scale", "offset"})
      plain[name] = run[name];
    plain.run();
    for (int64_t i = 0; i < run["input"].size(); ++i)
      run["addend"].set(i, -plain["output"][i]);
    run.run();
    // With a rounding in between, all differences would be 0.
    int64_t different = 0;
    for (int64_t i = 0; i < run["input"].size(); ++i)
      different += run["output"][i] != 0;
    EXPECT_GT(different, 200);
    run.compare();
  }
}

} // namespace
