//===- TileVectorizerPoints.cpp - One vector of points of an op -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'vector'. What TileVectorizer emits inside its loops.
//
//===----------------------------------------------------------------------===//

#include "TileVectorizer.h"
#include "WidenBF16Pairs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::bn;

bool TileVectorizer::dependsOn(OpOperand *operand, ArrayRef<unsigned> dims) {
  AffineMap map = op.getMatchingIndexingMap(operand);
  return llvm::any_of(
      dims, [&](unsigned dim) { return map.isFunctionOfDim(dim); });
}

bool TileVectorizer::spansStrip(OpOperand *operand) {
  return stripDim && dependsOn(operand, *stripDim);
}

/// The entries of `source` at the current indices: a vector if the operand
/// runs along the strip, else one element.
Value TileVectorizer::read(OpOperand *operand, Value source, int64_t width) {
  auto type = dyn_cast<RankedTensorType>(source.getType());
  if (!type)
    return source;
  Values at;
  for (AffineExpr expr : op.getMatchingIndexingMap(operand).getResults())
    at.push_back(indices[cast<AffineDimExpr>(expr).getPosition()]);
  if (width == 1 || !spansStrip(operand))
    return tensor::ExtractOp::create(b, loc, source, at);
  auto vectorType = VectorType::get(width, type.getElementType());
  Value padding = ub::PoisonOp::create(b, loc, type.getElementType());
  auto read = vector::TransferReadOp::create(b, loc, vectorType, source, at,
                                             padding, ArrayRef<bool>{true});
  if (mask)
    read.getMaskMutable().assign(mask);
  return read;
}

/// The value that `init` starts from. Of a filled tensor it is known; the fill
/// then dies, as each entry is written exactly once (see run()).
Value TileVectorizer::readInit(OpOperand *init, Value tensor, int64_t width) {
  if (auto fill = init->get().getDefiningOp<linalg::FillOp>())
    return spansStrip(init) ? broadcast(fill.value(), width) : fill.value();
  return read(init, tensor, width);
}

/// `tensor` with `value` at the current indices.
Value TileVectorizer::write(OpOperand *init, Value value, Value tensor,
                            int64_t width) {
  Values at;
  for (AffineExpr expr : op.getMatchingIndexingMap(init).getResults())
    at.push_back(indices[cast<AffineDimExpr>(expr).getPosition()]);
  if (!spansStrip(init) || width == 1)
    return tensor::InsertOp::create(b, loc, value, tensor, at);
  auto write = vector::TransferWriteOp::create(
      b, loc, broadcast(value, width), tensor, at, ArrayRef<bool>{true});
  if (mask)
    write.getMaskMutable().assign(mask);
  return write.getResult();
}

/// The entries of `after`, and those of `before` where the strip is masked off.
Values TileVectorizer::keepMasked(ValueRange before, Values after) {
  if (mask)
    for (auto [old, value] : llvm::zip_equal(before, after))
      value = arith::SelectOp::create(b, loc, mask, value, old);
  return after;
}

Value TileVectorizer::broadcast(Value value, int64_t width) {
  if (width == 1 || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(
      b, loc, VectorType::get(width, value.getType()), value);
}

/// True where the elements of a strip of `width` may change places, all in the
/// same way: they are bf16, two registers or more, and what is computed of them
/// is only added up.
bool TileVectorizer::mayMixLanes(int64_t width) {
  if (!sumLanes || mask || width < 2 * lanes)
    return false;
  return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *operand) {
    return !spansStrip(operand) ||
           llvm::all_of(op.getMatchingBlockArgument(operand).getUsers(),
                        widensBF16);
  });
}

/// The elements of a bf16 vector as f32: those with even indices first.
Value TileVectorizer::widenOutOfOrder(Value pairs) {
  auto type = cast<VectorType>(pairs.getType()).clone(b.getF32Type());
  auto [even, odd] = widenBF16Pairs(b, loc, pairs);
  int64_t begin = 0, half = type.getDimSize(0) / 2, stride = 1;
  Value wide = ub::PoisonOp::create(b, loc, type);
  wide =
      vector::InsertStridedSliceOp::create(b, loc, even, wide, begin, stride);
  return vector::InsertStridedSliceOp::create(b, loc, odd, wide, half, stride);
}

/// The body of the op on scalars or vectors; an op on scalars alone stays
/// scalar.
Values TileVectorizer::emitBody(ValueRange inputs, ValueRange accumulators,
                                int64_t width) {
  IRMapping mapping;
  mapping.map(op.getRegionInputArgs(), inputs);
  mapping.map(op.getRegionOutputArgs(), accumulators);
  bool mixesLanes = mayMixLanes(width);
  for (Operation &inner : op.getBlock()->without_terminator()) {
    Values operands;
    for (Value operand : inner.getOperands())
      operands.push_back(mapping.lookupOrDefault(operand));
    bool onVectors = llvm::any_of(
        operands, [](Value v) { return isa<VectorType>(v.getType()); });
    if (mixesLanes && onVectors && widensBF16(&inner)) {
      mapping.map(inner.getResult(0), widenOutOfOrder(operands.front()));
      continue;
    }
    SmallVector<Type> types(inner.getResultTypes());
    if (onVectors) {
      for (Value &operand : operands)
        operand = broadcast(operand, width);
      for (Type &type : types)
        type = VectorType::get(width, type);
    }
    Operation *copy =
        b.create(loc, inner.getName().getIdentifier(), operands, types,
                 inner.getAttrs());
    mapping.map(inner.getResults(), copy->getResults());
  }
  Values results;
  for (Value value : op.getBlock()->getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  return results;
}

/// Reads the inputs that do not depend on the dimensions `notOn`, whose loops
/// are still to come, and that are not in `known` yet.
/// An input that is also an init is read from `carried`, the state of the inits
/// in the loop: the op works in place.
Values TileVectorizer::readInputs(ArrayRef<unsigned> notOn, ValueRange known,
                                  int64_t width, ValueRange carried) {
  Values inputs(known);
  inputs.resize(op.getNumDpsInputs());
  for (auto [input, operand] :
       llvm::zip_equal(inputs, op.getDpsInputOperands())) {
    if (input || dependsOn(operand, notOn))
      continue;
    Value source = operand->get();
    for (auto [init, tensor] : llvm::zip(op.getDpsInitsMutable(), carried))
      if (init.get() == source && op.getMatchingIndexingMap(&init) ==
                                      op.getMatchingIndexingMap(operand))
        source = tensor;
    input = read(operand, source, width);
  }
  return inputs;
}
