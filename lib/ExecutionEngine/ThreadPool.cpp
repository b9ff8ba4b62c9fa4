//===- ThreadPool.cpp - The threads that kernels run on ---------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/ThreadPool.h"

#include <atomic>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <utility>

using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// LLVM's OpenMP library
//===----------------------------------------------------------------------===//

namespace {
/// What a program tells the library about the place of a call.
struct SourceLocation {
  int32_t reserved1 = 0;
  int32_t flags = 2; // From a compiler.
  int32_t reserved2 = 0, reserved3 = 0;
  const char *text = ";bn-mlir;kernel;0;0;;";
};
} // namespace

using Work = llvm::function_ref<void(int64_t)>;
using Microtask = void (*)(int32_t *, int32_t *, int64_t *, Work *);

// Its own names, where there is a choice: GNU's OpenMP library, which PyTorch
// offers to the whole process, has none of them.
extern "C" {
void __kmpc_fork_call(SourceLocation *, int32_t numArguments, Microtask, ...);
int32_t __kmpc_global_thread_num(SourceLocation *);
void __kmpc_push_num_threads(SourceLocation *, int32_t thread, int32_t count);
int32_t __kmpc_bound_num_threads(SourceLocation *);
void kmp_set_blocktime(int milliseconds);
int omp_get_max_threads();
}

static SourceLocation location;
static std::atomic<bool> threadsSleep = false;

void mlir::bn::letOpenMPThreadsSleep() {
  threadsSleep = std::getenv("KMP_BLOCKTIME") == nullptr;
}

/// The library has this setting per calling thread, and forgets it in a process
/// that is forked.
static void setBlockTime() {
  thread_local pid_t process = 0;
  if (!threadsSleep || process == getpid())
    return;
  kmp_set_blocktime(0);
  process = getpid();
}

/// What each thread of the library's team does. There may be fewer than were
/// asked for.
static void runShare(int32_t *, int32_t *thread, int64_t *count, Work *work) {
  int64_t numThreads = __kmpc_bound_num_threads(&location);
  for (int64_t i = *thread; i < *count; i += numThreads)
    (*work)(i);
}

/// Has the library begin. Its child of a fork starts threads of its own, unless
/// the environment says otherwise, as TensorFlow does for a library that it
/// knows. Kernels of the child would then wait for the threads of the parent.
static void beginOpenMP() {
  constexpr const char *name = "KMP_INIT_AT_FORK";
  const char *value = std::getenv(name);
  const std::string given = value ? value : "";
  if (value)
    setenv(name, "TRUE", /*overwrite=*/1);
  __kmpc_global_thread_num(&location);
  if (value)
    setenv(name, given.c_str(), /*overwrite=*/1);
}

namespace {
class OpenMPThreadPool final : public ThreadPool {
public:
  OpenMPThreadPool() { beginOpenMP(); }

  int64_t getMinBytes() override { return threadsSleep ? 1 << 20 : 0; }

  int64_t getNumThreads() override { return omp_get_max_threads(); }

  void forEach(int64_t count, Work work) override {
    setBlockTime();
    __kmpc_push_num_threads(&location, __kmpc_global_thread_num(&location),
                            count);
    __kmpc_fork_call(&location, 2, runShare, &count, &work);
  }
};
} // namespace

ThreadPool &mlir::bn::getOpenMPThreadPool() {
  static OpenMPThreadPool pool;
  return pool;
}

//===----------------------------------------------------------------------===//
// The thread that calls
//===----------------------------------------------------------------------===//

namespace {
class CallingThread final : public ThreadPool {
public:
  int64_t getNumThreads() override { return 1; }

  void forEach(int64_t count, Work work) override {
    for (int64_t i = 0; i < count; ++i)
      work(i);
  }
};
} // namespace

ThreadPool &mlir::bn::getCallingThread() {
  static CallingThread thread;
  return thread;
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

static std::atomic<ThreadPool *> poolOfProcess = nullptr;
static thread_local ThreadPool *poolOfThread = nullptr;

void mlir::bn::setThreadPool(ThreadPool &pool) { poolOfProcess = &pool; }

ThreadPool &mlir::bn::getThreadPool() {
  if (poolOfThread)
    return *poolOfThread;
  ThreadPool *pool = poolOfProcess;
  return pool ? *pool : getOpenMPThreadPool();
}

ThreadPoolScope::ThreadPoolScope(ThreadPool &pool)
    : outer(std::exchange(poolOfThread, &pool)) {}

ThreadPoolScope::~ThreadPoolScope() { poolOfThread = outer; }
