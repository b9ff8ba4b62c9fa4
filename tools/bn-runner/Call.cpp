//===- Call.cpp - calling and timing a kernel -------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Call.h"

#include "bn/ExecutionEngine/MemRefDescriptor.h"
#include "llvm/ADT/STLExtras.h"

#include <chrono>
#include <cstdlib>
#include <cstring>

using namespace mlir::bn;
using namespace mlir::bn::runner;

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

Call::Call(const Kernel &kernel, llvm::ArrayRef<Array> arguments)
    : kernel(kernel), arguments(arguments) {
  const KernelSignature &signature = kernel.getSignature();
  if (!signature.results.empty()) {
    resultStorage.resize(kernel.getResultStorageSize() / sizeof(int64_t) + 1);
    slots.push_back(resultStorage.data());
  }
  for (auto [operand, array] :
       llvm::zip_equal(signature.arguments, arguments)) {
    if (operand.isScalar) {
      slots.push_back(array.getData());
      continue;
    }
    TensorView view(array.getData(), array.getDType(), array.getShape());
    descriptors.emplace_back(getMemRefDescriptorWords(view.getRank()));
    writeMemRefDescriptor(view, descriptors.back().data());
    slots.push_back(descriptors.back().data());
  }
}

bool Call::isArgument(const void *pointer) const {
  return llvm::any_of(arguments, [pointer](const Array &array) {
    return pointer >= array.getData() &&
           pointer <= array.getData() + array.getNumBytes();
  });
}

std::vector<TensorView> Call::readResults() {
  if (!kernel.getSignature().results.empty())
    return kernel.readResults(resultStorage.data(), allocated);
  std::vector<TensorView> views;
  for (const Array &array : arguments)
    views.emplace_back(array.getData(), array.getDType(), array.getShape());
  return views;
}

void Call::freeResults() {
  for (void *pointer : allocated)
    if (!isArgument(pointer))
      std::free(pointer);
  allocated.clear();
}

//===----------------------------------------------------------------------===//
// Timing
//===----------------------------------------------------------------------===//

// An entry point of libomp, the runtime that kernels use. Had the copies
// threads of their own, libomp's would be spinning in their way.
extern "C" void GOMP_parallel(void (*function)(void *), void *data,
                              unsigned threads, unsigned flags);
extern "C" int omp_get_thread_num();
extern "C" int omp_get_num_threads();

/// Less than this is copied faster by one thread.
static constexpr int64_t kParallelBytes = 1 << 20;

namespace {
struct CopyTask {
  char *target;
  const char *source;
  int64_t numBytes;
  int64_t threads;
};
} // namespace

/// Copies the calling thread's share, in whole cache lines but for the last.
static void copyShare(void *data) {
  auto *task = static_cast<CopyTask *>(data);
  int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
  if (thread == 0)
    task->threads = threads;
  int64_t share = (task->numBytes / threads + 63) / 64 * 64;
  int64_t begin = std::min(thread * share, task->numBytes);
  int64_t end = thread == threads - 1 ? task->numBytes
                                      : std::min(begin + share, task->numBytes);
  std::memcpy(task->target + begin, task->source + begin, end - begin);
}

template <typename Function> static double getSeconds(Function &&function) {
  auto begin = std::chrono::steady_clock::now();
  function();
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  return time.count();
}

llvm::Expected<Timing> runner::measure(Call &call, unsigned repeat,
                                       unsigned threads, int64_t numBytes) {
  llvm::Expected<Array> source = Array::create(DType::I8, {numBytes / 2});
  if (!source)
    return source.takeError();
  llvm::Expected<Array> target = Array::create(DType::I8, {numBytes / 2});
  if (!target)
    return target.takeError();
  // The first touch of memory takes many times as long as the later ones.
  std::memset(source->getData(), 1, source->getNumBytes());
  std::memset(target->getData(), 0, target->getNumBytes());
  CopyTask task{target->getData(), source->getData(), numBytes / 2, 1};
  unsigned copyThreads = numBytes < kParallelBytes ? 1 : threads;
  auto copy = [&] { GOMP_parallel(copyShare, &task, copyThreads, 0); };
  copy();

  Timing timing;
  for (unsigned i = 0; i < repeat; ++i) {
    timing.kernel.push_back(getSeconds([&] { call.run(); }));
    call.readResults();
    call.freeResults();
    timing.copy.push_back(getSeconds(copy));
  }
  timing.numBytes = numBytes;
  timing.copyThreads = task.threads;
  return timing;
}
