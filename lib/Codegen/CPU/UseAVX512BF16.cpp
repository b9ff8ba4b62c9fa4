//===- UseAVX512BF16.cpp - bf16 by the instructions that are made for it --===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. LLVM 22 rounds 16 numbers at a time and puts the halves of a
// register together afterwards.
//
//===----------------------------------------------------------------------===//

#include "Registers16Bit.h"
#include "WidenBF16Pairs.h"
#include "bn/Codegen/CPU/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::bn {
#define GEN_PASS_DEF_USEAVX512BF16PASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// The elements of `parts`, all of one type and a power of two of them.
static Value concatenate(OpBuilder &b, Location loc, ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts.front();
  Value first = concatenate(b, loc, parts.take_front(parts.size() / 2));
  Value second = concatenate(b, loc, parts.drop_front(parts.size() / 2));
  int32_t size = cast<VectorType>(first.getType()).getDimSize(0);
  auto indices = llvm::to_vector(llvm::seq<int32_t>(0, 2 * size));
  return LLVM::ShuffleVectorOp::create(b, loc, first, second, indices);
}

namespace {
/// Round two registers of f32 to one of bf16.
struct RoundTwoRegisters : OpRewritePattern<LLVM::FPTruncOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::FPTruncOp op,
                                PatternRewriter &b) const override {
    if (!isWholeRegisters(op.getType()) ||
        !getElementTypeOrSelf(op.getType()).isBF16() ||
        !getElementTypeOrSelf(op.getArg().getType()).isF32() ||
        !llvm::isPowerOf2_64(cast<VectorType>(op.getType()).getDimSize(0)))
      return b.notifyMatchFailure(op, "no whole registers of f32 to bf16");
    Location loc = op.getLoc();
    auto type = VectorType::get(kLanes16Bit, b.getBF16Type());
    SmallVector<Value> parts;
    int32_t size = cast<VectorType>(op.getType()).getDimSize(0);
    for (int32_t i = 0; i < size; i += kLanes16Bit) {
      Value lower = extract(b, loc, op.getArg(), i, kLanes16Bit / 2);
      Value upper =
          extract(b, loc, op.getArg(), i + kLanes16Bit / 2, kLanes16Bit / 2);
      auto call = LLVM::CallIntrinsicOp::create(
          b, loc, type,
          b.getStringAttr("llvm.x86.avx512bf16.cvtne2ps2bf16.512"),
          ValueRange{upper, lower});
      parts.push_back(call.getResult(0));
    }
    b.replaceOp(op, concatenate(b, loc, parts));
    return success();
  }
};

/// Round f64 by way of f32; LLVM calls a library function per element.
struct RoundThroughF32 : OpRewritePattern<LLVM::FPTruncOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::FPTruncOp op,
                                PatternRewriter &b) const override {
    if (!getElementTypeOrSelf(op.getArg().getType()).isF64() ||
        !getElementTypeOrSelf(op.getType()).isBF16())
      return b.notifyMatchFailure(op, "not f64 to bf16");
    Type single = withElement(op.getType(), b.getF32Type());
    Value narrow = LLVM::FPTruncOp::create(b, op.getLoc(), single, op.getArg());
    b.replaceOpWithNewOp<LLVM::FPTruncOp>(op, op.getType(), narrow);
    return success();
  }
};

struct UseAVX512BF16Pass
    : public bn::impl::UseAVX512BF16PassBase<UseAVX512BF16Pass> {
  using Base::Base;

  void runOnOperation() override {
    auto apply = [&](auto add) {
      RewritePatternSet patterns(&getContext());
      add(patterns);
      walkAndApplyPatterns(getOperation(), std::move(patterns));
    };
    // What the first makes is for the second.
    apply([](RewritePatternSet &patterns) {
      patterns.add<RoundThroughF32>(patterns.getContext());
    });
    apply([](RewritePatternSet &patterns) {
      patterns.add<RoundTwoRegisters>(patterns.getContext());
    });
  }
};
} // namespace
