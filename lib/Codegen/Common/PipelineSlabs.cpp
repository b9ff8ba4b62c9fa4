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
/// One slab: its sums (statistics, or those of the gradients), its sweep, and
/// what is computed per channel between the two.
struct Slab {
  IndexedOpInterface sums, sweep;
  SetVector<Operation *> perChannel;
  int64_t channelDim, group;

  static std::optional<Slab> match(IndexedOpInterface sweep);
  Value getOut() { return sweep->getOperands().back(); }
};

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
  SmallVector<Value> takeSums(Offset first, Value output, ValueRange sums);
  Operation *prepareSweep(Offset first, ValueRange sums, Value output);
  Value insertData(Value part, Value tensor, Offset first);
  LoweringStrategyAttr getInnerStrategy();

  RewriterBase &b;
  Slab &slab;
  Location loc;
};
} // namespace

/// True for an op that computes each channel from what there is for it.
static bool isPerChannel(Operation *op) {
  auto generic = cast<linalg::GenericOp>(op);
  return generic.getNumLoops() == 1 && !generic.hasIndexSemantics() &&
         llvm::all_of(generic.getIndexingMapsArray(),
                      [](AffineMap map) { return map.isIdentity(); });
}

/// True when dimension `dim` of `input` is known to be a multiple of `group`:
/// it is static, or a slab that a parallel loop has cut at such multiples from
/// a tensor of which it is.
static bool hasWholeGroups(Value input, int64_t dim, int64_t group) {
  int64_t size = cast<RankedTensorType>(input.getType()).getDimSize(dim);
  if (group == 0)
    return false;
  if (group == 1)
    return true;
  if (!ShapedType::isDynamic(size))
    return size % group == 0;
  auto slice = input.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getType().getRank() != slice.getSourceType().getRank() ||
      slice.getSourceType().isDynamicDim(dim) ||
      slice.getSourceType().getDimSize(dim) % group != 0)
    return false;
  auto first = dyn_cast<Value>(slice.getMixedOffsets()[dim]);
  auto iv = dyn_cast_or_null<BlockArgument>(first);
  auto loop = iv ? dyn_cast<scf::ForallOp>(iv.getOwner()->getParentOp())
                 : scf::ForallOp();
  if (!loop || iv.getArgNumber() >= static_cast<unsigned>(loop.getRank()))
    return false;
  unsigned number = iv.getArgNumber();
  std::optional<int64_t> step =
      getConstantIntValue(loop.getMixedStep()[number]);
  return isConstantIntValue(loop.getMixedLowerBound()[number], 0) && step &&
         *step % group == 0;
}

/// True for sums that take each element once, with its own weight.
static bool isPlainReduction(Operation *op) {
  auto stats = dyn_cast<StatsOp>(op);
  return !stats || (!stats.getMask() && !stats.getPivot());
}

/// The inputs of `op` that are data, and those that are per channel.
static void getInputs(IndexedOpInterface op, SmallVectorImpl<Value> &data,
                      SmallVectorImpl<Value> &perChannel) {
  auto destination = cast<DestinationStyleOpInterface>(op.getOperation());
  SmallVector<AffineMap> maps = op.getOperandIndexingMaps();
  for (OpOperand *input : destination.getDpsInputOperands())
    (maps[input->getOperandNumber()].isIdentity() ? data : perChannel)
        .push_back(input->get());
}

/// The reduction that `values` are made of per channel, and, in `between`, the
/// ops that make them, each before its users.
static Operation *findSums(SmallVector<Value> values,
                           SetVector<Operation *> &between) {
  Operation *sums = nullptr;
  SetVector<Operation *> found;
  while (!values.empty()) {
    Operation *op = values.pop_back_val().getDefiningOp();
    if (isa_and_nonnull<StatsOp, BackwardReduceOp>(op)) {
      sums = op;
    } else if (isa_and_nonnull<linalg::GenericOp>(op)) {
      found.remove(op);
      found.insert(op);
      llvm::append_range(values, op->getOperands());
    }
  }
  for (Operation *op : llvm::reverse(found))
    between.insert(op);
  return sums;
}

std::optional<Slab> Slab::match(IndexedOpInterface sweep) {
  LoweringStrategyAttr strategy = getLoweringStrategy(sweep);
  auto axis = sweep->getAttrOfType<DenseI64ArrayAttr>("axis");
  if (!strategy || strategy.getSchedule() != Schedule::PipelinedSlab ||
      axis.size() != 1)
    return std::nullopt;
  // Its number of elements comes from sums of its own.
  auto gradient = dyn_cast<BackwardInputOp>(sweep.getOperation());
  if (gradient && gradient.getMask())
    return std::nullopt;
  Slab slab;
  slab.sweep = sweep;
  slab.channelDim = axis[0];
  slab.group = strategy.getTile()[slab.channelDim];
  SmallVector<Value> data, coefficients, summed, others;
  getInputs(sweep, data, coefficients);
  auto normalize = dyn_cast<NormalizeOp>(sweep.getOperation());
  if (normalize) { // what only an epilogue takes is not summed, nor of sums
    int64_t rank = cast<ShapedType>(normalize.getInput().getType()).getRank();
    for (Type type : normalize.getEpilogueInputs().getTypes())
      (cast<ShapedType>(type).getRank() == rank ? data : coefficients)
          .pop_back();
  }
  Operation *sums = findSums(coefficients, slab.perChannel);
  if (!sums || sums->getAttr("axis") != axis || !isPlainReduction(sums))
    return std::nullopt;
  slab.sums = cast<IndexedOpInterface>(sums);
  getInputs(slab.sums, summed, others);
  if (data != summed || (normalize && normalize.getVariance()) ||
      !hasWholeGroups(data.front(), slab.channelDim, slab.group) ||
      !llvm::all_of(slab.perChannel, isPerChannel))
    return std::nullopt;
  // Nothing else of the sums may be needed for the sweep.
  SetVector<Operation *> users, needed;
  getForwardSlice(sums, &users);
  if (failed(getBackwardSlice(sweep.getOperation(), &needed)))
    return std::nullopt;
  for (Operation *op : needed)
    if (users.contains(op) && !slab.perChannel.contains(op))
      return std::nullopt;
  return slab;
}

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

Value SlabPipeliner::insertData(Value part, Value tensor, Offset first) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, part);
  int64_t rank = sizes.size();
  SmallVector<OpFoldResult> ones(rank, b.getIndexAttr(1));
  return tensor::InsertSliceOp::create(
      b, loc, part, tensor, getOffsets(b, rank, slab.channelDim, first), sizes,
      ones);
}

/// `sums` of the slab with those of the group at `first`. In place, the data
/// that `output` is to replace are read from it.
SmallVector<Value> SlabPipeliner::takeSums(Offset first, Value output,
                                           ValueRange sums) {
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps = slab.sums.getOperandIndexingMaps();
  for (unsigned i = 0; i + sums.size() < maps.size(); ++i) {
    Value whole = slab.sums->getOperand(i);
    if (!maps[i].isIdentity())
      operands.push_back(sliceChannels(whole, first));
    else
      operands.push_back(
          sliceData(whole == slab.getOut() ? output : whole, first));
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

/// The sweep over the group at `first`, into its part of `output`.
Operation *SlabPipeliner::prepareSweep(Offset first, ValueRange sums,
                                       Value output) {
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
  Value out = sliceData(output, first);
  SmallVector<Value> operands;
  for (auto [operand, map] : llvm::zip_equal(
           slab.sweep->getOperands(), slab.sweep.getOperandIndexingMaps())) {
    if (operand == slab.getOut())
      operands.push_back(out);
    else
      operands.push_back(map.isIdentity() ? sliceData(operand, first)
                                          : getPart(operand));
  }
  Operation *sweep = clone(b, slab.sweep, out.getType(), operands);
  sweep->setAttr(kLoweringStrategyAttrName, getInnerStrategy());
  return sweep;
}

void SlabPipeliner::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(slab.sums);
  Value out = slab.getOut();
  SmallVector<Value> sums =
      takeSums(b.getIndexAttr(0), out,
               slab.sums->getOperands().take_back(slab.sums->getNumResults()));

  b.setInsertionPoint(slab.sweep);
  OpFoldResult channels = tensor::getMixedSize(b, loc, out, slab.channelDim);
  AffineExpr d = b.getAffineDimExpr(0);
  auto add = [&](OpFoldResult value, int64_t amount) {
    return affine::makeComposedFoldedAffineApply(
        b, loc, AffineMap::get(1, 0, d + amount), {value});
  };
  OpFoldResult last = add(channels, -slab.group);
  auto toValue = [&](OpFoldResult value) {
    return getValueOrCreateConstantIndexOp(b, loc, value);
  };
  SmallVector<Value> init = {out};
  llvm::append_range(init, sums);
  auto loop = scf::ForOp::create(
      b, loc, toValue(b.getIndexAttr(0)), toValue(last),
      toValue(b.getIndexAttr(slab.group)), init,
      [&](OpBuilder &, Location, Value iv, ValueRange carried) {
        // Coefficients first: they read what is then overwritten.
        Operation *sweep =
            prepareSweep(iv, carried.drop_front(), carried.front());
        OpBuilder::InsertionGuard inner(b);
        // In place, what is not swept over yet is read from what the loop
        // carries: one buffer. (The two are not fused then.)
        SmallVector<Value> next = takeSums(add(iv, slab.group), carried.front(),
                                           carried.drop_front());
        sweep->moveAfter(b.getInsertionBlock(),
                         std::prev(b.getInsertionPoint()));
        b.setInsertionPointAfter(sweep);
        next.insert(next.begin(),
                    insertData(sweep->getResult(0), carried.front(), iv));
        scf::YieldOp::create(b, loc, next);
      });
  loop->setAttr(kPipelinedAttrName, b.getUnitAttr());

  ValueRange results = loop.getResults();
  Operation *sweep = prepareSweep(last, results.drop_front(), results.front());
  b.replaceOp(slab.sweep,
              insertData(sweep->getResult(0), results.front(), last));
  // What else is made of the sums is made at the end.
  for (auto [old, value] :
       llvm::zip_equal(slab.sums->getResults(), results.drop_front()))
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
