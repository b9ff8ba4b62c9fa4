//===- PrefetchRows.cpp - Rows are asked for before they are used ---------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer': only buffers have addresses, and bufferization drops marks of
// single reads. So the mark is on the loop, and the reads tell by their use
// which of them come from memory.
//
//===----------------------------------------------------------------------===//

#include "BitAccess.h"
#include "LookAhead.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Codegen/Common/MachineModel.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace mlir::bn {
#define GEN_PASS_DEF_PREFETCHROWSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// How near data come: to the L1 cache, or to the L2 cache.
static constexpr int32_t kNear = 3, kFar = 2;
/// What all reads of a loop ask for ahead of its use may be this part of the L1
/// cache: more of it would take the place of what is used until then.
static constexpr int64_t kPartOfL1 = 6;

namespace {
/// A read of contiguous elements that are at least a cache line, or a write of
/// bits.
struct Access {
  Operation *op;
  Value buffer;
  SmallVector<Value> indices;
  int64_t bytes, bitsPerElement;
};
} // namespace

static std::optional<Access> matchRead(Operation *op) {
  Value buffer;
  SmallVector<Value> indices;
  if (auto read = dyn_cast<vector::TransferReadOp>(op)) {
    if (read.getMask() || read.hasOutOfBoundsDim() ||
        !read.getPermutationMap().isMinorIdentity())
      return std::nullopt;
    buffer = read.getBase();
    indices = read.getIndices();
  } else if (auto load = dyn_cast<vector::LoadOp>(op)) {
    buffer = load.getBase();
    indices = load.getIndices();
  } else {
    return std::nullopt;
  }
  auto type = dyn_cast<MemRefType>(buffer.getType());
  auto vector = cast<VectorType>(op->getResult(0).getType());
  if (!type || isOfBits(buffer) || !type.isLastDimUnitStride() ||
      vector.getRank() != 1 || vector.isScalable() ||
      !type.getElementType().isIntOrFloat() ||
      vector.getElementTypeBitWidth() != type.getElementTypeBitWidth())
    return std::nullopt;
  int64_t bitsPerElement = type.getElementTypeBitWidth();
  int64_t bytes = vector.getNumElements() * bitsPerElement / kByteBits;
  if (bytes < kCacheLineBytes)
    return std::nullopt;
  return Access{op, buffer, std::move(indices), bytes, bitsPerElement};
}

//===----------------------------------------------------------------------===//
// Which reads
//===----------------------------------------------------------------------===//

static bool hasAddressThatMoves(const Access &read, scf::ForOp rows) {
  std::optional<bool> moves = movesWith(rows, read.buffer);
  for (Value index : read.indices) {
    std::optional<bool> indexMoves = movesWith(rows, index);
    if (!moves || !indexMoves)
      return false;
    moves = *moves || *indexMoves;
  }
  return moves.value_or(false);
}

/// True when what is read reaches a store before a loop carries it on; else it
/// is only summed.
static bool isStored(const Access &read) {
  SetVector<Operation *> users;
  users.insert_range(read.op->getUsers());
  for (unsigned i = 0; i < users.size(); ++i) {
    Operation *user = users[i];
    if (isa<scf::ForOp>(user))
      continue;
    if (user->getNumRegions() != 0 || !isMemoryEffectFree(user))
      return true;
    users.insert_range(user->getUsers()); // none for scf.yield
  }
  return false;
}

/// True when `a` and `b` take the same values in the same order: two passes
/// over the same strips have different induction variables.
static bool areEqual(Value a, Value b) {
  if (a == b)
    return true;
  if (isa<BlockArgument>(a) && isa<BlockArgument>(b)) {
    auto first = dyn_cast<scf::ForOp>(a.getParentBlock()->getParentOp());
    auto second = dyn_cast<scf::ForOp>(b.getParentBlock()->getParentOp());
    return first && second && a == first.getInductionVar() &&
           b == second.getInductionVar() && !first->isAncestor(second) &&
           !second->isAncestor(first) &&
           areEqual(first.getLowerBound(), second.getLowerBound()) &&
           areEqual(first.getUpperBound(), second.getUpperBound()) &&
           areEqual(first.getStep(), second.getStep());
  }
  auto first = dyn_cast<OpResult>(a), second = dyn_cast<OpResult>(b);
  return first && second &&
         first.getResultNumber() == second.getResultNumber() &&
         first.getOwner()->getNumRegions() == 0 &&
         isMemoryEffectFree(first.getOwner()) &&
         OperationEquivalence::isEquivalentTo(
             first.getOwner(), second.getOwner(),
             [](Value x, Value y) { return success(areEqual(x, y)); },
             /*markEquivalent=*/nullptr, OperationEquivalence::IgnoreLocations);
}

/// True when `first` reads all that `second` does, in every iteration of
/// `rows`.
static bool covers(const Access &first, const Access &second, scf::ForOp rows) {
  for (Operation *op = first.op->getParentOp(); op != rows;
       op = op->getParentOp())
    if (!isa<scf::ForOp>(op))
      return false;
  return first.bytes >= second.bytes && areEqual(first.buffer, second.buffer) &&
         llvm::all_of(llvm::zip_equal(first.indices, second.indices),
                      [](auto pair) {
                        return areEqual(std::get<0>(pair), std::get<1>(pair));
                      });
}

/// The buffer that `read` reads a part of.
static Value getWholeBuffer(const Access &read) {
  return memref::skipViewLikeOps(cast<MemrefValue>(read.buffer));
}

/// Drops reads of what has been read before. Where some data of a buffer is
/// summed and other data of it is stored, the latter has been summed, and is in
/// the cache. An input of an epilogue is only stored.
static void dropCached(SmallVector<Access> &reads) {
  SmallPtrSet<Value, 4> summed;
  for (const Access &read : reads)
    if (!isStored(read))
      summed.insert(getWholeBuffer(read));
  llvm::erase_if(reads, [&](const Access &read) {
    return isStored(read) && summed.contains(getWholeBuffer(read));
  });
}

/// The reads in `rows` that come from memory.
static SmallVector<Access> collectReads(scf::ForOp rows) {
  SmallVector<Access> reads;
  rows.walk([&](Operation *op) {
    std::optional<Access> read = matchRead(op);
    if (read && hasAddressThatMoves(*read, rows))
      reads.push_back(std::move(*read));
  });
  dropCached(reads);
  SmallVector<Access> distinct;
  for (Access &read : reads)
    if (llvm::none_of(distinct, [&](const Access &earlier) {
          return covers(earlier, read, rows);
        }))
      distinct.push_back(std::move(read));
  return distinct;
}

/// The writes of bits in `rows`. A store whose line is not there holds up those
/// behind it, and rows of bits are too short for a processor to foresee the
/// next one.
static SmallVector<Access> collectBitWrites(scf::ForOp rows) {
  SmallVector<Access> writes;
  rows.walk([&](vector::TransferWriteOp op) {
    int64_t bytes =
        llvm::divideCeil(op.getVectorType().getNumElements(), kByteBits);
    Access write{op, op.getBase(), op.getIndices(), bytes, 1};
    if (isOfBits(op.getBase()) && !op.getMask() &&
        hasAddressThatMoves(write, rows))
      writes.push_back(std::move(write));
  });
  return writes;
}

/// Bytes that all iterations of the loops in `rows` around `read` read with
/// it. Where their number is not known, those of a row of the buffer, or 0 if
/// that is not known either.
static int64_t getRowBytes(const Access &read, scf::ForOp rows) {
  int64_t bytes = read.bytes;
  for (Operation *op = read.op->getParentOp(); op != rows;
       op = op->getParentOp())
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      std::optional<APInt> count = loop.getStaticTripCount();
      if (!count) {
        auto type = cast<MemRefType>(getWholeBuffer(read).getType());
        int64_t row = type.getRank() == 0 ? 0 : type.getShape().back();
        return ShapedType::isDynamic(row)
                   ? 0
                   : row * read.bitsPerElement / kByteBits;
      }
      bytes *= count->getSExtValue();
    }
  return bytes;
}

/// Where each of `reads` goes that is asked for `distance` rows ahead: all of
/// them are there at the same time. What is stored beside sums, an addend,
/// still has room in the L1 cache where what is summed is not there.
static SmallVector<int32_t> getLocalities(ArrayRef<Access> reads,
                                          scf::ForOp rows, int64_t distance,
                                          int64_t l1Bytes) {
  int64_t bytes = 0;
  for (const Access &read : reads)
    bytes += distance * getRowBytes(read, rows);
  bool isFar = bytes >= l1Bytes / kPartOfL1;
  bool hasSums = !llvm::all_of(reads, isStored);
  SmallVector<int32_t> localities;
  for (const Access &read : reads)
    localities.push_back(isFar && !(hasSums && isStored(read)) ? kFar : kNear);
  return localities;
}

//===----------------------------------------------------------------------===//
// The prefetches
//===----------------------------------------------------------------------===//

/// One prefetch for each cache line of `access`.
static void createPrefetches(RewriterBase &b, LookAhead &ahead,
                             const Access &access, int32_t locality) {
  Value buffer = ahead.get(access.buffer);
  SmallVector<Value> indices;
  for (Value index : access.indices)
    indices.push_back(ahead.get(index));
  Location loc = access.op->getLoc();
  Value start = indices.back();
  bool isWrite = isa<vector::TransferWriteOp>(access.op);
  b.setInsertionPoint(access.op);
  for (int64_t byte = 0; byte < access.bytes; byte += kCacheLineBytes) {
    if (byte != 0) {
      Value elements = arith::ConstantIndexOp::create(
          b, loc, byte * kByteBits / access.bitsPerElement);
      indices.back() = arith::AddIOp::create(b, loc, start, elements);
    }
    memref::PrefetchOp::create(b, loc, buffer, indices, isWrite, locality,
                               /*isDataCache=*/true);
  }
}

namespace {
struct PrefetchRowsPass
    : public bn::impl::PrefetchRowsPassBase<PrefetchRowsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<std::pair<scf::ForOp, int64_t>> loops;
    getOperation().walk([&](scf::ForOp loop) {
      if (auto distance = dyn_cast_or_null<IntegerAttr>(
              loop->removeAttr(kPrefetchAttrName)))
        loops.push_back({loop, distance.getInt()});
    });
    FailureOr<int64_t> l1 = loops.empty() ? int64_t(0) : getL1Bytes();
    if (failed(l1))
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    for (auto [loop, distance] : loops)
      prefetch(rewriter, loop, distance, *l1);
  }

private:
  /// That of the option, of the module, or of the host.
  FailureOr<int64_t> getL1Bytes() {
    if (l1Bytes < 0)
      return emitError(getOperation().getLoc())
             << "expected 'l1-bytes' to be at least 0, got "
             << l1Bytes.getValue();
    if (l1Bytes > 0)
      return int64_t(l1Bytes);
    auto module = getOperation()->getParentOfType<ModuleOp>();
    FailureOr<MachineModel> machine =
        module ? MachineModel::get(module) : MachineModel::getHost();
    if (failed(machine))
      return failure();
    return machine->l1Bytes;
  }

  void prefetch(RewriterBase &rewriter, scf::ForOp loop, int64_t distance,
                int64_t l1) {
    SmallVector<Access> reads = collectReads(loop);
    SmallVector<Access> bits = collectBitWrites(loop);
    if ((reads.empty() && bits.empty()) || loop.getUnsignedCmp())
      return;
    LookAhead ahead(rewriter, loop, distance);
    SmallVector<int32_t> localities = getLocalities(reads, loop, distance, l1);
    for (auto [read, locality] : llvm::zip_equal(reads, localities))
      createPrefetches(rewriter, ahead, read, locality);
    for (const Access &write : bits)
      createPrefetches(rewriter, ahead, write, kNear);
    numPrefetched += reads.size() + bits.size();
  }
};
} // namespace
