//===- Report.h - what bn-runner prints -------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_TOOLS_BN_RUNNER_REPORT_H
#define BN_TOOLS_BN_RUNNER_REPORT_H

#include "bn/ExecutionEngine/TensorView.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <vector>

namespace mlir::bn::runner {

/// Prints one line on an array: type, least value, mean, greatest value, and
/// the first values. A NaN anywhere makes the three before those NaN.
void printSummary(llvm::raw_ostream &os, llvm::StringRef name,
                  const TensorView &view);

/// Writes `view`, which may have any strides, to a .npy file.
llvm::Error writeArray(llvm::StringRef path, const TensorView &view);

/// Times of repeated calls, in seconds, and of the copies made in between.
struct Timing {
  std::vector<double> kernel, copy;
  /// The bytes that a call must move at least, and that a copy does move.
  int64_t numBytes = 0;
  int64_t copyThreads = 1;
};

void printTiming(llvm::raw_ostream &os, const Timing &timing);

} // namespace mlir::bn::runner

#endif // BN_TOOLS_BN_RUNNER_REPORT_H
