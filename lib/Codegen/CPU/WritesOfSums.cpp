//===- WritesOfSums.cpp - Loops that sum up and write ---------------------===//
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

#include "WritesOfSums.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::bn;

using Slice = SetVector<Operation *>;

/// The operations in the body of `loop` that `writes` need, in order, and
/// `writes`.
static Slice getWriteSlice(scf::ForOp loop,
                           ArrayRef<vector::TransferWriteOp> writes) {
  BackwardSliceOptions options;
  options.inclusive = true;
  options.omitBlockArguments = true;
  options.filter = [&](Operation *op) {
    return op->getBlock() == loop.getBody();
  };
  Slice slice;
  for (vector::TransferWriteOp write : writes) {
    LogicalResult result =
        getBackwardSlice(write.getOperation(), &slice, options);
    assert(succeeded(result) && "expected a slice of a block");
    (void)result;
  }
  // As in the block: a write may be to what the slice of a later one reads.
  return topologicalSort(slice);
}

static bool dependsOnSums(scf::ForOp loop, const Slice &slice) {
  return llvm::any_of(slice, [&](Operation *op) {
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      return llvm::is_contained(loop.getRegionIterArgs(), operand);
    });
  });
}

/// True when what `slice` reads, or computes from it, goes into sums, too.
static bool sharesValues(const Slice &slice) {
  DenseSet<Value> data;
  for (Operation *op : slice) {
    if (isMemoryEffectFree(op) &&
        llvm::none_of(op->getOperands(),
                      [&](Value value) { return data.contains(value); }))
      continue;
    data.insert(op->result_begin(), op->result_end());
    if (!llvm::all_of(op->getUsers(),
                      [&](Operation *user) { return slice.contains(user); }))
      return true;
  }
  return false;
}

/// The buffer that `op` accesses, if it is known what it does.
static Value getBuffer(Operation *op) {
  if (auto transfer = dyn_cast<VectorTransferOpInterface>(op))
    return transfer.getBase();
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return load.getMemRef();
  return nullptr;
}

/// True when the rest of `loop` may access a buffer that `slice` does.
static bool sharesBuffers(scf::ForOp loop, const Slice &slice) {
  DenseSet<Value> buffers;
  for (Operation *op : slice)
    if (!isMemoryEffectFree(op))
      buffers.insert(getBuffer(op));
  if (buffers.contains(nullptr))
    return true;
  WalkResult result = loop.getBody()->walk([&](Operation *op) {
    if (slice.contains(op) || isa<memref::PrefetchOp>(op) ||
        op->hasTrait<OpTrait::HasRecursiveMemoryEffects>() ||
        isMemoryEffectFree(op))
      return WalkResult::advance();
    Value buffer = getBuffer(op);
    return buffer && !buffers.contains(buffer) ? WalkResult::advance()
                                               : WalkResult::interrupt();
  });
  return result.wasInterrupted();
}

scf::ForOp
mlir::bn::createWritingLoop(RewriterBase &b, scf::ForOp loop,
                            ArrayRef<vector::TransferWriteOp> writes) {
  Slice slice = getWriteSlice(loop, writes);
  if (dependsOnSums(loop, slice) || sharesValues(slice) ||
      sharesBuffers(loop, slice))
    return nullptr;
  b.setInsertionPoint(loop);
  auto writing = scf::ForOp::create(b, loop.getLoc(), loop.getLowerBound(),
                                    loop.getUpperBound(), loop.getStep());
  IRMapping mapping;
  mapping.map(loop.getInductionVar(), writing.getInductionVar());
  b.setInsertionPointToStart(writing.getBody());
  for (Operation *op : slice)
    b.clone(*op, mapping);
  return writing;
}

void mlir::bn::eraseWrites(RewriterBase &b, scf::ForOp loop,
                           ArrayRef<vector::TransferWriteOp> writes) {
  Slice slice = getWriteSlice(loop, writes);
  for (Operation *op : llvm::reverse(slice))
    if (isa<vector::TransferWriteOp>(op) || isOpTriviallyDead(op))
      b.eraseOp(op);
}

void mlir::bn::mergeWrites(RewriterBase &b, scf::ForOp loop,
                           scf::ForOp writing) {
  Location loc = loop.getLoc();
  b.setInsertionPoint(loop);
  Value shift = b.createOrFold<arith::SubIOp>(loc, writing.getLowerBound(),
                                              loop.getLowerBound());
  Value end =
      b.createOrFold<arith::SubIOp>(loc, writing.getUpperBound(), shift);

  b.setInsertionPointAfter(loop);
  auto rest = cast<scf::ForOp>(b.clone(*loop));
  b.replaceAllUsesWith(loop.getResults(), rest.getResults());
  b.modifyOpInPlace(rest, [&] {
    rest.setLowerBound(end);
    rest.getInitArgsMutable().assign(loop.getResults());
  });
  b.modifyOpInPlace(loop, [&] { loop.setUpperBound(end); });

  b.setInsertionPoint(loop.getBody()->getTerminator());
  IRMapping mapping;
  mapping.map(
      writing.getInductionVar(),
      b.createOrFold<arith::AddIOp>(loc, loop.getInductionVar(), shift));
  for (Operation &op : writing.getBody()->without_terminator())
    b.clone(op, mapping);
  b.eraseOp(writing);
}
