//===- Options.cpp - bn-runner's command line -------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The shared libLLVM registers the options of many of its libraries, and an
// option whose name is taken ends the process. So ours are not globals: they
// are made when the names that they need have been freed.
//
//===----------------------------------------------------------------------===//

#include "Options.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::bn;
using namespace mlir::bn::runner;
namespace cl = llvm::cl;

static const char *const kMoreHelp = R"(
Arguments are private copies of what is given. A function that has tensor
results and takes their destinations (the `outs` of bn ops) as arguments writes
into those; give `zeros` for them. That form is also the one to measure: a
result without a destination is allocated in each call, and the first touch of
new memory takes several times as long as the computation. Outputs are those of
the first call; the calls of --repeat run on the same arguments again. For a
function without results, its arguments after the call are the results.

The bytes that count for GB/s are those of all arguments and results once, but
for arguments that are only written to. The copy moves as many bytes, half of
them read and half written, with as many threads (one for less than 1 MiB),
between the calls.

EXAMPLES:
  bn-runner training.mlir --input=x.npy --input=ones --input=zeros \
      --input=zeros --input=zeros --input=zeros --output=y.npy
  bn-runner inference.mlir --entry=f --input=random:1:8x64x28x28 ... --repeat=20
  bn-opt f.mlir --bn-cpu-pipeline="compile-to=linalg" | bn-runner - --input=3.5
)";

/// An option whose name is free by the time it is registered.
static llvm::StringRef freeName(llvm::StringRef name) {
  auto &registered = cl::getRegisteredOptions();
  auto option = registered.find(name);
  if (option != registered.end())
    option->second->removeArgument();
  return name;
}

namespace {
/// The options as LLVM's parser sees them.
struct Parser {
  cl::OptionCategory category{"bn-runner options"};
  cl::opt<std::string> inputFile{cl::Positional, cl::Required,
                                 cl::desc("FILE.mlir (or - for stdin)"),
                                 cl::cat(category)};
  cl::opt<std::string> entry{
      freeName("entry"), cl::value_desc("NAME"), cl::cat(category),
      cl::desc("The function to call (default: the only public one, or "
               "'main')")};
  cl::list<std::string> inputs{
      freeName("input"), cl::value_desc("VALUE"), cl::cat(category),
      cl::desc("One per argument, in order: FILE.npy, random:SEED (standard "
               "normal), zeros, ones or a number; all but files take a shape "
               "at the end, as in random:1:8x64, which `?` dimensions need")};
  cl::list<std::string> outputs{
      freeName("output"), cl::value_desc("FILE.npy"), cl::cat(category),
      cl::desc("One per result, in order; for a missing one or - a summary is "
               "printed")};
  cl::opt<unsigned> repeat{
      freeName("repeat"), cl::value_desc("N"), cl::init(0), cl::cat(category),
      cl::desc("Call the function N more times and print times and GB/s, with "
               "those of a memory copy in the same run")};
  cl::opt<unsigned> threads{
      freeName("threads"), cl::value_desc("N"), cl::init(0), cl::cat(category),
      cl::desc("Threads to use (default 0: what OpenMP gives)")};
  cl::opt<std::string> targetCPU{
      freeName("target-cpu"), cl::value_desc("NAME"), cl::cat(category),
      cl::desc(
          "Compile for this CPU, in LLVM's spelling, of which this machine "
          "must have the features (default: this machine's)")};
  cl::opt<std::string> dumpDir{
      freeName("dump-dir"), cl::value_desc("DIR"), cl::cat(category),
      cl::desc("Write the module after each phase into DIR: 00-input.mlir ... "
               "NN-llvm.ll, NN-kernel.s")};
  cl::opt<bool> noCache{
      freeName("no-cache"), cl::cat(category),
      cl::desc("Neither read nor write the kernel cache on disk")};
  cl::extrahelp moreHelp{kMoreHelp};
};
} // namespace

Options runner::parseOptions(int argc, char **argv) {
  Parser parser;
  cl::HideUnrelatedOptions(parser.category);
  cl::AddExtraVersionPrinter([](llvm::raw_ostream &os) {
    os << "bn-mlir version " BN_VERSION_STRING "\n";
  });
  cl::ParseCommandLineOptions(argc, argv,
                              "Runs a function of an MLIR module on arrays\n");
  Options options;
  options.inputFile = parser.inputFile;
  options.entry = parser.entry;
  options.targetCPU = parser.targetCPU;
  options.dumpDir = parser.dumpDir;
  options.inputs = parser.inputs;
  options.outputs = parser.outputs;
  options.repeat = parser.repeat;
  options.threads = parser.threads;
  options.noCache = parser.noCache;
  return options;
}
