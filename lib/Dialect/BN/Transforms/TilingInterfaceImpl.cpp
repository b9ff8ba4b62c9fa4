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
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace mlir::bn;

using OFRs = SmallVector<OpFoldResult>;

namespace {
/// A tile of an operand.
struct Tile {
  OFRs offsets, sizes;
};
} // namespace

/// The part of an operand with map `map` that a tile of the iteration space
/// touches.
static Tile projectTile(OpBuilder &b, AffineMap map,
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

static Value extractTile(OpBuilder &b, Location loc, Value source,
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
  if (auto training = dyn_cast<TrainingOp>(op.getOperation()))
    if (training.getGroups() != 1)
      return op->emitOpError("expected 'groups' to be 1 for tiling, got ")
             << training.getGroups();
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

//===----------------------------------------------------------------------===//
// Partial reductions
//===----------------------------------------------------------------------===//

/// Dimensions of the iteration space that a partial result of `op` keeps:
/// those in `axis` and the tiled reduction dimensions, in order.
static SmallVector<int64_t>
getPartialDims(ArrayRef<int64_t> axis, int64_t rank,
               const SetVector<unsigned> &reductionDims) {
  SmallVector<int64_t> dims = normalizeAxis(axis, rank);
  dims.append(reductionDims.begin(), reductionDims.end());
  llvm::sort(dims);
  return dims;
}

/// One partial result merged into the running one.
static ValueRange mergePartial(OpBuilder &b, Location loc, StatsOp,
                               ValueRange partial, ValueRange running) {
  return MergeStatsOp::create(b, loc, TypeRange(running), partial[0],
                              partial[1], partial[2], running)
      .getResults();
}

static ValueRange mergePartial(OpBuilder &b, Location, BackwardReduceOp op,
                               ValueRange partial, ValueRange running) {
  auto body = [](OpBuilder &nested, Location l,
                 ValueRange args) -> SmallVector<Value> {
    return {arith::AddFOp::create(nested, l, args[0], args[2]),
            arith::AddFOp::create(nested, l, args[1], args[3])};
  };
  return createElementwise(b, op, partial, running, body).getResults();
}

namespace {
template <typename OpTy>
struct PartialReductionModel
    : PartialReductionOpInterface::ExternalModel<PartialReductionModel<OpTy>,
                                                 OpTy> {
  static int64_t getRank(OpTy op) {
    return cast<ShapedType>(op.getInput().getType()).getRank();
  }

  /// Zeros: the statistics of no elements.
  FailureOr<SmallVector<Value>> generateInitialTensorForPartialReduction(
      Operation *op, OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes,
      const SetVector<unsigned> &reductionDims) const {
    auto reduce = cast<OpTy>(op);
    OFRs domain = tensor::getMixedSizes(b, loc, reduce.getInput());
    OFRs shape;
    for (int64_t dim :
         getPartialDims(reduce.getAxis(), getRank(reduce), reductionDims))
      shape.push_back(reductionDims.contains(dim) ? sizes[dim] : domain[dim]);
    SmallVector<Value> inits;
    for (Value out : reduce.getOuts()) {
      Type element = cast<ShapedType>(out.getType()).getElementType();
      Value empty = tensor::EmptyOp::create(b, loc, shape, element);
      Value zero = floatConstant(b, loc, 0.0, element);
      inits.push_back(
          linalg::FillOp::create(b, loc, zero, empty).getResult(0));
    }
    return inits;
  }

  LogicalResult getPartialResultTilePosition(
      Operation *op, OpBuilder &b, unsigned,
      ReductionTilingStrategy strategy, ArrayRef<OpFoldResult> offsets,
      ArrayRef<OpFoldResult> sizes, const SetVector<unsigned> &reductionDims,
      ArrayRef<OpFoldResult> splitIvs, OFRs &resultOffsets,
      OFRs &resultSizes) const {
    auto reduce = cast<OpTy>(op);
    bool parallel =
        strategy == ReductionTilingStrategy::PartialReductionOuterParallel;
    for (int64_t dim :
         getPartialDims(reduce.getAxis(), getRank(reduce), reductionDims)) {
      if (!reductionDims.contains(dim)) {
        resultOffsets.push_back(offsets[dim]);
        resultSizes.push_back(sizes[dim]);
        continue;
      }
      unsigned index = llvm::find(reductionDims, dim) - reductionDims.begin();
      resultOffsets.push_back(parallel ? splitIvs[index]
                                       : OpFoldResult(b.getIndexAttr(0)));
      resultSizes.push_back(parallel ? OpFoldResult(b.getIndexAttr(1))
                                     : sizes[dim]);
    }
    return success();
  }

  /// Outer parallel: the op on the tile, into one row of the partial results.
  /// Outer reduction: the op with the tiled dimensions as further axes, so that
  /// every index of the tile has statistics of its own.
  FailureOr<TilingResult> tileToPartialReduction(
      Operation *op, OpBuilder &b, Location loc,
      ReductionTilingStrategy strategy, ValueRange inits,
      ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
      const SetVector<unsigned> &reductionDims,
      ArrayRef<OpFoldResult> splitIvs) const {
    auto reduce = cast<OpTy>(op);
    auto indexed = cast<IndexedOpInterface>(op);
    bool parallel =
        strategy == ReductionTilingStrategy::PartialReductionOuterParallel;
    SmallVector<int64_t> dims =
        getPartialDims(reduce.getAxis(), getRank(reduce), reductionDims);
    SmallVector<int64_t> axis =
        parallel ? normalizeAxis(reduce.getAxis(), getRank(reduce)) : dims;

    // Statistics of its own for every index of the tile would need a mean for
    // each of them, too.
    if (!parallel && isa<BackwardReduceOp>(op))
      return failure();

    TilingResult result;
    SmallVector<Value> operands;
    for (auto [operand, map] :
         llvm::drop_end(llvm::zip_equal(op->getOperands(),
                                        indexed.getOperandIndexingMaps()),
                        inits.size())) {
      operands.push_back(extractTile(b, loc, operand,
                                     projectTile(b, map, offsets, sizes)));
      result.generatedSlices.push_back(operands.back().getDefiningOp());
    }
    for (Value init : inits) {
      OFRs initOffsets, initSizes;
      (void)getPartialResultTilePosition(op, b, 0, strategy, offsets, sizes,
                                         reductionDims, splitIvs, initOffsets,
                                         initSizes);
      OFRs strides(initOffsets.size(), b.getIndexAttr(1));
      auto type = cast<RankedTensorType>(init.getType());
      SmallVector<int64_t> shape;
      for (auto [dim, size] : llvm::zip_equal(dims, initSizes))
        if (!parallel || !reductionDims.contains(dim))
          shape.push_back(
              getConstantIntValue(size).value_or(ShapedType::kDynamic));
      auto sliceType = RankedTensorType::get(shape, type.getElementType());
      Value slice = tensor::ExtractSliceOp::create(
          b, loc, sliceType, init, initOffsets, initSizes, strides);
      operands.push_back(slice);
      result.generatedSlices.push_back(slice.getDefiningOp());
    }
    auto outTypes = TypeRange(ValueRange(operands).take_back(inits.size()));
    Operation *tiled = clone(b, op, outTypes, operands);
    cast<OpTy>(tiled).setAxis(axis);
    result.tiledOps.push_back(tiled);
    llvm::append_range(result.tiledValues, tiled->getResults());
    return result;
  }

  /// Merges partial results into the outs of the op, in order: the result does
  /// not depend on who computed which.
  FailureOr<MergeResult>
  mergeReductions(Operation *op, OpBuilder &b, Location loc,
                  ValueRange partials,
                  const SetVector<unsigned> &reductionDims) const {
    auto reduce = cast<OpTy>(op);
    SmallVector<int64_t> dims =
        getPartialDims(reduce.getAxis(), getRank(reduce), reductionDims);
    OFRs shape = tensor::getMixedSizes(b, loc, partials[0]);
    SmallVector<Value> lower, upper, step;
    for (auto [dim, size] : llvm::zip_equal(dims, shape)) {
      if (!reductionDims.contains(dim))
        continue;
      lower.push_back(arith::ConstantIndexOp::create(b, loc, 0));
      upper.push_back(getValueOrCreateConstantIndexOp(b, loc, size));
      step.push_back(arith::ConstantIndexOp::create(b, loc, 1));
    }
    Operation *merge = nullptr;
    auto body = [&](OpBuilder &nested, Location l, ValueRange ivs,
                    ValueRange running) -> scf::ValueVector {
      SmallVector<Value> slices;
      for (auto [partial, out] : llvm::zip_equal(partials, reduce.getOuts())) {
        OFRs offsets, sizes, strides(dims.size(), nested.getIndexAttr(1));
        unsigned next = 0;
        for (auto [dim, size] : llvm::zip_equal(dims, shape)) {
          bool reduced = reductionDims.contains(dim);
          offsets.push_back(reduced ? OpFoldResult(ivs[next++])
                                    : OpFoldResult(nested.getIndexAttr(0)));
          sizes.push_back(reduced ? OpFoldResult(nested.getIndexAttr(1))
                                  : size);
        }
        slices.push_back(tensor::ExtractSliceOp::create(
            nested, l, cast<RankedTensorType>(out.getType()), partial, offsets,
            sizes, strides));
      }
      ValueRange merged = mergePartial(nested, l, reduce, slices, running);
      merge = merged.front().getDefiningOp();
      return scf::ValueVector(merged.begin(), merged.end());
    };
    scf::LoopNest nest =
        scf::buildLoopNest(b, loc, lower, upper, step, reduce.getOuts(), body);
    return MergeResult{{merge}, nest.results};
  }
};

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
    StatsOp::attachInterface<PartialReductionModel<StatsOp>>(*context);
    BackwardReduceOp::attachInterface<PartialReductionModel<BackwardReduceOp>>(
        *context);
  });
}
