//===- Options.h - bn-runner's command line ---------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_TOOLS_BN_RUNNER_OPTIONS_H
#define BN_TOOLS_BN_RUNNER_OPTIONS_H

#include <string>
#include <vector>

namespace mlir::bn::runner {

/// What the command line says; `--help` describes it.
struct Options {
  std::string inputFile, entry, targetCPU, dumpDir;
  std::vector<std::string> inputs, outputs;
  unsigned repeat = 0, threads = 0;
  bool noCache = false;
};

/// Parses the command line. Prints and ends the process for `--help`,
/// `--version` and wrong options.
Options parseOptions(int argc, char **argv);

} // namespace mlir::bn::runner

#endif // BN_TOOLS_BN_RUNNER_OPTIONS_H
