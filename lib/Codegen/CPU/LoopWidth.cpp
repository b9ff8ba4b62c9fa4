//===- LoopWidth.cpp - Vector loops with other widths ---------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'. Elementwise ops, contiguous transfers and broadcasts know no
// width but that of their types.
//
//===----------------------------------------------------------------------===//

#include "LoopWidth.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// Which loops
//===----------------------------------------------------------------------===//

bool mlir::bn::isContiguousTransfer(Operation *op) {
  auto transfer = dyn_cast<VectorTransferOpInterface>(op);
  if (!transfer || transfer.getMask() || transfer.hasOutOfBoundsDim() ||
      transfer.getVectorType().getRank() != 1 ||
      !transfer.getPermutationMap().isMinorIdentity())
    return false;
  auto type = dyn_cast<MemRefType>(transfer.getBase().getType());
  return type && type.isLastDimUnitStride();
}

bool mlir::bn::isPlainTransfer(Operation *op, scf::ForOp loop) {
  if (!isContiguousTransfer(op))
    return false;
  auto transfer = cast<VectorTransferOpInterface>(op);
  auto indices = transfer.getIndices();
  return loop.isDefinedOutsideOfLoop(transfer.getBase()) &&
         indices.back() == loop.getInductionVar() &&
         llvm::all_of(indices.drop_back(), [&](Value index) {
           return loop.isDefinedOutsideOfLoop(index);
         });
}

/// The scalar that all elements of the vector `value` are copies of, or what
/// it is a constant of; nothing for other vectors.
static OpFoldResult getSplat(Value value) {
  DenseElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)) && elements.isSplat())
    return elements.getSplatValue<Attribute>();
  auto broadcast = value.getDefiningOp<vector::BroadcastOp>();
  if (broadcast && !isa<VectorType>(broadcast.getSourceType()))
    return broadcast.getSource();
  return {};
}

static bool isVector(Value value) { return isa<VectorType>(value.getType()); }

/// True when `op` does the same to each of `width` elements.
static bool isElementwise(Operation &op, scf::ForOp loop, int64_t width) {
  auto hasWidth = [&](Value value) {
    auto type = dyn_cast<VectorType>(value.getType());
    return !type || (type.getRank() == 1 && type.getDimSize(0) == width &&
                     !type.isScalable());
  };
  if (op.getNumRegions() != 0 || !llvm::all_of(op.getOperands(), hasWidth) ||
      !llvm::all_of(op.getResults(), hasWidth))
    return false;
  if (isa<memref::PrefetchOp>(op))
    return true;
  if (isa<VectorTransferOpInterface>(op))
    return isPlainTransfer(&op, loop);
  if (llvm::none_of(op.getOperands(), isVector) &&
      llvm::none_of(op.getResults(), isVector))
    return isMemoryEffectFree(&op) || isa<memref::LoadOp>(op);
  if (op.getNumResults() == 1 && getSplat(op.getResult(0)))
    return true;
  return OpTrait::hasElementwiseMappableTraits(&op) &&
         isMemoryEffectFree(&op) &&
         llvm::all_of(op.getOperands(), [&](Value operand) {
           return !isVector(operand) ||
                  !loop.isDefinedOutsideOfLoop(operand) || getSplat(operand);
         });
}

bool mlir::bn::isElementwise(scf::ForOp loop, int64_t width) {
  return loop.getNumResults() == 0 &&
         llvm::all_of(loop.getBody()->without_terminator(),
                      [&](Operation &op) {
                        return ::isElementwise(op, loop, width);
                      });
}

//===----------------------------------------------------------------------===//
// The same on fewer elements
//===----------------------------------------------------------------------===//

static Type withWidth(Type type, int64_t width) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector)
    return type;
  Type element = vector.getElementType();
  return width == 1 ? element : VectorType::get(width, element);
}

/// `value` on `width` elements.
static Value mapOperand(OpBuilder &b, Value value, const IRMapping &mapping,
                        int64_t width) {
  if (mapping.contains(value) || !isVector(value))
    return mapping.lookupOrDefault(value);
  OpFoldResult splat = getSplat(value);
  Type type = withWidth(value.getType(), width);
  if (auto attr = dyn_cast<Attribute>(splat)) {
    auto element = cast<TypedAttr>(attr);
    if (auto vector = dyn_cast<VectorType>(type))
      element = DenseElementsAttr::get(vector, attr);
    return arith::ConstantOp::create(b, value.getLoc(), element);
  }
  Value scalar = mapping.lookupOrDefault(cast<Value>(splat));
  if (width == 1)
    return scalar;
  return vector::BroadcastOp::create(b, value.getLoc(), type, scalar);
}

static void createTransfer(OpBuilder &b, VectorTransferOpInterface transfer,
                           IRMapping &mapping, int64_t width) {
  Location loc = transfer.getLoc();
  SmallVector<Value> indices;
  for (Value index : transfer.getIndices())
    indices.push_back(mapping.lookupOrDefault(index));
  Value base = transfer.getBase();
  if (auto write = dyn_cast<vector::TransferWriteOp>(*transfer)) {
    Value value = mapOperand(b, write.getVector(), mapping, width);
    if (width == 1)
      memref::StoreOp::create(b, loc, value, base, indices);
    else
      vector::TransferWriteOp::create(b, loc, value, base, indices,
                                      ArrayRef<bool>{true});
    return;
  }
  auto read = cast<vector::TransferReadOp>(*transfer);
  if (width == 1) {
    mapping.map(read.getResult(),
                memref::LoadOp::create(b, loc, base, indices));
    return;
  }
  auto type = cast<VectorType>(withWidth(read.getType(), width));
  mapping.map(read.getResult(), vector::TransferReadOp::create(
                                    b, loc, type, base, indices,
                                    read.getPadding(), ArrayRef<bool>{true}));
}

void mlir::bn::createIteration(OpBuilder &b, scf::ForOp loop, Value index,
                               int64_t width) {
  IRMapping mapping;
  mapping.map(loop.getInductionVar(), index);
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (isa<memref::PrefetchOp>(op))
      continue; // what is fetched is for the main part
    if (auto transfer = dyn_cast<VectorTransferOpInterface>(op)) {
      createTransfer(b, transfer, mapping, width);
      continue;
    }
    if (op.getNumResults() == 1 && isVector(op.getResult(0)) &&
        getSplat(op.getResult(0)))
      continue; // made again where it is used
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(mapOperand(b, operand, mapping, width));
    SmallVector<Type> types;
    for (Type type : op.getResultTypes())
      types.push_back(withWidth(type, width));
    Operation *copy = b.create(op.getLoc(), op.getName().getIdentifier(),
                               operands, types, op.getAttrs());
    mapping.map(op.getResults(), copy->getResults());
  }
}
