//===- TileVectorizer.cpp - One linalg op to vector loops -----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'vector'. The loops; what is in them is in TileVectorizerPoints.cpp.
//
//===----------------------------------------------------------------------===//

#include "TileVectorizer.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::bn;

/// Longest dimension that is summed in registers, without a loop.
static constexpr int64_t kMaxUnrolled = 8;
/// Rows that are added to sums in memory at a time.
static constexpr int64_t kRowsAtOnce = 4;

//===----------------------------------------------------------------------===//
// What an op asks for
//===----------------------------------------------------------------------===//

/// True when every result of `op` is a sum, and no sum is part of another's
/// addend, so that lanes may be summed apart.
static bool allSums(linalg::LinalgOp op) {
  for (unsigned i = 0; i < op.getRegionOutputArgs().size(); ++i) {
    SmallVector<Operation *> combiners;
    if (!op.getRegionOutputArgs()[i].hasOneUse() ||
        !matchReduction(op.getRegionOutputArgs(), i, combiners) ||
        combiners.size() != 1 || !isa<arith::AddFOp>(combiners.front()))
      return false;
  }
  return true;
}

/// Widest number in the body: it decides how many lanes a register has.
static unsigned getComputeBits(linalg::LinalgOp op) {
  unsigned bits = 8;
  auto see = [&](TypeRange types) {
    for (Type type : types)
      if (type.isIntOrFloat())
        bits = std::max(bits, type.getIntOrFloatBitWidth());
  };
  see(op.getBlock()->getArgumentTypes());
  for (Operation &inner : op.getBlock()->without_terminator())
    see(inner.getResultTypes());
  return bits;
}

/// True for the sweep that writes the data, as its strategy says.
static bool wantsNontemporalStores(linalg::LinalgOp op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  return strategy && strategy.getStores() == StoreKind::NonTemporal &&
         op.getNumLoops() > 1 &&
         op.getNumParallelLoops() == op.getNumLoops();
}

/// How many rows to add to the sums in memory at a time. Of a pipelined slab one:
/// its rows are written past the caches, which several at a time are not good
/// at.
static int64_t getRowsAtOnce(linalg::LinalgOp op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  return strategy && strategy.getSchedule() == Schedule::PipelinedSlab
             ? 1
             : kRowsAtOnce;
}

TileVectorizer::TileVectorizer(RewriterBase &b, linalg::LinalgOp op,
                               int64_t vectorBits, int64_t unroll)
    : b(b), loc(op.getLoc()), op(op), vectorBits(vectorBits), unroll(unroll),
      indices(op.getNumLoops()) {
  for (Range range : op.createLoopRanges(b, loc))
    sizes.push_back(range.size);
  // The last dimension of the operand with most dimensions is contiguous.
  unsigned most = 0;
  for (AffineMap map : op.getIndexingMapsArray())
    if (map.getNumResults() > most) {
      most = map.getNumResults();
      stripDim = map.getDimPosition(most - 1);
    }
  for (auto [dim, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    bool isReduction = kind == utils::IteratorType::reduction;
    if (dim == stripDim)
      stripIsReduction = isReduction;
    else
      (isReduction ? reductionDims : outerDims).push_back(dim);
  }
  sumLanes = stripIsReduction && allSums(op);
  if (wantsNontemporalStores(op))
    nontemporal = vectorBits / 8;

  bool strided = llvm::any_of(op->getOpOperands(), [&](OpOperand &operand) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    return spansStrip(&operand) &&
           map.getDimPosition(map.getNumResults() - 1) != *stripDim;
  });
  int64_t lanes = std::max<int64_t>(1, vectorBits / getComputeBits(op));
  // One number per channel is little work: no register tiles.
  bool isLarge = op.getNumLoops() > 1 || stripIsReduction;
  SmallVector<int64_t> widths;
  if (!strided && (!stripIsReduction || sumLanes)) {
    if (isLarge && unroll > 1)
      widths.push_back(lanes * unroll);
    if (lanes > 1)
      widths.push_back(lanes);
  }
  widths.push_back(1);
  cutIntoStrips(widths);
  if (widths.size() > 1 && !stripIsReduction)
    splitReductionDims();
}

/// A reduction across strips reads its data in memory order: the sums of a
/// whole row are kept in memory, where they stay in the L1 cache, and only
/// short dimensions are summed in registers. Strips with rows inside would read
/// a few lines of each row, which no prefetcher follows.
void TileVectorizer::splitReductionDims() {
  SmallVector<unsigned> inner;
  for (unsigned dim : reductionDims) {
    std::optional<int64_t> size = getConstantIntValue(sizes[dim]);
    (size && *size <= kMaxUnrolled ? inner : rowDims).push_back(dim);
  }
  reductionDims = inner;
}

/// Cuts the contiguous dimension into parts that are walked in steps of
/// `widths`, which descend to 1.
void TileVectorizer::cutIntoStrips(ArrayRef<int64_t> widths) {
  if (!stripDim) {
    strips.push_back({1, b.getIndexAttr(0), b.getIndexAttr(1)});
    return;
  }
  OpFoldResult size = sizes[*stripDim], begin = b.getIndexAttr(0);
  AffineExpr n = b.getAffineSymbolExpr(0);
  for (int64_t width : widths) {
    OpFoldResult end = affine::makeComposedFoldedAffineApply(
        b, loc, AffineMap::get(0, 1, n.floorDiv(width) * width), {size});
    if (!isEqualConstantIntOrValue(begin, end))
      strips.push_back({width, begin, end});
    begin = end;
  }
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Runs `body` for the indices begin, begin + step, ... of `dim` below end; a
/// single static iteration needs no loop.
Values TileVectorizer::emitLoop(unsigned dim, OpFoldResult begin,
                                OpFoldResult end, int64_t step, ValueRange init,
                                Body body) {
  std::optional<int64_t> first = getConstantIntValue(begin);
  std::optional<int64_t> last = getConstantIntValue(end);
  Value lower = getValueOrCreateConstantIndexOp(b, loc, begin);
  if (first && last && *first + step >= *last) {
    if (*first >= *last)
      return Values(init);
    indices[dim] = lower;
    Values results = body(init);
    indices[dim] = {};
    return results;
  }
  Value upper = getValueOrCreateConstantIndexOp(b, loc, end);
  Value stride = arith::ConstantIndexOp::create(b, loc, step);
  auto loop = scf::ForOp::create(
      b, loc, lower, upper, stride, init,
      [&](OpBuilder &, Location, Value iv, ValueRange carried) {
        indices[dim] = iv;
        scf::YieldOp::create(b, loc, body(carried));
        indices[dim] = {};
      });
  if (nontemporal && dim == stripDim && step > 1)
    loop->setAttr(kNontemporalAttrName, b.getI64IntegerAttr(nontemporal));
  return Values(loop.getResults());
}

/// Nest of loops over all of `dims`.
Values TileVectorizer::emitNest(ArrayRef<unsigned> dims, ValueRange init,
                                Body body) {
  if (dims.empty())
    return body(init);
  return emitLoop(dims.front(), b.getIndexAttr(0), sizes[dims.front()], 1, init,
                  [&](ValueRange carried) {
                    return emitNest(dims.drop_front(), carried, body);
                  });
}

/// Every point of `dims`, which are short and static, one after the other.
Values TileVectorizer::emitUnrolled(ArrayRef<unsigned> dims, ValueRange init,
                                    Body body) {
  if (dims.empty())
    return body(init);
  unsigned dim = dims.front();
  std::optional<int64_t> size = getConstantIntValue(sizes[dim]);
  if (!size || *size > kMaxUnrolled)
    return emitLoop(dim, b.getIndexAttr(0), sizes[dim], 1, init,
                    [&](ValueRange carried) {
                      return emitUnrolled(dims.drop_front(), carried, body);
                    });
  Values current(init);
  for (int64_t i = 0; i < *size; ++i) {
    indices[dim] = arith::ConstantIndexOp::create(b, loc, i);
    current = emitUnrolled(dims.drop_front(), current, body);
  }
  indices[dim] = {};
  return current;
}

//===----------------------------------------------------------------------===//
// The two shapes of work
//===----------------------------------------------------------------------===//

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
                  (rowsAtOnce > 1 || !reductionDims.empty()) && allSums(op);
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
    current = stripDim ? emitLoop(*stripDim, strip.begin, strip.end,
                                  strip.width, current, body)
                       : body(current);
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
    for (auto [i, strip] : llvm::enumerate(strips)) {
      auto body = [&, width = strip.width](ValueRange carried) {
        return emitBody(readInputs({}, perNest, width), carried, width);
      };
      llvm::append_range(next, emitLoop(*stripDim, strip.begin, strip.end,
                                        strip.width,
                                        running.slice(i * numInits, numInits),
                                        body));
    }
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

/// Where `init` is written to. An uninitialized tensor is copied, so that inits
/// that share one do not have to be told apart by bufferization. What it was
/// filled with need not be in memory, except for sums that are kept there.
Value TileVectorizer::getDestination(Value init) {
  auto fill = init.getDefiningOp<linalg::FillOp>();
  if (fill)
    init = fill.output();
  auto slice = init.getDefiningOp<tensor::ExtractSliceOp>();
  Value whole = slice ? slice.getSource() : init;
  Value fresh = init;
  if (auto empty = whole.getDefiningOp<tensor::EmptyOp>()) {
    fresh = b.clone(*empty)->getResult(0);
    if (slice) {
      IRMapping mapping;
      mapping.map(whole, fresh);
      fresh = b.clone(*slice, mapping)->getResult(0);
    }
  }
  if (!fill || rowDims.empty())
    return fresh;
  auto filled = linalg::FillOp::create(b, loc, fill.value(), fresh);
  Values values = TileVectorizer(b, filled, vectorBits, unroll).run();
  b.eraseOp(filled);
  return values.front();
}

Values TileVectorizer::run() {
  Values destinations;
  for (Value init : op.getDpsInits())
    destinations.push_back(getDestination(init));
  auto body = [&](ValueRange tensors) {
    return stripIsReduction ? reduceStrips(tensors) : sweepStrips(tensors);
  };
  if (outerDims.empty())
    return body(destinations);
  // The innermost of the outer loops is the one over rows.
  ArrayRef<unsigned> outer(outerDims);
  return emitNest(outer.drop_back(), destinations, [&](ValueRange carried) {
    Values results = emitNest(outer.take_back(), carried, body);
    // Of one row there is no loop, and `results` are those of its strips.
    bool oneRow = isConstantIntValue(sizes[outer.back()], 1);
    if (!stripIsReduction && rowDims.empty() && !oneRow)
      markPrefetch(results);
    return results;
  });
}
