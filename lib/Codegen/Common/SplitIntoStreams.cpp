//===- SplitIntoStreams.cpp - Rows from several places in turn ------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. An order of the rows of a reduction that keeps the hardware's
// prefetchers busy: docs/Rationale.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "TilingUtils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Cuts the rows of one op.
class StreamSplitter {
public:
  StreamSplitter(RewriterBase &b, IndexedOpInterface op, int64_t streams);

  IndexedOpInterface run();

private:
  using Part = function_ref<Value(Value rows, AffineMap map)>;
  Value slice(Value rows, AffineMap map, OpFoldResult from, OpFoldResult count);
  Value apart(Value rows, AffineMap map);
  IndexedOpInterface create(Part getPart, ValueRange outs, int64_t channelDim);
  ValueRange createRest(ValueRange running);
  ValueRange addRest(ValueRange running);

  RewriterBase &b;
  IndexedOpInterface op;
  Location loc;
  int64_t streams;
  OpFoldResult zero, one, length, covered, rest, channels;
};
} // namespace

StreamSplitter::StreamSplitter(RewriterBase &b, IndexedOpInterface op,
                               int64_t streams)
    : b(b), op(op), loc(op->getLoc()), streams(streams),
      zero(b.getIndexAttr(0)), one(b.getIndexAttr(1)) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, loc, op.getSpanningOperand().get());
  AffineExpr n = b.getAffineSymbolExpr(0);
  auto apply = [&](AffineExpr expr) {
    return affine::makeComposedFoldedAffineApply(
        b, loc, AffineMap::get(0, 1, expr), {sizes[0]});
  };
  length = apply(n.floorDiv(streams));
  covered = apply(n.floorDiv(streams) * streams);
  rest = apply(n % streams);
  channels = sizes[1];
}

/// True for a dimension of an operand with this map along which it is
/// broadcast: a mask.
static bool isBroadcast(AffineMap map, unsigned dim) {
  return isa<AffineConstantExpr>(map.getResult(dim));
}

/// Some rows of an operand; all of those that are there for each row.
Value StreamSplitter::slice(Value rows, AffineMap map, OpFoldResult from,
                            OpFoldResult count) {
  if (isBroadcast(map, 0)) {
    from = zero;
    count = one;
  }
  OpFoldResult width = isBroadcast(map, 1) ? one : channels;
  return tensor::ExtractSliceOp::create(b, loc, rows, ArrayRef{from, zero},
                                        ArrayRef{count, width},
                                        ArrayRef{one, one});
}

/// The rows that all streams have, with a dimension for the streams.
Value StreamSplitter::apart(Value rows, AffineMap map) {
  auto type = cast<RankedTensorType>(rows.getType());
  SmallVector<OpFoldResult> sizes = {b.getIndexAttr(streams), length, channels};
  if (isBroadcast(map, 0))
    sizes[0] = sizes[1] = one;
  if (isBroadcast(map, 1))
    sizes[2] = one;
  auto toStatic = [](OpFoldResult size) {
    return getConstantIntValue(size).value_or(ShapedType::kDynamic);
  };
  return tensor::ExpandShapeOp::create(
      b, loc,
      RankedTensorType::get(
          {toStatic(sizes[0]), toStatic(sizes[1]), type.getDimSize(1)},
          type.getElementType()),
      slice(rows, map, zero, covered),
      SmallVector<ReassociationIndices>{{0, 1}, {2}}, sizes);
}

/// The op on other data and another mask, which adds to `outs`.
IndexedOpInterface StreamSplitter::create(Part getPart, ValueRange outs,
                                          int64_t channelDim) {
  SmallVector<Value> operands(op->getOperands());
  for (auto [operand, map] :
       llvm::zip_equal(operands, op.getOperandIndexingMaps()))
    if (map.getNumResults() == 2)
      operand = getPart(operand, map);
  llvm::copy(outs, operands.end() - outs.size());
  Operation *copy = clone(b, op, op->getResultTypes(), operands);
  copy->setAttr("axis", b.getDenseI64ArrayAttr(channelDim));
  return cast<IndexedOpInterface>(copy);
}

/// The op on the rows that are left over.
ValueRange StreamSplitter::createRest(ValueRange running) {
  IndexedOpInterface last =
      create([&](Value rows,
                 AffineMap map) { return slice(rows, map, covered, rest); },
             running, /*channelDim=*/1);
  last->setAttr(kLoweringStrategyAttrName,
                getLoweringStrategy(op).withSizes({0, 0}, {0, 0}));
  return last->getResults();
}

/// Adds the rows that are left over to `running`. Where their number is not
/// known there are mostly none, and the merge of none takes as long as any.
ValueRange StreamSplitter::addRest(ValueRange running) {
  if (isConstantIntValue(rest, 0))
    return running;
  if (getConstantIntValue(rest))
    return createRest(running);
  Value none = arith::ConstantIndexOp::create(b, loc, 0);
  Value isLeft = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                       cast<Value>(rest), none);
  auto branch = scf::IfOp::create(b, loc, running.getTypes(), isLeft,
                                  /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, loc, createRest(running));
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loc, running);
  return branch.getResults();
}

IndexedOpInterface StreamSplitter::run() {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  auto outs =
      cast<DestinationStyleOpInterface>(op.getOperation()).getDpsInits();
  IndexedOpInterface inStreams =
      create([&](Value rows, AffineMap map) { return apart(rows, map); }, outs,
             /*channelDim=*/2);
  inStreams->setAttr(
      kLoweringStrategyAttrName,
      strategy.withSizes({0, 0, 0},
                         {0, strategy.getTile()[0], strategy.getTile()[1]}));
  b.replaceOp(op, addRest(inStreams->getResults()));
  return inStreams;
}

IndexedOpInterface mlir::bn::splitIntoStreams(RewriterBase &rewriter,
                                              IndexedOpInterface op) {
  int64_t streams = getLoweringStrategy(op).getStreams();
  SmallVector<utils::IteratorType> kinds = op.getIterationKinds();
  if (streams == 1 || kinds.size() != 2 ||
      kinds[0] != utils::IteratorType::reduction ||
      kinds[1] != utils::IteratorType::parallel)
    return op;
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  return StreamSplitter(rewriter, op, streams).run();
}
