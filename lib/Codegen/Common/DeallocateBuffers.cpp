//===- DeallocateBuffers.cpp - Free a function's own buffers --------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'. docs/Rationale.md says why this is not upstream's
// ownership-based deallocation.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/Common/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/CallInterfaces.h"

namespace mlir::bn {
#define GEN_PASS_DEF_DEALLOCATEBUFFERSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// True when `user` may keep the buffer beyond the end of `block`.
static bool escapes(Operation *user, Block *block) {
  if (isa<CallOpInterface, memref::DeallocOp>(user) ||
      !block->findAncestorOpInBlock(*user))
    return true;
  return user->hasTrait<OpTrait::IsTerminator>() &&
         !block->getParentOp()->isProperAncestor(user->getParentOp());
}

/// True when all uses of `alloc` and its views end with its block.
static bool staysInBlock(memref::AllocOp alloc,
                         const BufferViewFlowAnalysis &views) {
  return llvm::none_of(views.resolve(alloc), [&](Value view) {
    return llvm::any_of(view.getUsers(), [&](Operation *user) {
      return escapes(user, alloc->getBlock());
    });
  });
}

namespace {
struct DeallocateBuffersPass
    : public bn::impl::DeallocateBuffersPassBase<DeallocateBuffersPass> {
  using Base::Base;

  void runOnOperation() override {
    BufferViewFlowAnalysis views(getOperation());
    getOperation().walk([&](memref::AllocOp alloc) {
      if (!staysInBlock(alloc, views))
        return;
      OpBuilder b(alloc->getBlock()->getTerminator());
      memref::DeallocOp::create(b, alloc.getLoc(), alloc);
    });
  }
};
} // namespace
