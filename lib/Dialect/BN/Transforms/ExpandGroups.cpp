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
// threads. How, is in GroupLoop.cpp; here is what training and gradients are
// made of.
//
//===----------------------------------------------------------------------===//

#include "GroupLoop.h"
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

//===----------------------------------------------------------------------===//
// What the operands are
//===----------------------------------------------------------------------===//

namespace {
/// What each operand of an op is to a group. Entries per channel are read by
/// all groups, unless something else is said.
struct Roles {
  Roles(IndexedOpInterface op, MutableOperandRange mask) {
    for (AffineMap map : op.getOperandIndexingMaps())
      list.push_back(map.isIdentity() ? GroupRole::Data : GroupRole::Shared);
    set(mask, GroupRole::Mask);
  }

  void set(MutableOperandRange operands, GroupRole role) {
    for (OpOperand &operand : operands)
      list[operand.getOperandNumber()] = role;
  }

  SmallVector<GroupRole> list;
};
} // namespace

static SmallVector<GroupRole> getRoles(TrainingOp op) {
  Roles roles(op, op.getMaskMutable());
  roles.set(op.getRunningMeanMutable(), GroupRole::SharedWide);
  roles.set(op.getRunningVarianceMutable(), GroupRole::SharedWide);
  MutableOperandRange outs = op.getOutsMutable();
  roles.set(outs.slice(1, 2), GroupRole::PerGroup);
  if (op.hasRunningStats())
    roles.set(outs.slice(3, 2), GroupRole::Combined);
  return roles.list;
}

static SmallVector<GroupRole> getRoles(BackwardOp op) {
  Roles roles(op, op.getMaskMutable());
  roles.set(op.getMeanMutable(), GroupRole::PerGroup);
  roles.set(op.getVarianceMutable(), GroupRole::PerGroup);
  for (Gradient gradient : {Gradient::scale, Gradient::offset})
    if (op.wants(gradient))
      roles.set(op.getOutsMutable().slice(op.getPlace(gradient), 1),
                GroupRole::Combined);
  return roles.list;
}

//===----------------------------------------------------------------------===//
// What comes of all groups
//===----------------------------------------------------------------------===//

/// The mean of what groups 0 to `i` have made of running statistics, of which
/// `part` is the last. The mean of equal numbers is that number, as where no
/// group has elements.
static Value addToMean(OpBuilder &b, Operation *op, Value part, Value mean,
                       Value i) {
  Location loc = op->getLoc();
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

static Value addToSum(OpBuilder &b, Operation *op, Value part, Value sum) {
  auto body = [&](OpBuilder &nested, Location l,
                  ValueRange args) -> SmallVector<Value> {
    return {arith::AddFOp::create(nested, l, args[1], args[0])};
  };
  return createElementwise(b, op, part, sum, body).getResult(0);
}

/// The policy for no elements. (An empty dimension has no legal slices.)
static SmallVector<Value> createEmptyResults(RewriterBase &b,
                                             DestinationStyleOpInterface op,
                                             ArrayRef<GroupRole> roles) {
  Location loc = op.getLoc();
  SmallVector<Value> results(op.getDpsInits());
  auto training = dyn_cast<TrainingOp>(op.getOperation());
  for (auto [place, role] :
       llvm::enumerate(roles.take_back(op.getNumDpsInits()))) {
    if (role == GroupRole::Data)
      continue;
    Value out = results[place];
    Type element = cast<ShapedType>(out.getType()).getElementType();
    if (training && role == GroupRole::Combined)
      results[place] =
          convertTensor(b, op,
                        place == 3 ? training.getRunningMean()
                                   : training.getRunningVariance(),
                        out);
    else
      results[place] =
          linalg::FillOp::create(b, loc, floatConstant(b, loc, 0.0, element),
                                 out)
              .getResult(0);
  }
  return results;
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

LogicalResult mlir::bn::expandGroups(RewriterBase &b, Operation *op) {
  // Buffers are left for bn-decompose to refuse.
  if (getNumGroups(op) == 1 || op->getNumResults() == 0)
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  auto training = dyn_cast<TrainingOp>(op);
  SmallVector<GroupRole> roles =
      training ? getRoles(training) : getRoles(cast<BackwardOp>(op));
  auto combine = [&](Value part, Value total, Value i) {
    return training ? addToMean(b, op, part, total, i)
                    : addToSum(b, op, part, total);
  };
  auto indexed = cast<IndexedOpInterface>(op);
  auto type =
      cast<RankedTensorType>(indexed.getSpanningOperand().get().getType());
  auto inits = cast<DestinationStyleOpInterface>(op);
  if (llvm::is_contained(type.getShape(), 0))
    b.replaceOp(op, createEmptyResults(b, inits, roles));
  else
    b.replaceOp(op, GroupLoop(b, inits, roles, combine).build());
  return success();
}

namespace {
struct ExpandGroupsPass
    : public bn::impl::ExpandGroupsPassBase<ExpandGroupsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](IndexedOpInterface op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops)
      (void)expandGroups(rewriter, op);
  }
};
} // namespace
