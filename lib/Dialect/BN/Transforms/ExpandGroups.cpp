//===- ExpandGroups.cpp - Groups of samples, one after the other ----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'bn'. A group of samples is a batch: each becomes an op of its own,
// which gets the schedule that fits it. The data are cut by a view, (N, ...) as
// (groups, N / groups, ...); on that the canonical view is taken at once, since
// a slice of the data, whose strides may be dynamic, could not be collapsed.
//
//===----------------------------------------------------------------------===//

#include "CanonicalView.h"
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

namespace {
/// Builds the loop over the groups of one op.
class GroupExpander {
public:
  GroupExpander(RewriterBase &b, TrainingOp op);
  void run();

private:
  /// A tensor whose first dimension is the group, and what it was made of, from
  /// the given one on.
  struct Grouped {
    Value value;
    SmallVector<Value, 2> before;
  };
  Grouped group(Value tensor, bool isData);
  Value ungroup(Value result, const Grouped &grouped, bool isData);
  ShapedType getMaskType();
  void prepareMask();
  DimGroups behindGroup(const DimGroups &groups);
  Value slice(Value grouped, Value i);
  Value insert(Value part, Value grouped, Value i);
  Value widen(Value perChannel);
  Value addToMean(Value part, Value mean, Value i);
  SmallVector<Value> createPart(Value i, ValueRange carried);

  RewriterBase &b;
  TrainingOp op;
  Location loc;
  int64_t rank, groups;
  CanonicalView view;
  /// The data, with the groups as their first dimension; null in place.
  Value input;
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
  mask = cutsMask ? group(mask, /*isData=*/true).value
                  : collapse(b, loc, mask, view.data);
}

/// `dims` of a group, behind the dimension of the groups.
DimGroups GroupExpander::behindGroup(const DimGroups &dims) {
  DimGroups result = {{0}};
  for (const ReassociationIndices &indices : dims) {
    result.emplace_back();
    for (int64_t dim : indices)
      result.back().push_back(dim + 1);
  }
  return result;
}

/// `tensor`, which is data or, for each group, has one entry per channel, with
/// the groups as its first dimension.
GroupExpander::Grouped GroupExpander::group(Value tensor, bool isData) {
  Grouped grouped;
  grouped.before.push_back(tensor);
  if (isData) {
    auto type = cast<RankedTensorType>(tensor.getType());
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
    AffineExpr n = b.getAffineSymbolExpr(0);
    sizes[0] = affine::makeComposedFoldedAffineApply(
        b, loc, AffineMap::get(0, 1, n.floorDiv(groups)), {sizes[0]});
    sizes.insert(sizes.begin(), b.getIndexAttr(groups));
    SmallVector<int64_t> shape = {groups};
    llvm::append_range(shape, type.getShape());
    if (!type.isDynamicDim(0))
      shape[1] /= groups;
    DimGroups dims = {{0, 1}};
    for (int64_t dim = 1; dim < rank; ++dim)
      dims.push_back({dim + 1});
    grouped.before.push_back(tensor::ExpandShapeOp::create(
        b, loc, type.clone(shape), tensor, dims, sizes));
  }
  grouped.value = collapse(b, loc, grouped.before.back(),
                           behindGroup(isData ? view.data : view.channels));
  return grouped;
}

/// The way back from `grouped`, which has become `result`.
Value GroupExpander::ungroup(Value result, const Grouped &grouped,
                             bool isData) {
  result = expand(b, loc, result, grouped.before.back(),
                  behindGroup(isData ? view.data : view.channels));
  if (!isData)
    return result;
  auto apart =
      grouped.before.back().getDefiningOp<tensor::ExpandShapeOp>();
  return tensor::CollapseShapeOp::create(
      b, loc, cast<RankedTensorType>(grouped.before.front().getType()), result,
      apart.getReassociationIndices());
}

/// What `grouped` has for group `i`.
static void getPart(OpBuilder &b, Location loc, Value grouped, Value i,
                    SmallVector<OpFoldResult> &offsets,
                    SmallVector<OpFoldResult> &sizes,
                    SmallVector<OpFoldResult> &strides) {
  sizes = tensor::getMixedSizes(b, loc, grouped);
  offsets.assign(sizes.size(), b.getIndexAttr(0));
  strides.assign(sizes.size(), b.getIndexAttr(1));
  offsets[0] = i;
  sizes[0] = b.getIndexAttr(1);
}

Value GroupExpander::slice(Value grouped, Value i) {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  getPart(b, loc, grouped, i, offsets, sizes, strides);
  auto type = cast<RankedTensorType>(grouped.getType());
  auto part = RankedTensorType::get(type.getShape().drop_front(),
                                    type.getElementType());
  return tensor::ExtractSliceOp::create(b, loc, part, grouped, offsets, sizes,
                                        strides);
}

Value GroupExpander::insert(Value part, Value grouped, Value i) {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  getPart(b, loc, grouped, i, offsets, sizes, strides);
  return tensor::InsertSliceOp::create(b, loc, part, grouped, offsets, sizes,
                                       strides);
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

/// One iteration: `carried` with the results of group `i`.
SmallVector<Value> GroupExpander::createPart(Value i, ValueRange carried) {
  SmallVector<Value> outs;
  for (Value grouped : carried.take_front(3))
    outs.push_back(slice(grouped, i));
  for (Value statistic : running)
    outs.push_back(tensor::EmptyOp::create(
        b, loc, tensor::getMixedSizes(b, loc, statistic), b.getF64Type()));
  // In place, a group is read from what the loop carries: one buffer.
  SmallVector<Value> operands = {input ? slice(input, i) : outs[0]};
  for (Value operand : {scale, offset})
    if (operand)
      operands.push_back(operand);
  llvm::append_range(operands, running);
  if (mask)
    operands.push_back(cutsMask ? slice(mask, i) : mask);
  llvm::append_range(operands, outs);
  auto part = cast<TrainingOp>(
      clone(b, op, TypeRange(ValueRange(outs)), operands));
  part.setAxis(view.axis);
  part.setGroups(1);
  SmallVector<Value> next;
  for (int64_t k = 0; k < 3; ++k)
    next.push_back(insert(part.getResult(k), carried[k], i));
  for (auto [update, mean] : llvm::zip_equal(part.getResults().drop_front(3),
                                             carried.drop_front(3)))
    next.push_back(addToMean(update, mean, i));
  return next;
}

void GroupExpander::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  if (op.getInput() != op.getOuts()[0])
    input = group(op.getInput(), /*isData=*/true).value;
  prepareMask();
  auto collapseChannels = [&](Value operand) {
    return operand ? collapse(b, loc, operand, view.channels) : Value();
  };
  scale = collapseChannels(op.getScale());
  offset = collapseChannels(op.getOffset());
  SmallVector<Grouped> outs;
  SmallVector<Value> init;
  for (auto [k, out] : llvm::enumerate(op.getOuts().take_front(3))) {
    outs.push_back(group(out, /*isData=*/k == 0));
    init.push_back(outs.back().value);
  }
  if (op.hasRunningStats())
    for (Value statistic : {op.getRunningMean(), op.getRunningVariance()}) {
      running.push_back(widen(statistic));
      SmallVector<int64_t> dims = llvm::to_vector(
          llvm::seq<int64_t>(0, view.channels.size()));
      init.push_back(
          createZerosLike(b, loc, running.back(), dims, b.getF64Type()));
    }
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  auto loop = scf::ForOp::create(
      b, loc, constant(0), constant(groups), constant(1), init,
      [&](OpBuilder &, Location, Value i, ValueRange carried) {
        scf::YieldOp::create(b, loc, createPart(i, carried));
      });
  SmallVector<Value> results;
  for (auto [k, out] : llvm::enumerate(outs))
    results.push_back(ungroup(loop.getResult(k), out, /*isData=*/k == 0));
  for (auto [result, out] : llvm::zip_equal(loop.getResults().drop_front(3),
                                            op.getOuts().drop_front(3))) {
    Value narrow = collapse(b, loc, out, view.channels);
    results.push_back(expand(b, loc, convertTensor(b, op, result, narrow), out,
                             view.channels));
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
