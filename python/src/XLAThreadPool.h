//===- XLAThreadPool.h - The threads of XLA ---------------------*- C++ -*-===//
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

#ifndef BN_PYTHON_XLATHREADPOOL_H
#define BN_PYTHON_XLATHREADPOOL_H

#include "XLAFFI.h"
#include "bn/ExecutionEngine/ThreadPool.h"

namespace mlir::bn::python {

/// The threads that XLA offers during a custom call, and the one that makes the
/// call: it does what no other has begun, so that threads which are busy with
/// something else delay nothing.
class XLAThreadPool final : public ThreadPool {
public:
  XLAThreadPool(const xla::API &api, xla::Context *context)
      : api(api), context(context) {}

  int64_t getNumThreads() override;
  void forEach(int64_t count, llvm::function_ref<void(int64_t)> work) override;

private:
  /// Frees `error`, and returns whether there was none.
  bool succeeds(xla::Error *error);

  const xla::API &api;
  xla::Context *context;
};

} // namespace mlir::bn::python

#endif // BN_PYTHON_XLATHREADPOOL_H
