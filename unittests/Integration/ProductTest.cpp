//===- ProductTest.cpp - Kernels against the reference ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One kernel for each selected combination of kind, types, layout, dynamic
// sizes, parameters, sizes and threads, compared with the reference within the
// bounds of docs/Numerics.md.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Cases.h"
#include "Execution.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

class ProductTest : public testing::TestWithParam<Case> {
protected:
  static void TearDownTestSuite() {
    llvm::outs() << llvm::formatv(
        "largest part of its bound that an error took up: output {0:f2}, mean "
        "{1:f2}, variance {2:f2}, running statistics {3:f2}\n",
        ratios.output, ratios.mean, ratios.variance, ratios.running);
  }
  static Ratios ratios;
};
Ratios ProductTest::ratios;

TEST_P(ProductTest, MatchesReference) {
  const Case &c = GetParam();
  Execution execution(c.spec, c.shape, c.isShifted);
  execution.fill(testing::UnitTest::GetInstance()->random_seed() + 1);
  if (execution.run())
    ratios.include(execution.compare());
}

std::string getName(const testing::TestParamInfo<Case> &info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(, ProductTest, testing::ValuesIn(selectCases()),
                         getName);

TEST(CoveringTest, AllPairsOccur) {
  unsigned sizes[] = {3, 2, 4};
  auto rows = coverCombinations(sizes, {{0, 1}, {0, 2}, {1, 2}});
  EXPECT_LE(rows.size(), 16u);
  for (unsigned a = 0; a < 3; ++a)
    for (unsigned b = a + 1; b < 3; ++b)
      for (unsigned i = 0; i < sizes[a]; ++i)
        for (unsigned j = 0; j < sizes[b]; ++j)
          EXPECT_TRUE(llvm::any_of(rows, [&](const auto &row) {
            return row[a] == i && row[b] == j;
          }));
}

} // namespace
