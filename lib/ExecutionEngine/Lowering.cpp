//===- Lowering.cpp - From a module to an object ----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs the CPU pipeline and then LLVM. With a dump folder, the phases are run
// one by one, and what each has made is written to it.
//
// Phase: all, from input to object.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "Destinations.h"
#include "bn/Dialect/BN/IR/BNDialect.h"
#include "bn/Pipelines/CPUPipeline.h"
#include "bn/Pipelines/Phase.h"
#include "bn/Support/Error.h"
#include "bn/Target/ObjectEmitter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

static llvm::StringRef stringifySeverity(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note: ";
  case DiagnosticSeverity::Warning:
    return "warning: ";
  case DiagnosticSeverity::Error:
    return "error: ";
  case DiagnosticSeverity::Remark:
    return "remark: ";
  }
  llvm_unreachable("unknown severity");
}

static void printDiagnostic(llvm::raw_ostream &os, Diagnostic &diagnostic) {
  if (!isa<UnknownLoc>(diagnostic.getLocation()))
    os << diagnostic.getLocation() << ": ";
  os << stringifySeverity(diagnostic.getSeverity()) << diagnostic;
}

DiagnosticText::DiagnosticText(MLIRContext &context)
    : ScopedDiagnosticHandler(&context) {
  setHandler([this](Diagnostic &diagnostic) {
    bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
    bool isWarning = diagnostic.getSeverity() == DiagnosticSeverity::Warning;
    if (!isError && !isWarning)
      return failure();
    llvm::raw_string_ostream os(text);
    printDiagnostic(os << (text.empty() ? "" : "\n"), diagnostic);
    for (Diagnostic &note : diagnostic.getNotes())
      printDiagnostic(os << "\n", note);
    hasError |= isError;
    return success(isError);
  });
}

llvm::Error DiagnosticText::addTo(llvm::Error error) {
  std::string message = llvm::toString(std::move(error));
  if (hasError)
    return llvm::createStringError(text);
  return llvm::createStringError(text.empty() ? message
                                              : text + "\n" + message);
}

//===----------------------------------------------------------------------===//
// Dumps
//===----------------------------------------------------------------------===//

/// Writes one of the numbered files of a dump folder.
static llvm::Error writeDump(llvm::StringRef directory, unsigned number,
                             const llvm::Twine &name, llvm::StringRef text) {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, llvm::formatv("{0,0+2}-", number) + name);
  std::error_code error = llvm::sys::fs::create_directories(directory);
  if (!error) {
    llvm::raw_fd_ostream os(path, error);
    if (!error) {
      os << text;
      os.close();
      error = os.error();
      os.clear_error();
    }
  }
  if (!error)
    return llvm::Error::success();
  return makeError("expected a dump folder that can be written to, got '{0}': "
                   "{1}",
                   path, error.message());
}

static std::string printModule(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  os << "\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Lowering
//===----------------------------------------------------------------------===//

/// Runs the passes that `build` adds, up to phase `last`.
static llvm::Error runPasses(ModuleOp module, Phase last,
                             llvm::function_ref<void(OpPassManager &)> build) {
  PassManager pm(module->getName());
#ifdef NDEBUG
  // What came in was verified; verifying after each pass takes a good part of
  // the time of the passes.
  pm.enableVerifier(false);
#endif
  build(pm);
  if (succeeded(pm.run(module)))
    return llvm::Error::success();
  return makeError("expected the pipeline to lower the module to phase "
                   "'{0}', got an error",
                   stringifyPhase(last));
}

/// Runs the passes of the phases up to `last` one by one, and shows the module
/// to `callback` after each.
static llvm::Error runPhases(ModuleOp module, Phase last,
                             const CPUPipelineOptions &pipeline,
                             llvm::function_ref<llvm::Error(Phase)> callback) {
  for (Phase phase : getAllPhases()) {
    llvm::Error error = runPasses(module, phase, [&](OpPassManager &pm) {
      if (phase == Phase::Input)
        pm.addPass(createSymbolDCEPass());
      buildPhase(pm, phase, pipeline);
    });
    if (error)
      return error;
    if (llvm::Error error = callback(phase))
      return error;
    if (phase == last)
      break;
  }
  return llvm::Error::success();
}

/// Runs the pipeline. With a dump folder, the module is written after each
/// phase.
static llvm::Error runPipeline(ModuleOp module,
                               const CPUPipelineOptions &pipeline,
                               const CompilerOptions &options) {
  if (options.dumpDir.empty())
    return runPasses(module, Phase::LLVM, [&](OpPassManager &pm) {
      pm.addPass(createSymbolDCEPass());
      buildCPUPipeline(pm, pipeline);
    });
  return runPhases(module, Phase::LLVM, pipeline, [&](Phase phase) {
    return writeDump(options.dumpDir, static_cast<unsigned>(phase),
                     stringifyPhase(phase) + ".mlir", printModule(module));
  });
}

/// Writes what LLVM makes of `module`, as LLVM IR and as assembly.
static llvm::Error dumpLLVM(llvm::Module &module, llvm::TargetMachine &target,
                            const CompilerOptions &options) {
  auto number = static_cast<unsigned>(Phase::LLVM);
  if (llvm::Error error = writeDump(options.dumpDir, number + 1, "llvm.ll",
                                    printLLVMIR(module)))
    return error;
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(module);
  auto assembly = emitCode(*copy, target, llvm::CodeGenFileType::AssemblyFile);
  if (!assembly)
    return assembly.takeError();
  return writeDump(options.dumpDir, number + 2, "kernel.s",
                   (*assembly)->getBuffer());
}

/// Leaves only `entry` public, so that only what it needs is compiled, and lets
/// it write to its destinations alone.
static void prepareFunctions(ModuleOp module, llvm::StringRef entry) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.getName() != entry) {
      function.setPrivate();
      continue;
    }
    function.setPublic();
    protectOtherArguments(function);
  }
}

static bool hasBNOps(ModuleOp module) {
  return module
      .walk([](Operation *op) {
        return isa_and_nonnull<BNDialect>(op->getDialect())
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Nothing unwinds through a kernel, except a debugger or a profiler.
static void setUnwinding(llvm::Module &module, const CompilerOptions &options) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.setDoesNotThrow();
    if (!options.enableGDB && !options.enablePerf)
      continue;
    function.setUWTableKind(llvm::UWTableKind::Async);
    function.addFnAttr("frame-pointer", "all");
  }
}

static void setPipelineOptions(CPUPipelineOptions &pipeline,
                               llvm::TargetMachine &target,
                               const CompilerOptions &options,
                               int64_t threads) {
  pipeline.threads = threads;
  pipeline.avx512BF16 = hasAVX512BF16(target);
  // By default the pipeline looks at this machine.
  if (options.target.cpu != llvm::sys::getHostCPUName())
    pipeline.vectorBits = getVectorBits(target);
}

/// Leaves `entry` as the only function to call in `module`, and fills in what
/// the phases have to know.
static llvm::Error prepareForPipeline(ModuleOp module, llvm::StringRef entry,
                                      const CompilerOptions &options,
                                      int64_t threads,
                                      CPUPipelineOptions &pipeline) {
  auto target = createTargetMachine(options.target);
  if (!target)
    return target.takeError();
  prepareFunctions(module, entry);
  setPipelineOptions(pipeline, **target, options, threads);
  return llvm::Error::success();
}

llvm::Expected<std::string>
mlir::bn::lowerToPhase(ModuleOp module, llvm::StringRef entry, Phase phase,
                       const CompilerOptions &options, int64_t threads) {
  CPUPipelineOptions pipeline;
  if (llvm::Error error =
          prepareForPipeline(module, entry, options, threads, pipeline))
    return std::move(error);
  if (llvm::Error error = runPhases(module, phase, pipeline, [](Phase) {
        return llvm::Error::success();
      }))
    return std::move(error);
  return printModule(module);
}

llvm::Expected<std::string>
mlir::bn::selectStrategies(ModuleOp module, llvm::StringRef entry,
                           const CompilerOptions &options, int64_t threads) {
  CPUPipelineOptions pipeline;
  if (llvm::Error error =
          prepareForPipeline(module, entry, options, threads, pipeline))
    return std::move(error);
  llvm::Error error = runPasses(module, Phase::BN, [&](OpPassManager &pm) {
    pm.addPass(createSymbolDCEPass());
    buildBNPhase(pm, pipeline);
    buildStrategySelection(pm, pipeline);
  });
  if (error)
    return std::move(error);
  std::string text;
  llvm::raw_string_ostream os(text);
  module->walk([&](Operation *op) {
    if (LoweringStrategyAttr attr = getLoweringStrategy(op))
      os << (text.empty() ? "" : "\n") << attr;
  });
  return text;
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
mlir::bn::compileToCode(ModuleOp module, llvm::StringRef entry,
                        const CompilerOptions &options, int64_t threads,
                        llvm::CodeGenFileType type) {
  auto target = createTargetMachine(options.target);
  if (!target)
    return target.takeError();
  prepareFunctions(module, entry);
  bool isVectorizedByUs = hasBNOps(module);
  CPUPipelineOptions pipeline;
  setPipelineOptions(pipeline, **target, options, threads);
  if (llvm::Error error = runPipeline(module, pipeline, options))
    return std::move(error);

  llvm::LLVMContext context;
  auto translated = translateToLLVMIR(module, context, **target);
  if (!translated)
    return translated.takeError();
  llvm::Module &llvmModule = **translated;
  auto wrapper = addPackedWrapper(llvmModule, entry, /*internalize=*/true);
  if (!wrapper)
    return wrapper.takeError();
  setUnwinding(llvmModule, options);
  OptimizationOptions optimization;
  optimization.level = options.target.optLevel;
  optimization.vectorizeAndUnroll = !isVectorizedByUs;
  if (llvm::Error error = optimizeLLVMIR(llvmModule, **target, optimization))
    return std::move(error);
  if (!options.dumpDir.empty())
    if (llvm::Error error = dumpLLVM(llvmModule, **target, options))
      return std::move(error);
  return emitCode(llvmModule, **target, type);
}
