//===- PipelineSlabs.cpp - Two channel groups at a time -------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. A slab that is first read for its statistics and then
// normalized leaves the memory idle in between; here one group of channels is
// normalized while the statistics of the next are taken. Everything that
// crosses from one iteration to the next is in the statistics of the whole
// slab, of which one group is written and another read: no copies.
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
/// One slab: its statistics, its normalization, and what is computed per
/// channel between the two.
struct Slab {
  StatsOp stats;
  NormalizeOp normalize;
  SetVector<Operation *> perChannel;
  int64_t channelDim, group;

  static std::optional<Slab> match(NormalizeOp normalize);
};

/// Builds the loop over the groups of a slab.
class SlabPipeliner {
public:
  SlabPipeliner(RewriterBase &b, Slab &slab)
      : b(b), slab(slab), loc(slab.normalize.getLoc()) {}
  void run();

private:
  using Offset = OpFoldResult;
  Value sliceChannels(Value tensor, Offset first);
  Value sliceData(Value tensor, Offset first);
  SmallVector<Value> takeStatistics(Offset first, Value input,
                                    ValueRange statistics);
  NormalizeOp prepareNormalization(Offset first, ValueRange statistics,
                                   Value output);
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

std::optional<Slab> Slab::match(NormalizeOp normalize) {
  LoweringStrategyAttr strategy = getLoweringStrategy(normalize);
  if (!strategy || strategy.getSchedule() != Schedule::PipelinedSlab ||
      normalize.getAxis().size() != 1)
    return std::nullopt;
  Slab slab;
  slab.normalize = normalize;
  slab.channelDim = normalize.getAxis().front();
  slab.group = strategy.getTile()[slab.channelDim];
  // Backwards from the coefficients to the statistics.
  SmallVector<Value> worklist;
  for (Value operand :
       {normalize.getMean(), normalize.getScale(), normalize.getOffset()})
    if (operand)
      worklist.push_back(operand);
  SetVector<Operation *> found;
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (auto stats = dyn_cast_or_null<StatsOp>(op)) {
      slab.stats = stats;
    } else if (isa_and_nonnull<linalg::GenericOp>(op)) {
      // Producers come before users in the end.
      found.remove(op);
      found.insert(op);
      llvm::append_range(worklist, op->getOperands());
    }
  }
  for (Operation *op : llvm::reverse(found))
    slab.perChannel.insert(op);
  if (!slab.stats || normalize.getVariance() || slab.stats.getMask() ||
      slab.stats.getPivot() || slab.stats.getAxis() != normalize.getAxis() ||
      slab.stats.getInput() != normalize.getInput())
    return std::nullopt;
  if (!hasWholeGroups(normalize.getInput(), slab.channelDim, slab.group) ||
      !llvm::all_of(slab.perChannel, isPerChannel))
    return std::nullopt;
  // Nothing else of the statistics may be needed for the normalization.
  SetVector<Operation *> users, needed;
  getForwardSlice(slab.stats.getOperation(), &users);
  if (failed(getBackwardSlice(normalize.getOperation(), &needed)))
    return std::nullopt;
  for (Operation *op : needed)
    if (users.contains(op) && !slab.perChannel.contains(op))
      return std::nullopt;
  return slab;
}

LoweringStrategyAttr SlabPipeliner::getInnerStrategy() {
  LoweringStrategyAttr strategy = getLoweringStrategy(slab.normalize);
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

/// `statistics` of the slab with those of the group at `first` of `input`.
SmallVector<Value> SlabPipeliner::takeStatistics(Offset first, Value input,
                                                 ValueRange statistics) {
  SmallVector<Value> outs;
  for (Value tensor : statistics)
    outs.push_back(sliceChannels(tensor, first));
  auto stats = StatsOp::create(b, loc, TypeRange(ValueRange(outs)),
                               sliceData(input, first),
                               /*mask=*/Value(), /*pivot=*/Value(), outs,
                               slab.stats.getAxis());
  stats->setAttr(kLoweringStrategyAttrName, getInnerStrategy());
  OpFoldResult size = b.getIndexAttr(slab.group), one = b.getIndexAttr(1);
  SmallVector<Value> updated;
  for (auto [part, tensor] : llvm::zip_equal(stats.getResults(), statistics))
    updated.push_back(tensor::InsertSliceOp::create(b, loc, part, tensor,
                                                    first, size, one));
  return updated;
}

/// The normalization of the group at `first`, into its part of `output`.
NormalizeOp SlabPipeliner::prepareNormalization(Offset first,
                                                ValueRange statistics,
                                                Value output) {
  IRMapping mapping;
  mapping.map(slab.stats.getResults(), statistics);
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
  NormalizeOp whole = slab.normalize;
  auto getOptional = [&](Value value) {
    return value ? getPart(value) : Value();
  };
  Value out = sliceData(output, first);
  // In place, what is read is the part that is then written.
  auto getData = [&](Value data) {
    return data == whole.getOuts()[0] ? out : sliceData(data, first);
  };
  SmallVector<Value> epilogueInputs =
      llvm::map_to_vector(whole.getEpilogueInputs(), getData);
  auto normalize = NormalizeOp::create(
      b, loc, out.getType(), getData(whole.getInput()),
      getOptional(whole.getMean()), /*variance=*/Value(),
      getOptional(whole.getScale()), getOptional(whole.getOffset()),
      epilogueInputs, ValueRange{out}, whole.getAxisAttr(),
      /*epsilon=*/FloatAttr(), whole->getNumRegions());
  cloneEpilogue(whole, normalize);
  normalize->setAttr(kLoweringStrategyAttrName, getInnerStrategy());
  return normalize;
}

void SlabPipeliner::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(slab.stats);
  SmallVector<Value> statistics =
      takeStatistics(b.getIndexAttr(0), slab.stats.getInput(),
                     slab.stats.getOuts());

  b.setInsertionPoint(slab.normalize);
  OpFoldResult channels = tensor::getMixedSize(
      b, loc, slab.normalize.getInput(), slab.channelDim);
  AffineExpr d = b.getAffineDimExpr(0);
  auto add = [&](OpFoldResult value, int64_t amount) {
    return affine::makeComposedFoldedAffineApply(
        b, loc, AffineMap::get(1, 0, d + amount), {value});
  };
  OpFoldResult last = add(channels, -slab.group);
  auto toValue = [&](OpFoldResult value) {
    return getValueOrCreateConstantIndexOp(b, loc, value);
  };
  SmallVector<Value> init = {slab.normalize.getOuts()[0]};
  llvm::append_range(init, statistics);
  auto loop = scf::ForOp::create(
      b, loc, toValue(b.getIndexAttr(0)), toValue(last),
      toValue(b.getIndexAttr(slab.group)), init,
      [&](OpBuilder &, Location, Value iv, ValueRange carried) {
        // Coefficients first: they read what is then overwritten.
        NormalizeOp normalize = prepareNormalization(
            iv, carried.drop_front(), carried.front());
        OpBuilder::InsertionGuard inner(b);
        // In place, what is not normalized yet is read from what the loop
        // carries: one buffer. (The two are not fused then.)
        Value input = slab.stats.getInput();
        if (input == slab.normalize.getOuts()[0])
          input = carried.front();
        SmallVector<Value> next =
            takeStatistics(add(iv, slab.group), input, carried.drop_front());
        normalize->moveAfter(b.getInsertionBlock(),
                             std::prev(b.getInsertionPoint()));
        b.setInsertionPointAfter(normalize);
        next.insert(next.begin(), insertData(normalize.getResult(0),
                                             carried.front(), iv));
        scf::YieldOp::create(b, loc, next);
      });
  loop->setAttr(kPipelinedAttrName, b.getUnitAttr());

  ValueRange results = loop.getResults();
  NormalizeOp normalize =
      prepareNormalization(last, results.drop_front(), results.front());
  Value output =
      insertData(normalize.getResult(0), results.front(), last);
  b.replaceOp(slab.normalize, output);
  // What else is made of the statistics is made at the end.
  for (auto [old, value] :
       llvm::zip_equal(slab.stats.getResults(), results.drop_front()))
    b.replaceAllUsesWith(old, value);
  b.eraseOp(slab.stats);
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
    getOperation().walk([&](NormalizeOp op) {
      if (std::optional<Slab> slab = Slab::match(op))
        slabs.push_back(*slab);
    });
    IRRewriter rewriter(&getContext());
    for (Slab &slab : slabs) {
      // Statistics are complete after the loop only.
      SetVector<Operation *> users;
      getForwardSlice(slab.stats.getOperation(), &users);
      SmallVector<Operation *> between;
      for (Operation &op : llvm::make_range(
               std::next(slab.stats->getIterator()),
               slab.normalize->getIterator()))
        if (users.contains(&op))
          between.push_back(&op);
      Operation *anchor = slab.normalize;
      Operation *after = anchor->getNextNode();
      SlabPipeliner(rewriter, slab).run();
      moveUsersBehind(after->getPrevNode(), between);
    }
  }
};
} // namespace
