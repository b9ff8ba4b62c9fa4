//===- FlattenShortRows.cpp - Short rows of channels as one long row ------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'linalg'. A row of 7 x 7 elements is six vectors and a rest, and
// starts at no aligned address; but the rows of 16 channels together are whole
// cache lines. So what there is per channel is spread over the elements of a
// row, and a channel group is treated like 784 channels of one element.
//
//===----------------------------------------------------------------------===//

#include "SelectLoweringStrategy.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::bn {
#define GEN_PASS_DEF_FLATTENSHORTROWSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Most elements that what there is per channel is spread over: a few such rows
/// stay in the L1 cache.
static constexpr int64_t kMostElements = 4096;

namespace {
/// Rewrites one op whose data are (..., channel, row): as many loops as the
/// data have dimensions, in their order.
class RowFlattener {
public:
  RowFlattener(RewriterBase &b, linalg::GenericOp op)
      : b(b), op(op), loc(op.getLoc()), rank(op.getNumLoops()) {}

  bool matches(int64_t longestRow);
  bool pays();
  void run();

private:
  bool isData(OpOperand &operand) {
    return op.getMatchingIndexingMap(&operand).isIdentity();
  }
  bool isPerChannel(OpOperand &operand) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    return map.getNumResults() == 1 && map.getDimPosition(0) == rank - 2;
  }
  bool reduces() {
    return op.getIteratorTypesArray().back() == utils::IteratorType::reduction;
  }
  bool isSummedByDots();
  Value collapse(Value value);
  Value spread(Value perChannel);
  Value sumRows(Value partial, Value init);

  RewriterBase &b;
  linalg::GenericOp op;
  Location loc;
  unsigned rank;
  /// Of the first operand that is data.
  RankedTensorType dataType;
  int64_t channels = 0, row = 0;
};
} // namespace

/// True when each result is a sum over the reduced dimensions, which starts
/// from what is in the init.
static bool isSum(linalg::GenericOp op) {
  for (unsigned i = 0; i < op.getNumDpsInits(); ++i) {
    SmallVector<Operation *> combiners;
    if (!matchReduction(op.getRegionOutputArgs(), i, combiners) ||
        combiners.size() != 1 || !isa<arith::AddFOp>(combiners.front()))
      return false;
  }
  return true;
}

/// True for sums that need nothing per channel, of rows that fill a register:
/// dot products of bf16 add them up there.
bool RowFlattener::isSummedByDots() {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  return reduces() && dataType.getElementType().isBF16() &&
         row >= strategy.getVectorBits() / 16 &&
         strategy.getMoments() == Moments::Raw &&
         llvm::all_of(op.getDpsInputOperands(),
                      [&](OpOperand *input) { return isData(*input); });
}

bool RowFlattener::matches(int64_t longestRow) {
  if (rank < 3 || op.hasIndexSemantics() || !op.hasPureTensorSemantics())
    return false;
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  if (kinds[rank - 2] != utils::IteratorType::parallel)
    return false;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isData(operand) && !isPerChannel(operand))
      return false;
    if (!isData(operand))
      continue;
    auto type = cast<RankedTensorType>(operand.get().getType());
    if (!dataType)
      dataType = type;
    channels = type.getDimSize(rank - 2);
    row = type.getDimSize(rank - 1);
  }
  if (ShapedType::isDynamic(channels) || ShapedType::isDynamic(row) ||
      channels < 2 || row < 2 || row > longestRow ||
      channels * row > kMostElements)
    return false;
  for (OpOperand &init : op.getDpsInitsMutable())
    if (isData(init) == reduces())
      return false;
  return !reduces() || isSum(op);
}

/// True where so many rows of what matches() read what is spread that it pays.
/// Sweeps over several channels at a time are static; of others, a piece has
/// few rows.
bool RowFlattener::pays() {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  if (isSummedByDots())
    return false;
  ArrayRef<int64_t> outer = dataType.getShape().drop_back(2);
  if (ShapedType::isDynamicShape(outer))
    return strategy.getSchedule() != Schedule::Sweep;
  return paysToSpread(ShapedType::getNumElements(outer), row,
                      dataType.getElementTypeBitWidth() / 8,
                      strategy.getStores());
}

/// `value` with channel and row as one dimension.
Value RowFlattener::collapse(Value value) {
  int64_t valueRank = cast<RankedTensorType>(value.getType()).getRank();
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim + 2 < valueRank; ++dim)
    groups.push_back({dim});
  groups.push_back({valueRank - 2, valueRank - 1});
  return tensor::CollapseShapeOp::create(b, loc, value, groups);
}

/// Each entry of `perChannel` as often as a row has elements.
Value RowFlattener::spread(Value perChannel) {
  Type element = getElementTypeOrSelf(perChannel.getType());
  Value empty = tensor::EmptyOp::create(
      b, loc, ArrayRef<int64_t>{channels, row}, element);
  auto broadcast = linalg::BroadcastOp::create(b, loc, perChannel, empty,
                                               ArrayRef<int64_t>{1});
  return collapse(broadcast->getResult(0));
}

/// `init` plus the sums over the rows of `partial`.
Value RowFlattener::sumRows(Value partial, Value init) {
  Type element = getElementTypeOrSelf(init.getType());
  Value rows = tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get({channels, row}, element), partial,
      ArrayRef<ReassociationIndices>{{0, 1}});
  auto sum = linalg::ReduceOp::create(
      b, loc, rows, init, ArrayRef<int64_t>{1},
      [](OpBuilder &nested, Location l, ValueRange args) {
        Value next = arith::AddFOp::create(nested, l, args[0], args[1],
                                           arith::FastMathFlags::contract);
        linalg::YieldOp::create(nested, l, next);
      });
  if (Attribute strategy = op->getAttr(kLoweringStrategyAttrName))
    sum->setAttr(kLoweringStrategyAttrName, strategy);
  return sum->getResult(0);
}

void RowFlattener::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  unsigned flatRank = rank - 1;
  AffineMap data = b.getMultiDimIdentityMap(flatRank);
  AffineMap last = AffineMap::get(
      flatRank, 0, b.getAffineDimExpr(flatRank - 1), b.getContext());
  SmallVector<Value> ins, outs;
  SmallVector<AffineMap> maps;
  for (OpOperand *input : op.getDpsInputOperands()) {
    ins.push_back(isData(*input) ? collapse(input->get())
                                 : spread(input->get()));
    maps.push_back(isData(*input) ? data : last);
  }
  for (OpOperand &init : op.getDpsInitsMutable()) {
    if (isData(init)) {
      outs.push_back(collapse(init.get()));
      maps.push_back(data);
      continue;
    }
    Type element = getElementTypeOrSelf(init.get().getType());
    Value empty = tensor::EmptyOp::create(
        b, loc, ArrayRef<int64_t>{channels * row}, element);
    Value zero =
        arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
    outs.push_back(linalg::FillOp::create(b, loc, zero, empty).getResult(0));
    maps.push_back(last);
  }
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  kinds.pop_back();
  auto flat = linalg::GenericOp::create(
      b, loc, TypeRange(ValueRange(outs)), ins, outs, maps, kinds);
  flat->setDiscardableAttrs(
      llvm::to_vector(op->getDiscardableAttrs()));
  b.inlineRegionBefore(op.getRegion(), flat.getRegion(),
                       flat.getRegion().begin());
  SmallVector<Value> results;
  for (auto [result, init] :
       llvm::zip_equal(flat.getResults(), op.getDpsInitsMutable())) {
    if (reduces()) {
      results.push_back(sumRows(result, init.get()));
      continue;
    }
    auto type = cast<RankedTensorType>(init.get().getType());
    SmallVector<ReassociationIndices> groups;
    for (unsigned dim = 0; dim + 1 < flatRank; ++dim)
      groups.push_back({dim});
    groups.push_back({flatRank - 1, flatRank});
    results.push_back(tensor::ExpandShapeOp::create(
        b, loc, type, result, groups,
        tensor::getMixedSizes(b, loc, init.get())));
  }
  b.replaceOp(op, results);
}

namespace {
struct FlattenShortRowsPass
    : public bn::impl::FlattenShortRowsPassBase<FlattenShortRowsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) {
      LoweringStrategyAttr strategy = getLoweringStrategy(op);
      if (strategy && (strategy.getSchedule() == Schedule::Slab ||
                       strategy.getSchedule() == Schedule::PipelinedSlab ||
                       strategy.getSchedule() == Schedule::Sweep))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : ops) {
      RowFlattener flattener(rewriter, op);
      if (flattener.matches(longestRow) && flattener.pays())
        flattener.run();
    }
  }
};
} // namespace
