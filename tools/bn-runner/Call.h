//===- Call.h - calling and timing a kernel ---------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_TOOLS_BN_RUNNER_CALL_H
#define BN_TOOLS_BN_RUNNER_CALL_H

#include "Array.h"
#include "Report.h"

#include "bn/ExecutionEngine/Kernel.h"

#include <vector>

namespace mlir::bn::runner {

/// A kernel with its arguments in place, ready to be called again and again.
class Call {
public:
  /// Both must live on. The kernel has checked the arguments.
  Call(const Kernel &kernel, llvm::ArrayRef<Array> arguments);
  Call(const Call &) = delete;
  Call &operator=(const Call &) = delete;
  ~Call() { freeResults(); }

  /// Calls the kernel. The results of an earlier call must have been freed.
  void run() { kernel.invoke(slots.data()); }

  /// Returns the results of the call; their memory is freed by the next
  /// function. A function without results is taken to give its arguments.
  std::vector<TensorView> readResults();
  void freeResults();

private:
  bool isArgument(const void *pointer) const;

  const Kernel &kernel;
  llvm::ArrayRef<Array> arguments;
  std::vector<std::vector<int64_t>> descriptors;
  std::vector<int64_t> resultStorage;
  std::vector<void *> slots;
  llvm::SmallVector<void *> allocated;
};

/// Calls the kernel `repeat` times, and copies `numBytes / 2` bytes in between
/// with as many threads of the same runtime (but small ones with one): what the
/// machine's memory gives for that much traffic at that time. 0 threads are as
/// many as the runtime gives.
llvm::Expected<Timing> measure(Call &call, unsigned repeat, unsigned threads,
                               int64_t numBytes);

} // namespace mlir::bn::runner

#endif // BN_TOOLS_BN_RUNNER_CALL_H
