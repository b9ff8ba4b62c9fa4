//===- bn-runner.cpp - runs a function of a module --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles a module with bn ops (or one already lowered part of the way) just
// in time, calls one of its functions on arrays, and writes, summarizes or
// times what comes out.
//
//===----------------------------------------------------------------------===//

#include "Call.h"
#include "Entry.h"
#include "Inputs.h"
#include "Options.h"
#include "Report.h"

#include "bn/Dialect/BN/IR/BNDialect.h"
#include "bn/ExecutionEngine/Compiler.h"
#include "bn/InitAllDialects.h"
#include "bn/Support/Error.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::runner;

/// Parses the module, printing what is wrong with it.
static llvm::Expected<OwningOpRef<ModuleOp>> parseModule(StringRef path,
                                                         MLIRContext &context) {
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer)
    return llvm::createFileError(path, buffer.getError());
  auto sources = std::make_shared<llvm::SourceMgr>();
  sources->AddNewSourceBuffer(std::move(*buffer), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(*sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return makeError("expected a valid module, got the errors above");
  return module;
}

static llvm::Expected<Kernel> compile(ModuleOp module, StringRef entry,
                                      const Options &commandLine) {
  if (commandLine.threads > kMaxThreads)
    return makeError("expected --threads to be at most {0}, got {1}",
                     kMaxThreads, commandLine.threads);
  CompilerOptions options;
  options.target.cpu = commandLine.targetCPU;
  options.threads = commandLine.threads;
  options.useDiskCache = !commandLine.noCache;
  options.dumpDir = commandLine.dumpDir;
  llvm::Expected<std::unique_ptr<Compiler>> compiler =
      Compiler::create(options);
  if (!compiler)
    return compiler.takeError();
  return (*compiler)->compile(module, entry);
}

/// Makes the arguments and checks them against each other.
static llvm::Expected<std::vector<Array>>
makeArguments(func::FuncOp entry, const Kernel &kernel,
              ArrayRef<std::string> inputs) {
  std::vector<Array> arguments;
  std::vector<TensorView> views;
  for (auto [index, operand] :
       llvm::enumerate(kernel.getSignature().arguments)) {
    llvm::Expected<Array> array = makeInput(inputs[index], index, operand);
    if (!array)
      return array.takeError();
    views.emplace_back(array->getData(), array->getDType(), array->getShape());
    arguments.push_back(std::move(*array));
  }
  if (llvm::Error error = checkSizes(entry, arguments))
    return error;
  if (llvm::Error error = kernel.check(views))
    return error;
  return arguments;
}

static llvm::Error report(ArrayRef<TensorView> results, StringRef kind,
                          ArrayRef<std::string> outputs) {
  for (auto [i, view] : llvm::enumerate(results)) {
    if (i < outputs.size() && outputs[i] != "-") {
      if (llvm::Error error = writeArray(outputs[i], view))
        return error;
    } else {
      printSummary(llvm::outs(), (kind + " " + Twine(i)).str(), view);
    }
  }
  return llvm::Error::success();
}

/// The bytes that any implementation must move between memory and CPU.
static int64_t countBytes(func::FuncOp entry, ArrayRef<Array> arguments,
                          ArrayRef<TensorView> results) {
  int64_t numBytes = 0;
  for (auto [value, array] : llvm::zip_equal(entry.getArguments(), arguments))
    if (!isWrittenOnly(value))
      numBytes += array.getNumBytes();
  if (entry.getNumResults())
    for (const TensorView &view : results)
      numBytes += view.getSizeInBytes();
  return numBytes;
}

static llvm::Error run(const Options &options) {
  DialectRegistry registry;
  mlir::bn::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  llvm::Expected<OwningOpRef<ModuleOp>> module =
      parseModule(options.inputFile, context);
  if (!module)
    return module.takeError();
  llvm::Expected<func::FuncOp> entry = findEntry(**module, options.entry);
  if (!entry)
    return entry.takeError();
  if (options.inputs.size() != entry->getNumArguments())
    return makeError(
        "expected {0} --input for '{1}', one per argument, got {2}",
        entry->getNumArguments(), entry->getSymName(), options.inputs.size());
  bool hasResults = entry->getNumResults();
  size_t numResults =
      hasResults ? entry->getNumResults() : options.inputs.size();
  if (options.outputs.size() > numResults)
    return makeError("expected at most {0} --output for '{1}', got {2}",
                     numResults, entry->getSymName(), options.outputs.size());

  llvm::Expected<Kernel> kernel =
      compile(**module, entry->getSymName(), options);
  if (!kernel)
    return kernel.takeError();
  llvm::Expected<std::vector<Array>> arguments =
      makeArguments(*entry, *kernel, options.inputs);
  if (!arguments)
    return arguments.takeError();
  Call call(*kernel, *arguments);
  call.run();
  std::vector<TensorView> results = call.readResults();
  if (llvm::Error error =
          report(results, hasResults ? "result" : "argument", options.outputs))
    return error;
  int64_t numBytes = countBytes(*entry, *arguments, results);
  call.freeResults();
  if (options.repeat == 0)
    return llvm::Error::success();
  llvm::Expected<Timing> timing =
      measure(call, options.repeat, options.threads, numBytes);
  if (!timing)
    return timing.takeError();
  printTiming(llvm::outs(), *timing);
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  if (llvm::Error error = run(parseOptions(argc, argv))) {
    llvm::WithColor::error(llvm::errs(), "bn-runner")
        << llvm::toString(std::move(error)) << '\n';
    return 1;
  }
  return 0;
}
