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

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::bn;

/// Rows that are added to sums in memory at a time.
static constexpr int64_t kRowsAtOnce = 4;

/// True for an op in a loop that is marked as one sweep.
static bool isInOneSweep(Operation *op) {
  while ((op = op->getParentOp()))
    if (op->hasAttr(kOneSweepAttrName))
      return true;
  return false;
}

/// How many rows to add to the sums in memory at a time. Where rows are written
/// in the same loop it is one: past the caches, several at a time are slow.
static int64_t getRowsAtOnce(linalg::LinalgOp op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  bool isPipelined =
      strategy && strategy.getSchedule() == Schedule::PipelinedSlab;
  return isPipelined || isInOneSweep(op) ? 1 : kRowsAtOnce;
}

/// `start` with the points of one strip added: of the current row and the
/// `rowsAtOnce` - 1 behind it.
Values TileVectorizer::sumStrip(Values known, int64_t width, ValueRange start,
                                ValueRange tensors) {
  Values sums(start);
  Value first = rowDims.empty() ? Value() : indices[rowDims.back()];
  for (int64_t row = 0; row < rowsAtOnce; ++row) {
    if (row > 0)
      indices[rowDims.back()] = arith::AddIOp::create(
          b, loc, first, arith::ConstantIndexOp::create(b, loc, row));
    sums = emitUnrolled(reductionDims, sums, [&](ValueRange running) {
      return emitBody(readInputs({}, known, width, tensors), running, width);
    });
  }
  if (first)
    indices[rowDims.back()] = first;
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
                  (rowsAtOnce > 1 || !reductionDims.empty()) && isSum;
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

/// All strips, at the current rows.
Values TileVectorizer::sweepRows(Values known, ValueRange tensors) {
  Values current(tensors);
  for (const Strip &strip : strips) {
    auto body = [&](ValueRange carried) {
      return sweepStrip(strip, known, carried);
    };
    current = emitStrip(strip, current, body);
  }
  return current;
}

/// The contiguous dimension is parallel. Without rowDims, each strip reduces on
/// its own; else every row is added to the sums in memory, or several at once
/// where no short dimension is summed in registers already.
Values TileVectorizer::sweepStrips(ValueRange tensors) {
  SmallVector<unsigned> all = reductionDims;
  llvm::append_range(all, rowDims);
  if (stripDim)
    all.push_back(*stripDim);
  Values perNest = readInputs(all, {}, 1);
  if (rowDims.empty())
    return sweepRows(perNest, tensors);
  ArrayRef<unsigned> dims(rowDims);
  unsigned last = dims.back();
  std::optional<int64_t> size = getConstantIntValue(sizes[last]);
  int64_t atOnce = reductionDims.empty() ? getRowsAtOnce(op) : 1;
  if (!size || *size < atOnce)
    atOnce = 1;
  return emitNest(dims.drop_back(), tensors, [&](ValueRange carried) {
    int64_t count = size.value_or(0), bulk = count / atOnce * atOnce;
    rowsAtOnce = atOnce;
    auto body = [&](ValueRange running) { return sweepRows(perNest, running); };
    Values results = emitLoop(last, b.getIndexAttr(0),
                              atOnce == 1 ? sizes[last] : b.getIndexAttr(bulk),
                              atOnce, carried, body);
    rowsAtOnce = 1;
    markPrefetch(results);
    if (bulk < count && atOnce > 1)
      results = emitLoop(last, b.getIndexAttr(bulk), sizes[last], 1, results,
                         body);
    return results;
  });
}

/// Marks the loop over rows of data, of which `results` are carried out, if the
/// strategy asks for prefetches.
void TileVectorizer::markPrefetch(ValueRange results) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  if (op.getNumLoops() == 1 || !strategy || strategy.getPrefetch() == 0)
    return;
  if (auto loop = results.front().getDefiningOp<scf::ForOp>())
    loop->setAttr(kPrefetchAttrName,
                  b.getI64IntegerAttr(strategy.getPrefetch()));
}

/// `running` with the points of one strip of the current row added. Where the
/// strip is a loop, its sums are chains of their own: rounding errors grow with
/// the length of chains.
Values TileVectorizer::reduceStrip(const Strip &strip, ValueRange perNest,
                                   ValueRange running) {
  std::optional<int64_t> begin = getConstantIntValue(strip.begin),
                         end = getConstantIntValue(strip.end);
  bool isOneStep =
      strip.isMasked || (begin && end && *begin + strip.width >= *end);
  bool ownChain = isSum && !reductionDims.empty() && !isOneStep;
  Values start(running);
  if (ownChain)
    for (Value &value : start)
      value = arith::ConstantOp::create(b, loc, b.getZeroAttr(value.getType()));
  Values sums = emitStrip(strip, start, [&](ValueRange carried) {
    Values inputs = readInputs({}, perNest, strip.width);
    return keepMasked(carried, emitBody(inputs, carried, strip.width));
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
      accumulators.push_back(broadcast(first, strip.width));
    }

  accumulators = emitNest(reductionDims, accumulators, [&](ValueRange running) {
    Values next;
    for (auto [i, strip] : llvm::enumerate(strips))
      llvm::append_range(
          next,
          reduceStrip(strip, perNest, running.slice(i * numInits, numInits)));
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
