//===- TilingInterfaceImpl.cpp - Tiling of bn ops -------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Written once, on IndexedOpInterface. A tile of a bn op is the same op on
// slices of its operands: a slab of a training op is a training op.
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/Transforms/TilingInterfaceImpl.h"
#include "TileSlices.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace mlir::bn;

Tile mlir::bn::projectTile(OpBuilder &b, AffineMap map,
                           ArrayRef<OpFoldResult> offsets,
                           ArrayRef<OpFoldResult> sizes) {
  Tile tile;
  for (AffineExpr expr : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      tile.offsets.push_back(offsets[dim.getPosition()]);
      tile.sizes.push_back(sizes[dim.getPosition()]);
    } else { // broadcast
      tile.offsets.push_back(b.getIndexAttr(0));
      tile.sizes.push_back(b.getIndexAttr(1));
    }
  }
  return tile;
}

Value mlir::bn::extractTile(OpBuilder &b, Location loc, Value source,
                            const Tile &tile) {
  OFRs strides(tile.offsets.size(), b.getIndexAttr(1));
  if (isa<MemRefType>(source.getType()))
    return {};
  return tensor::ExtractSliceOp::create(b, loc, source, tile.offsets,
                                        tile.sizes, strides);
}

/// True when a tile leaves out part of a reduction dimension.
static bool cutsReduction(IndexedOpInterface op, ArrayRef<OpFoldResult> offsets,
                          ArrayRef<OpFoldResult> sizes) {
  Value spanning = op.getSpanningOperand().get();
  auto type = cast<ShapedType>(spanning.getType());
  for (auto [dim, kind] : llvm::enumerate(op.getIterationKinds())) {
    if (kind != utils::IteratorType::reduction)
      continue;
    if (!isConstantIntValue(offsets[dim], 0))
      return true;
    std::optional<int64_t> size = getConstantIntValue(sizes[dim]);
    if (size && *size != type.getDimSize(dim))
      return true;
  }
  return false;
}

/// The op on slices of its operands.
static FailureOr<TilingResult>
tileToSlices(OpBuilder &b, IndexedOpInterface op,
             ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) {
  if (!op.accumulatesOverReductions() && cutsReduction(op, offsets, sizes))
    return op->emitOpError("expected a tile with all of its reduction "
                           "dimensions, got a part");
  if (getNumGroups(op) != 1)
    return op->emitOpError("expected 'groups' to be 1 for tiling, got ")
           << getNumGroups(op);
  SmallVector<Value> operands;
  TilingResult result;
  for (auto [operand, map] :
       llvm::zip_equal(op->getOperands(), op.getOperandIndexingMaps())) {
    Value slice = extractTile(b, op.getLoc(), operand,
                              projectTile(b, map, offsets, sizes));
    if (!slice)
      return failure();
    operands.push_back(slice);
    result.generatedSlices.push_back(slice.getDefiningOp());
  }
  SmallVector<Type> types;
  for (int64_t i : llvm::seq<int64_t>(op->getNumResults()))
    types.push_back(
        operands[operands.size() - op->getNumResults() + i].getType());
  Operation *tiled = clone(b, op, types, operands);
  result.tiledOps.push_back(tiled);
  llvm::append_range(result.tiledValues, tiled->getResults());
  return result;
}

/// Map of the out that result `number` is tied to.
static AffineMap getResultMap(IndexedOpInterface op, unsigned number) {
  SmallVector<AffineMap> maps = op.getOperandIndexingMaps();
  return maps[maps.size() - op->getNumResults() + number];
}

namespace {
template <typename OpTy>
struct TilingModel
    : TilingInterface::ExternalModel<TilingModel<OpTy>, OpTy> {
  SmallVector<utils::IteratorType> getLoopIteratorTypes(Operation *op) const {
    return cast<IndexedOpInterface>(op).getIterationKinds();
  }

  SmallVector<Range> getIterationDomain(Operation *op, OpBuilder &b) const {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(op);
    Value spanning = cast<IndexedOpInterface>(op).getSpanningOperand().get();
    SmallVector<Range> domain;
    for (OpFoldResult size : tensor::getMixedSizes(b, op->getLoc(), spanning))
      domain.push_back({b.getIndexAttr(0), size, b.getIndexAttr(1)});
    return domain;
  }

  FailureOr<TilingResult>
  getTiledImplementation(Operation *op, OpBuilder &b,
                         ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes) const {
    return tileToSlices(b, cast<IndexedOpInterface>(op), offsets, sizes);
  }

  LogicalResult getResultTilePosition(Operation *op, OpBuilder &b,
                                      unsigned number,
                                      ArrayRef<OpFoldResult> offsets,
                                      ArrayRef<OpFoldResult> sizes,
                                      OFRs &resultOffsets,
                                      OFRs &resultSizes) const {
    auto indexed = cast<IndexedOpInterface>(op);
    Tile tile = projectTile(b, getResultMap(indexed, number), offsets, sizes);
    resultOffsets = tile.offsets;
    resultSizes = tile.sizes;
    return success();
  }

  LogicalResult getIterationDomainTileFromResultTile(
      Operation *op, OpBuilder &b, unsigned number,
      ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
      SmallVectorImpl<OpFoldResult> &domainOffsets,
      SmallVectorImpl<OpFoldResult> &domainSizes) const {
    AffineMap map = getResultMap(cast<IndexedOpInterface>(op), number);
    for (Range range : getIterationDomain(op, b)) {
      domainOffsets.push_back(range.offset);
      domainSizes.push_back(range.size);
    }
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      unsigned dim = cast<AffineDimExpr>(expr).getPosition();
      domainOffsets[dim] = offsets[i];
      domainSizes[dim] = sizes[i];
    }
    return success();
  }

  /// Used to fuse the op into a loop over tiles of its consumer.
  FailureOr<TilingResult>
  generateResultTileValue(Operation *op, OpBuilder &b, unsigned number,
                          ArrayRef<OpFoldResult> offsets,
                          ArrayRef<OpFoldResult> sizes) const {
    OFRs domainOffsets, domainSizes;
    if (failed(getIterationDomainTileFromResultTile(
            op, b, number, offsets, sizes, domainOffsets, domainSizes)))
      return failure();
    FailureOr<TilingResult> tiled =
        getTiledImplementation(op, b, domainOffsets, domainSizes);
    if (failed(tiled))
      return failure();
    return TilingResult{tiled->tiledOps, {tiled->tiledValues[number]},
                        tiled->generatedSlices};
  }
};
} // namespace

namespace {
template <typename... OpTys> void attachTilingModels(MLIRContext *context) {
  (OpTys::template attachInterface<TilingModel<OpTys>>(*context), ...);
}
} // namespace

void mlir::bn::registerTilingInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, BNDialect *) {
    attachTilingModels<TrainingOp, InferenceOp, BackwardOp, StatsOp,
                       MergeStatsOp, UpdateRunningStatsOp, NormalizeOp,
                       BackwardReduceOp, BackwardInputOp>(context);
    attachPartialReductionModels(context);
  });
}
