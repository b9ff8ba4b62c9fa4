//===- RenormalizationRun.h - Renormalization and its reference -*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs a spec with renormalization, and compares with the formulas of
// docs/Spec.md and the bounds of docs/Numerics.md.
//
//===----------------------------------------------------------------------===//

#ifndef BN_UNITTESTS_INTEGRATION_RENORMALIZATIONRUN_H
#define BN_UNITTESTS_INTEGRATION_RENORMALIZATIONRUN_H

#include "Execution.h"

namespace mlir::bn::test {

struct Limits {
  double rMin, rMax, dMax;
};

/// What corrects one channel.
struct Correction {
  Bounded std, r, d;
};

/// `run` has statistics of earlier batches, of which some are far from those of
/// the input, and these limits; of a backward spec, it has `r` and `d`.
void fillRenormalization(Execution &run, uint64_t seed, Limits limits);

/// What the reference says of each channel.
std::vector<Correction>
computeCorrections(const Execution &run,
                   llvm::ArrayRef<ChannelStatistics> statistics);

/// Compares all results, and returns the largest part of its bound that an
/// error took up.
double compareRenormalization(const Execution &run);

} // namespace mlir::bn::test

#endif // BN_UNITTESTS_INTEGRATION_RENORMALIZATIONRUN_H
