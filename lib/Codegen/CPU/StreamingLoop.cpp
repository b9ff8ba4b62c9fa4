//===- StreamingLoop.cpp - Loops that write whole lines -------------------===//
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

#include "StreamingLoop.h"
#include "BitAccess.h"
#include "LoopWidth.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::bn;

/// Loops of fewer iterations are not worth a head and a tail.
static constexpr int64_t kFewIterations = 4;

/// Bytes of the widest element of a vector in `loop`.
static int64_t getWidestBytes(scf::ForOp loop) {
  unsigned bits = 8;
  loop.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (auto vector = dyn_cast<VectorType>(type))
        bits = std::max(bits, vector.getElementTypeBitWidth());
  });
  return bits / 8;
}

static bool hasBits(scf::ForOp loop) {
  WalkResult result = loop.walk([](VectorTransferOpInterface transfer) {
    return isOfBits(transfer.getBase()) ? WalkResult::interrupt()
                                        : WalkResult::advance();
  });
  return result.wasInterrupted();
}

SmallVector<vector::TransferWriteOp>
mlir::bn::getStreamingWrites(scf::ForOp loop) {
  DenseSet<Value> read;
  loop.walk([&](vector::TransferReadOp op) { read.insert(op.getBase()); });
  SmallVector<vector::TransferWriteOp> writes;
  loop.walk([&](vector::TransferWriteOp write) {
    if (!read.contains(write.getBase()) &&
        write.getVectorType().getElementTypeBitWidth() > 8)
      writes.push_back(write);
  });
  return writes;
}

std::optional<StreamingLoop> StreamingLoop::get(scf::ForOp loop,
                                                int64_t registerBytes) {
  StreamingLoop result{loop, getStreamingWrites(loop), 0, 0, 1, 0};
  if (result.writes.empty())
    return std::nullopt;
  VectorType type = result.writes.front().getVectorType();
  result.width = type.getNumElements();
  result.elementBytes = type.getElementTypeBitWidth() / 8;
  if (hasBits(loop))
    result.unit = kByteBits;
  result.lanes = std::max(registerBytes / getWidestBytes(loop), result.unit);
  bool isKnown =
      llvm::all_of(result.writes, [&](vector::TransferWriteOp write) {
        return isPlainTransfer(write, loop) && write.getVectorType() == type;
      });
  APInt step;
  if (!isKnown || !matchPattern(loop.getStep(), m_ConstantInt(&step)) ||
      step.getSExtValue() != result.width ||
      result.width * result.elementBytes % kCacheLineBytes != 0)
    return std::nullopt;
  return result;
}

bool StreamingLoop::canPeel() {
  std::optional<APInt> iterations = loop.getStaticTripCount();
  return width % lanes == 0 && llvm::isPowerOf2_64(lanes) &&
         llvm::isPowerOf2_64(elementBytes) &&
         !(iterations && iterations->ult(kFewIterations)) &&
         isElementwise(loop, width);
}

SmallVector<vector::TransferWriteOp> StreamingLoop::getWritesWithBits() {
  SmallVector<vector::TransferWriteOp> all = writes;
  for (auto write : loop.getBody()->getOps<vector::TransferWriteOp>())
    if (isOfBits(write.getBase()))
      all.push_back(write);
  return all;
}

/// Elements of what `write` writes that are a line.
static int64_t getLineElements(vector::TransferWriteOp write) {
  return kCacheLineBytes * 8 / write.getVectorType().getElementTypeBitWidth();
}

bool mlir::bn::hasRowsOfLines(vector::TransferWriteOp write) {
  SmallVector<int64_t> strides;
  int64_t offset;
  auto type = cast<MemRefType>(write.getBase().getType());
  int64_t elements = getLineElements(write);
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         llvm::all_of(ArrayRef(strides).drop_back(), [&](int64_t stride) {
           return ShapedType::isStatic(stride) && stride % elements == 0;
         });
}

SmallVector<vector::TransferWriteOp>
mlir::bn::getWritesBehind(scf::ForOp loop, vector::TransferWriteOp write) {
  SmallVector<vector::TransferWriteOp> behind;
  std::optional<int64_t> begin = getConstantIntValue(loop.getLowerBound());
  std::optional<int64_t> end = getConstantIntValue(loop.getUpperBound());
  int64_t elements = getLineElements(write);
  if (!begin || !end || !hasRowsOfLines(write))
    return behind;
  for (Operation *user : write.getBase().getUsers()) {
    if (user->getBlock() != loop->getBlock() || !loop->isBeforeInBlock(user))
      continue;
    if (isa<vector::TransferReadOp>(user))
      return {};
    auto other = dyn_cast<vector::TransferWriteOp>(user);
    if (!other || !isContiguousTransfer(other))
      continue;
    std::optional<int64_t> at = getConstantIntValue(other.getIndices().back());
    if (at && *at >= *end && (*at - *begin) % elements == 0 &&
        other.getVectorType().getNumElements() % elements == 0 &&
        llvm::equal(other.getIndices().drop_back(),
                    write.getIndices().drop_back()))
      behind.push_back(other);
  }
  return behind;
}
