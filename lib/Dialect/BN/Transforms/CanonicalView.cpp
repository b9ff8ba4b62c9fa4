//===- CanonicalView.cpp - Few dimensions, same data ----------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CanonicalView.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bn;

CanonicalView CanonicalView::get(ShapedType type, ArrayRef<int64_t> axis) {
  CanonicalView view;
  ReassociationIndices leading;
  bool groupIsKept = false;
  for (int64_t dim = 0, channel = 0; dim < type.getRank(); ++dim) {
    bool kept = llvm::is_contained(axis, dim);
    bool isNeutral = !kept && type.getDimSize(dim) == 1;
    if (view.data.empty()) {
      leading.push_back(dim);
      if (isNeutral)
        continue;
      view.data.push_back(leading);
      groupIsKept = !kept;
    } else if (isNeutral || kept == groupIsKept) {
      view.data.back().push_back(dim);
    } else {
      view.data.push_back({dim});
    }
    if (isNeutral)
      continue;
    if (kept && kept != groupIsKept) {
      view.axis.push_back(view.data.size() - 1);
      view.channels.emplace_back();
    }
    groupIsKept = kept;
    if (kept)
      view.channels.back().push_back(channel++);
  }
  return view;
}

CanonicalView CanonicalView::getIdentity(int64_t rank,
                                         ArrayRef<int64_t> axis) {
  CanonicalView view;
  for (int64_t dim = 0; dim < rank; ++dim)
    view.data.push_back({dim});
  for (int64_t i = 0, e = axis.size(); i < e; ++i)
    view.channels.push_back({i});
  view.axis.assign(axis.begin(), axis.end());
  return view;
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
