//===- StrategySelector.cpp - What all schedules have in common -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. What an op is, and what does not depend on its schedule:
// stores and tiles.
//
//===----------------------------------------------------------------------===//

#include "StrategySelector.h"
#include "Producers.h"
#include "bn/Dialect/BN/Utils/Utils.h"

using namespace mlir;
using namespace mlir::bn;

/// Additions that may follow each other in one sum of a tile: rounding errors
/// grow with them (docs/Numerics.md).
static constexpr int64_t kLongestChain = 256;

/// Rows that share their coefficients, and the most of those, each of which
/// takes the registers of a register tile.
static constexpr int64_t kJam = 4, kJammedCoefficients = 4;

/// Bytes within which a core sees that it reads on in one direction.
static constexpr int64_t kPageBytes = 4 << 10;

/// Most bytes of rows of which several are read as fast as one from a
/// last-level cache that they nearly fill: in one sweep, and in training.
static constexpr int64_t kNearRow = 128, kNearTrainingRow = 256;

/// Least bytes of a part of a row that is read apart from the rest.
static constexpr int64_t kPieceOfRow = 512;

/// Least bytes of a channel's row, in training and in gradients, that is better
/// off alone and in the caches than with others and written in parts of lines.
static constexpr int64_t kRowAlone = 448, kGradientRowAlone = 1024;

bool mlir::bn::sweepsTwice(Operation *op) {
  if (auto backward = dyn_cast<BackwardOp>(op))
    return backward.needsSumsForData() && !backward.getMask();
  auto training = dyn_cast<TrainingOp>(op);
  return training && !training.getMask();
}

bool mlir::bn::sweepsOnce(Operation *op) {
  auto backward = dyn_cast<BackwardOp>(op);
  return backward && backward.writesData() && !backward.needsSumsForData() &&
         !backward.isElementwise();
}

bool mlir::bn::hasContiguousChannels(IndexedOpInterface op) {
  auto axis = op->getAttrOfType<DenseI64ArrayAttr>("axis");
  int64_t last = int64_t(op.getIterationKinds().size()) - 1;
  return axis && llvm::is_contained(axis.asArrayRef(), last);
}

/// How many of `maps` are those of tensors of the data's size.
static int64_t countIdentities(ArrayRef<AffineMap> maps) {
  return llvm::count_if(maps, [](AffineMap map) { return map.isIdentity(); });
}

/// How many tensors of the data's size `op` writes.
static int64_t countWrittenData(IndexedOpInterface op) {
  unsigned numInits =
      cast<DestinationStyleOpInterface>(op.getOperation()).getNumDpsInits();
  SmallVector<AffineMap> maps = op.getOperandIndexingMaps();
  return countIdentities(ArrayRef(maps).take_back(numInits));
}

int64_t mlir::bn::countData(IndexedOpInterface op) {
  int64_t written = countWrittenData(op);
  if (written == 0)
    return 0;
  // Only sums need the input.
  auto backward = dyn_cast<BackwardOp>(op.getOperation());
  bool skipsInput = backward && !backward.needsSumsForData() &&
                    !backward.wants(Gradient::scale);
  SmallVector<AffineMap> maps = op.getOperandIndexingMaps();
  auto destination = cast<DestinationStyleOpInterface>(op.getOperation());
  llvm::SmallDenseSet<Value> read; // a prologue may take the input again
  for (OpOperand *input : destination.getDpsInputOperands())
    if (maps[input->getOperandNumber()].isIdentity() &&
        !(skipsInput && input == &backward.getInputMutable()))
      read.insert(input->get());
  return int64_t(read.size()) + written;
}

int64_t mlir::bn::countReadData(IndexedOpInterface op) {
  return countData(op) - countWrittenData(op);
}

/// Stores past the caches save the read of what is overwritten, and cost
/// dearly when what is written is read again soon. They pay late in a sweep
/// without sums, somewhat earlier where channels are contiguous, in training
/// and in sweeps with a small L1 cache, in which what is written takes the
/// place of coefficients; and early in all else: gradients, and channels that
/// are read a second time, from the cache, while others are written.
int64_t mlir::bn::getMostCachedBytes(IndexedOpInterface op,
                                     const MachineModel &machine) {
  SmallVector<utils::IteratorType> kinds = op.getIterationKinds();
  bool isSweep = !llvm::is_contained(kinds, utils::IteratorType::reduction);
  bool isContiguous = hasContiguousChannels(op);
  int64_t quarters = 3;
  if (isSweep)
    quarters = isContiguous && machine.hasSmallL1() ? 4 : 5;
  else if (isContiguous && isa<TrainingOp>(op.getOperation()))
    quarters = 4;
  return machine.l3Bytes / 4 * quarters;
}

/// Channels of which short rows together are long enough for the prefetcher,
/// and no more than leaves groups to share.
int64_t StrategySelector::getMostChannels(int64_t channelDim) {
  return std::min<int64_t>(llvm::divideCeil(kRowBytes, rowBytes()),
                           size(channelDim) / kMinChannels);
}

/// The largest such group that divides the channels, if it has room.
int64_t StrategySelector::getLongestGroup(int64_t channelDim) {
  return getDivisor(size(channelDim),
                    std::max<int64_t>(getMostChannels(channelDim), 1));
}

/// True where so many short rows of pipelined channels as would be treated
/// together are no whole lines, and each is long enough to be a row alone.
bool StrategySelector::hasBrokenLines() {
  int64_t last = rank() - 1;
  if (!hasStaticRows(last - 1) || !isReduction(last) || isReduction(last - 1) ||
      !sweepsTwice(op) || machine.vectorBits < kMaskedBits ||
      size(last - 1) < kMinChannels || size(last) < kLongMaskedRow ||
      size(last) >= kLongRow)
    return false;
  bool isTraining = isa<TrainingOp>(op.getOperation());
  return getLongestGroup(last - 1) * rowBytes() % kCacheLineBytes != 0 &&
         rowBytes() >= (isTraining ? kRowAlone : kGradientRowAlone);
}

/// True for more data than are stored in the caches.
bool StrategySelector::isLarge() {
  int64_t data = countData(op);
  return type.hasStaticShape()
             ? data * type.getNumElements() >
                   getMostCachedBytes(op, machine) / elementBytes
             : data > 0 && assumption.isLarge;
}

StoreKind StrategySelector::selectStores() {
  return isLarge() && !hasBrokenLines() ? StoreKind::NonTemporal
                                        : StoreKind::Temporal;
}

/// Elements of a register where they are widest.
int64_t StrategySelector::getLanes() {
  return std::max<int64_t>(machine.vectorBits / (8 * accumulatorBytes()), 1);
}

int64_t StrategySelector::selectUnroll() {
  int64_t last = rank() - 1;
  bool isLong = isReduction(last) && !type.isDynamicDim(last) &&
                size(last) > kShortChain * kUnroll * getLanes();
  return isLong && machine.vectorBits >= kMaskedBits ? kLongUnroll : kUnroll;
}

/// True where both sums of the gradients are of elements as they are, which can
/// be summed again: a sweep that also writes may be in place.
static bool sumsProducts(BackwardOp op) {
  bool hasBoth = op.needsSumsForData() ||
                 (op.wants(Gradient::scale) && op.wants(Gradient::offset));
  return hasBoth && !op.hasScalarCode() && !sweepsOnce(op);
}

/// Raw moments of bf16 data take half the instructions of central ones where
/// there are dot products, and no pivot. Where data come from memory that is
/// what counts, and a tile in doubt would be read from there once more; where
/// they are computed as they are read, they would be computed again. Of a few
/// elements the mean is far from 0 by chance.
Moments StrategySelector::selectMoments(Schedule schedule) {
  bool isSlabPastCaches = schedule == Schedule::Slab && !storesToCaches();
  auto backward = dyn_cast<BackwardOp>(op.getOperation());
  bool isTraining = isa<TrainingOp>(op.getOperation());
  bool isSummed = backward ? sumsProducts(backward)
                           : isTraining || isa<StatsOp>(op.getOperation());
  Value data = getViewedTensor(op.getSpanningOperand().get());
  if (!machine.hasDots() || !type.getElementType().isBF16() ||
      schedule == Schedule::PipelinedSlab || isSlabPastCaches || !isSummed ||
      getMask(op) || isProducer(data.getDefiningOp()) ||
      (backward &&
       isProducer(getViewedTensor(backward.getOutputGrad()).getDefiningOp())))
    return Moments::Central;
  // Of an op that writes data there is a version for large ones.
  bool hasVersions = isTraining || (backward && backward.writesData());
  if (!type.hasStaticShape())
    return hasVersions && !assumption.isLarge ? Moments::Raw : Moments::Central;
  bool hasMany = *countReducedElements(type, kinds) >= kLeastRaw;
  // Short rows of two tensors are spread over the lanes, each with its own.
  int64_t last = rank() - 1;
  if (backward && isReduction(last) && size(last) < kLeastRawRow)
    return Moments::Central;
  int64_t summed = backward ? 2 : 1;
  bool fits = summed * type.getNumElements() * elementBytes <= machine.l3Bytes;
  return fits && hasMany ? Moments::Raw : Moments::Central;
}

/// How many rows of `size` elements a tile may have, so that no chain of
/// additions is longer than in a tile of long rows: a row is summed in register
/// tiles, then in registers, then one by one, each in a chain of its own.
int64_t StrategySelector::getMostRows(int64_t size) {
  int64_t lanes = getLanes(), wide = lanes * selectUnroll();
  int64_t additions =
      std::max({size / wide, size % wide / lanes, size % lanes, int64_t(1)});
  return std::max<int64_t>(kLongestChain / additions, 1);
}

/// A tile of whole rows, as many as there is room for, or part of one: at most
/// `room` elements of a channel. Where channels are in the lanes, a sum is one
/// chain of additions, which is kept short for accuracy.
SmallVector<int64_t> StrategySelector::selectTile(int64_t room) {
  SmallVector<int64_t> tile(rank(), 0);
  int64_t last = rank() - 1;
  if (!isReduction(last))
    room = std::min(room, kTileRows / kStreams);
  else if (!type.isDynamicDim(last))
    room = std::min(room, getMostRows(size(last)) * size(last));
  for (int64_t dim = rank() - 1; dim >= 0; --dim) {
    if (!isReduction(dim))
      continue;
    if (!type.isDynamicDim(dim) && size(dim) <= room) {
      room /= std::max<int64_t>(size(dim), 1);
      continue;
    }
    tile[dim] = std::max<int64_t>(room, 1);
    room = 1;
  }
  return tile;
}

/// Numbers per channel that each row of a sweep takes: the rounded mean, the
/// coefficients, and what goes with them into an epilogue or a prologue.
int64_t StrategySelector::countCoefficients() {
  int64_t count = 3;
  if (auto backward = dyn_cast<BackwardOp>(op.getOperation()))
    count = backward.needsSumsForData() ? 4 : 1;
  auto coded = dyn_cast<ScalarCodeOpInterface>(op.getOperation());
  if (!coded)
    return count;
  return count + llvm::count_if(coded.getCodeInputs(), [&](Value input) {
           return cast<ShapedType>(input.getType()).getRank() != rank();
         });
}

/// Rows that are written at the same time where coefficients are vectors: they
/// read those once. That pays inside the caches, of data of 16 bits, of which a
/// register takes two of every coefficient, and as long as the registers hold
/// them. Long rows that share a page are read too slowly from a last-level
/// cache that they nearly fill. Data of unknown size are taken for small if
/// they are stored there.
int64_t StrategySelector::selectJam() {
  int64_t data = countData(op);
  int64_t near =
      isa<TrainingOp>(op.getOperation()) ? kNearTrainingRow : kNearRow;
  bool sharesPage = rowBytes() > near && rowBytes() < kPageBytes;
  bool readsAsFast =
      hasRowsOfChannels() && type.hasStaticShape() && !sharesPage;
  int64_t most = machine.l3Bytes / 4 * (readsAsFast ? 3 : 2);
  bool isSmall = type.hasStaticShape()
                     ? data * type.getNumElements() <= most / elementBytes
                     : storesToCaches();
  bool hasRegisters = machine.vectorBits >= kMaskedBits &&
                      countCoefficients() <= kJammedCoefficients;
  return data > 0 && is16Bit() && isSmall && hasRegisters ? kJam : 1;
}

/// Where channels are contiguous: so many of them that what a sweep needs per
/// channel stays in the L1 cache from row to row; 0 for all. Rows that share
/// it need it less often, and may have it from the L2 cache.
int64_t StrategySelector::selectChannels() {
  int64_t last = rank() - 1;
  if (!isa<ScalarCodeOpInterface>(op.getOperation()) ||
      !hasContiguousChannels(op) || type.isDynamicDim(last))
    return 0;
  int64_t bytes = countCoefficients() * accumulatorBytes();
  if (size(last) * bytes <= machine.l1Bytes / 3 * 2 * selectJam())
    return 0;
  int64_t channels = getDivisor(size(last), machine.l1Bytes / 2 / bytes);
  return channels * elementBytes < kPieceOfRow ? 0 : channels;
}

/// Bytes of the parts that rows are swept in.
int64_t StrategySelector::partBytes() {
  int64_t channels = selectChannels();
  return channels == 0 ? rowBytes() : channels * elementBytes;
}
