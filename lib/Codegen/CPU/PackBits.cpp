//===- PackBits.cpp - Accesses to elements of one bit ---------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer', before the passes that look at loops: a vector of bits is
// read and written as bytes, and in no other way. Upstream's emulation of
// narrow types would convert all buffers of a type, wherever they come from.
//
//===----------------------------------------------------------------------===//

#include "Divisors.h"
#include "IndexBuilder.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <numeric>

namespace mlir::bn {
#define GEN_PASS_DEF_PACKBITSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

static constexpr int64_t kByte = 8;

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
  LogicalResult pack(Operation *access);
  LogicalResult checkTransfer(VectorTransferOpInterface transfer);
  LogicalResult checkPlace(Operation *access, Value buffer, ValueRange indices,
                           int64_t lanes);
  Value createBitIndex(Value buffer, ValueRange indices);
  FailureOr<Value> createByteMask(Value mask);
  Value createRead(VectorType bytes, Value bit, Value mask);
  void createWrite(Value bytes, Value bit, Value mask);
  Value createShift(Value bit);
  Value createPartialRead(VectorType type, Value bit);
  void createPartialWrite(Value bits, Value bit);
  LogicalResult packRead(vector::TransferReadOp read);
  LogicalResult packWrite(vector::TransferWriteOp write);

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
    } else if (isa<vector::TransferReadOp, vector::TransferWriteOp>(user)) {
      accesses.push_back(user);
    } else if (!isa<memref::DimOp, memref::ExtractStridedMetadataOp>(user)) {
      return user->emitError("expected bits that 'bn.view_bits' views to be "
                             "read or written by vectors, got '")
             << user->getName() << "'";
    }
  }
  return success();
}

LogicalResult BitPacker::checkTransfer(VectorTransferOpInterface transfer) {
  if (transfer.getVectorType().getRank() == 1 &&
      !transfer.hasOutOfBoundsDim() &&
      transfer.getPermutationMap().isMinorIdentity() &&
      cast<MemRefType>(transfer.getBase().getType()).isLastDimUnitStride())
    return success();
  return transfer->emitError("expected a contiguous transfer of bits that is "
                             "in bounds, got ")
         << *transfer;
}

/// Checks that `lanes` bits at `indices` of `buffer` are whole bytes, or in
/// one.
LogicalResult BitPacker::checkPlace(Operation *access, Value buffer,
                                    ValueRange indices, int64_t lanes) {
  bool isMasked = cast<VectorTransferOpInterface>(access).getMask() != nullptr;
  if (lanes % kByte != 0 && (kByte % lanes != 0 || isMasked))
    return access->emitError("expected vectors of a multiple of 8 bits, or of "
                             "a part of 8 without a mask, got ")
           << lanes;
  int64_t divisor = std::gcd(getOffsetDivisor(buffer),
                             getDivisor(cast<MemRefType>(buffer.getType()),
                                        getAsOpFoldResult(indices)));
  if (divisor % std::min(lanes, kByte) == 0)
    return success();
  return access->emitError("expected rows of bits that start at a byte, got "
                           "one that starts at a multiple of ")
         << divisor << " bits";
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
FailureOr<Value> BitPacker::createByteMask(Value mask) {
  if (!mask)
    return Value();
  auto type = cast<VectorType>(mask.getType());
  auto bytes = VectorType::get(type.getNumElements() / kByte, b.getI1Type());
  IndexBuilder index{b, mask.getLoc()};
  auto constant = mask.getDefiningOp<vector::ConstantMaskOp>();
  auto dynamic = mask.getDefiningOp<vector::CreateMaskOp>();
  if (!constant && !dynamic)
    return view.emitError("expected a mask of bits that 'vector.create_mask' "
                          "makes, got ")
           << mask;
  Value count = constant ? index.constant(constant.getMaskDimSizes().front())
                         : dynamic.getOperands().front();
  Value whole = index.div(index.add(count, index.constant(kByte - 1)), kByte);
  return b.createOrFold<vector::CreateMaskOp>(mask.getLoc(), bytes, whole);
}

/// The bytes that start with `bit`.
Value BitPacker::createRead(VectorType bytes, Value bit, Value mask) {
  Location loc = bit.getLoc();
  Value padding = arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(0));
  return vector::TransferReadOp::create(
      b, loc, bytes, view.getSource(), IndexBuilder{b, loc}.div(bit, kByte),
      AffineMapAttr::get(b.getMultiDimIdentityMap(1)), padding, mask,
      b.getBoolArrayAttr({true}));
}

void BitPacker::createWrite(Value bytes, Value bit, Value mask) {
  Location loc = bit.getLoc();
  vector::TransferWriteOp::create(
      b, loc, bytes, view.getSource(), IndexBuilder{b, loc}.div(bit, kByte),
      AffineMapAttr::get(b.getMultiDimIdentityMap(1)), mask,
      b.getBoolArrayAttr({true}));
}

/// How far `bit` is from the lowest bit of its byte.
Value BitPacker::createShift(Value bit) {
  Location loc = bit.getLoc();
  Value shift = arith::IndexCastOp::create(
      b, loc, b.getI8Type(), IndexBuilder{b, loc}.mod(bit, kByte));
  return vector::BroadcastOp::create(b, loc, VectorType::get(1, b.getI8Type()),
                                     shift);
}

/// The elements of `type` from `bit` on, which are in one byte.
Value BitPacker::createPartialRead(VectorType type, Value bit) {
  Location loc = bit.getLoc();
  Value byte = createRead(VectorType::get(1, b.getI8Type()), bit, Value());
  Value low = arith::ShRUIOp::create(b, loc, byte, createShift(bit));
  Value all = vector::BitCastOp::create(
      b, loc, VectorType::get(kByte, b.getI1Type()), low);
  return vector::ExtractStridedSliceOp::create(
      b, loc, all, ArrayRef<int64_t>{0}, type.getShape(), ArrayRef<int64_t>{1});
}

/// Replaces the bits from `bit` on, which are in one byte, by `bits`. No two
/// threads write to a byte: their pieces are rows, or whole registers of them.
void BitPacker::createPartialWrite(Value bits, Value bit) {
  Location loc = bit.getLoc();
  auto type = VectorType::get(1, b.getI8Type());
  auto all = VectorType::get(kByte, b.getI1Type());
  Value shift = createShift(bit);
  auto constant = [&](TypedAttr value) {
    return arith::ConstantOp::create(b, loc, value);
  };
  int64_t lanes = cast<VectorType>(bits.getType()).getNumElements();
  Value wide = vector::InsertStridedSliceOp::create(
      b, loc, bits, constant(b.getZeroAttr(all)), ArrayRef<int64_t>{0},
      ArrayRef<int64_t>{1});
  Value added = arith::ShLIOp::create(
      b, loc, vector::BitCastOp::create(b, loc, type, wide), shift);
  Value place =
      arith::ShLIOp::create(b, loc,
                            constant(DenseElementsAttr::get(
                                type, b.getI8IntegerAttr((1 << lanes) - 1))),
                            shift);
  Value ones = constant(DenseElementsAttr::get(type, b.getI8IntegerAttr(-1)));
  Value others =
      arith::AndIOp::create(b, loc, createRead(type, bit, Value()),
                            arith::XOrIOp::create(b, loc, place, ones));
  createWrite(arith::OrIOp::create(b, loc, others, added), bit, Value());
}

LogicalResult BitPacker::packRead(vector::TransferReadOp read) {
  Location loc = read.getLoc();
  VectorType type = read.getVectorType();
  int64_t lanes = type.getNumElements();
  FailureOr<Value> mask = createByteMask(read.getMask());
  if (failed(mask))
    return failure();
  Value bit = createBitIndex(read.getBase(), read.getIndices()), bits;
  if (lanes < kByte)
    bits = createPartialRead(type, bit);
  else
    bits = vector::BitCastOp::create(
        b, loc, type.clone(b.getI1Type()),
        createRead(VectorType::get(lanes / kByte, b.getI8Type()), bit, *mask));
  b.replaceOpWithNewOp<arith::ExtUIOp>(read, type, bits);
  return success();
}

LogicalResult BitPacker::packWrite(vector::TransferWriteOp write) {
  Location loc = write.getLoc();
  VectorType type = write.getVectorType();
  int64_t lanes = type.getNumElements();
  FailureOr<Value> mask = createByteMask(write.getMask());
  if (failed(mask))
    return failure();
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Value bits = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ne,
                                             write.getValueToStore(), zero);
  Value bit = createBitIndex(write.getBase(), write.getIndices());
  if (lanes < kByte)
    createPartialWrite(bits, bit);
  else
    createWrite(
        vector::BitCastOp::create(
            b, loc, VectorType::get(lanes / kByte, b.getI8Type()), bits),
        bit, *mask);
  b.eraseOp(write);
  return success();
}

LogicalResult BitPacker::pack(Operation *access) {
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
