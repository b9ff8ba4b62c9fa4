//===- GroupedView.cpp - Data by groups of samples ------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The way there and the way back take the same steps: after bufferization, each
// of them undoes one, and what is left is the buffer itself.
//
//===----------------------------------------------------------------------===//

#include "GroupedView.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bn;

/// `dims` of a group, behind the dimension of the groups.
static DimGroups behindGroup(const DimGroups &dims) {
  DimGroups result = {{0}};
  for (const ReassociationIndices &indices : dims) {
    result.emplace_back();
    for (int64_t dim : indices)
      result.back().push_back(dim + 1);
  }
  return result;
}

Grouped mlir::bn::groupData(OpBuilder &b, Location loc, Value data,
                            int64_t groups, const CanonicalView &view) {
  auto type = cast<RankedTensorType>(data.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, data);
  AffineExpr n = b.getAffineSymbolExpr(0);
  sizes[0] = affine::makeComposedFoldedAffineApply(
      b, loc, AffineMap::get(0, 1, n.floorDiv(groups)), {sizes[0]});
  sizes.insert(sizes.begin(), b.getIndexAttr(groups));
  SmallVector<int64_t> shape = {groups};
  llvm::append_range(shape, type.getShape());
  if (!type.isDynamicDim(0))
    shape[1] /= groups;
  DimGroups dims = {{0, 1}};
  for (int64_t dim = 1; dim < type.getRank(); ++dim)
    dims.push_back({dim + 1});
  Value apart = tensor::ExpandShapeOp::create(b, loc, type.clone(shape), data,
                                              dims, sizes);
  return {collapse(b, loc, apart, behindGroup(view.data)), {data, apart}};
}

Grouped mlir::bn::groupChannels(OpBuilder &b, Location loc, Value perGroup,
                                const CanonicalView &view) {
  return {collapse(b, loc, perGroup, behindGroup(view.channels)), {perGroup}};
}

Value mlir::bn::ungroup(OpBuilder &b, Location loc, Value result,
                        const Grouped &grouped) {
  Value last = grouped.before.back();
  if (auto view = grouped.value.getDefiningOp<tensor::CollapseShapeOp>();
      view && grouped.value != last)
    result = expand(b, loc, result, last, view.getReassociationIndices());
  if (grouped.before.size() == 1)
    return result;
  auto apart = last.getDefiningOp<tensor::ExpandShapeOp>();
  return tensor::CollapseShapeOp::create(
      b, loc, cast<RankedTensorType>(grouped.before.front().getType()), result,
      apart.getReassociationIndices());
}

GroupSlice::GroupSlice(OpBuilder &b, Location loc, Value grouped, Value i)
    : sizes(tensor::getMixedSizes(b, loc, grouped)) {
  offsets.assign(sizes.size(), b.getIndexAttr(0));
  strides.assign(sizes.size(), b.getIndexAttr(1));
  offsets[0] = i;
  sizes[0] = b.getIndexAttr(1);
}

Value mlir::bn::extractGroup(OpBuilder &b, Location loc, Value grouped,
                             Value i) {
  GroupSlice slice(b, loc, grouped, i);
  auto type = cast<RankedTensorType>(grouped.getType());
  auto part = RankedTensorType::get(type.getShape().drop_front(),
                                    type.getElementType());
  return tensor::ExtractSliceOp::create(b, loc, part, grouped, slice.offsets,
                                        slice.sizes, slice.strides);
}

Value mlir::bn::insertGroup(OpBuilder &b, Location loc, Value part,
                            Value grouped, Value i) {
  GroupSlice slice(b, loc, grouped, i);
  return tensor::InsertSliceOp::create(b, loc, part, grouped, slice.offsets,
                                       slice.sizes, slice.strides);
}
