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

/// True when `write` is a full vector of contiguous elements whose position
/// depends on nothing in `loop` but its induction variable.
static bool isPlainWrite(vector::TransferWriteOp write, scf::ForOp loop) {
  auto type = dyn_cast<MemRefType>(write.getBase().getType());
  return type && type.isLastDimUnitStride() && !write.getMask() &&
         !write.hasOutOfBoundsDim() &&
         write.getPermutationMap().isMinorIdentity() &&
         loop.isDefinedOutsideOfLoop(write.getBase()) &&
         llvm::all_of(write.getIndices(), [&](Value index) {
           return index == loop.getInductionVar() ||
                  loop.isDefinedOutsideOfLoop(index);
         });
}

/// Address, in bytes, that `write` starts at in the first iteration of `loop`.
static Value createFirstAddress(OpBuilder &b, vector::TransferWriteOp write,
                                scf::ForOp loop) {
  Location loc = write.getLoc();
  Value base = write.getBase();
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, base);
  Value element = metadata.getOffset();
  for (auto [index, stride] :
       llvm::zip_equal(write.getIndices(), metadata.getStrides())) {
    Value first =
        index == loop.getInductionVar() ? loop.getLowerBound() : index;
    Value step = arith::MulIOp::create(b, loc, first, stride);
    element = arith::AddIOp::create(b, loc, element, step);
  }
  unsigned bits =
      cast<MemRefType>(base.getType()).getElementTypeBitWidth();
  Value size = arith::ConstantIndexOp::create(b, loc, bits / 8);
  Value start =
      memref::ExtractAlignedPointerAsIndexOp::create(b, loc, base);
  return arith::AddIOp::create(b, loc, start,
                               arith::MulIOp::create(b, loc, element, size));
}

/// i1: all `writes` start at multiples of `alignment` bytes.
static Value createAlignmentTest(OpBuilder &b, scf::ForOp loop,
                                 ArrayRef<vector::TransferWriteOp> writes,
                                 int64_t alignment) {
  Location loc = loop.getLoc();
  Value addresses;
  for (vector::TransferWriteOp write : writes) {
    Value address = createFirstAddress(b, write, loop);
    addresses = addresses ? arith::OrIOp::create(b, loc, addresses, address)
                          : address;
  }
  Value mask = arith::ConstantIndexOp::create(b, loc, alignment - 1);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                               arith::AndIOp::create(b, loc, addresses, mask),
                               zero);
}

/// Gives `loop` a version with non-temporal stores. True when it did.
static bool versionLoop(RewriterBase &b, scf::ForOp loop, int64_t alignment) {
  SmallVector<vector::TransferWriteOp> writes;
  loop.walk([&](vector::TransferWriteOp write) { writes.push_back(write); });
  if (writes.empty() || loop.getNumResults() != 0 ||
      !llvm::all_of(writes, [&](vector::TransferWriteOp write) {
        return isPlainWrite(write, loop) &&
               write.getVectorType().getNumElements() *
                       write.getVectorType().getElementTypeBitWidth() / 8 %
                       alignment ==
                   0;
      }))
    return false;

  b.setInsertionPoint(loop);
  Value aligned = createAlignmentTest(b, loop, writes, alignment);
  auto branch = scf::IfOp::create(b, loop.getLoc(), TypeRange(), aligned,
                                  /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  b.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(b, loop.getLoc());
  b.setInsertionPointToEnd(branch.elseBlock());
  auto yield = scf::YieldOp::create(b, loop.getLoc());
  b.moveOpBefore(loop, yield);
  b.setInsertionPointToStart(branch.thenBlock());
  auto version = cast<scf::ForOp>(b.clone(*loop));
  version.walk([&](vector::TransferWriteOp write) {
    b.setInsertionPoint(write);
    b.replaceOpWithNewOp<vector::StoreOp>(
        write, write.getVector(), write.getBase(), write.getIndices(),
        /*nontemporal=*/true, llvm::MaybeAlign(alignment));
  });
  return true;
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
      if (auto alignment = dyn_cast_or_null<IntegerAttr>(
              loop->removeAttr(kNontemporalAttrName)))
        loops.push_back({loop, alignment.getInt()});
    });
    IRRewriter rewriter(&getContext());
    SetVector<Block *> fenced;
    for (auto [loop, alignment] : loops) {
      if (!versionLoop(rewriter, loop, alignment))
        continue;
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
