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

/// True for the sweep that writes the data, as its strategy says. LLVM drops
/// the hint on bf16 vectors.
static bool wantsNontemporalStores(linalg::LinalgOp op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  return strategy && strategy.getStores() == StoreKind::NonTemporal &&
         op.getNumLoops() > 1 &&
         op.getNumParallelLoops() == op.getNumLoops() &&
         !getElementTypeOrSelf(op.getDpsInits().front().getType()).isBF16();
}

TileVectorizer::TileVectorizer(RewriterBase &b, linalg::LinalgOp op,
                               int64_t vectorBits, int64_t unroll)
    : b(b), loc(op.getLoc()), op(op), indices(op.getNumLoops()) {
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

//===----------------------------------------------------------------------===//
// The two shapes of work
//===----------------------------------------------------------------------===//

/// The contiguous dimension is parallel: each strip reduces on its own, with
/// vectors of accumulators, and is written once.
Values TileVectorizer::sweepStrips(ValueRange tensors) {
  SmallVector<unsigned> inner = reductionDims;
  if (stripDim)
    inner.push_back(*stripDim);
  Values perNest = readInputs(inner, {}, 1);
  Values current(tensors);
  for (const Strip &strip : strips) {
    auto body = [&](ValueRange carried) {
      Values perStrip =
          readInputs(reductionDims, perNest, strip.width, carried);
      Values accumulators;
      for (auto [init, tensor] :
           llvm::zip_equal(op.getDpsInitsMutable(), carried)) {
        bool used = op.payloadUsesValueFromOperand(&init);
        accumulators.push_back(used ? readInit(&init, tensor, strip.width)
                                    : Value());
        if (!used) // stands for a value that nothing reads
          accumulators.back() = ub::PoisonOp::create(
              b, loc, getElementTypeOrSelf(tensor.getType()));
      }
      accumulators = emitNest(
          reductionDims, accumulators, [&](ValueRange running) {
            Values all = readInputs({}, perStrip, strip.width, carried);
            return emitBody(all, running, strip.width);
          });
      Values written;
      for (auto [init, value, tensor] :
           llvm::zip_equal(op.getDpsInitsMutable(), accumulators, carried))
        written.push_back(write(&init, value, tensor, strip.width));
      return written;
    };
    current = stripDim ? emitLoop(*stripDim, strip.begin, strip.end,
                                  strip.width, current, body)
                       : body(current);
  }
  return current;
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

/// Where `init` is written to. Every entry is overwritten, so what it was
/// filled with need not be in memory; and an uninitialized tensor is copied, so
/// that inits that share one do not have to be told apart by bufferization.
static Value getDestination(RewriterBase &b, Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    init = fill.output();
  auto slice = init.getDefiningOp<tensor::ExtractSliceOp>();
  Value whole = slice ? slice.getSource() : init;
  auto empty = whole.getDefiningOp<tensor::EmptyOp>();
  if (!empty)
    return init;
  Value fresh = b.clone(*empty)->getResult(0);
  if (!slice)
    return fresh;
  IRMapping mapping;
  mapping.map(whole, fresh);
  return b.clone(*slice, mapping)->getResult(0);
}

Values TileVectorizer::run() {
  Values destinations;
  for (Value init : op.getDpsInits())
    destinations.push_back(getDestination(b, init));
  return emitNest(outerDims, destinations, [&](ValueRange tensors) {
    return stripIsReduction ? reduceStrips(tensors) : sweepStrips(tensors);
  });
}
