//===- TargetMachine.h - The machine to compile for -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One way to say which machine code is wanted, used by the JIT and by the
// ahead-of-time compiler: a triple, a CPU and features, each empty for the
// host's. A CPU, triple or feature that LLVM does not know is an error here;
// LLVM itself would only warn and compile for something else.
//
// Phase: object.
//
//===----------------------------------------------------------------------===//

#ifndef BN_TARGET_TARGETMACHINE_H
#define BN_TARGET_TARGETMACHINE_H

#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir::bn {

/// The machine to compile for, and how hard to try.
struct TargetOptions {
  /// The target triple; empty for the host.
  std::string triple;
  /// The CPU, for example "znver3"; empty for the host's CPU with the features
  /// found on it, or for "generic" when the triple is not the host's.
  std::string cpu;
  /// Comma-separated features on top of the CPU's, for example "+avx2,-fma".
  std::string features;
  /// 0 to 3, of LLVM's optimizer and code generator.
  unsigned optLevel = 3;
};

/// Returns a copy of `options` in which nothing is left to the host: triple,
/// CPU and features are spelled out. These are what a cache key needs.
TargetOptions resolveTargetOptions(const TargetOptions &options);

/// Creates LLVM's target machine for position-independent code. The targets of
/// LLVM are initialized on first use: the host's, or all of them for another
/// architecture.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const TargetOptions &options = {});

/// Returns the width of the widest vector registers in bits: what the pipeline
/// should know when it compiles for another CPU than this machine's. 128 is the
/// least.
unsigned getVectorBits(const llvm::TargetMachine &target);

/// Returns true when the target has the instructions AVX512-BF16.
bool hasAVX512BF16(const llvm::TargetMachine &target);

/// Returns the features for computing that the target has and this machine has
/// not, sorted: code for the target may be made here, but not be called. Only
/// of x86; of other architectures it returns none.
std::vector<std::string>
getFeaturesMissingHere(const llvm::TargetMachine &target);

} // namespace mlir::bn

#endif // BN_TARGET_TARGETMACHINE_H
