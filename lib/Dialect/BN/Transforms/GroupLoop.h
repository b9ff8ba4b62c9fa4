//===- GroupLoop.h - An op for each group of samples ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_TRANSFORMS_GROUPLOOP_H
#define BN_LIB_DIALECT_BN_TRANSFORMS_GROUPLOOP_H

#include "GroupedView.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace mlir::bn {

/// What an operand of an op with groups is to one of them.
enum class GroupRole {
  /// Of the size of the data: a group has a part of it.
  Data,
  /// The weights of the data: the same, or one for all groups.
  Mask,
  /// Entries per channel of each group.
  PerGroup,
  /// Entries per channel that all groups read; as f64.
  Shared,
  SharedWide,
  /// A destination of entries per channel that are made of those of all groups,
  /// which are f64: only what comes of them is rounded.
  Combined
};

/// Builds the loop over the groups of one op.
class GroupLoop {
public:
  /// Returns what comes of the entries `part` of group `i` and of those of the
  /// groups before it, `total`, which is zeros at first.
  using Combiner = function_ref<Value(Value part, Value total, Value i)>;

  /// `roles` has one entry per operand. The op, which is on tensors, is not
  /// empty.
  GroupLoop(RewriterBase &b, DestinationStyleOpInterface op,
            ArrayRef<GroupRole> roles, Combiner combine);

  /// Returns the results of the op.
  SmallVector<Value> build();

private:
  /// An operand as the loop needs it.
  struct Input {
    /// Null for what an out is made of in place.
    Value value;
    /// The groups are its first dimension.
    bool isCut;
    /// Which out that is.
    unsigned out = 0;
  };
  struct Out {
    /// Null for what is made of all groups.
    Grouped grouped;
    /// Where that goes, on the canonical view.
    Value combined;
  };

  void setView();
  Input prepareInput(Value operand, GroupRole role);
  Input prepareMask(Value mask);
  Value widen(Value perChannel);
  void prepareOuts();

  bool hasManySmallGroups();
  Value constant(int64_t value);
  Value createEmpty(const Out &out, bool forAllGroups = false);
  Value createZeros(const Out &out);
  ValueRange createPart(Value i, ValueRange destinations);
  SmallVector<Value> createLoop();
  SmallVector<Value> createParallelLoop();
  void combineParts(SmallVector<Value> &parts);

  RewriterBase &b;
  DestinationStyleOpInterface op;
  SmallVector<GroupRole> roles;
  Combiner combine;
  Location loc;
  RankedTensorType type;
  int64_t groups;
  CanonicalView view;
  SmallVector<Input> inputs;
  SmallVector<Out> outs;
};

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_TRANSFORMS_GROUPLOOP_H
