//===- bn-kernel-benchmark.cpp - Kernels against the memory ---------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Times compiled kernels alone, each interleaved with the floor: what the same
// bytes cost in a loop that only moves them. Examples:
//
//   bn-kernel-benchmark --kind training --dtype f32 --layout nchw
//   bn-kernel-benchmark --set odd --threads 1 --json odd.jsonl
//   bn-kernel-benchmark --shape 50x256x56x56 --layout nhwc --kind inference
//   bn-kernel-benchmark --kind backward --epilogue none,relu,add_relu
//
// The options of Google Benchmark (--benchmark_filter=..., --benchmark_out=...)
// work, too; one of its iterations is a round.
//
//===----------------------------------------------------------------------===//

#include "Report.h"
#include "Rounds.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"

#include <deque>
#include <memory>

using namespace mlir::bn;
using namespace mlir::bn::bench;
using Kind = BatchNormSpec::Kind;
using Epilogue = BatchNormSpec::Epilogue;
namespace cl = llvm::cl;

static llvm::ExitOnError check("bn-kernel-benchmark: error: ");

namespace {
struct Options {
  cl::OptionCategory category{"bn-kernel-benchmark options"};
  cl::list<Kind> kinds{
      "kind", cl::desc("Kernels (default: inference,training)"),
      cl::values(clEnumValN(Kind::Inference, "inference", "y of statistics"),
                 clEnumValN(Kind::Training, "training", "statistics and y"),
                 clEnumValN(Kind::Backward, "backward", "gradients")),
      cl::CommaSeparated, cl::cat(category)};
  cl::list<DType> dtypes{
      "dtype", cl::desc("Element types (default: f32,bf16)"),
      cl::values(clEnumValN(DType::F16, "f16", "half precision"),
                 clEnumValN(DType::BF16, "bf16", "bfloat16"),
                 clEnumValN(DType::F32, "f32", "single precision"),
                 clEnumValN(DType::F64, "f64", "double precision")),
      cl::CommaSeparated, cl::cat(category)};
  cl::list<Layout> layouts{
      "layout", cl::desc("Layouts (default: nchw,nhwc)"),
      cl::values(clEnumValN(Layout::NCHW, "nchw", "channels first"),
                 clEnumValN(Layout::NHWC, "nhwc", "channels last")),
      cl::CommaSeparated, cl::cat(category)};
  cl::list<Epilogue> epilogues{
      "epilogue",
      cl::desc("What is done to y before it is written (default: none). The "
               "floor reads the addend, too; that of backward is the same "
               "for all: two inputs, one output"),
      cl::values(clEnumValN(Epilogue::None, "none", "nothing"),
                 clEnumValN(Epilogue::Relu, "relu", "0 for what is below"),
                 clEnumValN(Epilogue::LeakyRelu, "leaky_relu",
                            "a part of what is below 0"),
                 clEnumValN(Epilogue::Add, "add", "y + addend"),
                 clEnumValN(Epilogue::AddRelu, "add_relu", "both")),
      cl::CommaSeparated, cl::cat(category)};
  cl::opt<bool> bits{
      "bits",
      cl::desc("With add_relu, training writes what the ReLU lets pass, a bit "
               "an element, and backward reads it in the place of the output: "
               "where rows are whole bytes"),
      cl::cat(category)};
  cl::list<std::string> shapes{
      "shape",
      cl::desc("A shape, NxCxHxW or NxC in either layout; may be "
               "repeated"),
      cl::value_desc("NxCxHxW"), cl::cat(category)};
  cl::list<std::string> sets{
      "set", cl::desc("resnet50 (default unless there is a --shape) or odd"),
      cl::CommaSeparated, cl::cat(category)};
  cl::opt<int> threads{"threads", cl::desc("Threads (default: 2)"), cl::init(2),
                       cl::cat(category)};
  cl::opt<int> rounds{"rounds", cl::desc("Rounds (default: 11)"), cl::init(11),
                      cl::cat(category)};
  cl::opt<double> blockMilliseconds{
      "block-ms", cl::desc("Shortest block in milliseconds (default: 5)"),
      cl::init(5), cl::cat(category)};
  cl::opt<std::string> strategy{
      "strategy",
      cl::desc("A #bn.lowering_strategy<...> for all kernels, for "
               "the dimensions N, C, HW or NHW, C"),
      cl::cat(category)};
  cl::opt<std::string> json{"json",
                            cl::desc("Add a JSON line per case to this file"),
                            cl::value_desc("file"), cl::cat(category)};
};
} // namespace

/// Empty lists mean the defaults.
static void setDefaults(Options &options) {
  if (options.kinds.empty())
    for (Kind kind : {Kind::Inference, Kind::Training})
      options.kinds.push_back(kind);
  if (options.dtypes.empty())
    for (DType dtype : {DType::F32, DType::BF16})
      options.dtypes.push_back(dtype);
  if (options.layouts.empty())
    for (Layout layout : {Layout::NCHW, Layout::NHWC})
      options.layouts.push_back(layout);
  if (options.epilogues.empty())
    options.epilogues.push_back(Epilogue::None);
  if (options.sets.empty() && options.shapes.empty())
    options.sets.push_back("resnet50");
}

static std::vector<Case> getCases(const Options &options) {
  std::vector<Case> cases;
  auto add = [&](Kind kind, DType dtype, Layout layout, Epilogue epilogue) {
    auto addShape = [&](const DimVector &shape) {
      Case &c = cases.emplace_back(Case{kind, dtype, layout, shape, epilogue});
      c.hasBits = options.bits && c.allowsBits();
    };
    for (const std::string &shape : options.shapes)
      addShape(check(parseShape(shape)));
    for (const std::string &set : options.sets)
      for (const DimVector &shape : check(getShapeSet(set, layout)))
        addShape(shape);
  };
  for (Kind kind : options.kinds)
    for (DType dtype : options.dtypes)
      for (Layout layout : options.layouts)
        for (Epilogue epilogue : options.epilogues)
          add(kind, dtype, layout, epilogue);
  return cases;
}

/// Runs all rounds of one case.
static llvm::Error measure(::benchmark::State &state, Compiler &compiler,
                           const Options &options, Measurement &measurement) {
  auto run = KernelRun::create(compiler, measurement.c, measurement.threads,
                               options.strategy);
  if (!run)
    return run.takeError();
  if (llvm::Error error = run->check())
    return error;
  Rounds source(measurement.c, *run, measurement.threads,
                options.blockMilliseconds * 1e-3);
  std::vector<Round> rounds;
  for ([[maybe_unused]] auto iteration : state) {
    rounds.push_back(source.measure());
    state.SetIterationTime(rounds.back().kernel);
  }
  measurement.summary = summarize(rounds);
  state.counters["floor"] = measurement.summary.floorMedian;
  state.counters["ratio"] = measurement.summary.ratio;
  state.counters["ratio_best"] = measurement.summary.ratioBest;
  return llvm::Error::success();
}

static std::unique_ptr<llvm::raw_fd_ostream> openJSON(const Options &options) {
  if (options.json.empty())
    return nullptr;
  std::error_code code;
  auto stream = std::make_unique<llvm::raw_fd_ostream>(
      options.json, code, llvm::sys::fs::OF_Append);
  check(llvm::errorCodeToError(code));
  return stream;
}

int main(int argc, char **argv) {
  ::benchmark::Initialize(&argc, argv);
  // libLLVM brings an option --threads of its own.
  if (cl::Option *option = cl::getRegisteredOptions().lookup("threads"))
    option->removeArgument();
  Options options;
  cl::HideUnrelatedOptions(options.category);
  cl::ParseCommandLineOptions(
      argc, argv, "bn-mlir: kernels against the speed of the memory\n");
  setDefaults(options);

  CompilerOptions compilerOptions;
  compilerOptions.threads = options.threads;
  compilerOptions.useDiskCache = false;
  auto compiler = check(Compiler::create(compilerOptions));
  auto json = openJSON(options);
  Report report(json.get());
  std::deque<Measurement> measurements;
  for (const Case &c : getCases(options)) {
    Measurement &measurement =
        measurements.emplace_back(Measurement{c, options.threads});
    std::string name = c.getGroup() + " " + c.getShapeText();
    report.add(name, measurement);
    ::benchmark::RegisterBenchmark(
        name.c_str(),
        [&](::benchmark::State &state) {
          if (llvm::Error error =
                  measure(state, *compiler, options, measurement))
            state.SkipWithError(llvm::toString(std::move(error)).c_str());
        })
        ->UseManualTime()
        ->Iterations(options.rounds);
  }
  ::benchmark::RunSpecifiedBenchmarks(&report);
  return 0;
}
