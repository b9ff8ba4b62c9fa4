//===- KernelRun.h - One kernel, ready to be called -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiles the kernel of a case, gives it memory, and checks what it computes:
// the time of a wrong kernel means nothing.
//
//===----------------------------------------------------------------------===//

#ifndef BN_BENCHMARKS_KERNEL_KERNELRUN_H
#define BN_BENCHMARKS_KERNEL_KERNELRUN_H

#include "Buffers.h"
#include "Case.h"
#include "bn/ExecutionEngine/Compiler.h"

#include <vector>

namespace mlir::bn::bench {

class KernelRun {
public:
  /// With a `strategy`, the text of a #bn.lowering_strategy, the passes obey
  /// that. It is written for the shape with its dimensions collapsed: N, C, HW
  /// or NHW, C.
  static llvm::Expected<KernelRun> create(Compiler &compiler, const Case &c,
                                          int64_t threads,
                                          llvm::StringRef strategy);

  void call() { kernel.invoke(slots.data()); }

  /// Calls the kernel and compares a few channels with float64.
  llvm::Error check();

  /// What the floor moves instead: the same memory.
  void *getOutput() const;
  const void *getFirstInput() const;
  /// Null unless there are two inputs.
  const void *getSecondInput() const;

private:
  KernelRun(const Case &c, Kernel kernel) : c(c), kernel(std::move(kernel)) {}
  const Buffer &getBuffer(llvm::StringRef name) const;
  llvm::Error allocate();
  llvm::Error checkChannel(int64_t channel) const;
  llvm::Error checkGradients(int64_t channel) const;
  /// Compares a channel of a tensor, element by element.
  llvm::Error
  checkTensor(llvm::StringRef name, int64_t channel,
              llvm::function_ref<double(int64_t)> getExpected) const;
  /// The gradient of the output before the epilogue, as float64.
  double getOutputGradient(int64_t channel, int64_t i) const;
  bool passes(int64_t channel, int64_t i) const;

  Case c;
  Kernel kernel;
  KernelSignature signature;
  std::vector<Buffer> buffers;
  std::vector<std::vector<int64_t>> descriptors;
  std::vector<void *> slots;
};

} // namespace mlir::bn::bench

#endif // BN_BENCHMARKS_KERNEL_KERNELRUN_H
