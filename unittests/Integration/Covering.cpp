//===- Covering.cpp - Few rows with all combinations ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A greedy covering array: each row takes one combination that is missing yet,
// and then for each other factor the value with which most missing ones occur.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Cases.h"

using namespace mlir::bn;
using namespace mlir::bn::test;

using Row = std::vector<unsigned>;
static constexpr unsigned kOpen = ~0u;

namespace {
/// The combinations of values of some factors, and which have occurred.
struct Combinations {
  Combinations(llvm::ArrayRef<unsigned> sizes, std::vector<unsigned> factors)
      : factors(std::move(factors)) {
    size_t count = 1;
    for (unsigned factor : this->factors) {
      radix.push_back(sizes[factor]);
      count *= sizes[factor];
    }
    occurred.assign(count, false);
  }

  bool isComplete(const Row &row) const {
    return llvm::none_of(factors, [&](unsigned f) { return row[f] == kOpen; });
  }
  size_t getIndex(const Row &row) const {
    size_t index = 0;
    for (auto [factor, size] : llvm::zip_equal(factors, radix))
      index = index * size + row[factor];
    return index;
  }
  /// Writes the values of the combination to `row`.
  void set(Row &row, size_t index) const {
    for (size_t i = factors.size(); i-- > 0; index /= radix[i])
      row[factors[i]] = index % radix[i];
  }

  std::vector<unsigned> factors, radix;
  std::vector<bool> occurred;
};
} // namespace

/// Number of missing combinations with `factor` that `row` has.
static unsigned countMissing(llvm::ArrayRef<Combinations> all, const Row &row,
                             unsigned factor) {
  unsigned count = 0;
  for (const Combinations &some : all)
    if (llvm::is_contained(some.factors, factor) && some.isComplete(row))
      count += !some.occurred[some.getIndex(row)];
  return count;
}

static void fillRow(llvm::ArrayRef<Combinations> all,
                    llvm::ArrayRef<unsigned> sizes, Row &row,
                    unsigned rotation) {
  for (unsigned factor = 0; factor < sizes.size(); ++factor) {
    if (row[factor] != kOpen)
      continue;
    unsigned best = 0, bestCount = 0;
    for (unsigned i = 0; i < sizes[factor]; ++i) {
      // Where nothing is missing any more, all values take turns.
      unsigned value = (i + rotation) % sizes[factor];
      row[factor] = value;
      unsigned count = countMissing(all, row, factor);
      if (i == 0 || count > bestCount) {
        best = value;
        bestCount = count;
      }
    }
    row[factor] = best;
  }
}

std::vector<Row> mlir::bn::test::coverCombinations(
    llvm::ArrayRef<unsigned> sizes,
    llvm::ArrayRef<std::vector<unsigned>> together) {
  std::vector<Combinations> all;
  for (const std::vector<unsigned> &factors : together)
    all.emplace_back(sizes, factors);
  std::vector<Row> rows;
  for (Combinations &some : all)
    for (size_t index = 0; index < some.occurred.size(); ++index) {
      if (some.occurred[index])
        continue;
      Row row(sizes.size(), kOpen);
      some.set(row, index);
      fillRow(all, sizes, row, rows.size());
      for (Combinations &other : all)
        other.occurred[other.getIndex(row)] = true;
      rows.push_back(std::move(row));
    }
  return rows;
}
