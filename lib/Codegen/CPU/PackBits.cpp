//===- PackBits.cpp - Accesses to elements of one bit ---------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer', behind the passes that look at loops, to which bits are
// elements as others are: a vector of bits is read and written as bytes, and in
// no other way. Upstream's emulation of narrow types would convert all buffers
// of a type, wherever they come from.
//
//===----------------------------------------------------------------------===//

#include "BitAccess.h"
#include "Divisors.h"
#include "IndexBuilder.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <numeric>

namespace mlir::bn {
#define GEN_PASS_DEF_PACKBITSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

//===----------------------------------------------------------------------===//
// Where accesses start
//===----------------------------------------------------------------------===//

/// A number that divides all linear indices that start at `indices` of `type`,
/// a view of a buffer in C order that leaves out no element of a row: there a
/// stride is a multiple of the one behind it.
static int64_t getDivisor(MemRefType type, ArrayRef<OpFoldResult> indices) {
  auto [strides, offset] = type.getStridesAndOffset();
  int64_t divisor = 0, known = 1;
  for (auto [stride, index] :
       llvm::reverse(llvm::zip_equal(strides, indices))) {
    known = ShapedType::isDynamic(stride) ? known : stride;
    divisor = std::gcd(divisor, known * getKnownDivisor(index));
  }
  return divisor;
}

/// A number that divides the linear index of the first element of `view`, which
/// is one of a `bn.view_bits`; 0 for 0.
static int64_t getOffsetDivisor(Value view) {
  Operation *op = view.getDefiningOp();
  if (isa<ViewBitsOp>(op))
    return 0;
  int64_t source =
      getOffsetDivisor(cast<ViewLikeOpInterface>(op).getViewSource());
  auto subview = dyn_cast<memref::SubViewOp>(op);
  return subview ? std::gcd(source, getDivisor(subview.getSourceType(),
                                               subview.getMixedOffsets()))
                 : source;
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

namespace {
/// Rewrites the accesses to one view of bits. All of them return failure after
/// a diagnostic where they cannot.
class BitPacker {
public:
  BitPacker(RewriterBase &b, ViewBitsOp view) : b(b), view(view) {}

  LogicalResult run();

private:
  LogicalResult collect(Value buffer);
  Operation *widen(Operation *access);
  LogicalResult pack(Operation *access);
  LogicalResult checkTransfer(VectorTransferOpInterface transfer);
  LogicalResult checkPlace(Operation *access, Value buffer, ValueRange indices,
                           int64_t lanes);
  Value createBitIndex(Value buffer, ValueRange indices);
  FailureOr<Value> createByteMask(Operation *access, Value mask);
  LogicalResult packRead(vector::TransferReadOp read);
  LogicalResult packWrite(vector::TransferWriteOp write);
  void packPrefetch(memref::PrefetchOp prefetch);

  RewriterBase &b;
  ViewBitsOp view;
  SmallVector<Operation *> accesses;
};
} // namespace

/// Finds the accesses to `buffer` and to views of it.
LogicalResult BitPacker::collect(Value buffer) {
  for (Operation *user : buffer.getUsers()) {
    auto subview = dyn_cast<memref::SubViewOp>(user);
    if ((subview && subview.hasUnitStride()) ||
        isa<memref::CollapseShapeOp, memref::ExpandShapeOp, memref::CastOp>(
            user)) {
      if (failed(collect(user->getResult(0))))
        return failure();
    } else if (isa<vector::TransferReadOp, vector::TransferWriteOp,
                   memref::LoadOp, memref::StoreOp, memref::PrefetchOp>(user)) {
      accesses.push_back(user);
    } else if (!isa<memref::DimOp, memref::ExtractStridedMetadataOp>(user)) {
      return user->emitError("expected bits that 'bn.view_bits' views to be "
                             "read or written, got '")
             << user->getName() << "'";
    }
  }
  return success();
}

/// `access`, of a single element, as that of a vector of one.
Operation *BitPacker::widen(Operation *access) {
  Location loc = access->getLoc();
  auto type = VectorType::get(1, b.getI8Type());
  b.setInsertionPoint(access);
  if (auto load = dyn_cast<memref::LoadOp>(access)) {
    Value padding = arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(0));
    auto read = vector::TransferReadOp::create(b, loc, type, load.getMemRef(),
                                               load.getIndices(), padding,
                                               ArrayRef<bool>{true});
    b.replaceOpWithNewOp<vector::ExtractOp>(load, read.getResult(), 0);
    return read;
  }
  auto store = dyn_cast<memref::StoreOp>(access);
  if (!store)
    return access;
  Value element =
      vector::BroadcastOp::create(b, loc, type, store.getValueToStore());
  auto write =
      vector::TransferWriteOp::create(b, loc, element, store.getMemRef(),
                                      store.getIndices(), ArrayRef<bool>{true});
  b.eraseOp(store);
  return write;
}

/// True where what is masked off may be 0.
static bool hasNoPadding(VectorTransferOpInterface transfer) {
  auto read = dyn_cast<vector::TransferReadOp>(*transfer);
  return !read || !read.getMask() ||
         matchPattern(read.getPadding(), m_Zero()) ||
         read.getPadding().getDefiningOp<ub::PoisonOp>();
}

LogicalResult BitPacker::checkTransfer(VectorTransferOpInterface transfer) {
  if (transfer.getVectorType().getRank() == 1 &&
      !transfer.hasOutOfBoundsDim() &&
      transfer.getPermutationMap().isMinorIdentity() &&
      cast<MemRefType>(transfer.getBase().getType()).isLastDimUnitStride() &&
      hasNoPadding(transfer))
    return success();
  return transfer->emitError("expected a contiguous transfer of bits that is "
                             "in bounds and has no padding but 0, got ")
         << *transfer;
}

/// Checks that `lanes` bits at `indices` of `buffer` are whole bytes, or in
/// one.
LogicalResult BitPacker::checkPlace(Operation *access, Value buffer,
                                    ValueRange indices, int64_t lanes) {
  bool isMasked = cast<VectorTransferOpInterface>(access).getMask() != nullptr;
  if (lanes % kByteBits != 0 && (kByteBits % lanes != 0 || isMasked))
    return access->emitError("expected vectors of a multiple of 8 bits, or of "
                             "a part of 8 without a mask, got ")
           << lanes;
  // Tiles are whole bytes even where vectors are not: another thread may work
  // on the next one.
  auto forall = access->getParentOfType<scf::ForallOp>();
  if (lanes < kByteBits && isa<vector::TransferWriteOp>(access) && forall &&
      !forall->isProperAncestor(buffer.getDefiningOp()))
    return access->emitError(
        "expected parts of bytes to be written in tiles of "
        "the parallel loop, got a write to all of the "
        "buffer");
  int64_t tile = getOffsetDivisor(buffer);
  int64_t start = std::gcd(tile, getDivisor(cast<MemRefType>(buffer.getType()),
                                            getAsOpFoldResult(indices)));
  if (tile % kByteBits == 0 && start % std::min(lanes, kByteBits) == 0)
    return success();
  return access->emitError(
             "expected tiles of bits, and vectors in them, that "
             "are known to start at a byte, got bits at a multiple "
             "of ")
         << start;
}

/// The number of the bit that is at `indices` of `buffer`.
Value BitPacker::createBitIndex(Value buffer, ValueRange indices) {
  Location loc = buffer.getLoc();
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, buffer);
  SmallVector<OpFoldResult> operands = {metadata.getConstifiedMixedOffset()};
  AffineExpr sum = b.getAffineSymbolExpr(0);
  for (auto [index, stride] :
       llvm::zip_equal(indices, metadata.getConstifiedMixedStrides())) {
    unsigned next = operands.size();
    sum = sum + b.getAffineSymbolExpr(next) * b.getAffineSymbolExpr(next + 1);
    llvm::append_values(operands, OpFoldResult(index), stride);
  }
  OpFoldResult bit = affine::makeComposedFoldedAffineApply(
      b, loc, AffineMap::get(0, operands.size(), sum), operands);
  return getValueOrCreateConstantIndexOp(b, loc, bit);
}

/// The mask of bytes for `mask`, of bits; null for none.
FailureOr<Value> BitPacker::createByteMask(Operation *access, Value mask) {
  if (!mask)
    return Value();
  auto type = cast<VectorType>(mask.getType());
  auto bytes =
      VectorType::get(type.getNumElements() / kByteBits, b.getI1Type());
  IndexBuilder index{b, mask.getLoc()};
  auto constant = mask.getDefiningOp<vector::ConstantMaskOp>();
  auto dynamic = mask.getDefiningOp<vector::CreateMaskOp>();
  if (!constant && !dynamic)
    return access->emitError("expected a mask of bits that is made by "
                             "'vector.create_mask' or 'vector.constant_mask', "
                             "got another one");
  Value count = constant ? index.constant(constant.getMaskDimSizes().front())
                         : dynamic.getOperands().front();
  int64_t divisor = getKnownDivisor(count);
  if (divisor % kByteBits != 0)
    return access->emitError("expected a mask of a multiple of 8 bits, got one "
                             "of a multiple of ")
           << divisor;
  Value whole = index.div(count, kByteBits);
  return b.createOrFold<vector::CreateMaskOp>(mask.getLoc(), bytes, whole);
}

LogicalResult BitPacker::packRead(vector::TransferReadOp read) {
  Location loc = read.getLoc();
  VectorType type = read.getVectorType();
  FailureOr<Value> mask = createByteMask(read, read.getMask());
  if (failed(mask))
    return failure();
  Value bit = createBitIndex(read.getBase(), read.getIndices());
  Value bits = BitAccess{b, loc, view.getSource()}.createRead(
      type.getNumElements(), bit, *mask);
  b.replaceOpWithNewOp<arith::ExtUIOp>(read, type, bits);
  return success();
}

LogicalResult BitPacker::packWrite(vector::TransferWriteOp write) {
  Location loc = write.getLoc();
  FailureOr<Value> mask = createByteMask(write, write.getMask());
  if (failed(mask))
    return failure();
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(write.getVectorType()));
  Value bits = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ne,
                                             write.getValueToStore(), zero);
  Value bit = createBitIndex(write.getBase(), write.getIndices());
  BitAccess{b, loc, view.getSource()}.createWrite(bits, bit, *mask);
  b.eraseOp(write);
  return success();
}

void BitPacker::packPrefetch(memref::PrefetchOp prefetch) {
  b.setInsertionPoint(prefetch);
  Value bit = createBitIndex(prefetch.getMemref(), prefetch.getIndices());
  Value byte = IndexBuilder{b, prefetch.getLoc()}.div(bit, kByteBits);
  b.replaceOpWithNewOp<memref::PrefetchOp>(
      prefetch, view.getSource(), byte, prefetch.getIsWrite(),
      prefetch.getLocalityHint(), prefetch.getIsDataCache());
}

LogicalResult BitPacker::pack(Operation *access) {
  if (auto prefetch = dyn_cast<memref::PrefetchOp>(access)) {
    packPrefetch(prefetch);
    return success();
  }
  access = widen(access);
  b.setInsertionPoint(access);
  auto transfer = cast<VectorTransferOpInterface>(access);
  if (failed(checkTransfer(transfer)) ||
      failed(checkPlace(access, transfer.getBase(), transfer.getIndices(),
                        transfer.getVectorType().getNumElements())))
    return failure();
  if (auto read = dyn_cast<vector::TransferReadOp>(access))
    return packRead(read);
  return packWrite(cast<vector::TransferWriteOp>(access));
}

LogicalResult BitPacker::run() {
  if (failed(collect(view.getResult())))
    return failure();
  for (Operation *access : accesses)
    if (failed(pack(access)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// What is left of the views
//===----------------------------------------------------------------------===//

namespace {
/// Offset, sizes and strides of a view of bits, which is in C order.
struct ResolveMetadata : OpRewritePattern<memref::ExtractStridedMetadataOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::ExtractStridedMetadataOp op,
                                PatternRewriter &b) const override {
    auto view = op.getSource().getDefiningOp<ViewBitsOp>();
    // The base is a buffer that nothing can use any more.
    if (!view || !op.getBaseBuffer().use_empty())
      return failure();
    Location loc = op.getLoc();
    auto type = cast<MemRefType>(view.getType());
    SmallVector<OpFoldResult> sizes =
        getMixedValues(type.getShape(), view.getSizes(), b);
    SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
    AffineExpr product = b.getAffineSymbolExpr(0) * b.getAffineSymbolExpr(1);
    for (int64_t dim = type.getRank() - 2; dim >= 0; --dim)
      strides[dim] = affine::makeComposedFoldedAffineApply(
          b, loc, AffineMap::get(0, 2, product),
          {strides[dim + 1], sizes[dim + 1]});
    SmallVector<Value> results = {Value(),
                                  arith::ConstantIndexOp::create(b, loc, 0)};
    for (ArrayRef<OpFoldResult> values : {ArrayRef(sizes), ArrayRef(strides)})
      llvm::append_range(results,
                         getValueOrCreateConstantIndexOp(b, loc, values));
    for (auto [result, value] :
         llvm::drop_begin(llvm::zip_equal(op->getResults(), results)))
      b.replaceAllUsesWith(result, value);
    b.eraseOp(op);
    return success();
  }
};

/// The size of a view of bits.
struct ResolveDim : OpRewritePattern<memref::DimOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::DimOp op,
                                PatternRewriter &b) const override {
    auto view = op.getSource().getDefiningOp<ViewBitsOp>();
    std::optional<int64_t> dim = op.getConstantIndex();
    if (!view || !dim)
      return failure();
    auto type = cast<MemRefType>(view.getType());
    OpFoldResult size =
        getMixedValues(type.getShape(), view.getSizes(), b)[*dim];
    b.replaceOp(op, getValueOrCreateConstantIndexOp(b, op.getLoc(), size));
    return success();
  }
};

struct PackBitsPass : public bn::impl::PackBitsPassBase<PackBitsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<ViewBitsOp> views;
    getOperation().walk([&](ViewBitsOp view) { views.push_back(view); });
    if (views.empty())
      return;
    IRRewriter rewriter(&getContext());
    for (ViewBitsOp view : views)
      if (failed(BitPacker(rewriter, view).run()))
        return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    memref::populateResolveExtractStridedMetadataPatterns(patterns);
    patterns.add<ResolveMetadata, ResolveDim>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
