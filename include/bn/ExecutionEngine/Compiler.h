//===- Compiler.h - From a spec or a module to a kernel ---------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The just-in-time compiler: runs the CPU pipeline and LLVM, links the object
// into this process, and keeps what it has compiled in memory and on disk. All
// members may be called from any number of threads; two that want the same
// kernel at the same time share one compilation.
//
// Phase: all, from input to object.
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_COMPILER_H
#define BN_EXECUTIONENGINE_COMPILER_H

#include "bn/ExecutionEngine/BatchNormSpec.h"
#include "bn/ExecutionEngine/Kernel.h"
#include "bn/Pipelines/Phase.h"
#include "bn/Target/TargetMachine.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace mlir::bn {

struct CompilerOptions {
  /// Must be able to run here: the host's architecture.
  TargetOptions target;
  /// Threads of a kernel; 0 for as many as the OpenMP runtime, or the pool of
  /// ThreadPool.h, has.
  int64_t threads = 0;
  /// Keep objects on disk.
  bool useDiskCache = true;
  /// The folder for them; empty for BN_CACHE_DIR or the user's cache folder.
  std::string cacheDir;
  /// Kernels kept in memory, the least recently used one is dropped first; 0
  /// for none.
  unsigned memoryCacheEntries = 256;
  /// Write the files that `perf inject --jit` reads.
  bool enablePerf = false;
  /// Register the code with gdb.
  bool enableGDB = false;
  /// Write the module after each phase into this folder: 00-input.mlir to
  /// 06-llvm.mlir, 07-llvm.ll, 08-kernel.s. Caches are not looked at then.
  std::string dumpDir;
};

/// How often a compile was answered from where.
struct CompilerStatistics {
  int64_t memoryHits = 0;
  int64_t diskHits = 0;
  /// Files in the cache folder that were damaged or foreign.
  int64_t diskRejected = 0;
  int64_t compiled = 0;
};

class Compiler {
public:
  static llvm::Expected<std::unique_ptr<Compiler>>
  create(CompilerOptions options = {});
  ~Compiler();

  /// Returns the kernel of a spec. Its arguments are in BatchNormSpec.h.
  llvm::Expected<Kernel> compile(const BatchNormSpec &spec);

  /// Returns the kernel of function `entry` of `module`, which is not changed.
  /// An empty `entry` means the only public function with a body. Arguments
  /// and results may be tensors, memrefs with the identity layout, and scalars
  /// of the element types in DType.h and index; of results, any memref. The
  /// work is done on a copy in another context, which has the dialects of
  /// InitAllDialects.h.
  llvm::Expected<Kernel> compile(ModuleOp module, llvm::StringRef entry);

  // What becomes of a spec or a function, as text. Nothing is looked up or kept
  // in a cache.

  /// Returns the module at the end of `phase`.
  llvm::Expected<std::string> getIR(const BatchNormSpec &spec, Phase phase);
  llvm::Expected<std::string> getIR(ModuleOp module, llvm::StringRef entry,
                                    Phase phase);

  /// Returns the strategies that are chosen for the ops, one per line.
  llvm::Expected<std::string> getStrategy(const BatchNormSpec &spec);
  llvm::Expected<std::string> getStrategy(ModuleOp module,
                                          llvm::StringRef entry);

  /// Returns the assembly of the kernel.
  llvm::Expected<std::string> getAssembly(const BatchNormSpec &spec);
  llvm::Expected<std::string> getAssembly(ModuleOp module,
                                          llvm::StringRef entry);

  CompilerStatistics getStatistics() const;

  /// Forgets all kernels in memory; those with a handle live on.
  void clearMemoryCache();

private:
  struct Impl;
  explicit Compiler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_COMPILER_H
