//===- FoldReshapedBuffers.cpp - Undo a collapse and an expansion ---------===//
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

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::bn {
#define GEN_PASS_DEF_FOLDRESHAPEDBUFFERSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// The buffer that `expand` gives back its shape to, or null.
static Value getOriginal(memref::ExpandShapeOp expand) {
  auto collapse = expand.getSrc().getDefiningOp<memref::CollapseShapeOp>();
  if (!collapse || collapse.getReassociationIndices() !=
                       expand.getReassociationIndices())
    return {};
  Value source = collapse.getSrc();
  if (source.getType() != expand.getType())
    return {};
  for (auto [i, size] : llvm::enumerate(expand.getMixedOutputShape())) {
    if (isa<Attribute>(size)) // equal by type
      continue;
    auto dim = cast<Value>(size).getDefiningOp<memref::DimOp>();
    if (!dim || dim.getSource() != source ||
        dim.getConstantIndex() != static_cast<int64_t>(i))
      return {};
  }
  return source;
}

namespace {
struct FoldReshapedBuffersPass
    : public bn::impl::FoldReshapedBuffersPassBase<FoldReshapedBuffersPass> {
  using Base::Base;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](memref::ExpandShapeOp expand) {
      if (Value original = getOriginal(expand))
        rewriter.replaceOp(expand, original);
    });
  }
};
} // namespace
