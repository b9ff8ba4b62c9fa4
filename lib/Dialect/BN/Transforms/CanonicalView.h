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
  /// Dimensions of size 1 of a mask that are merged with others along which it
  /// varies: it has to be repeated along them (see `repeatMask`).
  SmallVector<int64_t> repeated;

  /// Groups neighbours of one kind; a reduced dimension of size 1 joins the
  /// group before it (or, at the start, after it). `axis` is sorted and
  /// non-negative. A mask that varies along channels keeps dimensions along
  /// which it is broadcast apart from others, so that it need not be repeated.
  static CanonicalView get(ShapedType data, ArrayRef<int64_t> axis,
                           ShapedType mask = {});

  /// The view that changes nothing.
  static CanonicalView getIdentity(int64_t rank, ArrayRef<int64_t> axis);
};

/// `mask`, of size 1 along `dims`, as often as `input` is long along them. This
/// takes memory: of the dimensions of a canonical view, for one channel at
/// most.
Value repeatMask(OpBuilder &b, Location loc, Value mask, Value input,
                 ArrayRef<int64_t> dims);

/// `value` with each of `groups` as one dimension.
Value collapse(OpBuilder &b, Location loc, Value value,
               const DimGroups &groups);

/// Gives `value`, whose dimensions are `groups` of those of `like`, the shape
/// of that back.
Value expand(OpBuilder &b, Location loc, Value value, Value like,
             const DimGroups &groups);

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_TRANSFORMS_CANONICALVIEW_H
