//===- FenceSelectedLoads.cpp - Loads that wait for no mask ---------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. LLVM makes one masked load of a load and a select with zero.
// Its mask is what another load gives: the cache misses of the two come one
// after the other, and what the processor could have asked for ahead it does
// not know.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/CPU/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::bn {
#define GEN_PASS_DEF_FENCESELECTEDLOADSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// True for a vector of floats that one instruction loads, and may widen.
static bool isLoaded(Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  if (!isa<VectorType>(value.getType()) ||
      !(element.isF32() || element.isF64()))
    return false;
  if (auto extension = value.getDefiningOp<LLVM::FPExtOp>())
    value = extension.getArg();
  return value.getDefiningOp<LLVM::LoadOp>() != nullptr;
}

namespace {
struct FenceSelectedLoadsPass
    : public bn::impl::FenceSelectedLoadsPassBase<FenceSelectedLoadsPass> {
  using Base::Base;

  void runOnOperation() override {
    OpBuilder b(&getContext());
    getOperation()->walk([&](LLVM::SelectOp select) {
      for (OpOperand *operand :
           {&select.getTrueValueMutable(), &select.getFalseValueMutable()}) {
        Value loaded = operand->get();
        if (!isLoaded(loaded))
          continue;
        b.setInsertionPoint(select);
        auto fence = LLVM::CallIntrinsicOp::create(
            b, select.getLoc(), loaded.getType(),
            b.getStringAttr("llvm.arithmetic.fence"), loaded);
        operand->set(fence.getResult(0));
        ++numFenced;
      }
    });
  }
};
} // namespace
