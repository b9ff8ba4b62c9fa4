//===- TeamSymbols.cpp - Teams of threads of a pool -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The functions of the OpenMP runtime that kernels of specs call, on any thread
// pool. bn-forall-to-openmp makes one kind of team: its threads share a loop in
// equal parts and do not wait for each other. So a thread of the pool can be
// one thread of the team after the other.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "JITSession.h"

#include "bn/ExecutionEngine/ThreadPool.h"

#include <algorithm>
#include <cassert>
#include <cstdarg>
#include <utility>

using namespace mlir::bn;

namespace {
/// Which thread of a team this one is. Outside of teams the size is 0.
struct Member {
  int64_t index = 0, size = 0;
};
} // namespace

static thread_local Member member;
/// The size of the team that comes next; 0 for what the pool has.
static thread_local int64_t nextSize = 0;

// The arguments that are not used say where the call is in the source, and
// which thread makes it.

static int32_t getThread(void *) { return member.index; }

static void setNextSize(void *, int32_t, int32_t size) { nextSize = size; }

using Microtask = void (*)(int32_t *thread, int32_t *bound, void *argument);

static void runTeam(void *, int32_t numArguments, Microtask task, ...) {
  assert(numArguments <= 1 && "what a team needs is in one struct");
  void *argument = nullptr;
  if (numArguments > 0) {
    va_list arguments;
    va_start(arguments, task);
    argument = va_arg(arguments, void *);
    va_end(arguments);
  }
  ThreadPool &pool = getThreadPool();
  int64_t size = std::exchange(nextSize, 0);
  if (size == 0)
    size = pool.getNumThreads();
  auto run = [=](int64_t index) {
    Member outer = std::exchange(member, {index, size});
    int32_t thread = index, bound = 0;
    task(&thread, &bound, argument);
    member = outer;
  };
  if (size == 1)
    run(0);
  else
    pool.forEach(size, run);
}

/// Narrows the range from `lower` to `upper` to the part of this thread. Parts
/// differ by one iteration at most.
static void shareLoop(void *, int32_t, int32_t, int32_t *isLast,
                      uint64_t *lower, uint64_t *upper, int64_t *, int64_t,
                      int64_t) {
  uint64_t count = *upper - *lower + 1;
  uint64_t size = member.size, index = member.index;
  uint64_t rest = count % size;
  uint64_t length = count / size + (index < rest);
  *lower += count / size * index + std::min(index, rest);
  *upper = *lower + length - 1;
  *isLast = index + 1 == size;
}

static void endLoop(void *, int32_t) {}

llvm::Error mlir::bn::defineTeamSymbols(llvm::orc::LLJIT &jit,
                                        llvm::orc::JITDylib &library) {
  return defineFunctions(jit, library,
                         {{"__kmpc_global_thread_num", &getThread},
                          {"__kmpc_push_num_threads", &setNextSize},
                          {"__kmpc_fork_call", &runTeam},
                          {"__kmpc_for_static_init_8u", &shareLoop},
                          {"__kmpc_for_static_fini", &endLoop}});
}
