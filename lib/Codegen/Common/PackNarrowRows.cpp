//===- PackNarrowRows.cpp - Several rows of few channels as one -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. Where channels are contiguous they are the lanes of a vector;
// with three of them most lanes would be empty. So as many rows as fill whole
// registers become one row, of channels that happen to repeat.
//
//===----------------------------------------------------------------------===//

#include "SelectLoweringStrategy.h"
#include "TilingUtils.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <numeric>

namespace mlir::bn {
#define GEN_PASS_DEF_PACKNARROWROWSPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Rows with at least so many channels are left as they are.
static constexpr int64_t kWideRow = 64;
/// Rows that are written past the caches and have fewer than kFewTiles register
/// tiles are packed to so many.
static constexpr int64_t kStreamedTiles = 8;

namespace {
/// Splits the rows of one op into those that are packed and the few behind.
class RowPacker {
public:
  RowPacker(RewriterBase &b, IndexedOpInterface op, int64_t packed);

  void packReduction();
  void packSweep();

private:
  Value slice(Value rows, OpFoldResult from, OpFoldResult count);
  Value packRows(Value tensor);
  Value unpackRows(Value result);
  Value repeat(Value perChannel);
  Operation *createCopy(function_ref<Value(Value)> getData,
                        function_ref<Value(Value)> getPerChannel,
                        ValueRange outs);

  RewriterBase &b;
  IndexedOpInterface op;
  Location loc;
  int64_t packed, channels;
  OpFoldResult covered, rest, length;
};
} // namespace

RowPacker::RowPacker(RewriterBase &b, IndexedOpInterface op, int64_t packed)
    : b(b), op(op), loc(op->getLoc()), packed(packed) {
  b.setInsertionPoint(op);
  Value data = op.getSpanningOperand().get();
  channels = cast<ShapedType>(data.getType()).getDimSize(1);
  OpFoldResult rows = tensor::getMixedSize(b, loc, data, 0);
  AffineExpr n = b.getAffineSymbolExpr(0);
  auto apply = [&](AffineExpr expr) {
    return affine::makeComposedFoldedAffineApply(
        b, loc, AffineMap::get(0, 1, expr), {rows});
  };
  length = apply(n.floorDiv(packed));
  covered = apply(n.floorDiv(packed) * packed);
  rest = apply(n % packed);
}

Value RowPacker::slice(Value tensor, OpFoldResult from, OpFoldResult count) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(
      b, loc, tensor, ArrayRef{from, zero},
      ArrayRef{count, OpFoldResult(b.getIndexAttr(channels))},
      ArrayRef{one, one});
}

/// The covered rows of `tensor`, `packed` of them in each row.
Value RowPacker::packRows(Value tensor) {
  Type element = getElementTypeOrSelf(tensor.getType());
  int64_t size = getConstantIntValue(length).value_or(ShapedType::kDynamic);
  Value rows = slice(tensor, b.getIndexAttr(0), covered);
  Value apart = tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get({size, packed, channels}, element), rows,
      SmallVector<ReassociationIndices>{{0, 1}, {2}},
      {length, b.getIndexAttr(packed), b.getIndexAttr(channels)});
  return tensor::CollapseShapeOp::create(
      b, loc, apart, SmallVector<ReassociationIndices>{{0}, {1, 2}});
}

/// What there is per channel, once for each of the packed rows.
Value RowPacker::repeat(Value perChannel) {
  Value empty = tensor::EmptyOp::create(
      b, loc, ArrayRef<int64_t>{packed, channels},
      getElementTypeOrSelf(perChannel.getType()));
  auto broadcast = linalg::BroadcastOp::create(b, loc, perChannel, empty,
                                               ArrayRef<int64_t>{0});
  return tensor::CollapseShapeOp::create(
      b, loc, broadcast->getResult(0),
      SmallVector<ReassociationIndices>{{0, 1}});
}

/// The op on other operands, which writes to `outs`.
Operation *RowPacker::createCopy(function_ref<Value(Value)> getData,
                                 function_ref<Value(Value)> getPerChannel,
                                 ValueRange outs) {
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps = op.getOperandIndexingMaps();
  for (unsigned i = 0; i + outs.size() < op->getNumOperands(); ++i)
    operands.push_back(maps[i].isIdentity() ? getData(op->getOperand(i))
                                            : getPerChannel(op->getOperand(i)));
  llvm::append_range(operands, outs);
  return clone(b, op, TypeRange(outs), operands);
}

/// Sums of each place in the packed rows, which are merged in order.
void RowPacker::packReduction() {
  auto outs =
      cast<DestinationStyleOpInterface>(op.getOperation()).getDpsInits();
  SmallVector<Value> zeros;
  Value empty = packRows(op.getSpanningOperand().get());
  for (Value out : outs)
    zeros.push_back(createZerosLike(b, loc, empty, ArrayRef<int64_t>{1},
                                    getElementTypeOrSelf(out.getType())));
  Operation *packedOp =
      createCopy([&](Value data) { return packRows(data); },
                 [&](Value value) { return repeat(value); }, zeros);
  SmallVector<Value> places;
  for (Value result : packedOp->getResults())
    places.push_back(tensor::ExpandShapeOp::create(
        b, loc,
        RankedTensorType::get({packed, channels},
                              getElementTypeOrSelf(result.getType())),
        result, ArrayRef<ReassociationIndices>{{0, 1}}));
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  auto loop = scf::ForOp::create(
      b, loc, constant(0), constant(packed), constant(1), outs,
      [&](OpBuilder &nested, Location l, Value i, ValueRange running) {
        SmallVector<Value> parts;
        for (Value place : places) {
          auto type = RankedTensorType::get(
              {channels}, getElementTypeOrSelf(place.getType()));
          SmallVector<OpFoldResult> offsets = {i, nested.getIndexAttr(0)},
                                    sizes = {nested.getIndexAttr(1),
                                             nested.getIndexAttr(channels)},
                                    ones(2, nested.getIndexAttr(1));
          parts.push_back(tensor::ExtractSliceOp::create(
              nested, l, type, place, offsets, sizes, ones));
        }
        scf::YieldOp::create(nested, l,
                             mergePartialResults(nested, op, parts, running));
      });
  SmallVector<Value> results(loop.getResults());
  if (!isConstantIntValue(rest, 0)) {
    Operation *last =
        createCopy([&](Value data) { return slice(data, covered, rest); },
                   [](Value value) { return value; }, results);
    last->removeAttr(kLoweringStrategyAttrName);
    results.assign(last->result_begin(), last->result_end());
  }
  b.replaceOp(op, results);
}

/// The packed rows of one result, as they were.
Value RowPacker::unpackRows(Value result) {
  auto type = cast<RankedTensorType>(result.getType());
  Value apart = tensor::ExpandShapeOp::create(
      b, loc,
      RankedTensorType::get({type.getDimSize(0), packed, channels},
                            type.getElementType()),
      result, SmallVector<ReassociationIndices>{{0}, {1, 2}},
      {length, b.getIndexAttr(packed), b.getIndexAttr(channels)});
  return tensor::CollapseShapeOp::create(
      b, loc, apart, SmallVector<ReassociationIndices>{{0, 1}, {2}});
}

void RowPacker::packSweep() {
  SmallVector<Value> outs(
      cast<DestinationStyleOpInterface>(op.getOperation()).getDpsInits());
  auto getAll = [&](function_ref<Value(Value)> get, ValueRange values) {
    return llvm::map_to_vector(values, get);
  };
  // In place stays in place.
  auto sweep = [&](function_ref<Value(Value)> getData,
                   function_ref<Value(Value)> getPerChannel, ValueRange parts) {
    return createCopy(
        [&](Value data) {
          auto *out = llvm::find(outs, data);
          return out == outs.end() ? getData(data) : parts[out - outs.begin()];
        },
        getPerChannel, parts);
  };
  auto pack = [&](Value data) { return packRows(data); };
  Operation *main = sweep(
      pack, [&](Value value) { return repeat(value); }, getAll(pack, outs));
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1),
               width = b.getIndexAttr(channels);
  auto insert = [&](Value part, Value into, OpFoldResult from,
                    OpFoldResult count) -> Value {
    return tensor::InsertSliceOp::create(b, loc, part, into,
                                         ArrayRef{from, zero},
                                         ArrayRef{count, width},
                                         ArrayRef{one, one});
  };
  SmallVector<Value> results;
  for (auto [result, out] : llvm::zip_equal(main->getResults(), outs))
    results.push_back(insert(unpackRows(result), out, zero, covered));
  if (!isConstantIntValue(rest, 0)) {
    auto cut = [&](Value data) { return slice(data, covered, rest); };
    Operation *last =
        sweep(cut, [](Value value) { return value; }, getAll(cut, results));
    last->removeAttr(kLoweringStrategyAttrName);
    for (auto [part, result] : llvm::zip_equal(last->getResults(), results))
      result = insert(part, result, covered, rest);
  }
  b.replaceOp(op, results);
}

/// True for an op that is a reduction of its data and nothing else.
static bool isPackableReduction(Operation *op) {
  if (auto stats = dyn_cast<StatsOp>(op))
    return !stats.getMask() && !stats.getPivot();
  return isa<BackwardReduceOp>(op);
}

/// True for a sweep whose coefficients are ready, and that is not to be one
/// with sums, whose rows stay as they are.
static bool isPackableSweep(Operation *op) {
  if (auto normalize = dyn_cast<NormalizeOp>(op))
    return !normalize.getVariance();
  auto gradient = dyn_cast<BackwardInputOp>(op);
  return gradient && !gradient.getMask() && !findSumsOfSweep(gradient);
}

/// The number of rows of the data of `op` that fill whole register tiles, or 1.
static int64_t getPackedRows(IndexedOpInterface op) {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  auto axis = op->getAttrOfType<DenseI64ArrayAttr>("axis");
  auto type =
      dyn_cast<RankedTensorType>(op.getSpanningOperand().get().getType());
  if (!strategy || !type || type.getRank() != 2 || axis.size() != 1 ||
      axis[0] != 1 || type.isDynamicDim(1) || type.getDimSize(1) == 0)
    return 1;
  unsigned bits = type.getElementTypeBitWidth() == 64 ? 64 : 32;
  int64_t lanes = strategy.getVectorBits() / bits;
  int64_t tile = lanes * strategy.getUnroll();
  int64_t channels = type.getDimSize(1);
  bool isStreamed = isPackableSweep(op) && channels < kFewTiles * tile &&
                    strategy.getStores() == StoreKind::NonTemporal;
  if (!isStreamed && (channels >= kWideRow || channels % lanes == 0))
    return 1;
  int64_t rows = tile / std::gcd(tile, channels);
  while (isStreamed && rows * channels < kStreamedTiles * tile)
    rows *= 2;
  // Not for a handful of rows: they would all be left over.
  if (!type.isDynamicDim(0) && type.getDimSize(0) < 4 * rows)
    return 1;
  return rows;
}

namespace {
struct PackNarrowRowsPass
    : public bn::impl::PackNarrowRowsPassBase<PackNarrowRowsPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<IndexedOpInterface> ops;
    getOperation().walk([&](IndexedOpInterface op) {
      if (isPackableReduction(op) || isPackableSweep(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (IndexedOpInterface op : ops) {
      int64_t rows = getPackedRows(op);
      if (rows == 1)
        continue;
      RowPacker packer(rewriter, op, rows);
      if (isPackableSweep(op))
        packer.packSweep();
      else
        packer.packReduction();
    }
  }
};
} // namespace
