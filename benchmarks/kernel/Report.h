//===- Report.h - Tables and JSON lines -------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reporter of Google Benchmark that prints a row when a case is done, and at
// the end the geometric mean and the worst ratio of each group, large and small
// tensors apart.
//
//===----------------------------------------------------------------------===//

#ifndef BN_BENCHMARKS_KERNEL_REPORT_H
#define BN_BENCHMARKS_KERNEL_REPORT_H

#include "Case.h"
#include "Rounds.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

#include <benchmark/benchmark.h>
#include <map>

namespace mlir::bn::bench {

/// A case and what was measured; filled in by the benchmark's function.
struct Measurement {
  Case c;
  int threads;
  Summary summary = {};
};

class Report : public ::benchmark::BenchmarkReporter {
public:
  /// Adds JSON lines to `json` unless it is null.
  explicit Report(llvm::raw_ostream *json) : json(json) {}

  /// Announces the benchmark `name`. The measurement must outlive the report.
  void add(llvm::StringRef name, const Measurement &measurement) {
    measurements[name] = &measurement;
  }

  bool ReportContext(const Context &context) override;
  void ReportRuns(const std::vector<Run> &runs) override;
  void Finalize() override;

private:
  void printRow(const Measurement &measurement);
  void printJSON(const Measurement &measurement);

  llvm::raw_ostream *json;
  llvm::StringMap<const Measurement *> measurements;
  std::map<std::string, std::vector<double>> ratios;
};

} // namespace mlir::bn::bench

#endif // BN_BENCHMARKS_KERNEL_REPORT_H
