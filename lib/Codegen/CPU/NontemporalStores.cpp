//===- NontemporalStores.cpp - Writes past the caches ---------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer': only buffers have addresses, and vector.transfer_write has no
// attribute for the hint.
//
//===----------------------------------------------------------------------===//

#include "IndexBuilder.h"
#include "LoopWidth.h"
#include "StreamingLoop.h"
#include "WritesOfSums.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::bn {
#define GEN_PASS_DEF_NONTEMPORALSTORESPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Address, in bytes, that `write` starts at in the first iteration of `loop`.
static Value createFirstAddress(IndexBuilder &i, vector::TransferWriteOp write,
                                scf::ForOp loop) {
  Value base = write.getBase();
  auto metadata = memref::ExtractStridedMetadataOp::create(i.b, i.loc, base);
  Value element = metadata.getOffset();
  for (auto [index, stride] :
       llvm::zip_equal(write.getIndices(), metadata.getStrides())) {
    Value first =
        index == loop.getInductionVar() ? loop.getLowerBound() : index;
    element = i.add(element, i.mul(first, stride));
  }
  int64_t bytes = write.getVectorType().getElementTypeBitWidth() / 8;
  Value start =
      memref::ExtractAlignedPointerAsIndexOp::create(i.b, i.loc, base);
  return i.add(start, i.mul(element, i.constant(bytes)));
}

//===----------------------------------------------------------------------===//
// The ways
//===----------------------------------------------------------------------===//

/// `write`, which is at a multiple of `alignment`, as a non-temporal store.
static void createNontemporal(OpBuilder &b, vector::TransferWriteOp write,
                              int64_t alignment) {
  vector::StoreOp::create(b, write.getLoc(), write.getVector(), write.getBase(),
                          write.getIndices(),
                          /*nontemporal=*/true, llvm::MaybeAlign(alignment));
}

/// Makes the writes in `loop`, which are at multiples of `alignment`,
/// non-temporal.
static void setNontemporal(RewriterBase &b, scf::ForOp loop,
                           int64_t alignment) {
  for (vector::TransferWriteOp write : getStreamingWrites(loop)) {
    b.setInsertionPoint(write);
    createNontemporal(b, write, alignment);
    b.eraseOp(write);
  }
}

/// Makes `write` non-temporal where it is at a line (`aligned`).
static void versionWrite(RewriterBase &b, vector::TransferWriteOp write,
                         Value aligned) {
  b.setInsertionPoint(write);
  auto branch = scf::IfOp::create(b, write.getLoc(), aligned,
                                  /*withElseRegion=*/true);
  b.moveOpBefore(write, branch.elseBlock()->getTerminator());
  b.setInsertionPointToStart(branch.thenBlock());
  createNontemporal(b, write, kCacheLineBytes);
}

/// Calls `body` in a new loop from 0 to `end`, with the position for each
/// iteration: `begin` plus its number, plus `gap` from number `split` on.
static void createParts(IndexBuilder &i, Value begin, Value end, int64_t step,
                        Value split, Value gap,
                        function_ref<void(Value position)> body) {
  scf::ForOp::create(
      i.b, i.loc, i.constant(0), end, i.constant(step), ValueRange(),
      [&](OpBuilder &, Location, Value number, ValueRange) {
        Value skipped =
            i.select(i.isLess(number, split), i.constant(0), gap);
        body(i.add(i.add(begin, number), skipped));
        scf::YieldOp::create(i.b, i.loc);
      });
}

/// Does the lines from `begin` to `end` as `loop` does, one at a time.
static void createLines(RewriterBase &b, const StreamingLoop &streaming,
                        Value begin, Value end) {
  scf::ForOp loop = streaming.loop;
  IndexBuilder i{b, loop.getLoc()};
  int64_t elements = streaming.getLineElements();
  auto lines = scf::ForOp::create(
      b, i.loc, begin, end, i.constant(elements), ValueRange(),
      [&](OpBuilder &, Location, Value position, ValueRange) {
        createIteration(b, loop, position, elements);
        scf::YieldOp::create(b, i.loc);
      });
  OpBuilder::InsertionGuard guard(b);
  setNontemporal(b, lines, kCacheLineBytes);
}

/// Elements of the `size` of the loop in front of the first line. An address
/// that is no multiple of the unit never gets to a line, nor do all writes at
/// once that are not as far from one: these are all elements then.
static Value createHead(IndexBuilder &i, const StreamingLoop &streaming,
                        Value size) {
  scf::ForOp loop = streaming.loop;
  int64_t elementBytes = streaming.elementBytes, unit = streaming.unit;
  Value address = createFirstAddress(i, streaming.writes.front(), loop);
  Value distances = i.mod(address, elementBytes * unit);
  for (vector::TransferWriteOp write : llvm::drop_begin(streaming.writes)) {
    Value distance = i.sub(createFirstAddress(i, write, loop), address);
    distances = i.b.createOrFold<arith::OrIOp>(
        i.loc, distances, i.mod(distance, kCacheLineBytes));
  }
  Value head = i.div(i.mod(i.sub(i.constant(0), address), kCacheLineBytes),
                     elementBytes);
  head = i.b.createOrFold<arith::MinUIOp>(i.loc, i.roundDown(head, unit), size);
  return i.select(i.isZero(distances), head, size);
}

/// Moves the iterations of the loop to where lines start. In front and behind
/// there is less than an iteration each, together a whole one. One loop does
/// the whole lines behind. What is left in front are single units up to a
/// multiple of a register, and registers, and the same mirrored behind: one
/// loop does the single units of both ends, another the registers.
static void peelLoop(RewriterBase &b, StreamingLoop streaming) {
  scf::ForOp loop = streaming.loop;
  int64_t width = streaming.width, lanes = streaming.lanes;
  int64_t unit = streaming.unit;
  int64_t lineElements = streaming.getLineElements();
  b.setInsertionPoint(loop);
  IndexBuilder i{b, loop.getLoc()};
  Value begin = loop.getLowerBound();
  Value size = i.b.createOrFold<arith::MaxSIOp>(
      i.loc, i.sub(loop.getUpperBound(), begin), i.constant(0));
  size = i.roundDown(i.add(size, i.constant(width - 1)), width);
  Value head = createHead(i, streaming, size);
  Value behind = i.sub(size, head);
  Value mainSize = i.roundDown(behind, width);
  Value wholeSize = i.roundDown(behind, lineElements);
  Value singles = i.mod(head, lanes);
  Value numSingles =
      i.select(i.isZero(singles), i.constant(0), i.constant(lanes));

  if (unit < lanes)
    createParts(
        i, begin, numSingles, unit, singles, i.sub(size, i.constant(lanes)),
        [&](Value position) { createIteration(b, loop, position, unit); });
  createParts(
      i, i.add(begin, singles), i.sub(i.sub(size, wholeSize), numSingles),
      lanes, i.sub(head, singles), wholeSize,
      [&](Value position) { createIteration(b, loop, position, lanes); });
  Value mainBegin = i.add(begin, head), mainEnd = i.add(mainBegin, mainSize);
  if (lineElements < width)
    createLines(b, streaming, mainEnd, i.add(mainBegin, wholeSize));
  b.modifyOpInPlace(loop, [&] {
    loop.setLowerBound(mainBegin);
    loop.setUpperBound(mainEnd);
  });
  setNontemporal(b, loop, kCacheLineBytes);
}

/// Moves the writes of the loop to where lines start, and leaves its sums where
/// they are. Returns false when these mind which of the two comes first, or
/// when it does not pay.
static bool moveWrites(RewriterBase &b, StreamingLoop &streaming) {
  scf::ForOp loop = streaming.loop;
  if (!loop.getStaticTripCount() || hasRowsOfLines(streaming.writes.front()))
    return false;
  StreamingLoop writing = streaming;
  SmallVector<vector::TransferWriteOp> writes = streaming.getWritesWithBits();
  writing.loop = createWritingLoop(b, loop, writes);
  if (!writing.loop)
    return false;
  writing.writes = getStreamingWrites(writing.loop);
  if (!writing.canPeel()) {
    b.eraseOp(writing.loop);
    return false;
  }
  eraseWrites(b, loop, writes);
  peelLoop(b, writing);
  mergeWrites(b, loop, writing.loop);
  return true;
}

/// Gives the loop a version with non-temporal stores, for writes that start at
/// a multiple of `alignment` bytes, and leaves it to all others.
static void versionLoop(RewriterBase &b, StreamingLoop streaming,
                        int64_t alignment) {
  scf::ForOp loop = streaming.loop;
  b.setInsertionPoint(loop);
  IndexBuilder i{b, loop.getLoc()};
  Value addresses = i.constant(0);
  for (vector::TransferWriteOp write : streaming.writes)
    addresses = b.createOrFold<arith::OrIOp>(
        i.loc, addresses, createFirstAddress(i, write, loop));
  Value aligned = i.isZero(i.mod(addresses, alignment));
  auto branch = scf::IfOp::create(b, i.loc, loop.getResultTypes(), aligned,
                                  /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  b.replaceAllUsesWith(loop.getResults(), branch.getResults());
  b.setInsertionPointToStart(branch.thenBlock());
  auto version = cast<scf::ForOp>(b.clone(*loop));
  scf::YieldOp::create(b, i.loc, version.getResults());
  b.setInsertionPointToStart(branch.elseBlock());
  auto yield = scf::YieldOp::create(b, i.loc, loop.getResults());
  b.moveOpBefore(loop, yield);
  setNontemporal(b, version, alignment);
}

/// True for rows of bf16, with coefficients for each element, that are whole
/// lines, so that all vectors of all rows are at lines if the first one is.
static bool isOverLinesOfBF16(StreamingLoop streaming) {
  scf::ForOp loop = streaming.loop;
  return loop.getStaticTripCount() &&
         llvm::any_of(loop.getOps<vector::TransferReadOp>(),
                      [](vector::TransferReadOp read) {
                        return read.getVectorType().getElementType().isF32();
                      }) &&
         llvm::all_of(streaming.writes, [](vector::TransferWriteOp write) {
           return write.getVectorType().getElementType().isBF16() &&
                  hasRowsOfLines(write);
         });
}

/// Lets the loop, and what is left of its rows behind it, write past the caches
/// as far as that is possible.
static void stream(RewriterBase &b, StreamingLoop streaming,
                   int64_t registerBytes, bool versionBF16) {
  scf::ForOp loop = streaming.loop;
  b.setInsertionPoint(loop);
  IndexBuilder i{b, loop.getLoc()};
  SmallVector<std::pair<vector::TransferWriteOp, Value>> behind;
  for (vector::TransferWriteOp write : streaming.writes) {
    SmallVector<vector::TransferWriteOp> rest = getWritesBehind(loop, write);
    if (rest.empty())
      continue;
    Value address = createFirstAddress(i, write, loop);
    Value aligned = i.isZero(i.mod(address, kCacheLineBytes));
    for (vector::TransferWriteOp other : rest)
      behind.emplace_back(other, aligned);
  }
  if (streaming.canPeel()) {
    if (versionBF16 && isOverLinesOfBF16(streaming))
      versionLoop(b, streaming, kCacheLineBytes);
    peelLoop(b, streaming);
  } else if (!moveWrites(b, streaming))
    versionLoop(b, streaming, registerBytes);
  for (auto [write, aligned] : behind)
    versionWrite(b, write, aligned);
}

/// Orders non-temporal stores in `block` before what follows it.
static void createFence(OpBuilder &b, Block *block) {
  b.setInsertionPoint(block->getTerminator());
  LLVM::FenceOp::create(b, block->getTerminator()->getLoc(),
                        LLVM::AtomicOrdering::seq_cst, StringRef());
}

namespace {
struct NontemporalStoresPass
    : public bn::impl::NontemporalStoresPassBase<NontemporalStoresPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<std::pair<scf::ForOp, int64_t>> loops;
    getOperation().walk([&](scf::ForOp loop) {
      if (auto registerBytes = dyn_cast_or_null<IntegerAttr>(
              loop->removeAttr(kNontemporalAttrName)))
        loops.push_back({loop, registerBytes.getInt()});
    });
    IRRewriter rewriter(&getContext());
    SetVector<Block *> fenced;
    for (auto [loop, registerBytes] : loops) {
      std::optional<StreamingLoop> streaming =
          StreamingLoop::get(loop, registerBytes);
      if (!streaming)
        continue;
      stream(rewriter, *streaming, registerBytes, versionBF16);
      if (auto forall = loop->getParentOfType<scf::ForallOp>())
        fenced.insert(forall.getBody());
      else
        fenced.insert(&getOperation().getBody().back());
    }
    for (Block *block : fenced)
      createFence(rewriter, block);
  }
};
} // namespace
