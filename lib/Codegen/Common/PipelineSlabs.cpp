//===- PipelineSlabs.cpp - Two channel groups at a time -------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. A slab that is first read for its sums and then swept over
// again leaves the memory idle in between; here one group of channels is swept
// over (normalized, or given its gradient) while the sums of the next are
// taken. Everything that crosses from one iteration to the next is in the sums
// of the whole slab, of which one group is written and another read: no copies.
//
//===----------------------------------------------------------------------===//

#include "Slab.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace mlir::bn {
#define GEN_PASS_DEF_PIPELINESLABSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Builds the loop over the groups of a slab.
class SlabPipeliner {
public:
  SlabPipeliner(RewriterBase &b, Slab &slab)
      : b(b), slab(slab), loc(slab.sweep->getLoc()) {}
  void run();

private:
  using Offset = OpFoldResult;
  Value sliceChannels(Value tensor, Offset first);
  Value sliceData(Value tensor, Offset first);
  Value getCurrent(Value whole, ValueRange outputs);
  SmallVector<Value> takeSums(Offset first, ValueRange outputs,
                              ValueRange sums);
  Operation *prepareSweep(Offset first, ValueRange sums, ValueRange outputs);
  SmallVector<Value> insertData(ValueRange parts, ValueRange tensors,
                                Offset first);
  LoweringStrategyAttr getInnerStrategy();

  RewriterBase &b;
  Slab &slab;
  Location loc;
};
} // namespace

LoweringStrategyAttr SlabPipeliner::getInnerStrategy() {
  LoweringStrategyAttr strategy = getLoweringStrategy(slab.sweep);
  SmallVector<int64_t> tile(strategy.getTile()), none(tile.size(), 0);
  tile[slab.channelDim] = 0;
  return strategy.withSizes(none, tile);
}

/// The group that starts at channel `first` of a tensor with one entry per
/// channel.
Value SlabPipeliner::sliceChannels(Value tensor, Offset first) {
  OpFoldResult size = b.getIndexAttr(slab.group), one = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(b, loc, tensor, first, size, one);
}

static SmallVector<OpFoldResult> getOffsets(OpBuilder &b, int64_t rank,
                                            int64_t dim, OpFoldResult first) {
  SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0));
  offsets[dim] = first;
  return offsets;
}

Value SlabPipeliner::sliceData(Value tensor, Offset first) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
  int64_t rank = sizes.size();
  sizes[slab.channelDim] = b.getIndexAttr(slab.group);
  SmallVector<OpFoldResult> ones(rank, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(
      b, loc, tensor, getOffsets(b, rank, slab.channelDim, first), sizes, ones);
}

/// Each of `tensors` with its one of `parts`, the group at `first`.
SmallVector<Value> SlabPipeliner::insertData(ValueRange parts,
                                             ValueRange tensors, Offset first) {
  SmallVector<Value> inserted;
  for (auto [part, tensor] : llvm::zip_equal(parts, tensors)) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, part);
    int64_t rank = sizes.size();
    SmallVector<OpFoldResult> ones(rank, b.getIndexAttr(1));
    inserted.push_back(tensor::InsertSliceOp::create(
        b, loc, part, tensor, getOffsets(b, rank, slab.channelDim, first),
        sizes, ones));
  }
  return inserted;
}

/// `whole`, or what has become of it if it is one of the outs: in place, data
/// are read from what the loop carries.
Value SlabPipeliner::getCurrent(Value whole, ValueRange outputs) {
  for (auto [out, output] : llvm::zip_equal(slab.getOuts(), outputs))
    if (whole == out)
      return output;
  return whole;
}

/// `sums` of the slab with those of the group at `first`.
SmallVector<Value> SlabPipeliner::takeSums(Offset first, ValueRange outputs,
                                           ValueRange sums) {
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps = slab.sums.getOperandIndexingMaps();
  for (unsigned i = 0; i + sums.size() < maps.size(); ++i) {
    Value whole = slab.sums->getOperand(i);
    operands.push_back(maps[i].isIdentity()
                           ? sliceData(getCurrent(whole, outputs), first)
                           : sliceChannels(whole, first));
  }
  for (Value tensor : sums)
    operands.push_back(sliceChannels(tensor, first));
  auto outs = ValueRange(operands).take_back(sums.size());
  Operation *part = clone(b, slab.sums, TypeRange(outs), operands);
  part->setAttr(kLoweringStrategyAttrName, getInnerStrategy());
  OpFoldResult size = b.getIndexAttr(slab.group), one = b.getIndexAttr(1);
  SmallVector<Value> updated;
  for (auto [sum, tensor] : llvm::zip_equal(part->getResults(), sums))
    updated.push_back(
        tensor::InsertSliceOp::create(b, loc, sum, tensor, first, size, one));
  return updated;
}

/// The sweep over the group at `first`, into its part of `outputs`.
Operation *SlabPipeliner::prepareSweep(Offset first, ValueRange sums,
                                       ValueRange outputs) {
  IRMapping mapping;
  mapping.map(slab.sums->getResults(), sums);
  DenseMap<Value, Value> parts;
  auto getPart = [&](Value value) -> Value {
    Value &part = parts[value];
    if (part)
      return part;
    if (auto empty = value.getDefiningOp<tensor::EmptyOp>())
      return tensor::EmptyOp::create(b, loc, {slab.group},
                                     empty.getType().getElementType());
    return part = sliceChannels(mapping.lookupOrDefault(value), first);
  };
  for (Operation *op : slab.perChannel) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(getPart(operand));
    SmallVector<Type> types;
    for (Type type : op->getResultTypes())
      types.push_back(cast<RankedTensorType>(type).clone({slab.group}));
    Operation *copy = clone(b, op, types, operands);
    for (auto [old, value] : llvm::zip_equal(op->getResults(),
                                             copy->getResults()))
      parts[old] = value;
  }
  SmallVector<Value> outs, operands;
  for (Value output : outputs)
    outs.push_back(sliceData(output, first));
  for (auto [operand, map] : llvm::zip_equal(
           slab.sweep->getOperands(), slab.sweep.getOperandIndexingMaps())) {
    Value current = getCurrent(operand, outs);
    if (current != operand)
      operands.push_back(current);
    else
      operands.push_back(map.isIdentity() ? sliceData(operand, first)
                                          : getPart(operand));
  }
  llvm::copy(outs, operands.end() - outs.size());
  Operation *sweep =
      clone(b, slab.sweep, TypeRange(ValueRange(outs)), operands);
  sweep->setAttr(kLoweringStrategyAttrName, getInnerStrategy());
  return sweep;
}

void SlabPipeliner::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(slab.sums);
  ValueRange outs = slab.getOuts();
  size_t count = outs.size();
  SmallVector<Value> sums =
      takeSums(b.getIndexAttr(0), outs,
               slab.sums->getOperands().take_back(slab.sums->getNumResults()));

  b.setInsertionPoint(slab.sweep);
  OpFoldResult channels =
      tensor::getMixedSize(b, loc, outs[0], slab.channelDim);
  AffineExpr d = b.getAffineDimExpr(0);
  auto add = [&](OpFoldResult value, int64_t amount) {
    return affine::makeComposedFoldedAffineApply(
        b, loc, AffineMap::get(1, 0, d + amount), {value});
  };
  OpFoldResult last = add(channels, -slab.group);
  auto toValue = [&](OpFoldResult value) {
    return getValueOrCreateConstantIndexOp(b, loc, value);
  };
  SmallVector<Value> init(outs);
  llvm::append_range(init, sums);
  auto loop = scf::ForOp::create(
      b, loc, toValue(b.getIndexAttr(0)), toValue(last),
      toValue(b.getIndexAttr(slab.group)), init,
      [&](OpBuilder &, Location, Value iv, ValueRange carried) {
        // Coefficients first: they read what is then overwritten.
        ValueRange outputs = carried.take_front(count);
        Operation *sweep = prepareSweep(iv, carried.drop_front(count), outputs);
        OpBuilder::InsertionGuard inner(b);
        // In place, what is not swept over yet is read from what the loop
        // carries: one buffer. (The two are not fused then.)
        SmallVector<Value> taken =
            takeSums(add(iv, slab.group), outputs, carried.drop_front(count));
        sweep->moveAfter(b.getInsertionBlock(),
                         std::prev(b.getInsertionPoint()));
        b.setInsertionPointAfter(sweep);
        SmallVector<Value> next = insertData(sweep->getResults(), outputs, iv);
        llvm::append_range(next, taken);
        scf::YieldOp::create(b, loc, next);
      });
  loop->setAttr(kPipelinedAttrName, b.getUnitAttr());

  ValueRange results = loop.getResults();
  ValueRange outputs = results.take_front(count);
  Operation *sweep = prepareSweep(last, results.drop_front(count), outputs);
  SmallVector<Value> written = insertData(sweep->getResults(), outputs, last);
  b.replaceOp(slab.sweep, written);
  // What else is made of the sums is made at the end.
  for (auto [old, value] :
       llvm::zip_equal(slab.sums->getResults(), results.drop_front(count)))
    b.replaceAllUsesWith(old, value);
  b.eraseOp(slab.sums);
}

/// Moves `ops`, in their order, behind `anchor`.
static void moveUsersBehind(Operation *anchor, ArrayRef<Operation *> ops) {
  for (Operation *op : llvm::reverse(ops))
    op->moveAfter(anchor);
}

namespace {
struct PipelineSlabsPass
    : public bn::impl::PipelineSlabsPassBase<PipelineSlabsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<Slab> slabs;
    getOperation().walk([&](IndexedOpInterface op) {
      if (!isa<NormalizeOp, BackwardInputOp>(op))
        return;
      if (std::optional<Slab> slab = Slab::match(op))
        slabs.push_back(*slab);
    });
    IRRewriter rewriter(&getContext());
    for (Slab &slab : slabs) {
      // Sums are complete after the loop only.
      SetVector<Operation *> users;
      getForwardSlice(slab.sums.getOperation(), &users);
      SmallVector<Operation *> between;
      for (Operation &op : llvm::make_range(std::next(slab.sums->getIterator()),
                                            slab.sweep->getIterator()))
        if (users.contains(&op))
          between.push_back(&op);
      Operation *anchor = slab.sweep;
      Operation *after = anchor->getNextNode();
      SlabPipeliner(rewriter, slab).run();
      moveUsersBehind(after->getPrevNode(), between);
    }
  }
};
} // namespace
