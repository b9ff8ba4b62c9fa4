//===- PartialReductionInterfaceImpl.cpp - Reductions in pieces -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PartialReductionOpInterface of bn.stats and bn.backward_reduce: pieces of the
// reduction have partial results of their own, which are merged in order.
//
//===----------------------------------------------------------------------===//

#include "TileSlices.h"
#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace mlir::bn;

/// Dimensions of the iteration space that a partial result of `op` keeps:
/// those in `axis` and the tiled reduction dimensions, in order.
template <typename OpTy>
static SmallVector<int64_t>
getPartialDims(OpTy op, const SetVector<unsigned> &reductionDims) {
  auto type = cast<ShapedType>(op.getSpanningOperand().get().getType());
  SmallVector<int64_t> dims = normalizeAxis(op.getAxis(), type.getRank());
  dims.append(reductionDims.begin(), reductionDims.end());
  llvm::sort(dims);
  return dims;
}

/// The slice `tile` of `source`, without the dimensions `dropped`, which have
/// size 1 in it.
static Value extractReduced(OpBuilder &b, Location loc, Value source,
                            const Tile &tile,
                            function_ref<bool(unsigned)> dropped) {
  SmallVector<int64_t> shape;
  for (auto [i, size] : llvm::enumerate(tile.sizes))
    if (!dropped(i))
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  auto type = RankedTensorType::get(shape,
                                    getElementTypeOrSelf(source.getType()));
  OFRs strides(tile.sizes.size(), b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, loc, type, source, tile.offsets,
                                        tile.sizes, strides);
}

/// What there is per channel, such as the mean, for each index of a tile of
/// which every index along `reductionDims` has sums of its own.
static Value repeatEntries(OpBuilder &b, Location loc, Value perChannel,
                           ArrayRef<int64_t> dims, ArrayRef<OpFoldResult> sizes,
                           const SetVector<unsigned> &reductionDims) {
  OFRs shape;
  SmallVector<int64_t> added;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    shape.push_back(sizes[dim]);
    if (reductionDims.contains(dim))
      added.push_back(i);
  }
  Value empty = tensor::EmptyOp::create(
      b, loc, shape, getElementTypeOrSelf(perChannel.getType()));
  return linalg::BroadcastOp::create(b, loc, perChannel, empty, added)
      ->getResult(0);
}

namespace {
template <typename OpTy>
struct PartialReductionModel
    : PartialReductionOpInterface::ExternalModel<PartialReductionModel<OpTy>,
                                                 OpTy> {
  /// Zeros: the statistics of no elements.
  FailureOr<SmallVector<Value>> generateInitialTensorForPartialReduction(
      Operation *op, OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes,
      const SetVector<unsigned> &reductionDims) const {
    auto reduce = cast<OpTy>(op);
    OFRs domain =
        tensor::getMixedSizes(b, loc, reduce.getSpanningOperand().get());
    OFRs shape;
    for (int64_t dim : getPartialDims(reduce, reductionDims))
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
    bool parallel =
        strategy == ReductionTilingStrategy::PartialReductionOuterParallel;
    for (int64_t dim : getPartialDims(cast<OpTy>(op), reductionDims)) {
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
    bool parallel =
        strategy == ReductionTilingStrategy::PartialReductionOuterParallel;
    SmallVector<int64_t> dims = getPartialDims(reduce, reductionDims);
    SmallVector<AffineMap> maps =
        cast<IndexedOpInterface>(op).getOperandIndexingMaps();

    TilingResult result;
    SmallVector<Value> operands;
    auto add = [&](Value slice) {
      operands.push_back(slice);
      result.generatedSlices.push_back(slice.getDefiningOp());
    };
    for (unsigned i = 0; i + inits.size() < op->getNumOperands(); ++i)
      add(extractTile(b, loc, op->getOperand(i),
                      projectTile(b, maps[i], offsets, sizes)));
    Tile partial;
    (void)getPartialResultTilePosition(op, b, 0, strategy, offsets, sizes,
                                       reductionDims, splitIvs,
                                       partial.offsets, partial.sizes);
    for (Value init : inits)
      add(extractReduced(b, loc, init, partial, [&](unsigned i) {
        return parallel && reductionDims.contains(dims[i]);
      }));
    if (isa<BackwardReduceOp>(op) && !parallel)
      for (unsigned i = 0; i + inits.size() < op->getNumOperands(); ++i)
        if (!maps[i].isIdentity())
          operands[i] =
              repeatEntries(b, loc, operands[i], dims, sizes, reductionDims);

    auto outTypes = TypeRange(ValueRange(operands).take_back(inits.size()));
    Operation *tiled = clone(b, op, outTypes, operands);
    if (!parallel)
      cast<OpTy>(tiled).setAxis(dims);
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
    SmallVector<int64_t> dims = getPartialDims(reduce, reductionDims);
    OFRs shape = tensor::getMixedSizes(b, loc, partials[0]);
    auto isReduced = [&](unsigned i) {
      return reductionDims.contains(dims[i]);
    };
    SmallVector<Value> lower, upper, step;
    for (auto [i, size] : llvm::enumerate(shape)) {
      if (!isReduced(i))
        continue;
      lower.push_back(arith::ConstantIndexOp::create(b, loc, 0));
      upper.push_back(getValueOrCreateConstantIndexOp(b, loc, size));
      step.push_back(arith::ConstantIndexOp::create(b, loc, 1));
    }
    Operation *merge = nullptr;
    auto body = [&](OpBuilder &nested, Location l, ValueRange ivs,
                    ValueRange running) -> scf::ValueVector {
      Tile row;
      unsigned next = 0;
      for (auto [i, size] : llvm::enumerate(shape)) {
        OpFoldResult zero = nested.getIndexAttr(0),
                     one = nested.getIndexAttr(1);
        row.offsets.push_back(isReduced(i) ? OpFoldResult(ivs[next++]) : zero);
        row.sizes.push_back(isReduced(i) ? one : size);
      }
      SmallVector<Value> slices;
      for (Value partial : partials)
        slices.push_back(extractReduced(nested, l, partial, row, isReduced));
      ValueRange merged = mergePartialResults(nested, op, slices, running);
      merge = merged.front().getDefiningOp();
      return scf::ValueVector(merged.begin(), merged.end());
    };
    scf::LoopNest nest =
        scf::buildLoopNest(b, loc, lower, upper, step, reduce.getOuts(), body);
    return MergeResult{{merge}, nest.results};
  }
};
} // namespace

void mlir::bn::attachPartialReductionModels(MLIRContext *context) {
  StatsOp::attachInterface<PartialReductionModel<StatsOp>>(*context);
  BackwardReduceOp::attachInterface<PartialReductionModel<BackwardReduceOp>>(
      *context);
}
