//===- StatsTiling.cpp - bn.stats along its data --------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. What bn.stats needs beyond tiling: a pivot. docs/Numerics.md
// bounds the error, docs/Rationale.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::bn;

/// Elements of a channel that the first pivot is the mean of: where rows of
/// elements are contiguous, and where channels are.
static constexpr int64_t kPivotElements = 128, kPivotRows = 4;

/// Most elements that are read twice for their statistics; and where this is to
/// happen in one loop with something else.
static constexpr int64_t kTwoPassElements = 16 << 10, kTwoPassPipelined = 512;

/// True when `value` is known to be filled with zeros, as a part of what the
/// loop over groups of channels carries is.
static bool isZeros(Value value) {
  while (true) {
    if (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>()) {
      value = slice.getSource();
      continue;
    }
    auto argument = dyn_cast<BlockArgument>(value);
    auto loop = argument ? dyn_cast<scf::ForallOp>(
                               argument.getOwner()->getParentOp())
                         : scf::ForallOp();
    OpOperand *init = loop ? loop.getTiedOpOperand(argument) : nullptr;
    if (!init)
      break;
    value = init->get();
  }
  return isZeroFilled(value);
}

static bool isChannel(StatsOp op, int64_t dim) {
  auto kinds = cast<IndexedOpInterface>(op.getOperation()).getIterationKinds();
  return kinds[dim] == utils::IteratorType::parallel;
}

/// True when all elements of `op` stay in the inner caches, so that a second
/// pass over them costs no traffic.
static bool isSmall(StatsOp op, LoweringStrategyAttr strategy) {
  auto type = cast<ShapedType>(op.getInput().getType());
  int64_t elements = 1;
  for (auto [size, tileSize] :
       llvm::zip_equal(type.getShape(), strategy.getTile())) {
    if (tileSize != 0 && (ShapedType::isDynamic(size) || size > tileSize))
      return false;
    elements *= ShapedType::isDynamic(size) ? 1 : size;
  }
  return elements <= (strategy.getSchedule() == Schedule::PipelinedSlab
                          ? kTwoPassPipelined
                          : kTwoPassElements);
}

static SmallVector<Value> createZeros(OpBuilder &b, StatsOp op) {
  SmallVector<Value> zeros;
  for (Value out : op.getOuts())
    zeros.push_back(createZerosLike(
        b, op.getLoc(), op.getInput(), op.getAxis(),
        cast<ShapedType>(out.getType()).getElementType()));
  return zeros;
}

/// The mean of the first few elements of each channel, in `out`.
static Value createFirstPivot(OpBuilder &b, StatsOp op, Value out) {
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, loc, op.getInput());
  int64_t rank = sizes.size();
  int64_t room = isChannel(op, rank - 1) ? kPivotRows : kPivotElements;
  AffineExpr n = b.getAffineSymbolExpr(0);
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    if (isChannel(op, dim))
      continue;
    std::optional<int64_t> size = getConstantIntValue(sizes[dim]);
    // Streams are read in turn anyway.
    if (size && *size <= kMaxStreams && isChannel(op, rank - 1))
      continue;
    AffineMap least = AffineMap::get(
        0, 1, {n, b.getAffineConstantExpr(room)}, b.getContext());
    sizes[dim] =
        affine::makeComposedFoldedAffineMin(b, loc, least, {sizes[dim]});
    room = size ? std::max<int64_t>(room / std::max<int64_t>(*size, 1), 1) : 1;
  }
  SmallVector<OpFoldResult> zeros(rank, b.getIndexAttr(0)),
      ones(rank, b.getIndexAttr(1));
  Value first = tensor::ExtractSliceOp::create(b, loc, op.getInput(), zeros,
                                               sizes, ones);
  return convertTensor(b, op, createMean(b, op, first, op.getAxis()), out);
}

LogicalResult mlir::bn::tileStatsInSequence(RewriterBase &rewriter,
                                            StatsOp op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  auto tilingOp = cast<TilingInterface>(op.getOperation());
  if (strategy.getMoments() == Moments::Raw || isSmall(op, strategy) ||
      op.getPivot() || op.getMask())
    return tileInSequence(rewriter, tilingOp);
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  // A mean that counts for nothing is the pivot of the first tile.
  SmallVector<Value> outs(op.getOuts());
  bool startsFromZeros = llvm::all_of(outs, isZeros);
  if (!startsFromZeros)
    op.getOutsMutable().assign(createZeros(rewriter, op));
  op.getOutsMutable()[1].set(
      createFirstPivot(rewriter, op, skipZeroFill(op.getOuts()[1])));
  if (!startsFromZeros) {
    rewriter.setInsertionPointAfter(op);
    auto merge = MergeStatsOp::create(rewriter, op.getLoc(),
                                      op.getResultTypes(), op.getResult(0),
                                      op.getResult(1), op.getResult(2), outs);
    for (auto [result, merged] :
         llvm::zip_equal(op.getResults(), merge.getResults()))
      rewriter.replaceAllUsesExcept(result, merged, merge);
  }
  auto setPivot = [](Operation *tile) {
    auto stats = cast<StatsOp>(tile);
    stats.getPivotMutable().assign(stats.getOuts()[1]);
  };
  if (llvm::all_of(strategy.getTile(), [](int64_t size) { return size == 0; }))
    setPivot(op);
  return tileInSequence(rewriter, tilingOp, setPivot);
}
