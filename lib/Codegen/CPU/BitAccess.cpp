//===- BitAccess.cpp - Reads and writes of bits ---------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'.
//
//===----------------------------------------------------------------------===//

#include "BitAccess.h"
#include "IndexBuilder.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::bn;

bool mlir::bn::isOfBits(Value buffer) {
  Operation *op = buffer.getDefiningOp();
  while (isa_and_nonnull<ViewLikeOpInterface>(op) && !isa<ViewBitsOp>(op))
    op = cast<ViewLikeOpInterface>(op).getViewSource().getDefiningOp();
  return isa_and_nonnull<ViewBitsOp>(op);
}

/// `count` bytes from that of `bit` on.
Value BitAccess::createByteRead(int64_t count, Value bit, Value mask) {
  Value padding = arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(0));
  return vector::TransferReadOp::create(
      b, loc, VectorType::get(count, b.getI8Type()), memory,
      IndexBuilder{b, loc}.div(bit, kByteBits),
      AffineMapAttr::get(b.getMultiDimIdentityMap(1)), padding, mask,
      b.getBoolArrayAttr({true}));
}

void BitAccess::createByteWrite(Value bytes, Value bit, Value mask) {
  vector::TransferWriteOp::create(
      b, loc, bytes, memory, IndexBuilder{b, loc}.div(bit, kByteBits),
      AffineMapAttr::get(b.getMultiDimIdentityMap(1)), mask,
      b.getBoolArrayAttr({true}));
}

/// How far `bit` is from the lowest bit of its byte.
Value BitAccess::createShift(Value bit) {
  Value shift = arith::IndexCastOp::create(
      b, loc, b.getI8Type(), IndexBuilder{b, loc}.mod(bit, kByteBits));
  return vector::BroadcastOp::create(b, loc, VectorType::get(1, b.getI8Type()),
                                     shift);
}

Value BitAccess::createPartialRead(int64_t lanes, Value bit) {
  Value byte = createByteRead(1, bit, Value());
  Value low = arith::ShRUIOp::create(b, loc, byte, createShift(bit));
  Value all = vector::BitCastOp::create(
      b, loc, VectorType::get(kByteBits, b.getI1Type()), low);
  return vector::ExtractStridedSliceOp::create(
      b, loc, all, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{lanes},
      ArrayRef<int64_t>{1});
}

/// Leaves the other bits of the byte as they are. No two threads write to one:
/// their pieces are whole bytes.
void BitAccess::createPartialWrite(Value bits, Value bit) {
  auto type = VectorType::get(1, b.getI8Type());
  auto all = VectorType::get(kByteBits, b.getI1Type());
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(
            type, APInt(kByteBits, value, false, /*implicitTrunc=*/true)));
  };
  int64_t lanes = cast<VectorType>(bits.getType()).getNumElements();
  Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(all));
  Value wide = vector::InsertStridedSliceOp::create(
      b, loc, bits, zeros, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{1});
  Value shift = createShift(bit);
  Value added = arith::ShLIOp::create(
      b, loc, vector::BitCastOp::create(b, loc, type, wide), shift);
  Value place =
      arith::ShLIOp::create(b, loc, constant((1 << lanes) - 1), shift);
  Value others =
      arith::AndIOp::create(b, loc, createByteRead(1, bit, Value()),
                            arith::XOrIOp::create(b, loc, place, constant(-1)));
  createByteWrite(arith::OrIOp::create(b, loc, others, added), bit, Value());
}

Value BitAccess::createRead(int64_t lanes, Value bit, Value mask) {
  if (lanes < kByteBits)
    return createPartialRead(lanes, bit);
  return vector::BitCastOp::create(
      b, loc, VectorType::get(lanes, b.getI1Type()),
      createByteRead(lanes / kByteBits, bit, mask));
}

void BitAccess::createWrite(Value bits, Value bit, Value mask) {
  int64_t lanes = cast<VectorType>(bits.getType()).getNumElements();
  if (lanes < kByteBits)
    return createPartialWrite(bits, bit);
  auto bytes = VectorType::get(lanes / kByteBits, b.getI8Type());
  createByteWrite(vector::BitCastOp::create(b, loc, bytes, bits), bit, mask);
}
