//===- ThreadPool.h - The threads that kernels run on -----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels of specs run on the threads of LLVM's OpenMP library, or on those
// that the program around them has anyway: two sets of threads would take the
// cores from each other. Results do not depend on it. Kernels of modules, which
// may use all of OpenMP, always run on the library's.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_THREADPOOL_H
#define BN_EXECUTIONENGINE_THREADPOOL_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>

namespace mlir::bn {

class ThreadPool {
public:
  virtual ~ThreadPool() = default;

  /// Returns how many bytes of data are worth a second thread. A kernel whose
  /// arguments are all smaller runs on the thread that calls it.
  virtual int64_t getMinBytes() { return 0; }

  /// Returns how many threads work for a caller on this thread. A kernel cuts
  /// its work into as many parts, unless its spec has another number.
  virtual int64_t getNumThreads() = 0;

  /// Calls `work(i)` once for each `i` in [0, count), and returns when all
  /// calls have. They are made in any order on any threads, at the same time
  /// or not: none waits for another.
  virtual void forEach(int64_t count,
                       llvm::function_ref<void(int64_t)> work) = 0;
};

/// Returns LLVM's OpenMP library, on which kernels run unless something else is
/// said.
ThreadPool &getOpenMPThreadPool();

/// Returns the thread that calls.
ThreadPool &getCallingThread();

/// Threads of the OpenMP library sleep as soon as a kernel of a spec ends, from
/// now on. They would look out for the next one for 200 ms, and keep the cores
/// from other work. To wake them takes as long as one thread needs for some
/// 1 MiB, so less data is not shared out. Where the environment has
/// KMP_BLOCKTIME, all stays as it is.
void letOpenMPThreadsSleep();

/// Kernels run on `pool`, which must stay, from now on, whoever calls them.
void setThreadPool(ThreadPool &pool);

/// Returns the pool on which a kernel runs that this thread calls.
ThreadPool &getThreadPool();

/// While it lives, kernels that its thread calls run on `pool`.
class ThreadPoolScope {
public:
  explicit ThreadPoolScope(ThreadPool &pool);
  ~ThreadPoolScope();
  ThreadPoolScope(const ThreadPoolScope &) = delete;
  ThreadPoolScope &operator=(const ThreadPoolScope &) = delete;

private:
  ThreadPool *outer;
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_THREADPOOL_H
