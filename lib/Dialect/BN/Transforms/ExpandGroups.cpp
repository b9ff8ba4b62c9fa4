//===- ExpandGroups.cpp - Groups of samples, one after the other ----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'bn'. A group of samples is a batch: each becomes an op of its own,
// which gets the schedule that fits it; small ones are shared out among the
// threads. The data are cut by a view, (N, ...) as
// (groups, N / groups, ...); on that the canonical view is taken at once, since
// a slice of the data, whose strides may be dynamic, could not be collapsed.
//
//===----------------------------------------------------------------------===//

#include "GroupedView.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Transforms/Passes.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

#include <limits>

namespace mlir::bn {
#define GEN_PASS_DEF_EXPANDGROUPSPASS
#include "bn/Dialect/BN/Transforms/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Groups of at most this size are one thread's work each, from its L2 cache,
/// where there are enough of them to share. Tensors up to the second size are
/// not worth a fork.
static constexpr int64_t kSmallGroupBytes = 128 << 10, kForkBytes = 64 << 10;
static constexpr int64_t kManyGroups = 8;

namespace {
/// Builds the loop over the groups of one op.
class GroupExpander {
public:
  GroupExpander(RewriterBase &b, TrainingOp op);
  void run();

private:
  ShapedType getMaskType();
  void prepareMask();
  Value widen(Value perChannel);
  Value addToMean(Value part, Value mean, Value i);
  bool hasManySmallGroups();
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  ValueRange createPart(Value i, ValueRange outs, ValueRange newRunning);
  SmallVector<Value> createLoop(ValueRange outs);
  SmallVector<Value> createParallelLoop(ValueRange outs);
  SmallVector<Value> createZeroMeans();

  RewriterBase &b;
  TrainingOp op;
  Location loc;
  int64_t rank, groups;
  CanonicalView view;
  /// The data, with the groups as their first dimension; null in place.
  Value input;
  SmallVector<Value, 1> epilogueInputs;
  /// The mask, which may be the same for all groups.
  Value mask;
  bool cutsMask = false;
  /// The operands that all groups share.
  Value scale, offset;
  SmallVector<Value, 2> running;
};
} // namespace

GroupExpander::GroupExpander(RewriterBase &b, TrainingOp op)
    : b(b), op(op), loc(op.getLoc()), groups(op.getGroups()) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  rank = type.getRank();
  SmallVector<int64_t> axis = normalizeAxis(op.getAxis(), rank);
  SmallVector<int64_t> shape(type.getShape());
  if (!type.isDynamicDim(0))
    shape[0] /= groups;
  // As for bn-collapse-dimensions: a strategy is about the view that the op
  // has.
  view = getLoweringStrategy(op)
             ? CanonicalView::getIdentity(rank, axis)
             : CanonicalView::get(type.clone(shape), axis, getMaskType());
}

/// The type of the mask of a group; null where there is none.
ShapedType GroupExpander::getMaskType() {
  if (!op.getMask())
    return {};
  auto type = cast<RankedTensorType>(op.getMask().getType());
  SmallVector<int64_t> shape(type.getShape());
  if (!type.isDynamicDim(0) && shape[0] != 1)
    shape[0] /= groups;
  return type.clone(shape);
}

/// The mask, with the groups as its first dimension where it is not the same
/// for each.
void GroupExpander::prepareMask() {
  if (!op.getMask())
    return;
  mask = repeatMask(b, loc, op.getMask(), op.getInput(), view.repeated);
  cutsMask = cast<RankedTensorType>(mask.getType()).getDimSize(0) != 1;
  mask = cutsMask ? groupData(b, loc, mask, groups, view).value
                  : collapse(b, loc, mask, view.data);
}

/// A running statistic as f64, so that only the mean of all updates of it is
/// rounded.
Value GroupExpander::widen(Value perChannel) {
  Value value = collapse(b, loc, perChannel, view.channels);
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType().isF64())
    return value;
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, value), b.getF64Type());
  return convertTensor(b, op, value, empty);
}

/// The mean of the updates of groups 0 to `i`, of which `part` is the last. The
/// mean of equal numbers is that number, as where no group has elements.
Value GroupExpander::addToMean(Value part, Value mean, Value i) {
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value number = arith::SIToFPOp::create(
      b, loc, b.getF64Type(),
      arith::IndexCastOp::create(b, loc, b.getI64Type(),
                                 arith::AddIOp::create(b, loc, i, one)));
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    Value x = args[0], running = args[1];
    Value step = arith::DivFOp::create(
        nested, l, arith::SubFOp::create(nested, l, x, running), number);
    // Infinity less infinity is NaN.
    Value infinity = floatConstant(
        nested, l, std::numeric_limits<double>::infinity(), x.getType());
    Value isInfinite = arith::CmpFOp::create(
        nested, l, arith::CmpFPredicate::OEQ,
        math::AbsFOp::create(nested, l, running), infinity);
    step = arith::SelectOp::create(nested, l, isInfinite, x, step);
    return {arith::AddFOp::create(nested, l, running, step)};
  };
  return createElementwise(b, op, part, mean, body).getResult(0);
}

/// The op of group `i`, whose results are its parts of `outs`, and
/// `newRunning`.
ValueRange GroupExpander::createPart(Value i, ValueRange outs,
                                     ValueRange newRunning) {
  SmallVector<Value> parts;
  for (Value grouped : outs)
    parts.push_back(extractGroup(b, loc, grouped, i));
  // In place, a group is read from what the loop carries: one buffer.
  auto getPart = [&](Value grouped) {
    return grouped ? extractGroup(b, loc, grouped, i) : parts[0];
  };
  SmallVector<Value> operands = {getPart(input)};
  for (Value operand : {scale, offset})
    if (operand)
      operands.push_back(operand);
  llvm::append_range(operands, running);
  if (mask)
    operands.push_back(cutsMask ? extractGroup(b, loc, mask, i) : mask);
  for (Value grouped : epilogueInputs)
    operands.push_back(getPart(grouped));
  llvm::append_range(parts, newRunning);
  llvm::append_range(operands, parts);
  auto part =
      cast<TrainingOp>(clone(b, op, TypeRange(ValueRange(parts)), operands));
  part.setAxis(view.axis);
  part.setGroups(1);
  return part.getResults();
}

/// Means of no running statistics yet.
SmallVector<Value> GroupExpander::createZeroMeans() {
  SmallVector<int64_t> dims =
      llvm::to_vector(llvm::seq<int64_t>(0, view.channels.size()));
  SmallVector<Value> means;
  for (Value statistic : running)
    means.push_back(createZerosLike(b, loc, statistic, dims, b.getF64Type()));
  return means;
}

/// One group after the other, each with all threads. Returns `outs` with the
/// results of all groups, and the means of the running statistics.
SmallVector<Value> GroupExpander::createLoop(ValueRange outs) {
  SmallVector<Value> init(outs);
  llvm::append_range(init, createZeroMeans());
  auto body = [&](OpBuilder &, Location, Value i, ValueRange carried) {
    SmallVector<Value> empty, next;
    for (Value statistic : running)
      empty.push_back(tensor::EmptyOp::create(
          b, loc, tensor::getMixedSizes(b, loc, statistic), b.getF64Type()));
    ValueRange results = createPart(i, carried.take_front(outs.size()), empty);
    for (auto [k, value] : llvm::enumerate(carried))
      next.push_back(k < outs.size() ? insertGroup(b, loc, results[k], value, i)
                                     : addToMean(results[k], value, i));
    scf::YieldOp::create(b, loc, next);
  };
  auto loop = scf::ForOp::create(b, loc, constant(0), constant(groups),
                                 constant(1), init, body);
  return SmallVector<Value>(loop.getResults());
}

/// The same, one group per thread.
SmallVector<Value> GroupExpander::createParallelLoop(ValueRange outs) {
  SmallVector<Value> shared(outs);
  for (Value statistic : running) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, statistic);
    sizes.insert(sizes.begin(), b.getIndexAttr(groups));
    shared.push_back(tensor::EmptyOp::create(b, loc, sizes, b.getF64Type()));
  }
  auto loop = scf::ForallOp::create(
      b, loc, SmallVector<OpFoldResult>{b.getIndexAttr(groups)}, shared,
      /*mapping=*/std::nullopt);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value i = loop.getInductionVar(0);
    ValueRange whole(loop.getRegionIterArgs());
    SmallVector<Value> newRunning;
    for (Value statistics : whole.drop_front(outs.size()))
      newRunning.push_back(extractGroup(b, loc, statistics, i));
    ValueRange results =
        createPart(i, whole.take_front(outs.size()), newRunning);
    for (auto [result, tensor] : llvm::zip_equal(results, whole)) {
      b.setInsertionPoint(loop.getTerminator());
      GroupSlice slice(b, loc, tensor, i);
      b.setInsertionPointToEnd(loop.getTerminator().getBody());
      tensor::ParallelInsertSliceOp::create(
          b, loc, result, tensor, slice.offsets, slice.sizes, slice.strides);
    }
  }
  SmallVector<Value> results(loop.getResults().take_front(outs.size()));
  if (running.empty())
    return results;
  ValueRange updates = loop.getResults().drop_front(outs.size());
  auto means = scf::ForOp::create(
      b, loc, constant(0), constant(groups), constant(1), createZeroMeans(),
      [&](OpBuilder &, Location, Value i, ValueRange carried) {
        SmallVector<Value> next;
        for (auto [update, mean] : llvm::zip_equal(updates, carried))
          next.push_back(addToMean(extractGroup(b, loc, update, i), mean, i));
        scf::YieldOp::create(b, loc, next);
      });
  llvm::append_range(results, means.getResults());
  return results;
}

/// True where threads had better share groups than their elements. What decides
/// is the shape, and not how many threads there are.
bool GroupExpander::hasManySmallGroups() {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  if (!type.hasStaticShape() || groups < kManyGroups)
    return false;
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  return bytes > kForkBytes && bytes / groups <= kSmallGroupBytes;
}

void GroupExpander::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  auto getGroups = [&](Value data) {
    return data == op.getOuts()[0]
               ? Value()
               : groupData(b, loc, data, groups, view).value;
  };
  input = getGroups(op.getInput());
  for (Value data : op.getEpilogueInputs())
    epilogueInputs.push_back(getGroups(data));
  prepareMask();
  auto collapseChannels = [&](Value operand) {
    return operand ? collapse(b, loc, operand, view.channels) : Value();
  };
  scale = collapseChannels(op.getScale());
  offset = collapseChannels(op.getOffset());
  SmallVector<Grouped> grouped;
  SmallVector<Value> outs;
  for (auto [k, out] : llvm::enumerate(op.getOuts().take_front(3))) {
    grouped.push_back(k == 0 ? groupData(b, loc, out, groups, view)
                             : groupChannels(b, loc, out, view));
    outs.push_back(grouped.back().value);
  }
  if (op.hasRunningStats())
    for (Value statistic : {op.getRunningMean(), op.getRunningVariance()})
      running.push_back(widen(statistic));
  SmallVector<Value> results =
      hasManySmallGroups() ? createParallelLoop(outs) : createLoop(outs);
  for (auto [k, result] : llvm::enumerate(results)) {
    if (k < outs.size()) {
      result = ungroup(b, loc, result, grouped[k]);
      continue;
    }
    Value out = op.getOuts()[k];
    Value narrow = collapse(b, loc, out, view.channels);
    result = expand(b, loc, convertTensor(b, op, result, narrow), out,
                    view.channels);
  }
  b.replaceOp(op, results);
}

/// The policy for no elements. (An empty dimension has no legal slices.)
static void replaceEmpty(RewriterBase &b, TrainingOp op) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  SmallVector<Value> results(op.getOuts());
  for (Value &statistic : MutableArrayRef(results).slice(1, 2)) {
    Value zero =
        floatConstant(b, op.getLoc(), 0.0,
                      cast<ShapedType>(statistic.getType()).getElementType());
    statistic =
        linalg::FillOp::create(b, op.getLoc(), zero, statistic).getResult(0);
  }
  if (op.hasRunningStats()) {
    results[3] = convertTensor(b, op, op.getRunningMean(), results[3]);
    results[4] = convertTensor(b, op, op.getRunningVariance(), results[4]);
  }
  b.replaceOp(op, results);
}

LogicalResult mlir::bn::expandGroups(RewriterBase &rewriter, TrainingOp op) {
  // Buffers are left for bn-decompose to refuse.
  auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
  if (op.getGroups() == 1 || !type)
    return failure();
  if (llvm::is_contained(type.getShape(), 0))
    replaceEmpty(rewriter, op);
  else
    GroupExpander(rewriter, op).run();
  return success();
}

namespace {
struct ExpandGroupsPass
    : public bn::impl::ExpandGroupsPassBase<ExpandGroupsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<TrainingOp> ops;
    getOperation().walk([&](TrainingOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (TrainingOp op : ops)
      (void)expandGroups(rewriter, op);
  }
};
} // namespace
