//===- JITSession.h - Objects linked into this process ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the execution engine: the ORC session that links object files, and
// the code of one kernel, which is removed with its last handle.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_EXECUTIONENGINE_JITSESSION_H
#define BN_LIB_EXECUTIONENGINE_JITSESSION_H

#include "bn/ExecutionEngine/Kernel.h"
#include "bn/Target/TargetMachine.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace mlir::bn {

/// What every kernel looks like from outside; see Target/ObjectEmitter.h.
using PackedFunction = void (*)(void **);

/// A function of this process, and the name that compiled code has for it.
struct NamedFunction {
  template <typename Function>
  NamedFunction(llvm::StringRef name, Function *function)
      : name(name), address(llvm::orc::ExecutorAddr::fromPtr(function)) {}

  llvm::StringRef name;
  llvm::orc::ExecutorAddr address;
};

/// Defines `functions` in `library`.
llvm::Error defineFunctions(llvm::orc::LLJIT &jit, llvm::orc::JITDylib &library,
                            llvm::ArrayRef<NamedFunction> functions);

/// Defines the functions of the OpenMP runtime that compiled code calls, by
/// their addresses in the libomp that we are linked to. Thus the code finds
/// that one, and not another OpenMP that the process has loaded.
llvm::Error defineOpenMPSymbols(llvm::orc::LLJIT &jit,
                                llvm::orc::JITDylib &library);

/// Defines those that kernels of specs call, so that their teams are made of
/// threads of the pool; see ThreadPool.h.
llvm::Error defineTeamSymbols(llvm::orc::LLJIT &jit,
                              llvm::orc::JITDylib &library);

/// Defines the functions by which compiled code converts f16 where the
/// processor has no instructions for it.
llvm::Error defineHalfSymbols(llvm::orc::LLJIT &jit,
                              llvm::orc::JITDylib &library);

/// Whose threads a kernel runs on.
enum class Threads { OpenMP, Pool };

class JITSession {
public:
  /// `target` must be resolved and be the host's architecture.
  static llvm::Expected<std::shared_ptr<JITSession>>
  create(const TargetOptions &target, bool enablePerf, bool enableGDB);

  /// Links `object` into a library of its own and looks up `symbol`.
  llvm::Expected<PackedFunction>
  link(std::unique_ptr<llvm::MemoryBuffer> object, llvm::StringRef symbol,
       Threads threads, llvm::orc::JITDylib *&library);

  /// Frees the memory of a library.
  void remove(llvm::orc::JITDylib &library);

private:
  JITSession() = default;
  void reportError(llvm::Error error);

  std::unique_ptr<llvm::orc::LLJIT> jit;
  llvm::orc::JITDylib *openMP = nullptr, *teams = nullptr, *half = nullptr;
  std::atomic<int64_t> numLibraries = 0;
  /// What ORC has reported on the side: lookups only return that they failed.
  std::mutex messagesMutex;
  std::string messages;
};

/// The code and the signature of one kernel.
class KernelCode {
public:
  static llvm::Expected<std::shared_ptr<const KernelCode>>
  create(std::shared_ptr<JITSession> session,
         std::unique_ptr<llvm::MemoryBuffer> object, llvm::StringRef symbol,
         Threads threads, KernelSignature signature,
         std::string missingFeatures);
  KernelCode() = default;
  KernelCode(const KernelCode &) = delete;
  KernelCode &operator=(const KernelCode &) = delete;
  ~KernelCode();

  KernelSignature signature;
  PackedFunction function = nullptr;
  /// The features that the machine lacks to run it; empty for none.
  std::string missingFeatures;

private:
  std::shared_ptr<JITSession> session;
  llvm::orc::JITDylib *library = nullptr;
};

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_JITSESSION_H
