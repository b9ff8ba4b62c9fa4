//===- Slab.cpp - Sums, and the sweep behind them -------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. Which slabs bn-pipeline-slabs can make one loop of.
//
//===----------------------------------------------------------------------===//

#include "Slab.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::bn;

/// True for an op that computes each channel from what there is for it.
static bool isPerChannel(Operation *op) {
  auto generic = cast<linalg::GenericOp>(op);
  return generic.getNumLoops() == 1 && !generic.hasIndexSemantics() &&
         llvm::all_of(generic.getIndexingMapsArray(),
                      [](AffineMap map) { return map.isIdentity(); });
}

/// True when dimension `dim` of `input` is known to be a multiple of `group`:
/// it is static, or a slab that a parallel loop has cut at such multiples from
/// a tensor of which it is.
static bool hasWholeGroups(Value input, int64_t dim, int64_t group) {
  int64_t size = cast<RankedTensorType>(input.getType()).getDimSize(dim);
  if (group == 0)
    return false;
  if (group == 1)
    return true;
  if (!ShapedType::isDynamic(size))
    return size % group == 0;
  auto slice = input.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getType().getRank() != slice.getSourceType().getRank() ||
      slice.getSourceType().isDynamicDim(dim) ||
      slice.getSourceType().getDimSize(dim) % group != 0)
    return false;
  auto first = dyn_cast<Value>(slice.getMixedOffsets()[dim]);
  auto iv = dyn_cast_or_null<BlockArgument>(first);
  auto loop = iv ? dyn_cast<scf::ForallOp>(iv.getOwner()->getParentOp())
                 : scf::ForallOp();
  if (!loop || iv.getArgNumber() >= static_cast<unsigned>(loop.getRank()))
    return false;
  unsigned number = iv.getArgNumber();
  std::optional<int64_t> step =
      getConstantIntValue(loop.getMixedStep()[number]);
  return isConstantIntValue(loop.getMixedLowerBound()[number], 0) && step &&
         *step % group == 0;
}

/// True for sums that take each element once, with its own weight.
static bool isPlainReduction(Operation *op) {
  auto stats = dyn_cast<StatsOp>(op);
  return !stats || (!stats.getMask() && !stats.getPivot());
}

/// The inputs of `op` that are data, and those that are per channel.
static void getInputs(IndexedOpInterface op, SmallVectorImpl<Value> &data,
                      SmallVectorImpl<Value> &perChannel) {
  auto destination = cast<DestinationStyleOpInterface>(op.getOperation());
  SmallVector<AffineMap> maps = op.getOperandIndexingMaps();
  for (OpOperand *input : destination.getDpsInputOperands())
    (maps[input->getOperandNumber()].isIdentity() ? data : perChannel)
        .push_back(input->get());
}

/// The reduction that `values` are made of per channel, and, in `between`, the
/// ops that make them, each before its users.
static Operation *findSums(SmallVector<Value> values,
                           SetVector<Operation *> &between) {
  Operation *sums = nullptr;
  SetVector<Operation *> found;
  while (!values.empty()) {
    Operation *op = values.pop_back_val().getDefiningOp();
    if (isa_and_nonnull<StatsOp, BackwardReduceOp>(op)) {
      sums = op;
    } else if (isa_and_nonnull<linalg::GenericOp>(op)) {
      found.remove(op);
      found.insert(op);
      llvm::append_range(values, op->getOperands());
    }
  }
  for (Operation *op : llvm::reverse(found))
    between.insert(op);
  return sums;
}

std::optional<Slab> Slab::match(IndexedOpInterface sweep) {
  LoweringStrategyAttr strategy = getLoweringStrategy(sweep);
  auto axis = sweep->getAttrOfType<DenseI64ArrayAttr>("axis");
  if (!strategy || strategy.getSchedule() != Schedule::PipelinedSlab ||
      axis.size() != 1)
    return std::nullopt;
  // Its number of elements comes from sums of its own.
  auto gradient = dyn_cast<BackwardInputOp>(sweep.getOperation());
  if (gradient && gradient.getMask())
    return std::nullopt;
  Slab slab;
  slab.sweep = sweep;
  slab.channelDim = axis[0];
  slab.group = strategy.getTile()[slab.channelDim];
  SmallVector<Value> data, coefficients, summed, others;
  getInputs(sweep, data, coefficients);
  // What scalar code takes is not of sums; and what an epilogue takes of the
  // data is not summed.
  auto normalize = dyn_cast<NormalizeOp>(sweep.getOperation());
  auto code = cast<ScalarCodeOpInterface>(sweep.getOperation());
  int64_t rank = cast<ShapedType>(code.getCodeData().getType()).getRank();
  for (Type type : code.getCodeInputs().getTypes())
    if (cast<ShapedType>(type).getRank() != rank)
      coefficients.pop_back();
    else if (normalize)
      data.pop_back();
  Operation *sums = findSums(coefficients, slab.perChannel);
  if (!sums || sums->getAttr("axis") != axis || !isPlainReduction(sums))
    return std::nullopt;
  slab.sums = cast<IndexedOpInterface>(sums);
  getInputs(slab.sums, summed, others);
  if (data != summed || (normalize && normalize.getVariance()) ||
      !hasWholeGroups(data.front(), slab.channelDim, slab.group) ||
      !llvm::all_of(slab.perChannel, isPerChannel))
    return std::nullopt;
  // Nothing else of the sums may be needed for the sweep.
  SetVector<Operation *> users, needed;
  getForwardSlice(sums, &users);
  if (failed(getBackwardSlice(sweep.getOperation(), &needed)))
    return std::nullopt;
  for (Operation *op : needed)
    if (users.contains(op) && !slab.perChannel.contains(op))
      return std::nullopt;
  return slab;
}
