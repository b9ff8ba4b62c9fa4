//===- Threads.cpp - Kernels on the threads of a framework ------*- C++ -*-===//
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

#include "Bindings.h"

#include "bn/ExecutionEngine/ThreadPool.h"
#include "llvm/Support/ErrorHandling.h"

#include <pthread.h>

using namespace mlir::bn;
namespace nb = nanobind;

using Work = llvm::function_ref<void(int64_t)>;

namespace {

/// The threads of PyTorch's operators, by two functions of its stable C
/// interface, which return 0 unless something has failed.
class TorchThreadPool final : public ThreadPool {
public:
  using Piece = void (*)(int64_t begin, int64_t end, void *data);
  using ParallelFor = int32_t (*)(int64_t begin, int64_t end, int64_t grain,
                                  Piece piece, void *data);
  using GetNumThreads = int32_t (*)(uint32_t *count);

  TorchThreadPool(ParallelFor parallelFor, GetNumThreads getThreads)
      : parallelFor(parallelFor), getThreads(getThreads) {
    pthread_atfork(nullptr, nullptr, [] { isForked = true; });
  }

  int64_t getMinBytes() override {
    return isForked ? getOpenMPThreadPool().getMinBytes() : 0;
  }

  int64_t getNumThreads() override {
    uint32_t count = 1;
    check(getThreads(&count));
    return count;
  }

  void forEach(int64_t count, Work work) override {
    // GNU's OpenMP library would wait for threads that the child of a process
    // does not have; LLVM's starts them again.
    if (isForked)
      getOpenMPThreadPool().forEach(count, work);
    else
      check(parallelFor(0, count, 1, runPiece, &work));
  }

private:
  static void runPiece(int64_t begin, int64_t end, void *work) {
    for (int64_t i = begin; i < end; ++i)
      (*static_cast<Work *>(work))(i);
  }

  static void check(int32_t failure) {
    if (failure)
      llvm::report_fatal_error("bn_mlir: PyTorch cannot run its threads");
  }

  static inline bool isForked = false;
  ParallelFor parallelFor;
  GetNumThreads getThreads;
};

} // namespace

static void useTorchThreads(uintptr_t parallelFor, uintptr_t getThreads) {
  static TorchThreadPool pool(
      reinterpret_cast<TorchThreadPool::ParallelFor>(parallelFor),
      reinterpret_cast<TorchThreadPool::GetNumThreads>(getThreads));
  setThreadPool(pool);
}

void mlir::bn::python::bindThreads(nb::module_ &module) {
  module.def("use_torch_threads", &useTorchThreads, nb::arg("parallel_for"),
             nb::arg("get_num_threads"),
             "Has kernels run on PyTorch's threads, by the addresses of "
             "torch_parallel_for and torch_get_num_threads.");
  module.def("let_threads_sleep", &letOpenMPThreadsSleep,
             "Has the threads of bn_mlir itself leave the cores to others as "
             "soon as a kernel ends, unless KMP_BLOCKTIME is set.");
  module.def(
      "get_num_threads", [] { return getThreadPool().getNumThreads(); },
      "The number of threads of a kernel that this thread calls, where "
      "config.threads is 0.");
}
