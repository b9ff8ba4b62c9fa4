//===- GroupLoop.cpp - An op for each group of samples --------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The data are cut by a view, (N, ...) as (groups, N / groups, ...); on that
// the canonical view is taken at once, since a slice of the data, whose strides
// may be dynamic, could not be collapsed. What all groups make together is
// combined in the order of the groups, whichever loop they are in.
//
//===----------------------------------------------------------------------===//

#include "GroupLoop.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bn;

/// Groups of at most this size are one thread's work each, from its L2 cache,
/// where there are enough of them to share. Tensors up to the second size are
/// not worth a fork.
static constexpr int64_t kSmallGroupBytes = 128 << 10, kForkBytes = 64 << 10;
static constexpr int64_t kManyGroups = 8;

GroupLoop::GroupLoop(RewriterBase &b, DestinationStyleOpInterface op,
                     ArrayRef<GroupRole> roles, Combiner combine)
    : b(b), op(op), roles(roles), combine(combine), loc(op.getLoc()),
      groups(getNumGroups(op)) {
  auto indexed = cast<IndexedOpInterface>(op.getOperation());
  Value data = indexed.getSpanningOperand().get();
  type = cast<RankedTensorType>(data.getType());
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// The type of a group of data of type `type`, or of their mask.
static RankedTensorType getGroupType(RankedTensorType type, int64_t groups) {
  SmallVector<int64_t> shape(type.getShape());
  if (!type.isDynamicDim(0) && shape[0] != 1)
    shape[0] /= groups;
  return type.clone(shape);
}

void GroupLoop::setView() {
  SmallVector<int64_t> axis = normalizeAxis(
      op->getAttrOfType<DenseI64ArrayAttr>("axis"), type.getRank());
  // As for bn-collapse-dimensions: a strategy is about the view that the op
  // has.
  if (getLoweringStrategy(op)) {
    view = CanonicalView::getIdentity(type.getRank(), axis);
    return;
  }
  RankedTensorType mask;
  for (auto [operand, role] : llvm::zip_equal(op->getOperands(), roles))
    if (role == GroupRole::Mask)
      mask = getGroupType(cast<RankedTensorType>(operand.getType()), groups);
  view = CanonicalView::get(getGroupType(type, groups), axis, mask);
}

GroupLoop::Input GroupLoop::prepareMask(Value mask) {
  Value data =
      cast<IndexedOpInterface>(op.getOperation()).getSpanningOperand().get();
  mask = repeatMask(b, loc, mask, data, view.repeated);
  if (cast<RankedTensorType>(mask.getType()).getDimSize(0) == 1)
    return {collapse(b, loc, mask, view.data), false};
  return {groupData(b, loc, mask, groups, view).value, true};
}

Value GroupLoop::widen(Value perChannel) {
  auto type = cast<RankedTensorType>(perChannel.getType());
  if (type.getElementType().isF64())
    return perChannel;
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, perChannel), b.getF64Type());
  return convertTensor(b, op, perChannel, empty);
}

GroupLoop::Input GroupLoop::prepareInput(Value operand, GroupRole role) {
  switch (role) {
  case GroupRole::Data:
    // In place, a group is read from what the loop carries: one buffer.
    for (auto [place, out] : llvm::enumerate(op.getDpsInits()))
      if (operand == out)
        return {Value(), true, static_cast<unsigned>(place)};
    return {groupData(b, loc, operand, groups, view).value, true};
  case GroupRole::Mask:
    return prepareMask(operand);
  case GroupRole::PerGroup:
    return {groupChannels(b, loc, operand, view).value, true};
  case GroupRole::Shared:
    return {collapse(b, loc, operand, view.channels), false};
  case GroupRole::SharedWide:
    return {widen(collapse(b, loc, operand, view.channels)), false};
  case GroupRole::Combined:
    break;
  }
  llvm_unreachable("not an input");
}

void GroupLoop::prepareOuts() {
  for (auto [out, role] : llvm::zip_equal(
           op.getDpsInits(), ArrayRef(roles).take_back(op.getNumDpsInits()))) {
    if (role == GroupRole::Data)
      outs.push_back({groupData(b, loc, out, groups, view), Value()});
    else if (role == GroupRole::PerGroup)
      outs.push_back({groupChannels(b, loc, out, view), Value()});
    else
      outs.push_back({{}, collapse(b, loc, out, view.channels)});
  }
}

//===----------------------------------------------------------------------===//
// The loop
//===----------------------------------------------------------------------===//

Value GroupLoop::constant(int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

/// Room for what one group, or each of them, adds to `out`.
Value GroupLoop::createEmpty(const Out &out, bool forAllGroups) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, out.combined);
  if (forAllGroups)
    sizes.insert(sizes.begin(), b.getIndexAttr(groups));
  return tensor::EmptyOp::create(b, loc, sizes, b.getF64Type());
}

Value GroupLoop::createZeros(const Out &out) {
  SmallVector<int64_t> dims =
      llvm::to_vector(llvm::seq<int64_t>(0, view.channels.size()));
  return createZerosLike(b, loc, out.combined, dims, b.getF64Type());
}

/// The op of group `i`, which writes to `destinations`. Returns its results.
ValueRange GroupLoop::createPart(Value i, ValueRange destinations) {
  SmallVector<Value> operands;
  for (const Input &input : inputs)
    operands.push_back(!input.value  ? destinations[input.out]
                       : input.isCut ? extractGroup(b, loc, input.value, i)
                                     : input.value);
  llvm::append_range(operands, destinations);
  Operation *part = clone(b, op, TypeRange(destinations), operands);
  part->setAttr("axis", b.getDenseI64ArrayAttr(view.axis));
  part->setAttr("groups", b.getI64IntegerAttr(1));
  return part->getResults();
}

/// One group after the other, each with all threads.
SmallVector<Value> GroupLoop::createLoop() {
  SmallVector<Value> init;
  for (const Out &out : outs)
    init.push_back(out.combined ? createZeros(out) : out.grouped.value);
  auto body = [&](OpBuilder &, Location, Value i, ValueRange carried) {
    SmallVector<Value> destinations, next;
    for (auto [out, value] : llvm::zip_equal(outs, carried))
      destinations.push_back(out.combined ? createEmpty(out)
                                          : extractGroup(b, loc, value, i));
    ValueRange results = createPart(i, destinations);
    for (auto [out, result, value] : llvm::zip_equal(outs, results, carried))
      next.push_back(out.combined ? combine(result, value, i)
                                  : insertGroup(b, loc, result, value, i));
    scf::YieldOp::create(b, loc, next);
  };
  auto loop = scf::ForOp::create(b, loc, constant(0), constant(groups),
                                 constant(1), init, body);
  return SmallVector<Value>(loop.getResults());
}

/// The same, one group per thread.
SmallVector<Value> GroupLoop::createParallelLoop() {
  SmallVector<Value> shared;
  for (const Out &out : outs)
    shared.push_back(out.combined ? createEmpty(out, /*forAllGroups=*/true)
                                  : out.grouped.value);
  auto loop = scf::ForallOp::create(
      b, loc, SmallVector<OpFoldResult>{b.getIndexAttr(groups)}, shared,
      /*mapping=*/std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value i = loop.getInductionVar(0);
  SmallVector<Value> destinations;
  for (Value whole : loop.getRegionIterArgs())
    destinations.push_back(extractGroup(b, loc, whole, i));
  ValueRange results = createPart(i, destinations);
  for (auto [result, whole] :
       llvm::zip_equal(results, loop.getRegionIterArgs())) {
    b.setInsertionPoint(loop.getTerminator());
    GroupSlice slice(b, loc, whole, i);
    b.setInsertionPointToEnd(loop.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, loc, result, whole, slice.offsets,
                                          slice.sizes, slice.strides);
  }
  return SmallVector<Value>(loop.getResults());
}

/// Replaces what groups have made each, where it is to be combined.
void GroupLoop::combineParts(SmallVector<Value> &parts) {
  SmallVector<Value> init;
  SmallVector<Value *> places;
  for (auto [out, part] : llvm::zip_equal(outs, parts))
    if (out.combined) {
      init.push_back(createZeros(out));
      places.push_back(&part);
    }
  if (init.empty())
    return;
  auto loop = scf::ForOp::create(
      b, loc, constant(0), constant(groups), constant(1), init,
      [&](OpBuilder &, Location, Value i, ValueRange carried) {
        SmallVector<Value> next;
        for (auto [part, total] : llvm::zip_equal(places, carried))
          next.push_back(combine(extractGroup(b, loc, *part, i), total, i));
        scf::YieldOp::create(b, loc, next);
      });
  for (auto [place, total] : llvm::zip_equal(places, loop.getResults()))
    *place = total;
}

/// True where threads had better share groups than their elements. What decides
/// is the shape, and not how many threads there are.
bool GroupLoop::hasManySmallGroups() {
  if (!type.hasStaticShape() || groups < kManyGroups)
    return false;
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  return bytes > kForkBytes && bytes / groups <= kSmallGroupBytes;
}

SmallVector<Value> GroupLoop::build() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  setView();
  size_t numInputs = roles.size() - op.getNumDpsInits();
  for (size_t i = 0; i < numInputs; ++i)
    inputs.push_back(prepareInput(op->getOperand(i), roles[i]));
  prepareOuts();
  SmallVector<Value> results;
  if (hasManySmallGroups()) {
    results = createParallelLoop();
    combineParts(results);
  } else {
    results = createLoop();
  }
  for (auto [place, result] : llvm::enumerate(results)) {
    const Out &out = outs[place];
    result = out.combined
                 ? expand(b, loc, convertTensor(b, op, result, out.combined),
                          op.getDpsInits()[place], view.channels)
                 : ungroup(b, loc, result, out.grouped);
  }
  return results;
}
