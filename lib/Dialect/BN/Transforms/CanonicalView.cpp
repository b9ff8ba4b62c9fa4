//===- CanonicalView.cpp - Few dimensions, same data ----------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CanonicalView.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bn;

/// True when a mask of type `mask` may be other than its first entry along
/// dimension `dim`.
static bool varies(ShapedType mask, int64_t dim) {
  return mask.getDimSize(dim) != 1;
}

/// Where there is a mask that varies along channels, the kind of each dimension
/// of the data that must not be merged with one of another kind.
static SmallVector<int> getMaskKinds(ShapedType data, ArrayRef<int64_t> axis,
                                     ShapedType mask) {
  SmallVector<int> kinds(data.getRank(), 0);
  auto isAlong = [&](int64_t dim) {
    return varies(mask, dim) && data.getDimSize(dim) != 1;
  };
  if (mask && llvm::any_of(axis, isAlong))
    for (int64_t dim = 0; dim < data.getRank(); ++dim)
      kinds[dim] = varies(mask, dim);
  return kinds;
}

/// The dimensions along which `mask` is broadcast, and in whose group is
/// another along which it is not.
static SmallVector<int64_t> getRepeatedDims(ShapedType data, ShapedType mask,
                                            const DimGroups &groups) {
  SmallVector<int64_t> dims;
  for (const ReassociationIndices &group : groups) {
    bool isMixed = llvm::any_of(group, [&](int64_t dim) {
      return data.getDimSize(dim) != 1 && varies(mask, dim);
    });
    for (int64_t dim : group)
      if (isMixed && data.getDimSize(dim) != 1 && !varies(mask, dim))
        dims.push_back(dim);
  }
  return dims;
}

CanonicalView CanonicalView::get(ShapedType type, ArrayRef<int64_t> axis,
                                 ShapedType mask) {
  CanonicalView view;
  SmallVector<int> maskKinds = getMaskKinds(type, axis, mask);
  ReassociationIndices leading;
  bool groupIsKept = false;
  int groupMaskKind = 0;
  for (int64_t dim = 0, channel = 0; dim < type.getRank(); ++dim) {
    bool kept = llvm::is_contained(axis, dim);
    bool isNeutral = !kept && type.getDimSize(dim) == 1;
    bool startsChannels = kept;
    if (view.data.empty()) {
      leading.push_back(dim);
      if (isNeutral)
        continue;
      view.data.push_back(leading);
    } else if (isNeutral) {
      view.data.back().push_back(dim);
      continue;
    } else if (kept == groupIsKept && maskKinds[dim] == groupMaskKind) {
      view.data.back().push_back(dim);
      startsChannels = false;
    } else {
      view.data.push_back({dim});
    }
    groupIsKept = kept;
    groupMaskKind = maskKinds[dim];
    if (startsChannels) {
      view.axis.push_back(view.data.size() - 1);
      view.channels.emplace_back();
    }
    if (kept)
      view.channels.back().push_back(channel++);
  }
  if (mask)
    view.repeated = getRepeatedDims(type, mask, view.data);
  return view;
}

CanonicalView CanonicalView::getIdentity(int64_t rank, ArrayRef<int64_t> axis) {
  CanonicalView view;
  for (int64_t dim = 0; dim < rank; ++dim)
    view.data.push_back({dim});
  for (int64_t i = 0, e = axis.size(); i < e; ++i)
    view.channels.push_back({i});
  view.axis.assign(axis.begin(), axis.end());
  return view;
}

/// The dimensions of a tensor of type `type`, each that is no 1 as a group with
/// the ones behind it (and, at the start, before it).
static DimGroups groupWithOnes(ShapedType type) {
  DimGroups groups = {{}};
  bool hasSize = false;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    bool isOne = type.getDimSize(dim) == 1;
    if (!isOne && hasSize)
      groups.emplace_back();
    hasSize |= !isOne;
    groups.back().push_back(dim);
  }
  return groups;
}

Value mlir::bn::repeatMask(OpBuilder &b, Location loc, Value mask, Value input,
                           ArrayRef<int64_t> dims) {
  auto type = cast<RankedTensorType>(mask.getType());
  auto data = cast<RankedTensorType>(input.getType());
  if (dims.empty())
    return mask;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, mask);
  SmallVector<int64_t> shape(type.getShape());
  for (int64_t dim : dims) {
    sizes[dim] = tensor::getMixedSize(b, loc, input, dim);
    shape[dim] = data.getDimSize(dim);
  }
  // Both without dimensions of size 1, so that they are vectorized.
  SmallVector<int64_t> added, fewer;
  SmallVector<OpFoldResult> fewerSizes;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (size == 1)
      continue;
    if (!varies(type, dim))
      added.push_back(fewerSizes.size());
    fewerSizes.push_back(sizes[dim]);
  }
  for (int64_t size : type.getShape())
    if (size != 1)
      fewer.push_back(size);
  SmallVector<OpFoldResult> zeros(type.getRank(), b.getIndexAttr(0)),
      ones(type.getRank(), b.getIndexAttr(1));
  Value dense = tensor::ExtractSliceOp::create(
      b, loc, RankedTensorType::get(fewer, type.getElementType()), mask, zeros,
      tensor::getMixedSizes(b, loc, mask), ones);
  Value empty =
      tensor::EmptyOp::create(b, loc, fewerSizes, type.getElementType());
  Value repeated =
      linalg::BroadcastOp::create(b, loc, dense, empty, added)->getResult(0);
  RankedTensorType repeatedType = type.clone(shape);
  if (repeatedType == repeated.getType())
    return repeated;
  return tensor::ExpandShapeOp::create(b, loc, repeatedType, repeated,
                                       groupWithOnes(repeatedType), sizes);
}

Value mlir::bn::collapse(OpBuilder &b, Location loc, Value value,
                         const DimGroups &groups) {
  int64_t rank = cast<ShapedType>(value.getType()).getRank();
  if (rank == static_cast<int64_t>(groups.size()))
    return value;
  return tensor::CollapseShapeOp::create(b, loc, value, groups);
}

Value mlir::bn::expand(OpBuilder &b, Location loc, Value value, Value like,
                       const DimGroups &groups) {
  if (value.getType() == like.getType())
    return value;
  SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, like);
  return tensor::ExpandShapeOp::create(b, loc, like.getType(), value, groups,
                                       shape);
}
