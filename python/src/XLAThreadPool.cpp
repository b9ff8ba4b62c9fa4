//===- XLAThreadPool.cpp - The threads of XLA -------------------*- C++ -*-===//
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

#include "XLAThreadPool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

using namespace mlir::bn;
using namespace mlir::bn::python;

using Work = llvm::function_ref<void(int64_t)>;

namespace {
/// A number of calls, of which threads take the next until there is none. It
/// lives until the last thread has looked.
class Calls {
public:
  Calls(int64_t count, Work work) : count(count), left(count), work(work) {}

  void run() {
    for (int64_t i; (i = next++) < count;) {
      work(i);
      if (--left > 0)
        continue;
      std::lock_guard<std::mutex> lock(mutex);
      isDone.notify_one();
    }
  }

  /// Others take as long as this thread has: to sleep would be too much.
  void wait() {
    for (int turn = 0; turn < 100 && left > 0; ++turn)
      std::this_thread::yield();
    std::unique_lock<std::mutex> lock(mutex);
    isDone.wait(lock, [&] { return left == 0; });
  }

private:
  const int64_t count;
  std::atomic<int64_t> next = 0, left;
  Work work;
  std::mutex mutex;
  std::condition_variable isDone;
};
} // namespace

static void runTask(void *data) {
  std::unique_ptr<std::shared_ptr<Calls>> calls(
      static_cast<std::shared_ptr<Calls> *>(data));
  (*calls)->run();
}

bool XLAThreadPool::succeeds(xla::Error *error) {
  if (!error)
    return true;
  xla::DestroyArguments arguments = {sizeof(arguments), nullptr, error};
  api.destroyError(&arguments);
  return false;
}

int64_t XLAThreadPool::getNumThreads() {
  int64_t count = 1;
  xla::NumThreadsArguments arguments = {sizeof(arguments), nullptr, context,
                                        &count};
  return succeeds(api.getNumThreads(&arguments)) ? count : 1;
}

void XLAThreadPool::forEach(int64_t count, Work work) {
  auto calls = std::make_shared<Calls>(count, work);
  int64_t numTasks = std::min(count, getNumThreads()) - 1;
  for (int64_t task = 0; task < numTasks; ++task) {
    auto data = std::make_unique<std::shared_ptr<Calls>>(calls);
    xla::ScheduleArguments arguments = {sizeof(arguments), nullptr, context,
                                        runTask, data.get()};
    // A task that XLA does not take is left to the others.
    if (succeeds(api.schedule(&arguments)))
      data.release();
  }
  calls->run();
  calls->wait();
}
