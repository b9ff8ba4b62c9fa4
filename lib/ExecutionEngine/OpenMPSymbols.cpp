//===- OpenMPSymbols.cpp - The OpenMP runtime of compiled code --*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The list of the functions that LLVM's OpenMPIRBuilder may call for the ops
// that our pipeline makes, and of the few that a user's module may want. A
// function that is missing here is still looked for in the process.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "JITSession.h"

#include "bn/ExecutionEngine/ThreadPool.h"

#define BN_OPENMP_SYMBOLS(X)                                                   \
  X(__kmpc_barrier)                                                            \
  X(__kmpc_cancel_barrier)                                                     \
  X(__kmpc_copyprivate)                                                        \
  X(__kmpc_critical)                                                           \
  X(__kmpc_dispatch_deinit)                                                    \
  X(__kmpc_dispatch_fini_4)                                                    \
  X(__kmpc_dispatch_fini_4u)                                                   \
  X(__kmpc_dispatch_fini_8)                                                    \
  X(__kmpc_dispatch_fini_8u)                                                   \
  X(__kmpc_dispatch_init_4)                                                    \
  X(__kmpc_dispatch_init_4u)                                                   \
  X(__kmpc_dispatch_init_8)                                                    \
  X(__kmpc_dispatch_init_8u)                                                   \
  X(__kmpc_dispatch_next_4)                                                    \
  X(__kmpc_dispatch_next_4u)                                                   \
  X(__kmpc_dispatch_next_8)                                                    \
  X(__kmpc_dispatch_next_8u)                                                   \
  X(__kmpc_end_critical)                                                       \
  X(__kmpc_end_master)                                                         \
  X(__kmpc_end_reduce)                                                         \
  X(__kmpc_end_reduce_nowait)                                                  \
  X(__kmpc_end_serialized_parallel)                                            \
  X(__kmpc_end_single)                                                         \
  X(__kmpc_flush)                                                              \
  X(__kmpc_for_static_fini)                                                    \
  X(__kmpc_for_static_init_4)                                                  \
  X(__kmpc_for_static_init_4u)                                                 \
  X(__kmpc_for_static_init_8)                                                  \
  X(__kmpc_for_static_init_8u)                                                 \
  X(__kmpc_fork_call)                                                          \
  X(__kmpc_fork_call_if)                                                       \
  X(__kmpc_global_thread_num)                                                  \
  X(__kmpc_master)                                                             \
  X(__kmpc_push_num_threads)                                                   \
  X(__kmpc_push_proc_bind)                                                     \
  X(__kmpc_reduce)                                                             \
  X(__kmpc_reduce_nowait)                                                      \
  X(__kmpc_serialized_parallel)                                                \
  X(__kmpc_single)                                                             \
  X(omp_get_max_threads)                                                       \
  X(omp_get_num_procs)                                                         \
  X(omp_get_num_threads)                                                       \
  X(omp_get_thread_num)                                                        \
  X(omp_in_parallel)                                                           \
  X(omp_set_num_threads)

// Only the addresses are used, so the types do not matter.
extern "C" {
#define DECLARE(name) void name();
BN_OPENMP_SYMBOLS(DECLARE)
#undef DECLARE
}

llvm::Error mlir::bn::defineOpenMPSymbols(llvm::orc::LLJIT &jit,
                                          llvm::orc::JITDylib &library) {
  getOpenMPThreadPool(); // The library begins as it does for kernels of specs.
#define NAME(name) {#name, &name},
  return defineFunctions(jit, library, {BN_OPENMP_SYMBOLS(NAME)});
#undef NAME
}
