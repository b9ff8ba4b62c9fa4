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

#include "mlir/Dialect/Affine/IR/AffineOps.h"
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

/// The buffer that `collapse` puts together again, or null.
static Value getOriginal(memref::CollapseShapeOp collapse) {
  auto expand = collapse.getSrc().getDefiningOp<memref::ExpandShapeOp>();
  bool isInverse = expand &&
                   expand.getSrc().getType() == collapse.getType() &&
                   expand.getReassociationIndices() ==
                       collapse.getReassociationIndices();
  return isInverse ? expand.getSrc() : Value();
}

/// True when upstream's expand-strided-metadata has no lowering of `expand`:
/// several sizes of one group are dynamic.
static bool hasDynamicGroup(memref::ExpandShapeOp expand) {
  return llvm::any_of(
      expand.getReassociationIndices(), [&](const ReassociationIndices &group) {
        return llvm::count_if(group, [&](int64_t dim) {
                 return expand.getType().isDynamicDim(dim);
               }) > 1;
      });
}

/// `expand`, of a contiguous buffer, as a view with the strides of C order.
static Value createView(RewriterBase &b, memref::ExpandShapeOp expand) {
  Location loc = expand.getLoc();
  b.setInsertionPoint(expand);
  SmallVector<OpFoldResult> sizes = expand.getMixedOutputShape();
  SmallVector<OpFoldResult> strides(sizes.size());
  AffineExpr product = b.getAffineSymbolExpr(0) * b.getAffineSymbolExpr(1);
  OpFoldResult stride = b.getIndexAttr(1);
  for (int64_t dim = sizes.size() - 1; dim >= 0; --dim) {
    strides[dim] = stride;
    stride = affine::makeComposedFoldedAffineApply(
        b, loc, AffineMap::get(0, 2, product), {stride, sizes[dim]});
  }
  SmallVector<int64_t> staticStrides;
  for (OpFoldResult value : strides)
    staticStrides.push_back(
        getConstantIntValue(value).value_or(ShapedType::kDynamic));
  MemRefType type = expand.getType();
  auto viewType = MemRefType::get(
      type.getShape(), type.getElementType(),
      StridedLayoutAttr::get(b.getContext(), /*offset=*/0, staticStrides),
      type.getMemorySpace());
  Value view = memref::ReinterpretCastOp::create(
      b, loc, viewType, expand.getSrc(), b.getIndexAttr(0), sizes, strides);
  return memref::CastOp::create(b, loc, type, view);
}

namespace {
struct FoldReshapedBuffersPass
    : public bn::impl::FoldReshapedBuffersPassBase<FoldReshapedBuffersPass> {
  using Base::Base;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](Operation *op) {
      auto expand = dyn_cast<memref::ExpandShapeOp>(op);
      auto collapse = dyn_cast<memref::CollapseShapeOp>(op);
      Value original = expand     ? getOriginal(expand)
                       : collapse ? getOriginal(collapse)
                                  : Value();
      if (original)
        rewriter.replaceOp(op, original);
      else if (expand && hasDynamicGroup(expand) &&
               expand.getType().getLayout().isIdentity())
        rewriter.replaceOp(expand, createView(rewriter, expand));
    });
  }
};
} // namespace
