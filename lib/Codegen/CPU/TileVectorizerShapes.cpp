//===- TileVectorizerShapes.cpp - How the loops of an op fit together -----===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'vector'. Two shapes of work: the contiguous dimension is parallel, and
// swept strip by strip, or it is reduced.
//
//===----------------------------------------------------------------------===//

#include "TileVectorizer.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::bn;

/// Addends that are summed apart before they are added to a longer chain. One
/// by one, squares with a common spacing would all be rounded the same way;
/// sums of four of them are not (docs/Numerics.md).
static constexpr int64_t kShortSum = 4;

/// The same of dot products, which take two at a time and sum up in registers.
static constexpr int64_t kShortDot = 8;

/// True for an op in a loop that is marked as one sweep.
static bool isInOneSweep(Operation *op) {
  while ((op = op->getParentOp()))
    if (op->hasAttr(kOneSweepAttrName))
      return true;
  return false;
}

/// True where rows are written in the loop that sums up: past the caches,
/// several at a time are slow.
static bool isOneRowAtOnce(linalg::LinalgOp op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  return (strategy && strategy.getSchedule() == Schedule::PipelinedSlab) ||
         isInOneSweep(op);
}

/// Calls `body` at the current row of the innermost of `dims`, if any, and the
/// `rowsAtOnce` - 1 behind it.
void TileVectorizer::forRowsAtOnce(ArrayRef<unsigned> dims,
                                   function_ref<void()> body) {
  if (dims.empty())
    return body();
  Value first = indices[dims.back()];
  for (int64_t row = 0; row < rowsAtOnce; ++row) {
    if (row > 0)
      indices[dims.back()] = arith::AddIOp::create(
          b, loc, first, arith::ConstantIndexOp::create(b, loc, row));
    body();
  }
  indices[dims.back()] = first;
}

/// `start` with the points of one strip added: of the current row and the
/// `rowsAtOnce` - 1 behind it.
Values TileVectorizer::sumStrip(Values known, int64_t width, ValueRange start,
                                ValueRange tensors) {
  Values sums(start);
  if (pairsRows(width)) {
    SmallVector<Values> rows;
    forRowsAtOnce(rowDims, [&] {
      emitUnrolled(reductionDims, {}, [&](ValueRange) {
        rows.push_back(readInputs({}, known, width, tensors));
        return Values();
      });
    });
    return dotRows(rows, sums, width);
  }
  forRowsAtOnce(rowDims, [&] {
    sums = emitUnrolled(reductionDims, sums, [&](ValueRange running) {
      return emitBody(readInputs({}, known, width, tensors), running, width);
    });
  });
  return sums;
}

/// One strip of a parallel contiguous dimension: vectors of accumulators,
/// written once. What is summed in registers before it is added to sums in
/// memory is a chain of its own: rounding errors grow with the length of
/// chains.
Values TileVectorizer::sweepStrip(const Strip &strip, ValueRange known,
                                  ValueRange tensors) {
  SmallVector<unsigned> inner = reductionDims;
  llvm::append_range(inner, rowDims);
  Values perStrip = readInputs(inner, known, strip.width, tensors);
  bool ownChain = !rowDims.empty() &&
                  (rowsAtOnce > 1 || !reductionDims.empty()) && isSum &&
                  !pairsRows(strip.width);
  Values accumulators;
  for (auto [init, tensor] :
       llvm::zip_equal(op.getDpsInitsMutable(), tensors)) {
    Type element = getElementTypeOrSelf(tensor.getType());
    if (ownChain)
      accumulators.push_back(
          broadcast(arith::ConstantOp::create(b, loc, b.getZeroAttr(element)),
                    strip.width));
    else if (!rowDims.empty())
      accumulators.push_back(read(&init, tensor, strip.width));
    else if (op.payloadUsesValueFromOperand(&init))
      accumulators.push_back(readInit(&init, tensor, strip.width));
    else // stands for a value that nothing reads
      accumulators.push_back(ub::PoisonOp::create(b, loc, element));
  }
  accumulators = sumStrip(perStrip, strip.width, accumulators, tensors);
  Values written;
  for (auto [init, value, tensor] :
       llvm::zip_equal(op.getDpsInitsMutable(), accumulators, tensors)) {
    if (ownChain)
      value = arith::AddFOp::create(b, loc, read(&init, tensor, strip.width),
                                    value);
    written.push_back(write(&init, value, tensor, strip.width));
  }
  return written;
}

/// A nest of loops over `dims`: `atOnce` rows of the innermost at a time, which
/// may be asked for ahead, then what is left one by one.
Values TileVectorizer::emitRows(ArrayRef<unsigned> dims, int64_t atOnce,
                                ValueRange init, Body body) {
  if (dims.empty())
    return body(init);
  unsigned last = dims.back();
  std::optional<int64_t> size = getConstantIntValue(sizes[last]);
  if (size && *size < atOnce)
    atOnce = 1;
  return emitNest(dims.drop_back(), init, [&](ValueRange carried) {
    OpFoldResult bulk = affine::makeComposedFoldedAffineApply(
        b, loc, b.getAffineSymbolExpr(0).floorDiv(atOnce) * atOnce,
        {sizes[last]});
    rowsAtOnce = atOnce;
    Values results =
        emitLoop(last, b.getIndexAttr(0), bulk, atOnce, carried, body);
    rowsAtOnce = 1;
    markPrefetch(results);
    if (atOnce == 1)
      return results;
    return emitLoop(last, bulk, sizes[last], 1, results, body);
  });
}

/// One strip of all rows that share what they read; `perRow` has what is known
/// of each of them.
Values TileVectorizer::sweepJammed(const Strip &strip, ValueRange known,
                                   ArrayRef<Values> perRow,
                                   ValueRange tensors) {
  Values shared = readInputs(jammedDims, known, strip.width, tensors);
  Values current(tensors);
  forRowsAtOnce(jammedDims, [&] {
    Values inputs = perRow.consume_front();
    for (auto [input, value] : llvm::zip_equal(inputs, shared))
      input = input ? input : value;
    current = sweepStrip(strip, inputs, current);
  });
  return current;
}

/// All strips, at the current rows.
Values TileVectorizer::sweepRows(Values known, ValueRange tensors) {
  SmallVector<Values> perRow;
  if (!jammedDims.empty())
    forRowsAtOnce(jammedDims,
                  [&] { perRow.push_back(readInputs(*stripDim, known, 1)); });
  Values current(tensors);
  for (const Strip &strip : strips) {
    auto body = [&](ValueRange carried) {
      return jammedDims.empty() ? sweepStrip(strip, known, carried)
                                : sweepJammed(strip, known, perRow, carried);
    };
    current = emitStrip(strip, current, body);
  }
  return current;
}

/// The contiguous dimension is parallel. Without rowDims, each strip reduces on
/// its own; else every row is added to the sums in memory, or as many at once
/// as make, with the short dimensions that are summed in registers, kShortSum
/// addends.
Values TileVectorizer::sweepStrips(ValueRange tensors) {
  SmallVector<unsigned> all = reductionDims;
  llvm::append_range(all, rowDims);
  llvm::append_range(all, jammedDims);
  if (stripDim)
    all.push_back(*stripDim);
  Values perNest = readInputs(all, {}, 1);
  if (rowDims.empty())
    return sweepRows(perNest, tensors);
  if (rowDims.size() == 1 && outerDims.empty() && isOneRowAtOnce(op)) {
    SmallVector<unsigned> squares = getChainedSquares();
    if (!squares.empty())
      return sumRowsInChains(squares, perNest, tensors);
  }
  // What short dimensions add up counts, too.
  int64_t atOnce = dots.empty() ? kShortSum : kShortDot;
  if (isOneRowAtOnce(op))
    atOnce = 1;
  for (unsigned dim : reductionDims)
    atOnce = llvm::divideCeil(
        atOnce, std::max<int64_t>(*getConstantIntValue(sizes[dim]), 1));
  return emitRows(rowDims, atOnce, tensors, [&](ValueRange running) {
    return sweepRows(perNest, running);
  });
}

/// Marks the loop over rows of data, of which `results` are carried out, if the
/// strategy asks for prefetches. Rows along which strips are summed up are in a
/// loop over tiles, which is marked instead.
void TileVectorizer::markPrefetch(ValueRange results) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  if (stripIsReduction || op.getNumLoops() == 1 || !strategy ||
      strategy.getPrefetch() == 0)
    return;
  if (auto loop = results.front().getDefiningOp<scf::ForOp>())
    loop->setAttr(kPrefetchAttrName,
                  b.getI64IntegerAttr(strategy.getPrefetch()));
}

bool TileVectorizer::isOneStep(const Strip &strip) {
  std::optional<int64_t> begin = getConstantIntValue(strip.begin),
                         end = getConstantIntValue(strip.end);
  return strip.isMasked || (begin && end && *begin + strip.width >= *end);
}

/// Elements of the sums of a strip: where a step has kShortSum registers or
/// more, they are added up first.
int64_t TileVectorizer::getSumWidth(const Strip &strip) {
  if (hasDots(strip.width))
    return lanes / 2;
  bool isLarge = sumLanes && strip.width >= kShortSum * lanes;
  return isLarge ? strip.width / kShortSum : strip.width;
}

/// `running` with the points of one step of a strip added.
Values TileVectorizer::addPoints(const Strip &strip, ValueRange perNest,
                                 ValueRange running) {
  Values inputs = readInputs({}, perNest, strip.width);
  if (hasDots(strip.width))
    return dotStrip(inputs, running, strip.width);
  int64_t width = getSumWidth(strip);
  if (width == strip.width)
    return keepMasked(running, emitBody(inputs, running, width));
  Values none;
  for (Value sum : running)
    none.push_back(arith::ConstantOp::create(
        b, loc, b.getFloatAttr(getElementTypeOrSelf(sum.getType()), -0.0)));
  Values sums(running);
  for (auto [sum, addends] :
       llvm::zip_equal(sums, emitBody(inputs, none, strip.width))) {
    Value shortSum, wide = broadcast(addends, strip.width);
    for (int64_t begin = 0; begin < strip.width; begin += width) {
      Value part = vector::ExtractStridedSliceOp::create(b, loc, wide, begin,
                                                         width, /*stride=*/1);
      shortSum = shortSum
                     ? arith::AddFOp::create(b, loc, part, shortSum,
                                             arith::FastMathFlags::contract)
                     : part;
    }
    sum = arith::AddFOp::create(b, loc, shortSum, sum);
  }
  return sums;
}

/// `running` with the points of one strip of the current row added, and of the
/// `rowsAtOnce` - 1 behind it. Where the strip is a loop, its sums are chains
/// of their own: rounding errors grow with the length of chains.
Values TileVectorizer::reduceStrip(const Strip &strip, ValueRange perNest,
                                   ValueRange running) {
  bool ownChain =
      isSum && !reductionDims.empty() && (rowsAtOnce > 1 || !isOneStep(strip));
  Values sums(running);
  if (ownChain)
    for (Value &value : sums)
      value = arith::ConstantOp::create(b, loc, b.getZeroAttr(value.getType()));
  forRowsAtOnce(reductionDims, [&] {
    sums = emitStrip(strip, sums, [&](ValueRange carried) {
      return addPoints(strip, perNest, carried);
    });
  });
  if (ownChain)
    for (auto [sum, before] : llvm::zip_equal(sums, running))
      sum = arith::AddFOp::create(b, loc, before, sum);
  return sums;
}

/// The contiguous dimension is a reduction: one set of accumulators per strip
/// width lives through all reduction loops; lanes are summed at the end.
Values TileVectorizer::reduceStrips(ValueRange tensors) {
  SmallVector<unsigned> inner = reductionDims;
  inner.push_back(*stripDim);
  Values perNest = readInputs(inner, {}, 1);
  size_t numInits = op.getNumDpsInits();

  Values starts;
  for (auto [init, tensor] : llvm::zip_equal(op.getDpsInitsMutable(), tensors))
    starts.push_back(readInit(&init, tensor, 1));
  Values accumulators;
  for (const Strip &strip : strips)
    for (Value start : starts) {
      Value first = start;
      if (sumLanes)
        first = arith::ConstantOp::create(b, loc,
                                          b.getZeroAttr(start.getType()));
      accumulators.push_back(broadcast(first, getSumWidth(strip)));
    }

  bool isShort = sumLanes && llvm::all_of(strips, [&](const Strip &strip) {
                   return isOneStep(strip);
                 });
  int64_t atOnce = isShort && !isOneRowAtOnce(op) ? kShortSum : 1;
  accumulators =
      emitRows(reductionDims, atOnce, accumulators, [&](ValueRange running) {
        Values next;
        for (auto [i, strip] : llvm::enumerate(strips))
          llvm::append_range(
              next, reduceStrip(strip, perNest,
                                running.slice(i * numInits, numInits)));
        return next;
      });

  // Without strips (an empty dimension) nothing is added.
  Values totals = sumLanes || strips.empty() ? starts : Values(accumulators);
  for (auto [i, accumulator] : llvm::enumerate(accumulators)) {
    if (!sumLanes)
      break;
    Value sum = accumulator;
    if (isa<VectorType>(sum.getType()))
      sum = vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, sum,
                                        arith::FastMathFlags::reassoc);
    Value &total = totals[i % numInits];
    total = arith::AddFOp::create(b, loc, total, sum);
  }
  Values written;
  for (auto [init, total, tensor] :
       llvm::zip_equal(op.getDpsInitsMutable(), totals, tensors))
    written.push_back(write(&init, total, tensor, 1));
  return written;
}
