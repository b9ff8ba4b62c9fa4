//===- Lowering.h - From a module to an object ------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the execution engine: everything between a module of phase `input`
// and an object file, with the diagnostics as the text of the error.
//
// Phase: all, from input to object.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_EXECUTIONENGINE_LOWERING_H
#define BN_LIB_EXECUTIONENGINE_LOWERING_H

#include "bn/ExecutionEngine/Compiler.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>

namespace mlir::bn {

/// Collects the errors and warnings, with their notes, of a context. Errors end
/// here; the rest is also given to other handlers.
class DiagnosticText : public ScopedDiagnosticHandler {
public:
  explicit DiagnosticText(MLIRContext &context);

  /// Returns `error` with the collected text before it, or the text alone when
  /// it holds an error: then `error` only says that there was one.
  llvm::Error addTo(llvm::Error error);

private:
  std::string text;
  bool hasError = false;
};

/// Runs the pipeline on function `entry` of `module` up to the end of `phase`,
/// and returns the module as text. `module` is consumed.
llvm::Expected<std::string> lowerToPhase(ModuleOp module, llvm::StringRef entry,
                                         Phase phase,
                                         const CompilerOptions &options,
                                         int64_t threads);

/// Returns the strategies that are chosen for the ops of function `entry` of
/// `module`, one per line. `module` is consumed.
llvm::Expected<std::string> selectStrategies(ModuleOp module,
                                             llvm::StringRef entry,
                                             const CompilerOptions &options,
                                             int64_t threads);

/// Lowers function `entry` of `module` to an object whose one symbol is the
/// packed wrapper of it, or to the assembly of that. `module` is consumed: it
/// is changed on the way. `options.target` must be resolved.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
compileToCode(ModuleOp module, llvm::StringRef entry,
              const CompilerOptions &options, int64_t threads,
              llvm::CodeGenFileType type = llvm::CodeGenFileType::ObjectFile);

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_LOWERING_H
