//===- VerifierUtils.cpp - Checks that ops share --------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VerifierUtils.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SmallString.h"

using namespace mlir;
using namespace mlir::bn;

LogicalResult mlir::bn::verifyAxis(Operation *op, ArrayRef<int64_t> axis,
                                   Value input) {
  int64_t rank = shapedType(input).getRank();
  if (axis.empty())
    return op->emitOpError("expected 'axis' to name at least one dimension, "
                           "got none");
  for (int64_t dim : axis)
    if (dim < -rank || dim >= rank)
      return op->emitOpError("expected 'axis' to be in [")
             << -rank << ", " << rank << ") for 'input' of rank " << rank
             << ", got " << dim;
  SmallVector<int64_t> dims = normalizeAxis(axis, rank);
  auto *repeated = std::adjacent_find(dims.begin(), dims.end());
  if (repeated != dims.end())
    return op->emitOpError("expected 'axis' to name each dimension once, got "
                           "dimension ")
           << *repeated << " twice";
  return success();
}

LogicalResult mlir::bn::verifyFinite(Operation *op, StringRef name,
                                     const APFloat &value) {
  if (value.isFinite())
    return success();
  SmallString<16> text;
  value.toString(text);
  return op->emitOpError("expected '")
         << name << "' to be finite, got " << text;
}

LogicalResult mlir::bn::verifyChannelShapes(Operation *op, Value input,
                                            ArrayRef<int64_t> axis,
                                            ArrayRef<Named> operands,
                                            int64_t leading) {
  ShapedType inputType = shapedType(input);
  SmallVector<int64_t> dims = normalizeAxis(axis, inputType.getRank());
  for (auto [name, operand] : operands) {
    if (!operand)
      continue;
    ShapedType type = shapedType(operand);
    int64_t rank = leading + dims.size();
    if (type.getRank() != rank)
      return op->emitOpError("expected '")
             << name << "' to have rank " << rank << " (one dimension per axis"
             << (leading ? ", one for 'groups'" : "") << "), got "
             << type.getRank();
    for (auto [i, dim] : llvm::enumerate(dims)) {
      int64_t size = type.getDimSize(leading + i);
      if (failed(verifyCompatibleShape({size}, {inputType.getDimSize(dim)})))
        return op->emitOpError("expected '")
               << name << "' to have size " << inputType.getDimSize(dim)
               << " (dimension " << dim << " of 'input') in dimension "
               << leading + i << ", got " << size;
    }
  }
  return success();
}

LogicalResult mlir::bn::verifyElementTypes(Operation *op, Value input,
                                           ArrayRef<Named> operands) {
  Type element = shapedType(input).getElementType();
  for (auto [name, operand] : operands) {
    if (!operand)
      continue;
    Type got = shapedType(operand).getElementType();
    if (got != element &&
        got.getIntOrFloatBitWidth() <= element.getIntOrFloatBitWidth())
      return op->emitOpError("expected '")
             << name << "' to have element type " << element
             << " (that of 'input') or a wider one, got " << got;
  }
  return success();
}

LogicalResult mlir::bn::verifySameType(Operation *op, StringRef name,
                                       Value value, StringRef expectedName,
                                       Value expected) {
  ShapedType type = shapedType(value), expectedType = shapedType(expected);
  if (type.getElementType() != expectedType.getElementType() ||
      failed(verifyCompatibleShape(type, expectedType)))
    return op->emitOpError("expected '")
           << name << "' to have the type of '" << expectedName << "' ("
           << expectedType << "), got " << type;
  return success();
}

LogicalResult mlir::bn::verifyOutCount(Operation *op, ValueRange outs,
                                       size_t expected, StringRef what) {
  if (outs.size() == expected)
    return success();
  return op->emitOpError("expected ")
         << expected << " outs (" << what << "), got " << outs.size();
}

/// Checks that a strategy, if there is one, fits the rank of the op.
static LogicalResult verifyStrategy(Operation *op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  if (!strategy)
    return success();
  OpOperand &spanning = cast<IndexedOpInterface>(op).getSpanningOperand();
  size_t rank = shapedType(spanning.get()).getRank();
  if (strategy.getTile().size() != rank)
    return op->emitOpError("expected '")
           << kLoweringStrategyAttrName << "' to have " << rank
           << " tile sizes, got " << strategy.getTile().size();
  return success();
}

LogicalResult mlir::bn::verifyResults(Operation *op, ValueRange outs) {
  bool onBuffers =
      llvm::any_of(op->getOperandTypes(), llvm::IsaPred<MemRefType>);
  bool onTensors =
      llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>);
  if (onBuffers && onTensors)
    return op->emitOpError(
        "expected operands to be all tensors or all memrefs, got both");
  size_t expected = onBuffers ? 0 : outs.size();
  if (op->getNumResults() != expected)
    return op->emitOpError("expected ")
           << expected << " results, got " << op->getNumResults();
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (result.getType() != outs[i].getType())
      return op->emitOpError("expected result ")
             << i << " to have the type of its out (" << outs[i].getType()
             << "), got " << result.getType();
  return verifyStrategy(op);
}

LogicalResult mlir::bn::verifyMask(Operation *op, Value mask, Value input) {
  if (!mask)
    return success();
  ShapedType type = shapedType(mask), inputType = shapedType(input);
  if (type.getRank() != inputType.getRank())
    return op->emitOpError("expected 'mask' to have the rank of 'input' (")
           << inputType.getRank() << "), got " << type.getRank();
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.getDimSize(dim) != 1 &&
        failed(verifyCompatibleShape({type.getDimSize(dim)},
                                     {inputType.getDimSize(dim)})))
      return op->emitOpError("expected 'mask' to have size 1 or ")
             << inputType.getDimSize(dim) << " in dimension " << dim << ", got "
             << type.getDimSize(dim);
  return success();
}

LogicalResult mlir::bn::verifyGroups(Operation *op, int64_t groups, Value input,
                                     ArrayRef<int64_t> axis,
                                     ArrayRef<Named> statistics) {
  if (groups < 1)
    return op->emitOpError("expected 'groups' to be at least 1, got ")
           << groups;
  if (groups == 1)
    return success();
  ShapedType type = shapedType(input);
  if (llvm::is_contained(normalizeAxis(axis, type.getRank()), 0))
    return op->emitOpError("expected 'axis' not to name dimension 0, which "
                           "'groups' cuts");
  if (!type.isDynamicDim(0) && type.getDimSize(0) % groups != 0)
    return op->emitOpError(
               "expected 'groups' to divide dimension 0 of 'input' (")
           << type.getDimSize(0) << "), got " << groups;
  for (auto [name, value] : statistics) {
    ShapedType got = shapedType(value);
    if (got.getRank() == 0 || got.getDimSize(0) != groups)
      return op->emitOpError("expected '")
             << name << "' to have a leading dimension of size " << groups
             << " ('groups'), got " << got;
  }
  return verifyChannelShapes(op, input, axis, statistics, /*leading=*/1);
}
