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

#include "Widener.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Transforms/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::bn {
#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "bn/Dialect/BN/Transforms/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// What is fused
//===----------------------------------------------------------------------===//

namespace {
/// Makes elementwise ops between the output of one op and one result the
/// epilogue of the op.
class EpilogueFuser {
public:
  EpilogueFuser(RewriterBase &b, EpilogueOpInterface op);

  /// Finds the ops; false when there are none, or they must stay.
  bool collect();
  /// Moves what they need in front of the op; false when that is not possible.
  bool prepare();
  /// Returns the op with its epilogue, which may be a new one.
  EpilogueOpInterface fuse();

private:
  bool isFusable(Operation *op);
  bool isElementwise(linalg::LinalgOp inner, OpOperand &operand);
  bool isPerChannel(Value value);
  Value getBroadcastSource(Value value);
  bool isUsedOutside(Value value);
  bool isInside(Value value) {
    return value == output || cluster.contains(value.getDefiningOp());
  }
  bool grow();
  bool collectInputs();
  bool addInput(Value value);
  Value getDestination();
  void startEpilogue();
  void copyBody(linalg::LinalgOp inner, IRMapping &tensors);
  Value getElement(Value tensor, IRMapping &tensors);

  RewriterBase &b;
  EpilogueOpInterface op;
  Value output;
  RankedTensorType type;
  /// From an index of the output to that of its channel.
  AffineMap channelMap;
  Widener widener;
  /// The ops that are fused, and the one of which the result stays.
  SetVector<Operation *> cluster;
  linalg::LinalgOp last;
  /// Tensors that the epilogue takes elements of; tensors with equal elements,
  /// and the scalar that these are, if it is a value; other values.
  SetVector<Value> inputs, captured;
  DenseMap<Value, OpFoldResult> uniform;
  /// Tensors with equal elements in each channel, and the inputs that these are
  /// of.
  llvm::MapVector<Value, Value> broadcast;
};
} // namespace

EpilogueFuser::EpilogueFuser(RewriterBase &b, EpilogueOpInterface op)
    : b(b), op(op), output(op->getResult(0)),
      type(cast<RankedTensorType>(output.getType())) {
  auto element = cast<FloatType>(type.getElementType());
  widener = {element, getAccumulatorType(element)};
  SmallVector<AffineExpr> channels;
  for (int64_t dim : normalizeAxis(op.getAxis(), type.getRank()))
    channels.push_back(b.getAffineDimExpr(dim));
  channelMap = AffineMap::get(type.getRank(), 0, channels, b.getContext());
}

/// The number that all elements of `tensor` are, if it is known.
static OpFoldResult getUniformElement(Value tensor) {
  DenseElementsAttr constant;
  if (matchPattern(tensor, m_Constant(&constant)) && constant.isSplat())
    return constant.getSplatValue<Attribute>();
  if (auto fill = tensor.getDefiningOp<linalg::FillOp>())
    return fill.value();
  if (auto splat = tensor.getDefiningOp<tensor::SplatOp>())
    return splat.getInput();
  return {};
}

/// True for a tensor with an entry per channel, which an epilogue can take.
bool EpilogueFuser::isPerChannel(Value value) {
  auto channels = dyn_cast<RankedTensorType>(value.getType());
  return channels && channels.getRank() == channelMap.getNumResults() &&
         (channels.getElementType() == widener.narrow ||
          channels.getElementType() == widener.wide);
}

/// True for a scalar, and where an element of the result is made of the element
/// at the same index, or of that of the channel.
bool EpilogueFuser::isElementwise(linalg::LinalgOp inner, OpOperand &operand) {
  if (!isa<RankedTensorType>(operand.get().getType()))
    return true;
  AffineMap map = inner.getMatchingIndexingMap(&operand);
  return map.isIdentity() ||
         (map == channelMap && isPerChannel(operand.get()) &&
          inner.isDpsInput(&operand));
}

/// What there is per channel in `value`, where that is all that it holds.
Value EpilogueFuser::getBroadcastSource(Value value) {
  auto inner = value.getDefiningOp<linalg::LinalgOp>();
  if (!inner || inner.getNumDpsInputs() != 1 || inner.getNumDpsInits() != 1 ||
      cast<ShapedType>(value.getType()).getShape() != type.getShape())
    return {};
  OpOperand &source = *inner.getDpsInputOperand(0);
  OpOperand &init = inner.getDpsInitsMutable()[0];
  bool isCopy = inner.getBlock()->getTerminator()->getOperand(0) ==
                inner.getMatchingBlockArgument(&source);
  if (!isCopy || !isPerChannel(source.get()) ||
      inner.getMatchingIndexingMap(&source) != channelMap ||
      !inner.getMatchingIndexingMap(&init).isIdentity())
    return {};
  return source.get();
}

bool EpilogueFuser::isFusable(Operation *user) {
  auto inner = dyn_cast<linalg::LinalgOp>(user);
  if (!inner || user->getBlock() != op->getBlock() ||
      user->getNumResults() != 1 || !inner.hasPureTensorSemantics() ||
      inner.getNumParallelLoops() != inner.getNumLoops() ||
      cast<ShapedType>(user->getResult(0).getType()).getShape() !=
          type.getShape())
    return false;
  for (OpOperand &operand : user->getOpOperands())
    if (!isElementwise(inner, operand))
      return false;
  return llvm::all_of(inner.getBlock()->without_terminator(),
                      [&](Operation &o) { return widener.canCopy(&o); });
}

/// Sizes are known from the destination, too.
bool EpilogueFuser::isUsedOutside(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return !cluster.contains(user) && !isa<tensor::DimOp>(user);
  });
}

/// Adds the users of what is used outside, where all of them can be; of a value
/// that is needed by others, too, none is.
bool EpilogueFuser::grow() {
  SmallVector<Value> values = {output};
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
    if (ends.size() == 1 && !isUsedOutside(output) &&
        ends.front()->getResult(0).getType() == type) {
      last = cast<linalg::LinalgOp>(ends.front());
      SmallVector<Operation *> ops = cluster.takeVector();
      llvm::sort(ops, [](Operation *x, Operation *y) {
        return x->isBeforeInBlock(y);
      });
      cluster.insert_range(ops);
      return collectInputs();
    }
  }
  return false;
}

bool EpilogueFuser::addInput(Value value) {
  if (isInside(value) || uniform.contains(value))
    return true;
  if (!isa<RankedTensorType>(value.getType())) {
    captured.insert(value);
    return true;
  }
  if (OpFoldResult element = getUniformElement(value)) {
    uniform[value] = element;
    if (auto scalar = dyn_cast<Value>(element))
      captured.insert(scalar);
    return true;
  }
  if (Value source = getBroadcastSource(value)) {
    broadcast[value] = source;
    inputs.insert(source);
    return true;
  }
  inputs.insert(value);
  return value.getType() == type || isPerChannel(value);
}

bool EpilogueFuser::collectInputs() {
  for (Operation *user : cluster) {
    auto inner = cast<linalg::LinalgOp>(user);
    for (OpOperand &operand : user->getOpOperands())
      if (inner.payloadUsesValueFromOperand(&operand) &&
          !addInput(operand.get()))
        return false;
    for (Operation &scalar : *inner.getBlock())
      for (Value value : scalar.getOperands())
        if (value.getParentBlock() != inner.getBlock())
          captured.insert(value);
  }
  return true;
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

//===----------------------------------------------------------------------===//
// The epilogue
//===----------------------------------------------------------------------===//

/// Gives the op an epilogue with an argument for each of `inputs`.
void EpilogueFuser::startEpilogue() {
  Location loc = op.getLoc();
  if (!op.hasScalarCode()) {
    op = cast<EpilogueOpInterface>(
        recreateWithScalarCode(b, op, /*hasCode=*/true).getOperation());
    output = op->getResult(0);
    Block *block = b.createBlock(&op->getRegion(0), {}, {widener.wide}, {loc});
    YieldOp::create(b, loc, block->getArgument(0));
  }
  for (Value input : inputs)
    if (!llvm::is_contained(op.getCodeInputs(), input)) {
      op.getCodeInputsMutable().append(input);
      op.getScalarCode().addArgument(widener.wide, loc);
    }
}

/// The element of `tensor` in the epilogue.
Value EpilogueFuser::getElement(Value tensor, IRMapping &tensors) {
  Value element = tensors.lookupOrNull(tensor);
  if (element)
    return element;
  OpFoldResult known =
      isa<RankedTensorType>(tensor.getType()) ? uniform.at(tensor) : tensor;
  Location loc = op.getLoc();
  if (auto constant = dyn_cast<Attribute>(known))
    element = arith::ConstantOp::create(b, loc, cast<TypedAttr>(constant));
  else
    element = cast<Value>(known);
  if (!widener.changes(element.getType()))
    return element;
  return b.createOrFold<arith::ExtFOp>(loc, widener.wide, element);
}

void EpilogueFuser::copyBody(linalg::LinalgOp inner, IRMapping &tensors) {
  IRMapping mapping;
  for (OpOperand &operand : inner->getOpOperands())
    if (inner.payloadUsesValueFromOperand(&operand))
      mapping.map(inner.getMatchingBlockArgument(&operand),
                  getElement(operand.get(), tensors));
  for (Operation &scalar : inner.getBlock()->without_terminator())
    widener.copy(b, &scalar, mapping);
  Value result = inner.getBlock()->getTerminator()->getOperand(0);
  tensors.map(inner->getResult(0), mapping.lookupOrDefault(result));
}

EpilogueOpInterface EpilogueFuser::fuse() {
  OpBuilder::InsertionGuard guard(b);
  Value destination = getDestination();
  startEpilogue();
  b.startOpModification(op);
  Block &block = op.getScalarCode();
  auto yield = cast<YieldOp>(block.getTerminator());
  b.setInsertionPoint(yield);
  IRMapping tensors;
  tensors.map(output, yield.getValue());
  for (auto [input, argument] :
       llvm::zip_equal(op.getCodeInputs(), block.getArguments().drop_front()))
    tensors.map(input, argument);
  for (auto [tensor, source] : broadcast)
    tensors.map(tensor, tensors.lookup(source));
  for (Operation *inner : cluster)
    copyBody(cast<linalg::LinalgOp>(inner), tensors);
  yield.getValueMutable().assign(getElement(last->getResult(0), tensors));
  op.getOutsMutable().slice(0, 1).assign(destination);
  b.finalizeOpModification(op);

  // Sizes.
  auto isSize = [](OpOperand &use) {
    return isa<tensor::DimOp>(use.getOwner());
  };
  b.replaceUsesWithIf(output, destination, isSize);
  for (Operation *inner : cluster)
    b.replaceUsesWithIf(inner->getResult(0), destination, isSize);
  b.replaceAllUsesWith(last->getResult(0), output);
  for (Operation *inner : llvm::reverse(cluster))
    b.eraseOp(inner);
  for (auto [tensor, source] : broadcast)
    if (tensor.use_empty())
      b.eraseOp(tensor.getDefiningOp());
  return op;
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
