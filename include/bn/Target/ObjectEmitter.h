//===- ObjectEmitter.h - LLVM dialect to machine code -----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The last steps of a kernel, after the pipeline has left a module in the LLVM
// and OpenMP dialects: translation to LLVM IR, LLVM's optimizer, and object
// code, assembly or LLVM IR as text. The JIT and the ahead-of-time compiler
// use the same functions, in this order.
//
// Every public function `f` that has a C interface (`_mlir_ciface_f`) can get
// a packed wrapper, so that it can be called without knowing its type:
//
//   void bn_packed_f(void **slots)
//
// The slots are those of `_mlir_ciface_f`, in its order: a tensor or memref is
// a pointer to its descriptor, a scalar is a pointer to its value. When `f` has
// results, one slot before them points to where the results are written, as a
// struct of descriptors and scalars.
//
// Phase: object.
//
//===----------------------------------------------------------------------===//

#ifndef BN_TARGET_OBJECTEMITTER_H
#define BN_TARGET_OBJECTEMITTER_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>

namespace mlir::bn {

/// Registers the translations to LLVM IR that `translateToLLVMIR` needs.
void registerLLVMIRTranslations(DialectRegistry &registry);

/// Returns the name of the packed wrapper of function `name`.
std::string getPackedName(llvm::StringRef name);

/// Translates `module`, which must be in the LLVM and OpenMP dialects, to LLVM
/// IR for `target`. Diagnostics go to the MLIR context; the error repeats only
/// that there were some.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateToLLVMIR(ModuleOp module, llvm::LLVMContext &context,
                  const llvm::TargetMachine &target);

/// Adds the packed wrapper of function `name` and returns it. With
/// `internalize`, it becomes the only visible symbol of `module`, so that the
/// optimizer may inline and drop everything else.
llvm::Expected<llvm::Function *> addPackedWrapper(llvm::Module &module,
                                                  llvm::StringRef name,
                                                  bool internalize);

struct OptimizationOptions {
  /// 0 to 3.
  unsigned level = 3;
  /// Let LLVM vectorize and unroll loops. Where our pipeline has done so, there
  /// are only tails left, and LLVM makes them large and slow to compile.
  bool vectorizeAndUnroll = true;
};

/// Runs LLVM's pipeline for `target`.
llvm::Error optimizeLLVMIR(llvm::Module &module, llvm::TargetMachine &target,
                           const OptimizationOptions &options = {});

/// Emits `module` as object code or assembly. The code generator changes the
/// module: print it or clone it before.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
emitCode(llvm::Module &module, llvm::TargetMachine &target,
         llvm::CodeGenFileType fileType = llvm::CodeGenFileType::ObjectFile);

/// Returns `module` as text.
std::string printLLVMIR(const llvm::Module &module);

} // namespace mlir::bn

#endif // BN_TARGET_OBJECTEMITTER_H
