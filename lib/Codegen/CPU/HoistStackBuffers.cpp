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

/// Moves `alloca` to where the code of its thread starts.
static void hoist(memref::AllocaOp alloca) {
  Operation *home = alloca->getParentOp();
  while (!isa<omp::ParallelOp, func::FuncOp>(home))
    home = home->getParentOp();
  Block *block = &home->getRegion(0).front();
  alloca->moveBefore(block, block->begin());
}

/// Dissolves a scope that frees nothing any more: inside OpenMP loops, a scope
/// may not have control flow.
static void inlineScope(RewriterBase &rewriter, memref::AllocaScopeOp scope) {
  Block *body = &scope.getBodyRegion().front();
  Operation *terminator = body->getTerminator();
  SmallVector<Value> results(terminator->getOperands());
  rewriter.inlineBlockBefore(body, scope);
  rewriter.eraseOp(terminator);
  rewriter.replaceOp(scope, results);
}

namespace {
struct HoistStackBuffersPass
    : public bn::impl::HoistStackBuffersPassBase<HoistStackBuffersPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([](memref::AllocaOp alloca) {
      if (alloca.getDynamicSizes().empty() &&
          alloca.getSymbolOperands().empty())
        hoist(alloca);
    });
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](memref::AllocaScopeOp scope) {
      bool allocates = scope
                           .walk([](memref::AllocaOp) {
                             return WalkResult::interrupt();
                           })
                           .wasInterrupted();
      if (!allocates && scope.getBodyRegion().hasOneBlock())
        inlineScope(rewriter, scope);
    });
  }
};
} // namespace
