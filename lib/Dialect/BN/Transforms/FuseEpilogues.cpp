//===- FuseEpilogues.cpp - Elementwise consumers into the op --------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'bn'. Upstream's fusion of elementwise ops replaces destinations by
// fresh tensors and stops where a value has two users. Here a whole cluster of
// ops between the output and one last result becomes scalar code in the
// epilogue, which writes to where that result was to be.
//
//===----------------------------------------------------------------------===//

#include "ElementwiseFuser.h"
#include "bn/Dialect/BN/Transforms/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::bn {
#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "bn/Dialect/BN/Transforms/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Makes elementwise ops between the output of one op and one result the
/// epilogue of the op.
class EpilogueFuser : private ElementwiseFuser {
public:
  EpilogueFuser(RewriterBase &b, EpilogueOpInterface op)
      : ElementwiseFuser(b, op, op->getResult(0)) {}

  /// Finds the ops; false when there are none, or they must stay.
  bool collect();
  /// Moves what they need in front of the op; false when that is not possible.
  bool prepare();
  /// Returns the op with its epilogue, which may be a new one.
  EpilogueOpInterface fuse();

private:
  bool grow();
  Value getDestination();

  /// The op of which the result stays.
  linalg::LinalgOp last;
};
} // namespace

/// Adds the users of what is used outside, where all of them can be; of a value
/// that is needed by others, too, none is.
bool EpilogueFuser::grow() {
  SmallVector<Value> values = {data};
  for (Operation *inner : cluster)
    values.push_back(inner->getResult(0));
  for (Value value : values) {
    if (!isUsedOutside(value))
      continue;
    SmallVector<Operation *> users;
    for (Operation *user : value.getUsers())
      if (!cluster.contains(user) && !isa<tensor::DimOp>(user))
        users.push_back(user);
    if (!llvm::all_of(users, [&](Operation *user) { return isFusable(user); }))
      continue;
    cluster.insert_range(users);
    return true;
  }
  return false;
}

bool EpilogueFuser::collect() {
  while (grow()) {
    SmallVector<Operation *> ends;
    for (Operation *inner : cluster)
      if (isUsedOutside(inner->getResult(0)))
        ends.push_back(inner);
    // Nothing but one result, which has the type of the output, may be needed.
    if (ends.size() == 1 && !isUsedOutside(data) &&
        ends.front()->getResult(0).getType() == type) {
      last = cast<linalg::LinalgOp>(ends.front());
      sortCluster();
      return collectInputs();
    }
  }
  return false;
}

/// Where the last result goes. An op on tensors that has become a linalg op has
/// got any of its operands as a destination: then the op keeps its own.
Value EpilogueFuser::getDestination() {
  OpOperand &init = last.getDpsInitsMutable()[0];
  Value own = op.getOuts().front(), other = init.get();
  bool isInput = llvm::any_of(last.getDpsInputs(),
                              [&](Value value) { return value == other; });
  if (isInside(other) ||
      (isInput && !last.payloadUsesValueFromOperand(&init)) ||
      other.getDefiningOp<tensor::EmptyOp>())
    return own;
  return other;
}

bool EpilogueFuser::prepare() {
  SmallVector<Value> needed(inputs.getArrayRef());
  llvm::append_range(needed, captured);
  needed.push_back(getDestination());
  BackwardSliceOptions options;
  options.inclusive = true;
  options.omitBlockArguments = true;
  for (Value value : needed) {
    SetVector<Operation *> slice;
    if (failed(getBackwardSlice(value, &slice, options)) ||
        slice.contains(op.getOperation()))
      return false;
  }
  return succeeded(moveValueDefinitions(b, needed, op));
}

EpilogueOpInterface EpilogueFuser::fuse() {
  OpBuilder::InsertionGuard guard(b);
  Value destination = getDestination();
  startCode();
  data = op->getResult(0); // of a new op, perhaps
  b.startOpModification(op);
  auto yield = cast<YieldOp>(op.getScalarCode().getTerminator());
  b.setInsertionPoint(yield);
  elements.map(data, yield.getValue());
  copyCluster();
  yield.getValueMutable().assign(getElement(last->getResult(0)));
  op.getOutsMutable().slice(0, 1).assign(destination);
  b.finalizeOpModification(op);

  // Sizes.
  auto isSize = [](OpOperand &use) {
    return isa<tensor::DimOp>(use.getOwner());
  };
  b.replaceUsesWithIf(data, destination, isSize);
  for (Operation *inner : cluster)
    b.replaceUsesWithIf(inner->getResult(0), destination, isSize);
  b.replaceAllUsesWith(last->getResult(0), data);
  eraseCluster();
  return cast<EpilogueOpInterface>(op.getOperation());
}

FailureOr<EpilogueOpInterface> mlir::bn::fuseEpilogue(RewriterBase &rewriter,
                                                      EpilogueOpInterface op) {
  if (op->getNumResults() == 0)
    return failure();
  EpilogueFuser fuser(rewriter, op);
  if (!fuser.collect() || !fuser.prepare())
    return failure();
  return fuser.fuse();
}

namespace {
struct FuseEpiloguesPass
    : public bn::impl::FuseEpiloguesPassBase<FuseEpiloguesPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<EpilogueOpInterface> ops;
    getOperation().walk([&](EpilogueOpInterface op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (EpilogueOpInterface op : ops)
      for (FailureOr<EpilogueOpInterface> next = op;
           succeeded(next = fuseEpilogue(rewriter, *next));)
        ++numFused;
  }
};
} // namespace
