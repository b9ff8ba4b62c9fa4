//===- Session.h - The compiler that Python calls share ---------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One compiler, one result pool and one table of kernels serve the process.
// The options are those of bn_mlir.config.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_SESSION_H
#define BN_PYTHON_SESSION_H

#include "bn/ExecutionEngine/BatchNormSpec.h"
#include "bn/ExecutionEngine/Compiler.h"
#include "bn/ExecutionEngine/ResultPool.h"
#include "llvm/ADT/StringMap.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <unordered_map>

namespace mlir::bn::python {

/// Raised for what the compiler, not the caller, is to blame for:
/// bn_mlir.CompileError.
struct CompileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What two specs that mean the same kernel have in common; the key of a lookup
/// in less than a microsecond.
struct SpecHash {
  size_t operator()(const BatchNormSpec &spec) const;
};
struct SpecEqual {
  bool operator()(const BatchNormSpec &a, const BatchNormSpec &b) const;
};

class Session {
public:
  /// The process's only one. It is never destroyed: results may outlive the
  /// interpreter's modules.
  static Session &get();

  /// Returns the kernel of `spec`, compiled if it is not known. The GIL must be
  /// held; it is released during compilation. Errors are raised.
  Kernel getKernel(const BatchNormSpec &spec);

  /// The same for callers that know nothing of Python. With the key of a spec,
  /// the number of threads is that of the options, if the key leaves it open.
  llvm::Expected<Kernel> findKernel(const BatchNormSpec &spec);
  llvm::Expected<Kernel> findKernel(llvm::StringRef key);

  /// Returns the compiler for the present options.
  std::shared_ptr<Compiler> getCompiler();

  /// Changing `change` makes the next call look for kernels anew.
  template <typename Change> void changeOptions(Change &&change) {
    std::lock_guard<std::mutex> lock(mutex);
    change(options);
    compiler = nullptr;
    forgetKernels();
    threads = options.threads;
  }
  CompilerOptions getOptions() const {
    std::lock_guard<std::mutex> lock(mutex);
    return options;
  }

  /// Returns the number of threads that specs ask for.
  int64_t getThreads() const { return threads; }

  /// Forgets all kernels.
  void clearKernels();

  ResultPool pool;

private:
  llvm::Expected<std::shared_ptr<Compiler>> findCompiler();
  template <typename Table, typename Key>
  std::optional<Kernel> lookUp(const Table &table, const Key &key);
  /// Keeps what `current` has compiled, unless options have changed meanwhile;
  /// then the kernel serves one call only.
  template <typename Table, typename Key>
  void keep(Table &table, const Key &key, const Kernel &kernel,
            const std::shared_ptr<Compiler> &current);
  void forgetKernels() {
    kernels.clear();
    kernelsByKey.clear();
  }

  mutable std::mutex mutex;
  std::atomic<int64_t> threads = 0;
  CompilerOptions options;
  std::shared_ptr<Compiler> compiler;
  std::unordered_map<BatchNormSpec, Kernel, SpecHash, SpecEqual> kernels;
  llvm::StringMap<Kernel> kernelsByKey;
};

/// Raises `error` as ValueError when there is one.
void raiseIfError(llvm::Error error);

} // namespace mlir::bn::python

#endif // BN_PYTHON_SESSION_H
