//===- Epilogue.cpp - What happens to normalized elements -----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the ops with an epilogue share: bn.training, bn.inference and
// bn.normalize.
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::bn;

bool mlir::bn::isLegalInEpilogue(Operation *op) {
  auto isScalar = [](Type type) { return type.isIntOrIndexOrFloat(); };
  return (OpTrait::hasElementwiseMappableTraits(op) ||
          op->hasTrait<OpTrait::ConstantLike>()) &&
         isMemoryEffectFree(op) && op->getNumRegions() == 0 &&
         llvm::all_of(op->getOperandTypes(), isScalar) &&
         llvm::all_of(op->getResultTypes(), isScalar);
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

LogicalResult mlir::bn::verifyEpilogueInputs(EpilogueOpInterface op) {
  OperandRange inputs = op.getEpilogueInputs();
  if (!op.hasEpilogue() && !inputs.empty())
    return op->emitOpError("expected no epilogue inputs without an epilogue, "
                           "got ")
           << inputs.size();
  auto expected = cast<ShapedType>(op.getInput().getType());
  SmallVector<int64_t> channels;
  for (int64_t dim : normalizeAxis(op.getAxis(), expected.getRank()))
    channels.push_back(expected.getDimSize(dim));
  Type element = expected.getElementType();
  for (auto [i, type] : llvm::enumerate(inputs.getTypes())) {
    Type got = getElementTypeOrSelf(type);
    bool isWider =
        got.getIntOrFloatBitWidth() > element.getIntOrFloatBitWidth();
    ArrayRef<int64_t> shape = cast<ShapedType>(type).getShape();
    if (got == element &&
        succeeded(verifyCompatibleShape(shape, expected.getShape())))
      continue;
    if ((got == element || isWider) &&
        succeeded(verifyCompatibleShape(shape, channels)))
      continue;
    return op->emitOpError("expected epilogue input ")
           << i << " to have the type of 'input' (" << expected
           << "), or one entry per channel ("
           << RankedTensorType::get(channels, element)
           << " or of a wider type), got " << type;
  }
  return success();
}

LogicalResult mlir::bn::verifyEpilogueTypes(EpilogueOpInterface op) {
  if (!op.hasEpilogue())
    return success();
  if (op->getNumRegions() != 1)
    return op->emitOpError("expected one epilogue at most, got ")
           << op->getNumRegions();
  Block &block = op.getEpilogue().front();
  Type type = getAccumulatorType(getElementTypeOrSelf(op.getInput().getType()));
  SmallVector<Type> expected(1 + op.getEpilogueInputs().size(), type);
  if (!llvm::equal(block.getArgumentTypes(), expected))
    return op->emitOpError("expected the epilogue to take (")
           << expected << "), got (" << block.getArgumentTypes() << ")";
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op->emitOpError("expected the epilogue to end with 'bn.yield', got ")
           << (block.empty()
                   ? "nothing"
                   : ("'" + block.back().getName().getStringRef() + "'").str());
  if (yield.getValue().getType() == type)
    return success();
  return op->emitOpError("expected the epilogue to yield ")
         << type << ", got " << yield.getValue().getType();
}

LogicalResult mlir::bn::verifyEpilogueOps(EpilogueOpInterface op) {
  if (!op.hasEpilogue())
    return success();
  for (Operation &inner : op.getEpilogue().front().without_terminator())
    if (!isLegalInEpilogue(&inner))
      return op->emitOpError("expected elementwise ops on scalars, free of "
                             "memory effects, in the epilogue, got '")
             << inner.getName() << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void mlir::bn::cloneEpilogue(EpilogueOpInterface from, EpilogueOpInterface to) {
  if (!from.hasEpilogue())
    return;
  IRMapping mapping; // values from outside stay what they are
  from.getEpilogue().cloneInto(&to.getEpilogue(), mapping);
}

EpilogueOpInterface mlir::bn::recreateWithEpilogue(RewriterBase &rewriter,
                                                   EpilogueOpInterface op,
                                                   bool hasEpilogue) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  OperationState state(op->getLoc(), op->getName(), op->getOperands(),
                       op->getResultTypes(), op->getAttrs());
  if (hasEpilogue)
    state.addRegion();
  Operation *created = rewriter.create(state);
  rewriter.replaceOp(op, created->getResults());
  return cast<EpilogueOpInterface>(created);
}

Value mlir::bn::inlineEpilogue(OpBuilder &builder, EpilogueOpInterface op,
                               Value normalized, ValueRange inputs) {
  if (!op.hasEpilogue())
    return normalized;
  Block &block = op.getEpilogue().front();
  IRMapping mapping;
  mapping.map(block.getArgument(0), normalized);
  mapping.map(block.getArguments().drop_front(), inputs);
  for (Operation &inner : block.without_terminator())
    builder.clone(inner, mapping);
  return mapping.lookupOrDefault(block.getTerminator()->getOperand(0));
}
