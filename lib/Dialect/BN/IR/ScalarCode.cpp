//===- ScalarCode.cpp - Epilogues and prologues ---------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the ops with an epilogue (bn.training, bn.inference, bn.normalize) and
// those with a prologue (bn.backward, bn.backward_reduce, bn.backward_input)
// share.
//
//===----------------------------------------------------------------------===//

#include "ScalarCode.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::bn;

bool mlir::bn::isLegalInScalarCode(Operation *op) {
  auto isScalar = [](Type type) { return type.isIntOrIndexOrFloat(); };
  return (OpTrait::hasElementwiseMappableTraits(op) ||
          op->hasTrait<OpTrait::ConstantLike>()) &&
         isMemoryEffectFree(op) && op->getNumRegions() == 0 &&
         llvm::all_of(op->getOperandTypes(), isScalar) &&
         llvm::all_of(op->getResultTypes(), isScalar);
}

/// The type in which the code of `op` computes.
static FloatType getAccumulatorTypeOf(ScalarCodeOpInterface op) {
  return getAccumulatorType(getElementTypeOrSelf(op.getCodeData().getType()));
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// The sizes of an input with an entry per channel.
static SmallVector<int64_t> getChannelShape(ScalarCodeOpInterface op) {
  auto data = cast<ShapedType>(op.getCodeData().getType());
  SmallVector<int64_t> shape;
  for (int64_t dim : normalizeAxis(op.getAxis(), data.getRank()))
    shape.push_back(data.getDimSize(dim));
  return shape;
}

/// True for the type of an input that the code of `op` can take.
static bool isCodeInput(ScalarCodeOpInterface op, ShapedType type) {
  auto data = cast<ShapedType>(op.getCodeData().getType());
  Type element = data.getElementType(), got = type.getElementType();
  bool isSaved = got.isInteger(8);
  if ((got == element || (isSaved && op.takesSavedBits())) &&
      succeeded(verifyCompatibleShape(type.getShape(), data.getShape())))
    return true;
  bool isWider = got.getIntOrFloatBitWidth() > element.getIntOrFloatBitWidth();
  return !isSaved && (got == element || isWider) &&
         succeeded(verifyCompatibleShape(type.getShape(), getChannelShape(op)));
}

LogicalResult mlir::bn::verifyCodeInputs(ScalarCodeOpInterface op) {
  OperandRange inputs = op.getCodeInputs();
  StringRef name = op.getCodeName();
  if (!op.hasScalarCode() && !inputs.empty())
    return op->emitOpError("expected no ")
           << name << " inputs without " << (name == "epilogue" ? "an " : "a ")
           << name << ", got " << inputs.size();
  auto data = cast<ShapedType>(op.getCodeData().getType());
  for (auto [i, type] : llvm::enumerate(inputs.getTypes())) {
    if (isCodeInput(op, cast<ShapedType>(type)))
      continue;
    InFlightDiagnostic diagnostic = op->emitOpError("expected ");
    diagnostic << name << " input " << i << " to have the type of '"
               << (op.takesSavedBits() ? "output_grad" : "input") << "' ("
               << data << ")";
    if (op.takesSavedBits())
      diagnostic << ", with that shape elements of 'i8'";
    return diagnostic << ", or one entry per channel ("
                      << RankedTensorType::get(getChannelShape(op),
                                               data.getElementType())
                      << " or of a wider type), got " << type;
  }
  return success();
}

LogicalResult mlir::bn::verifyCodeTypes(ScalarCodeOpInterface op) {
  if (!op.hasScalarCode())
    return success();
  StringRef name = op.getCodeName();
  if (op->getNumRegions() != 1)
    return op->emitOpError("expected one ")
           << name << " at most, got " << op->getNumRegions();
  Block &block = op.getScalarCode();
  Type type = getAccumulatorTypeOf(op);
  SmallVector<Type> expected = {type};
  for (Value input : op.getCodeInputs()) {
    Type element = getElementTypeOrSelf(input.getType());
    expected.push_back(element.isInteger() ? element : type);
  }
  if (!llvm::equal(block.getArgumentTypes(), expected))
    return op->emitOpError("expected the ")
           << name << " to take (" << expected << "), got ("
           << block.getArgumentTypes() << ")";
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op->emitOpError("expected the ")
           << name << " to end with 'bn.yield', got "
           << (block.empty()
                   ? "nothing"
                   : ("'" + block.back().getName().getStringRef() + "'").str());
  auto epilogue = dyn_cast<EpilogueOpInterface>(op.getOperation());
  SmallVector<Type> yielded = {type};
  if (epilogue && epilogue.getSavedOut())
    yielded.push_back(IntegerType::get(op->getContext(), 8));
  if (llvm::equal(yield->getOperandTypes(), yielded))
    return success();
  return op->emitOpError("expected the ")
         << name << " to yield " << ArrayRef<Type>(yielded) << ", got "
         << yield->getOperandTypes();
}

LogicalResult mlir::bn::verifyCodeOps(ScalarCodeOpInterface op) {
  if (!op.hasScalarCode())
    return success();
  for (Operation &inner : op.getScalarCode().without_terminator())
    if (!isLegalInScalarCode(&inner))
      return op->emitOpError("expected elementwise ops on scalars, free of "
                             "memory effects, in the ")
             << op.getCodeName() << ", got '" << inner.getName() << "'";
  return success();
}

LogicalResult mlir::bn::verifySaved(EpilogueOpInterface op) {
  Value saved = op.getSavedOut();
  if (!saved)
    return success();
  if (!op.hasScalarCode())
    return op->emitOpError("expected no out for what an epilogue saves without "
                           "an epilogue, got ")
           << saved.getType();
  auto input = cast<ShapedType>(op.getInput().getType());
  if (succeeded(verifyCompatibleShape(saved.getType(), input)))
    return success();
  return op->emitOpError(
             "expected what the epilogue saves to have the shape of "
             "'input' (")
         << input << "), got " << saved.getType();
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void mlir::bn::cloneScalarCode(ScalarCodeOpInterface from,
                               ScalarCodeOpInterface to) {
  if (!from.hasScalarCode())
    return;
  IRMapping mapping; // values from outside stay what they are
  from->getRegion(0).cloneInto(&to->getRegion(0), mapping);
}

ScalarCodeOpInterface mlir::bn::recreateWithScalarCode(RewriterBase &rewriter,
                                                       ScalarCodeOpInterface op,
                                                       bool hasCode) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  unsigned numResults = op->getNumResults();
  TypeRange types;
  if (numResults != 0)
    types = op.getOuts().getTypes();
  OperationState state(op->getLoc(), op->getName(), op->getOperands(), types,
                       op->getAttrs());
  if (hasCode)
    state.addRegion();
  Operation *created = rewriter.create(state);
  rewriter.replaceOp(op, created->getResults().take_front(numResults));
  return cast<ScalarCodeOpInterface>(created);
}

SmallVector<Value> mlir::bn::inlineScalarCode(OpBuilder &builder,
                                              ScalarCodeOpInterface op,
                                              Value element,
                                              ValueRange inputs) {
  if (!op.hasScalarCode())
    return {element};
  Block &block = op.getScalarCode();
  IRMapping mapping;
  mapping.map(block.getArgument(0), element);
  mapping.map(block.getArguments().drop_front(), inputs);
  for (Operation &inner : block.without_terminator())
    builder.clone(inner, mapping);
  return llvm::map_to_vector(
      block.getTerminator()->getOperands(),
      [&](Value yielded) { return mapping.lookupOrDefault(yielded); });
}

//===----------------------------------------------------------------------===//
// Types of inputs
//===----------------------------------------------------------------------===//

/// True for an input with an entry per channel that is not of the accumulator
/// type yet.
static bool needsConversion(ScalarCodeOpInterface op, Value input) {
  auto data = cast<ShapedType>(op.getCodeData().getType());
  auto type = cast<ShapedType>(input.getType());
  return type.getRank() != data.getRank() &&
         type.getElementType() != getAccumulatorTypeOf(op);
}

bool mlir::bn::hasOwnCodeInputs(ScalarCodeOpInterface op) {
  return llvm::none_of(op.getCodeInputs(),
                       [&](Value input) { return needsConversion(op, input); });
}

SmallVector<Value> mlir::bn::convertCodeInputs(OpBuilder &b,
                                               ScalarCodeOpInterface op) {
  Value data = op.getCodeData();
  SmallVector<int64_t> axis =
      normalizeAxis(op.getAxis(), cast<ShapedType>(data.getType()).getRank());
  SmallVector<Value> inputs(op.getCodeInputs());
  for (Value &input : inputs)
    if (needsConversion(op, input))
      input = convertTensor(b, op, input,
                            createEmptyLike(b, op->getLoc(), data, axis,
                                            getAccumulatorTypeOf(op)));
  return inputs;
}

Value mlir::bn::convertCodeElement(OpBuilder &b, Location loc, Value value,
                                   FloatType accumulator) {
  return value.getType().isInteger() ? value
                                     : convertFloat(b, loc, value, accumulator);
}
