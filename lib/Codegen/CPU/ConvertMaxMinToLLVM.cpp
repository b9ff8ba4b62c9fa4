//===- ConvertMaxMinToLLVM.cpp - The target's own maximum -----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. Upstream's `arith-expand` makes a comparison and a select of a
// maximum, which LLVM does not put together again: the sign of a zero would
// change. Where that does not matter, LLVM's intrinsic is one instruction for a
// ReLU, and keeps NaN.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/CPU/Passes.h"

#include "mlir/Conversion/ArithCommon/AttrToLLVMConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::bn {
#define GEN_PASS_DEF_CONVERTMAXMINTOLLVMPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// True for f32 and f64 and vectors of them that LLVM has, too. For narrower
/// ones targets have no instruction.
static bool hasInstruction(Type type) {
  Type element = getElementTypeOrSelf(type);
  return (element.isF32() || element.isF64()) && LLVM::isCompatibleType(type);
}

namespace {
template <typename ArithOp, typename LLVMOp>
struct ConvertToIntrinsic : OpRewritePattern<ArithOp> {
  using OpRewritePattern<ArithOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(ArithOp op,
                                PatternRewriter &rewriter) const override {
    arith::FastMathFlags flags = op.getFastmath();
    if (!hasInstruction(op.getType()) ||
        !bitEnumContainsAll(flags, arith::FastMathFlags::nsz))
      return failure();
    rewriter.replaceOpWithNewOp<LLVMOp>(
        op, op.getType(), op.getLhs(), op.getRhs(),
        arith::convertArithFastMathFlagsToLLVM(flags));
    return success();
  }
};

struct ConvertMaxMinToLLVMPass
    : public bn::impl::ConvertMaxMinToLLVMPassBase<ConvertMaxMinToLLVMPass> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ConvertToIntrinsic<arith::MaximumFOp, LLVM::MaximumOp>,
                 ConvertToIntrinsic<arith::MinimumFOp, LLVM::MinimumOp>>(
        &getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
