//===- ElementwiseFuser.cpp - Ops on tensors as scalar code ---------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'bn'. What bn-fuse-epilogues and bn-fuse-prologues share.
//
//===----------------------------------------------------------------------===//

#include "ElementwiseFuser.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::bn;

ElementwiseFuser::ElementwiseFuser(RewriterBase &b, ScalarCodeOpInterface op,
                                   Value data)
    : b(b), op(op), data(data), type(cast<RankedTensorType>(data.getType())) {
  auto element = cast<FloatType>(type.getElementType());
  widener = {element, getAccumulatorType(element)};
  channelMap = getChannelMap(type.getRank(), op.getAxis(), b.getContext());
}

//===----------------------------------------------------------------------===//
// What can be fused
//===----------------------------------------------------------------------===//

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

/// True for a tensor with an entry per channel, which scalar code can take.
bool ElementwiseFuser::isPerChannel(Value value) {
  auto channels = dyn_cast<RankedTensorType>(value.getType());
  return channels && channels.getRank() == channelMap.getNumResults() &&
         (channels.getElementType() == widener.narrow ||
          channels.getElementType() == widener.wide);
}

/// True for a scalar, and where an element of the result is made of the element
/// at the same index, or of that of the channel.
bool ElementwiseFuser::isElementwise(linalg::LinalgOp inner,
                                     OpOperand &operand) {
  if (!isa<RankedTensorType>(operand.get().getType()))
    return true;
  AffineMap map = inner.getMatchingIndexingMap(&operand);
  return map.isIdentity() ||
         (map == channelMap && isPerChannel(operand.get()) &&
          inner.isDpsInput(&operand));
}

/// What there is per channel in `value`, where that is all that it holds.
Value ElementwiseFuser::getBroadcastSource(Value value) {
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

bool ElementwiseFuser::isFusable(Operation *candidate) {
  auto inner = dyn_cast_if_present<linalg::LinalgOp>(candidate);
  if (!inner || candidate->getBlock() != op->getBlock() ||
      candidate->getNumResults() != 1 || !inner.hasPureTensorSemantics() ||
      inner.getNumParallelLoops() != inner.getNumLoops() ||
      cast<ShapedType>(candidate->getResult(0).getType()).getShape() !=
          type.getShape())
    return false;
  for (OpOperand &operand : candidate->getOpOperands())
    if (!isElementwise(inner, operand))
      return false;
  return llvm::all_of(inner.getBlock()->without_terminator(),
                      [&](Operation &o) { return widener.canCopy(&o); });
}

bool ElementwiseFuser::isUsedOutside(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return !cluster.contains(user) && !isa<tensor::DimOp>(user);
  });
}

void ElementwiseFuser::sortCluster() {
  SmallVector<Operation *> ops = cluster.takeVector();
  llvm::sort(ops,
             [](Operation *x, Operation *y) { return x->isBeforeInBlock(y); });
  cluster.insert_range(ops);
}

/// True for a tensor that the code can take elements of.
bool ElementwiseFuser::isInput(Value value) {
  auto tensor = cast<RankedTensorType>(value.getType());
  bool isBits = op.takesSavedBits() && tensor.getElementType().isInteger(8) &&
                tensor.getShape() == type.getShape();
  return tensor == type || isBits || isPerChannel(value);
}

void ElementwiseFuser::addInput(Value value) {
  if (isInside(value) || uniform.contains(value))
    return;
  if (!isa<RankedTensorType>(value.getType())) {
    captured.insert(value);
    return;
  }
  if (OpFoldResult element = getUniformElement(value)) {
    uniform[value] = element;
    if (auto scalar = dyn_cast<Value>(element))
      captured.insert(scalar);
    return;
  }
  if (Value source = getBroadcastSource(value)) {
    broadcast[value] = source;
    inputs.insert(source);
    return;
  }
  (isInput(value) ? inputs : rejected).insert(value);
}

bool ElementwiseFuser::collectInputs() {
  rejected.clear();
  inputs.clear();
  for (Operation *fused : cluster) {
    auto inner = cast<linalg::LinalgOp>(fused);
    for (OpOperand &operand : fused->getOpOperands())
      if (inner.payloadUsesValueFromOperand(&operand))
        addInput(operand.get());
    for (Operation &scalar : *inner.getBlock())
      for (Value value : scalar.getOperands())
        if (value.getParentBlock() != inner.getBlock())
          captured.insert(value);
  }
  return rejected.empty();
}

//===----------------------------------------------------------------------===//
// The scalar code
//===----------------------------------------------------------------------===//

void ElementwiseFuser::startCode() {
  Location loc = op.getLoc();
  if (!op.hasScalarCode()) {
    op = recreateWithScalarCode(b, op, /*hasCode=*/true);
    Block *block = b.createBlock(&op->getRegion(0), {}, {widener.wide}, {loc});
    YieldOp::create(b, loc, block->getArgument(0));
  }
  Block &block = op.getScalarCode();
  for (Value input : inputs)
    if (!llvm::is_contained(op.getCodeInputs(), input)) {
      op.getCodeInputsMutable().append(input);
      Type element = getElementTypeOrSelf(input.getType());
      block.addArgument(element.isInteger() ? element : widener.wide, loc);
    }
  for (auto [input, argument] :
       llvm::zip_equal(op.getCodeInputs(), block.getArguments().drop_front()))
    elements.map(input, argument);
  for (auto [tensor, source] : broadcast)
    elements.map(tensor, elements.lookup(source));
}

Value ElementwiseFuser::getElement(Value tensor) {
  Value element = elements.lookupOrNull(tensor);
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

void ElementwiseFuser::copyBody(linalg::LinalgOp inner) {
  IRMapping mapping;
  for (OpOperand &operand : inner->getOpOperands())
    if (inner.payloadUsesValueFromOperand(&operand))
      mapping.map(inner.getMatchingBlockArgument(&operand),
                  getElement(operand.get()));
  for (Operation &scalar : inner.getBlock()->without_terminator())
    widener.copy(b, &scalar, mapping);
  Value result = inner.getBlock()->getTerminator()->getOperand(0);
  elements.map(inner->getResult(0), mapping.lookupOrDefault(result));
}

void ElementwiseFuser::copyCluster() {
  for (Operation *fused : cluster)
    copyBody(cast<linalg::LinalgOp>(fused));
}

void ElementwiseFuser::eraseCluster() {
  for (Operation *fused : llvm::reverse(cluster))
    b.eraseOp(fused);
  for (auto [tensor, source] : broadcast)
    if (tensor.use_empty())
      b.eraseOp(tensor.getDefiningOp());
}
