//===- TileVectorizer.cpp - One linalg op to vector loops -----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'vector'. What an op asks for, and loops in general. How the loops of
// an op fit together is in TileVectorizerShapes.cpp, what is in them in
// TileVectorizerPoints.cpp.
//
//===----------------------------------------------------------------------===//

#include "TileVectorizer.h"
#include "bn/Codegen/Common/MachineModel.h"
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
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

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

/// True for the sweep that writes the data, as its strategy says.
static bool wantsNontemporalStores(linalg::LinalgOp op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  return strategy && strategy.getStores() == StoreKind::NonTemporal &&
         op.getNumLoops() > 1 && op.getNumParallelLoops() == op.getNumLoops();
}

TileVectorizer::TileVectorizer(RewriterBase &b, linalg::LinalgOp op,
                               int64_t vectorBits, int64_t unroll,
                               bool avx512BF16)
    : b(b), loc(op.getLoc()), op(op), vectorBits(vectorBits), unroll(unroll),
      avx512BF16(avx512BF16),
      lanes(std::max<int64_t>(1, vectorBits / getComputeBits(op))),
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
  isSum = allSums(op);
  sumLanes = stripIsReduction && isSum;
  if (avx512BF16)
    dots = matchDots();
  if (!dots.empty() && stripIsReduction) {
    lanes *= 2;
    this->unroll = std::max<int64_t>(unroll / 2, 1);
  }
  if (wantsNontemporalStores(op))
    nontemporal = vectorBits / 8;

  SmallVector<int64_t> widths = selectWidths();
  cutIntoStrips(widths);
  if (widths.size() > 1 && !stripIsReduction)
    splitReductionDims();
}

/// True when a last, masked step takes the place of steps of one element:
/// registers of 512 bits have masks that cost nothing. What is computed on the
/// lanes that are masked off must have no effect. LLVM takes masked accesses to
/// bf16 apart where the target has no instructions for it.
bool TileVectorizer::hasMasks() {
  return vectorBits >= kMaskedBits &&
         llvm::all_of(
             op.getBlock()->without_terminator(),
             [](Operation &inner) { return isSpeculatable(&inner); }) &&
         (avx512BF16 || llvm::none_of(op->getOperandTypes(), [](Type type) {
            return getElementTypeOrSelf(type).isBF16();
          }));
}

/// The widths of the strips, which descend to that of a register, and to 1 if
/// there are no masks. Where the size is known they descend by halves, so that
/// all strips but the first are a single step, or less than kLeastLanes.
SmallVector<int64_t> TileVectorizer::selectWidths() {
  bool strided = llvm::any_of(op->getOpOperands(), [&](OpOperand &operand) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    return spansStrip(&operand) &&
           map.getDimPosition(map.getNumResults() - 1) != *stripDim;
  });
  if (strided || lanes == 1 || (stripIsReduction && !sumLanes))
    return {1};
  // One number per channel is little work: no register tiles.
  bool isLarge = op.getNumLoops() > 1 || stripIsReduction;
  bool byHalves = stripDim && getConstantIntValue(sizes[*stripDim]);
  SmallVector<int64_t> widths;
  for (int64_t registers = isLarge ? unroll : 1; registers > 1;
       registers = byHalves ? registers / 2 : 1)
    widths.push_back(lanes * registers);
  widths.push_back(lanes);
  if (hasMasks())
    return widths;
  bool hasParts = byHalves && dots.empty(); // a dot product is of a register
  for (int64_t part = lanes / 2; hasParts && part >= kLeastLanes; part /= 2)
    widths.push_back(part);
  widths.push_back(1);
  return widths;
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
/// `widths`, which descend; what is left is masked.
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
  OpFoldResult rest = affine::makeComposedFoldedAffineApply(
      b, loc, AffineMap::get(0, 1, n % widths.back()), {size});
  if (isConstantIntValue(rest, 0))
    return;
  bool isOne = isConstantIntValue(rest, 1);
  strips.push_back({isOne ? 1 : widths.back(), begin, size, !isOne});
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Runs `body` for the indices begin, begin + step, ... of `dim` below end; a
/// single static iteration needs no loop.
Values TileVectorizer::emitLoop(unsigned dim, OpFoldResult begin,
                                OpFoldResult end, int64_t step, ValueRange init,
                                Body body, bool isMasked) {
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
  // A masked step is less than a line.
  if (nontemporal && dim == stripDim && step > 1 && !isMasked)
    loop->setAttr(kNontemporalAttrName, b.getI64IntegerAttr(nontemporal));
  return Values(loop.getResults());
}

/// The steps of `strip`.
Values TileVectorizer::emitStrip(const Strip &strip, ValueRange init,
                                 Body body) {
  if (!stripDim)
    return body(init);
  return emitLoop(
      *stripDim, strip.begin, strip.end, strip.width, init,
      [&](ValueRange carried) {
        if (!strip.isMasked)
          return body(carried);
        AffineExpr begin = b.getAffineSymbolExpr(0),
                   end = b.getAffineSymbolExpr(1);
        mask = vector::CreateMaskOp::create(
            b, loc, VectorType::get(strip.width, b.getI1Type()),
            affine::makeComposedFoldedAffineApply(b, loc, end - begin,
                                                  {strip.begin, strip.end}));
        Values results = body(carried);
        mask = {};
        return results;
      },
      strip.isMasked);
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
  Values values =
      TileVectorizer(b, filled, vectorBits, unroll, avx512BF16).run();
  b.eraseOp(filled);
  return values.front();
}

/// Rows along `dim` that are in one loop: as the strategy says, of a sweep that
/// reads something along its rows that is the same for all of them.
int64_t TileVectorizer::getJam(unsigned dim) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  auto isShared = [&](OpOperand *operand) {
    return spansStrip(operand) && !dependsOn(operand, dim);
  };
  if (!strategy || op.getNumReductionLoops() != 0 ||
      llvm::none_of(op.getDpsInputOperands(), isShared))
    return 1;
  return strategy.getJam();
}

Values TileVectorizer::run() {
  Values destinations;
  for (Value init : op.getDpsInits())
    destinations.push_back(getDestination(init));
  auto body = [&](ValueRange tensors) {
    return stripIsReduction ? reduceStrips(tensors) : sweepStrips(tensors);
  };
  // The innermost loop outside is the one over rows; there is none over
  // dimensions of size 1.
  ArrayRef<unsigned> outer(outerDims);
  size_t count = outer.size();
  while (count > 0 && isConstantIntValue(sizes[outer[count - 1]], 1))
    --count;
  auto inner = [&](ValueRange carried) {
    return emitNest(outer.drop_front(count), carried, body);
  };
  if (count == 0)
    return inner(destinations);
  if (int64_t jam = getJam(outer[count - 1]); jam > 1) {
    jammedDims.push_back(outer[count - 1]);
    return emitRows(outer.take_front(count), jam, destinations, inner);
  }
  return emitNest(outer.take_front(count - 1), destinations,
                  [&](ValueRange carried) {
                    Values results = emitNest(outer[count - 1], carried, inner);
                    if (rowDims.empty())
                      markPrefetch(results);
                    return results;
                  });
}
