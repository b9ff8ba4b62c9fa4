//===- Report.cpp - Tables and JSON lines ---------------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The table on standard output is for people, the JSON lines for the scripts
// of this folder and of utils/perf-gate.
//
//===----------------------------------------------------------------------===//

#include "Report.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace mlir::bn;
using namespace mlir::bn::bench;

static constexpr const char *kRow = "{0,-30} {1,-16} {2,8} {3,2} {4,10} "
                                    "{5,10} {6,10} {7,10} {8,3} {9,6} {10,6}\n";

/// "12.34".
static std::string fixed(double value, int digits = 2) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

static std::string inMicroseconds(double seconds) {
  return fixed(seconds * 1e6, seconds < 1e-4 ? 2 : 0);
}

bool Report::ReportContext(const Context &) {
  llvm::outs() << "times in us: minimum and median over the rounds; ratio: "
                  "median over the rounds of kernel / floor; st: stores of "
                  "the floor\n";
  llvm::outs() << llvm::formatv(kRow, "kernel", "shape", "MB", "t", "min",
                                "median", "floor min", "median", "st", "ratio",
                                "best");
  return true;
}

void Report::printRow(const Measurement &measurement) {
  const Case &c = measurement.c;
  const Summary &s = measurement.summary;
  llvm::outs() << llvm::formatv(
      kRow, c.getGroup(), c.getShapeText(), fixed(c.getBytes() / 1e6),
      measurement.threads, inMicroseconds(s.kernelMin),
      inMicroseconds(s.kernelMedian), inMicroseconds(s.floorMin),
      inMicroseconds(s.floorMedian), s.streamingShare > 0.5 ? "nt" : "st",
      fixed(s.ratio), fixed(s.ratioBest));
  llvm::outs().flush();
}

void Report::printJSON(const Measurement &measurement) {
  const Case &c = measurement.c;
  const Summary &s = measurement.summary;
  *json << llvm::json::Object{{"peer", "bn_mlir"},
                              {"variant", "kernel"},
                              {"kind", stringifyKind(c.kind)},
                              {"dtype", stringifyDType(c.dtype)},
                              {"layout",
                               c.layout == Layout::NCHW ? "nchw" : "nhwc"},
                              {"epilogue", stringifyEpilogue(c.epilogue)},
                              {"shape", c.getShapeText()},
                              {"threads", measurement.threads},
                              {"bytes", c.getBytes()},
                              {"large", c.isLarge()},
                              {"time_min", s.kernelMin},
                              {"time_median", s.kernelMedian},
                              {"floor_min", s.floorMin},
                              {"floor_median", s.floorMedian},
                              {"floor_streaming", s.streamingShare},
                              {"ratio", s.ratio},
                              {"ratio_best", s.ratioBest}}
        << "\n";
  json->flush();
}

void Report::ReportRuns(const std::vector<Run> &runs) {
  for (const Run &run : runs) {
    const Measurement &measurement =
        *measurements.lookup(run.run_name.function_name);
    if (run.error_occurred) {
      llvm::outs() << llvm::formatv(
          "{0,-30} {1,-16} error: {2}\n", measurement.c.getGroup(),
          measurement.c.getShapeText(), run.error_message);
      continue;
    }
    printRow(measurement);
    if (json)
      printJSON(measurement);
    const char *size = measurement.c.isLarge() ? " large" : " small";
    ratios[measurement.c.getGroup() + size].push_back(
        measurement.summary.ratio);
  }
}

void Report::Finalize() {
  llvm::outs() << "\n";
  for (auto &[group, values] : ratios) {
    double sum = 0;
    for (double value : values)
      sum += std::log(value);
    llvm::outs() << llvm::formatv(
        "{0,-36} geometric mean {1}, worst {2} (n={3})\n", group,
        fixed(std::exp(sum / values.size())), fixed(*llvm::max_element(values)),
        values.size());
  }
}
