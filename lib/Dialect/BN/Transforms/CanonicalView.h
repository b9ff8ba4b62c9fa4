//===- CanonicalView.h - Few dimensions, same data --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_TRANSFORMS_CANONICALVIEW_H
#define BN_LIB_DIALECT_BN_TRANSFORMS_CANONICALVIEW_H

#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::bn {

using DimGroups = SmallVector<ReassociationIndices>;

/// How the dimensions of the data and of per-channel operands are grouped.
struct CanonicalView {
  DimGroups data, channels;
  SmallVector<int64_t> axis;

  /// Groups neighbours of one kind; a reduced dimension of size 1 joins the
  /// group before it (or, at the start, after it). `axis` is sorted and
  /// non-negative.
  static CanonicalView get(ShapedType data, ArrayRef<int64_t> axis);

  /// The view that changes nothing.
  static CanonicalView getIdentity(int64_t rank, ArrayRef<int64_t> axis);
};

/// `value` with each of `groups` as one dimension.
Value collapse(OpBuilder &b, Location loc, Value value,
               const DimGroups &groups);

/// Gives `value`, whose dimensions are `groups` of those of `like`, the shape
/// of that back.
Value expand(OpBuilder &b, Location loc, Value value, Value like,
             const DimGroups &groups);

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_TRANSFORMS_CANONICALVIEW_H
