//===- WidenBF16Pairs.cpp - bf16 to f32 without shuffles ------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phases 'vector' and 'llvm'. To widen a vector in order moves elements between
// lanes. Where the order does not matter, two halves of it need not be moved.
//
//===----------------------------------------------------------------------===//

#include "WidenBF16Pairs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::bn;

Value mlir::bn::createBits(OpBuilder &b, Location loc, Type type,
                           uint32_t bits) {
  unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  return createScalarOrSplatConstant(b, loc, type, APInt(width, bits));
}

Type mlir::bn::withElement(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

bool mlir::bn::widensBF16(Operation *op) {
  auto extension = dyn_cast<arith::ExtFOp>(op);
  return extension &&
         getElementTypeOrSelf(extension.getIn().getType()).isBF16() &&
         getElementTypeOrSelf(extension.getType()).isF32();
}

std::pair<Value, Value> mlir::bn::widenBF16Pairs(OpBuilder &b, Location loc,
                                                 Value pairs) {
  int64_t half = cast<VectorType>(pairs.getType()).getDimSize(0) / 2;
  auto bitsType = VectorType::get(half, b.getI32Type());
  auto type = VectorType::get(half, b.getF32Type());
  Value lanes = vector::BitCastOp::create(b, loc, bitsType, pairs);
  Value even =
      arith::ShLIOp::create(b, loc, lanes, createBits(b, loc, bitsType, 16));
  Value odd = arith::AndIOp::create(b, loc, lanes,
                                    createBits(b, loc, bitsType, 0xffff0000));
  return {arith::BitcastOp::create(b, loc, type, even),
          arith::BitcastOp::create(b, loc, type, odd)};
}

Value mlir::bn::blendHalves(OpBuilder &b, Location loc, Value even, Value odd) {
  auto wide = cast<VectorType>(even.getType());
  int64_t lanes = 2 * wide.getDimSize(0);
  auto type = VectorType::get(lanes, b.getI16Type());
  SmallVector<int64_t> inTurns;
  for (int64_t i = 0; i < lanes; i += 2)
    inTurns.append({i, lanes + i + 1});
  return vector::ShuffleOp::create(
      b, loc, vector::BitCastOp::create(b, loc, type, even),
      vector::BitCastOp::create(b, loc, type, odd), inTurns);
}
