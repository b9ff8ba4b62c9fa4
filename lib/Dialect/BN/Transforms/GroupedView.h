//===- GroupedView.h - Data by groups of samples ----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_TRANSFORMS_GROUPEDVIEW_H
#define BN_LIB_DIALECT_BN_TRANSFORMS_GROUPEDVIEW_H

#include "CanonicalView.h"

namespace mlir::bn {

/// A tensor with the groups as its first dimension, and the canonical view of a
/// group behind it; and what that was made of, from the given one on.
struct Grouped {
  Value value;
  SmallVector<Value, 2> before;
};

/// Data of size `groups * n` in dimension 0, a mask of that size there.
Grouped groupData(OpBuilder &b, Location loc, Value data, int64_t groups,
                  const CanonicalView &view);

/// Entries per channel, which have a dimension for the groups already.
Grouped groupChannels(OpBuilder &b, Location loc, Value perGroup,
                      const CanonicalView &view);

/// The way back from what `grouped` has become.
Value ungroup(OpBuilder &b, Location loc, Value result, const Grouped &grouped);

/// The part of group `i` in a tensor whose first dimension is the group.
struct GroupSlice {
  SmallVector<OpFoldResult> offsets, sizes, strides;

  GroupSlice(OpBuilder &b, Location loc, Value grouped, Value i);
};
Value extractGroup(OpBuilder &b, Location loc, Value grouped, Value i);
Value insertGroup(OpBuilder &b, Location loc, Value part, Value grouped,
                  Value i);

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_TRANSFORMS_GROUPEDVIEW_H
