//===- FuseSiblingLoops.cpp - One sweep instead of two --------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phases 'tiled' and 'vector'. Upstream fuses two loops without asking whether
// it may; this file asks.
//
// On tensors, loops that do not use each other's results are independent. What
// fusion can still cost is a copy: where one loop overwrites a tensor that the
// other reads, there must be two buffers once the accesses are interleaved.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/Common/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::bn {
#define GEN_PASS_DEF_FUSESIBLINGLOOPSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// Legality
//===----------------------------------------------------------------------===//

/// True when `a` and `b` are one value, or the same computation written twice.
static bool areEqual(Value a, Value b) {
  if (a == b)
    return true;
  auto first = dyn_cast<OpResult>(a), second = dyn_cast<OpResult>(b);
  return first && second &&
         first.getResultNumber() == second.getResultNumber() &&
         first.getOwner()->getNumRegions() == 0 &&
         isMemoryEffectFree(first.getOwner()) &&
         OperationEquivalence::isEquivalentTo(
             first.getOwner(), second.getOwner(),
             [](Value x, Value y) { return success(areEqual(x, y)); },
             /*markEquivalent=*/nullptr, OperationEquivalence::IgnoreLocations);
}

static bool haveEqualBounds(scf::ForOp first, scf::ForOp second) {
  // The fused loop compares signed.
  return !first.getUnsignedCmp() && !second.getUnsignedCmp() &&
         areEqual(first.getLowerBound(), second.getLowerBound()) &&
         areEqual(first.getUpperBound(), second.getUpperBound()) &&
         areEqual(first.getStep(), second.getStep());
}

/// The ops from `first` on that `second` needs, ending with `second`, in their
/// order. Nothing when `first` is one of them or one cannot be moved.
static std::optional<SmallVector<Operation *>> collectSlice(scf::ForOp first,
                                                            scf::ForOp second) {
  Block *block = first->getBlock();
  SetVector<Operation *> slice;
  slice.insert(second);
  for (unsigned i = 0; i < slice.size(); ++i)
    slice[i]->walk([&](Operation *user) {
      for (Value operand : user->getOperands()) {
        Operation *producer = operand.getDefiningOp();
        if (producer)
          producer = block->findAncestorOpInBlock(*producer);
        if (producer && !producer->isBeforeInBlock(first))
          slice.insert(producer);
      }
    });
  if (slice.contains(first) || !llvm::all_of(slice, isMemoryEffectFree))
    return std::nullopt;
  SmallVector<Operation *> ops = slice.takeVector();
  llvm::sort(ops,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return ops;
}

namespace {
/// The tensors that ops access: those that views such as slices are views of.
struct Accesses {
  DenseSet<Value> all, written;

  void add(Operation *root);
  bool overwriteOneOf(const Accesses &other) const {
    return llvm::any_of(written,
                        [&](Value v) { return other.all.contains(v); });
  }
};
} // namespace

/// Adds what `root`, with its regions, reads and writes.
void Accesses::add(Operation *root) {
  bufferization::BufferizationOptions options;
  bufferization::AnalysisState state(options);
  root->walk([&](Operation *op) {
    // The analysis needs more state for calls.
    bool unknown = !isMemoryEffectFree(op);
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<TensorType>(operand.get().getType()))
        continue;
      Value tensor = getViewedTensor(operand.get());
      // There is nothing in it to keep.
      if (tensor.getDefiningOp<tensor::EmptyOp>())
        continue;
      bool writes = unknown || state.bufferizesToMemoryWrite(operand);
      if (writes)
        written.insert(tensor);
      if (writes || state.bufferizesToMemoryRead(operand))
        all.insert(tensor);
    }
  });
}

/// True when `slice`, which ends with the second loop, can run with `first` and
/// before the ops that follow it, without a copy of a tensor.
static bool needsNoCopy(scf::ForOp first, ArrayRef<Operation *> slice) {
  Accesses ofFirst, ofSlice, ofRest;
  ofFirst.add(first);
  for (Operation *op : slice)
    ofSlice.add(op);
  for (Operation *op = first->getNextNode(); op != slice.back();
       op = op->getNextNode())
    if (!llvm::is_contained(slice, op))
      ofRest.add(op);
  return !ofFirst.overwriteOneOf(ofSlice) && !ofSlice.overwriteOneOf(ofFirst) &&
         !ofSlice.overwriteOneOf(ofRest);
}

//===----------------------------------------------------------------------===//
// Fusion
//===----------------------------------------------------------------------===//

/// One loop of both, after upstream's; the body of `first` comes first in it.
/// In place that is the order of accesses to memory, of which tensors know
/// nothing.
static scf::ForOp fuseInOrder(RewriterBase &rewriter, scf::ForOp first,
                              scf::ForOp second) {
  Block *block = first->getBlock();
  Operation *before = first->getPrevNode();
  // It is made where `second` is, behind users of `first`.
  scf::ForOp fused = fuseIndependentSiblingForLoops(
      /*target=*/first, /*source=*/second, rewriter);
  if (before)
    rewriter.moveOpAfter(fused, before);
  else
    rewriter.moveOpBefore(fused, block, block->begin());
  return fused;
}

/// Reads once what both bodies read, and computes once what both compute. Not
/// where there are uninitialized tensors, which bufferization is to tell apart.
static void shareValues(RewriterBase &rewriter, scf::ForOp loop) {
  WalkResult found =
      loop.walk([](tensor::EmptyOp) { return WalkResult::interrupt(); });
  if (found.wasInterrupted())
    return;
  DominanceInfo dominance(loop);
  eliminateCommonSubExpressions(rewriter, dominance, loop);
}

/// One loop, in the place of `first`; null when the two stay.
static scf::ForOp tryToFuse(RewriterBase &rewriter, scf::ForOp first,
                            scf::ForOp second, bool inOrder) {
  if (!haveEqualBounds(first, second) || !isMemoryEffectFree(first))
    return {};
  std::optional<SmallVector<Operation *>> slice = collectSlice(first, second);
  if (!slice || !needsNoCopy(first, *slice))
    return {};
  for (Operation *op : ArrayRef(*slice).drop_back())
    rewriter.moveOpBefore(op, first);
  NamedAttrList marks(first->getDiscardableAttrDictionary());
  for (NamedAttribute mark : second->getDiscardableAttrs())
    if (!marks.get(mark.getName()))
      marks.append(mark);
  scf::ForOp fused = inOrder
                         ? fuseInOrder(rewriter, first, second)
                         : fuseIndependentSiblingForLoops(
                               /*target=*/second, /*source=*/first, rewriter);
  fused->setDiscardableAttrs(marks.getDictionary(fused.getContext()));
  shareValues(rewriter, fused);
  return fused;
}

/// Fuses the loops of `block`, then those in their bodies. Returns how often.
static unsigned fuseSiblings(RewriterBase &rewriter, Block &block,
                             bool keepsOrder) {
  unsigned numFused = 0;
  SmallVector<scf::ForOp> kept;
  for (scf::ForOp loop : llvm::to_vector(block.getOps<scf::ForOp>())) {
    scf::ForOp fused;
    for (scf::ForOp &candidate : kept) {
      // What a fused loop needed may have moved in front of another.
      bool inOrder = candidate->isBeforeInBlock(loop);
      fused = tryToFuse(rewriter, inOrder ? candidate : loop,
                        inOrder ? loop : candidate, keepsOrder);
      if (!fused)
        continue;
      candidate = fused;
      ++numFused;
      break;
    }
    if (!fused)
      kept.push_back(loop);
  }
  for (Operation &op : block)
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        numFused += fuseSiblings(rewriter, inner, keepsOrder);
  return numFused;
}

namespace {
struct FuseSiblingLoopsPass
    : public bn::impl::FuseSiblingLoopsPassBase<FuseSiblingLoopsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<Operation *> pipelined;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!op->hasAttr(kPipelinedAttrName) && !op->hasAttr(kOneSweepAttrName))
        return WalkResult::advance();
      pipelined.push_back(op);
      return WalkResult::skip(); // fuseSiblings looks at all that is in it
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : pipelined)
      for (Region &region : op->getRegions())
        for (Block &block : region)
          numFused += fuseSiblings(rewriter, block,
                                   op->hasAttr(kOneSweepAttrName));
  }
};
} // namespace
