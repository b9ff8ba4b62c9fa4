//===- LowerStridedCopies.cpp - Copies of strided buffers to linalg -------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/Common/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::bn {
#define GEN_PASS_DEF_LOWERSTRIDEDCOPIESPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// True when `value` is a ranked buffer whose elements need not lie one after
/// the other.
static bool isStrided(Value value) {
  auto type = dyn_cast<MemRefType>(value.getType());
  return type && !type.getLayout().isIdentity();
}

namespace {
struct LowerStridedCopiesPass
    : public bn::impl::LowerStridedCopiesPassBase<LowerStridedCopiesPass> {
  using Base::Base;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](memref::CopyOp copy) {
      Value source = copy.getSource(), target = copy.getTarget();
      if (!isStrided(source) && !isStrided(target))
        return;
      rewriter.setInsertionPoint(copy);
      int64_t rank = cast<MemRefType>(target.getType()).getRank();
      AffineMap identity = rewriter.getMultiDimIdentityMap(rank);
      SmallVector<utils::IteratorType> kinds(rank,
                                             utils::IteratorType::parallel);
      rewriter.replaceOpWithNewOp<linalg::GenericOp>(
          copy, source, target, ArrayRef<AffineMap>{identity, identity}, kinds,
          [](OpBuilder &b, Location loc, ValueRange arguments) {
            linalg::YieldOp::create(b, loc, arguments.front());
          });
    });
  }
};
} // namespace
