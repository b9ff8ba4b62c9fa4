//===- Stream16BitRegisters.cpp - f16 and bf16 past the caches ------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. LLVM 22 has no pattern for non-temporal stores of vectors of
// bf16 and, where it keeps them as such (AVX512-FP16), of f16, and drops the
// hint. It would do so, too, if they were cast to integers: it folds the cast
// into the store.
//
//===----------------------------------------------------------------------===//

#include "Registers16Bit.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::bn {
#define GEN_PASS_DEF_STREAM16BITREGISTERSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Writes a register to `address`, which is that of a cache line.
static void stream(OpBuilder &b, Location loc, Value bits, Value address) {
  LLVM::InlineAsmOp::create(
      b, loc, /*res=*/TypeRange(), ValueRange{bits, address},
      "vmovntps $0, ($1)", "v,r,~{memory}", /*has_side_effects=*/true,
      /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT),
      /*operand_attrs=*/ArrayAttr());
}

namespace {
struct StreamRegisters : OpRewritePattern<LLVM::StoreOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::StoreOp op,
                                PatternRewriter &b) const override {
    Value value = op.getValue();
    if (!op.getNontemporal() || op.getVolatile_() ||
        !isWholeRegisters(value.getType()) ||
        op.getAlignment().value_or(1) % kCacheLineBytes != 0)
      return b.notifyMatchFailure(op, "no aligned non-temporal store of f16 or "
                                      "bf16");
    Location loc = op.getLoc();
    auto type = cast<VectorType>(value.getType());
    auto bits = VectorType::get(kLanes16Bit / 2, b.getI32Type());
    for (int32_t i = 0, size = type.getDimSize(0); i < size; i += kLanes16Bit) {
      Value part = extract(b, loc, value, i, kLanes16Bit);
      Value address = LLVM::GEPOp::create(
          b, loc, op.getAddr().getType(), type.getElementType(), op.getAddr(),
          ArrayRef<LLVM::GEPArg>{i});
      stream(b, loc, LLVM::BitcastOp::create(b, loc, bits, part), address);
    }
    b.eraseOp(op);
    return success();
  }
};

struct Stream16BitRegistersPass
    : public bn::impl::Stream16BitRegistersPassBase<Stream16BitRegistersPass> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<StreamRegisters>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
