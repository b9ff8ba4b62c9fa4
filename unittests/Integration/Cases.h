//===- Cases.h - Which kernels the execution tests run ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The factors of the product that is tested, and a selection of its members in
// which all pairs of values, and some triples, occur.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#ifndef BN_UNITTESTS_INTEGRATION_CASES_H
#define BN_UNITTESTS_INTEGRATION_CASES_H

#include "bn/ExecutionEngine/BatchNormSpec.h"

#include <iosfwd>

namespace mlir::bn::test {

/// One kernel and the sizes that it is called with.
struct Case {
  /// Of letters, digits and underscores.
  std::string name;
  BatchNormSpec spec;
  DimVector shape;
  /// Whether arrays begin one element behind a cache line.
  bool isShifted = false;
};

/// Prints what is needed to run the case again.
void PrintTo(const Case &c, std::ostream *os);

/// The selection of trainings and inferences, in an order that does not change.
std::vector<Case> selectCases();
/// The same of gradients.
std::vector<Case> selectGradientCases();

/// Chooses rows of values, the value of factor f below `sizes[f]`, so that for
/// each set of factors in `together` all combinations of their values occur.
std::vector<std::vector<unsigned>>
coverCombinations(llvm::ArrayRef<unsigned> sizes,
                  llvm::ArrayRef<std::vector<unsigned>> together);

} // namespace mlir::bn::test

#endif // BN_UNITTESTS_INTEGRATION_CASES_H
