//===- HoistStackBuffers.cpp - Stack buffers out of loops -----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm', after the loops became OpenMP: only there it is known where a
// thread's own code starts.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/CPU/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"

namespace mlir::bn {
#define GEN_PASS_DEF_HOISTSTACKBUFFERSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

namespace {
struct HoistStackBuffersPass
    : public bn::impl::HoistStackBuffersPassBase<HoistStackBuffersPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([](memref::AllocaOp alloca) {
      if (!alloca.getDynamicSizes().empty() ||
          !alloca.getSymbolOperands().empty())
        return;
      Operation *home = alloca->getParentOp();
      while (!isa<omp::ParallelOp, func::FuncOp>(home))
        home = home->getParentOp();
      Block *block = &home->getRegion(0).front();
      alloca->moveBefore(block, block->begin());
    });
  }
};
} // namespace
