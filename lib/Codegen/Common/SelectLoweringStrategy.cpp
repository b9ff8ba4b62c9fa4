//===- SelectLoweringStrategy.cpp - Decide how ops become loops -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. The only place that decides, with StrategySelector*.cpp; later
// passes obey the attribute that is written here. (Only bn-prefetch-rows asks
// the machine again: how large an L1 cache it has.) The number of threads never
// enters a decision about how work is cut: results must not depend on it.
// docs/Rationale.md has the measurements behind the constants.
//
//===----------------------------------------------------------------------===//

#include "StrategySelector.h"
#include "bn/Codegen/Common/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::bn {
#define GEN_PASS_DEF_SELECTLOWERINGSTRATEGYPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Data up to this size is done by one thread: a fork costs more.
static constexpr int64_t kSingleThreadBytes = 64 << 10;
/// Pieces that a sweep over the data is cut in: many enough for any number of
/// threads to be busy, few enough that their start-up does not show.
static constexpr int64_t kSweepPieces = 64;
/// Partial results of a reduction that is split; each costs a merge per
/// channel.
static constexpr int64_t kPartialPieces = 32;
/// Part of the last-level cache from which on reading channels first in slabs
/// waits for what is no longer there, and elements of the shortest row that a
/// mask makes long enough for two sweeps instead: shorter ones are spread.
/// Of longer rows, raw moments do better in the order of memory much earlier.
static constexpr int64_t kPartToSplit = 4, kPartToSplitRaw = 16,
                         kShortestSplitRow = 32;
/// Pieces that images are cut in where each channel has kPieceElements in one,
/// which are worth a merge: teams of more threads have some that are idle. And
/// the most images of a tile, each of which is read from another place.
static constexpr int64_t kImagePieces = 8, kPieceElements = 512,
                         kTileImages = 8;
/// Least rows that what is spread over one is worth being read by: past the
/// caches; inside them, where a row is whole cache lines; and else as bytes of
/// an element of all rows. Fewer than kFewChannels do not make a long row.
static constexpr int64_t kSpreadRows = 4, kSpreadWholeRows = 32,
                         kSpreadBytes = 32, kFewChannels = 4;
/// Least rows ahead that row blocks ask for.
static constexpr int64_t kLeastAhead = 2;
/// Bytes of a piece that are worth a merge of its own, which one thread does,
/// and pieces that are worth it even so.
static constexpr int64_t kPieceBytes = 512 << 10, kFewPieces = 4;
/// Least rows of a tile in each of these places: a merge takes as long as some
/// rows.
static constexpr int64_t kLeastTileRows = 4;

Value mlir::bn::getMask(Operation *op) {
  if (auto training = dyn_cast<TrainingOp>(op))
    return training.getMask();
  auto stats = dyn_cast<StatsOp>(op);
  return stats ? stats.getMask() : Value();
}

/// Pieces that dimension 0 is cut in. It is that of the rows, unless a mask
/// keeps others in front of them apart.
int64_t StrategySelector::selectPieces() {
  int64_t rows = 1;
  for (int64_t dim = 0; dim + 1 < rank(); ++dim) {
    if (type.isDynamicDim(dim))
      return kPartialPieces;
    rows *= size(dim);
  }
  int64_t most = kPartialPieces;
  if (type.hasStaticShape())
    most = std::clamp(type.getNumElements() * elementBytes / kPieceBytes,
                      kFewPieces, kPartialPieces);
  // Raw moments of a row take half as long, a merge as long as of others.
  bool isRaw = selectMoments(Schedule::RowBlocks) == Moments::Raw;
  int64_t least = isRaw ? 2 * kPieceRows : kPieceRows;
  return llvm::bit_floor<uint64_t>(
      std::clamp<int64_t>(rows / least, 1, std::min<int64_t>(most, size(0))));
}

/// Rows that are summed and written in one sweep are walked in order, unless
/// they are so few register tiles that bn-pack-narrow-rows may pack them.
int64_t StrategySelector::selectStreams() {
  int64_t channels = size(rank() - 1);
  bool isWide = !ShapedType::isDynamic(channels) &&
                channels >= kFewTiles * selectUnroll() * getLanes();
  return sweepsOnce(op) && isWide ? 1 : kStreams;
}

/// Rows ahead that row blocks ask for past the caches, where a core waits for
/// memory however many places it reads from; unless they would fill the L2
/// cache.
int64_t StrategySelector::selectBlockPrefetch() {
  if (storesToCaches() || type.isDynamicDim(rank() - 1) ||
      kLeastAhead * kStreams * partBytes() > machine.l2Bytes / 2)
    return 0;
  return std::max(countRowsAhead(kAhead, partBytes()), kLeastAhead);
}

/// Channels are contiguous: pieces of rows, each with partial statistics.
LoweringStrategyAttr StrategySelector::selectRowBlocks() {
  SmallVector<int64_t> parallel(rank(), 0), tile(rank(), 0);
  int64_t rows = rank() - 2, last = rank() - 1;
  for (int64_t dim = 0; dim < rows; ++dim)
    tile[dim] = 1;
  tile[rows] = kTileRows / kStreams;
  tile[last] = selectChannels();
  // With a mask, a tile is read twice: it stays in the L2 cache.
  if (getMask(op) && !type.isDynamicDim(last)) {
    int64_t room = machine.l2Bytes / 2 / kStreams / rowBytes();
    tile[rows] = std::clamp(room, kLeastTileRows, tile[rows]);
  }
  parallel[0] = -selectPieces();
  return get(Schedule::RowBlocks, parallel, tile, selectStreams(),
             selectBlockPrefetch(), selectJam());
}

/// Few channels: the outermost reduction dimension that can be cut is.
LoweringStrategyAttr StrategySelector::selectSplit() {
  SmallVector<int64_t> parallel(rank(), 0), tile(rank(), 0);
  int64_t cut = -1;
  for (int64_t dim = 0; dim < rank() && cut < 0; ++dim)
    if (isReduction(dim) && (dim == rank() - 1 || type.isDynamicDim(dim) ||
                             size(dim) >= kMinChannels))
      cut = dim;
  for (int64_t dim = 0; dim < rank(); ++dim)
    if (isReduction(dim))
      tile[dim] = dim == rank() - 1 ? tileElements() : 1;
  parallel[cut] = -kPartialPieces;
  return get(Schedule::Split, parallel, tile);
}

/// True where what is read of data, channels first, fills more than a quarter
/// of a last-level cache that few cores share, and all of them nearly fill it.
/// The rows of one channel lie apart, so that no prefetcher follows a slab:
/// each line that other work has driven out of that cache is waited for. Two
/// sweeps in the order of memory, along a few images at a time, read more and
/// wait less. Of larger data it pays only where slabs are worst.
bool StrategySelector::paysToSplitImages(int64_t channelDim) {
  int64_t last = rank() - 1;
  bool isMasked = machine.vectorBits >= kMaskedBits;
  int64_t shortest = isMasked ? kShortestSplitRow : kLongMaskedRow;
  if (!sweepsTwice(op) || !hasStaticRows(channelDim) || !isReduction(last) ||
      machine.hasFarL3() || (isLarge() && !isCramped(channelDim)) ||
      size(0) < kImagePieces || size(last) < shortest ||
      size(last) > kLongestRow)
    return false;
  bool isRaw = size(last) >= kLongMaskedRow &&
               selectMoments(Schedule::Split) == Moments::Raw;
  return countReadData(op) * type.getNumElements() * elementBytes >
         machine.l3Bytes / (isRaw ? kPartToSplitRaw : kPartToSplit);
}

/// How many of `images` are a piece: as many as `most`, or down to half of them
/// if these make an even number of equal pieces.
static int64_t selectPieceOfImages(int64_t images, int64_t most) {
  for (int64_t piece = most; 2 * piece >= most; --piece)
    if (images % (2 * piece) == 0)
      return piece;
  return most;
}

/// Many channels: pieces of images. A tile is a piece, or an equal part of one.
/// (Rows are no longer than kLongestRow.) What is larger than the caches goes
/// through them, too: it is written in parts of lines.
LoweringStrategyAttr StrategySelector::selectSplitImages() {
  SmallVector<int64_t> parallel(rank(), 0), tile(rank(), 0);
  int64_t images = size(0), row = size(rank() - 1);
  int64_t pieces =
      images * row < kImagePieces * kPieceElements ? kFewPieces : kImagePieces;
  parallel[0] = selectPieceOfImages(images, llvm::divideCeil(images, pieces));
  int64_t most = std::min({kTileImages, getMostRows(row), kLongestRow / row});
  tile[0] = llvm::divideCeil(parallel[0], llvm::divideCeil(parallel[0], most));
  return get(Schedule::Split, StoreKind::Temporal, parallel, tile);
}

/// Inside the caches a row that is whole cache lines is nearly as well off
/// alone, and the spread of what has 16 bits is twice as long as its row.
bool mlir::bn::paysToSpread(int64_t rows, int64_t row, int64_t elementBytes,
                            StoreKind stores) {
  if (stores == StoreKind::NonTemporal)
    return rows >= kSpreadRows;
  if (row * elementBytes % kCacheLineBytes == 0)
    return rows >= kSpreadWholeRows;
  return rows * elementBytes >= kSpreadBytes;
}

/// Channels of which one row is a run that is worth a vector loop of its own,
/// where a row of one is too short (bn-flatten-short-rows); else 0. Inside the
/// caches what is spread costs more than it gains, unless the last-level cache
/// is far and each row would begin in another place of a line, in f32: that of
/// 16-bit data is twice as long as their row.
int64_t StrategySelector::selectShortRowGroup(int64_t channelDim) {
  auto axis = op->getAttrOfType<DenseI64ArrayAttr>("axis");
  int64_t last = rank() - 1;
  if (rank() != 3 || !axis || !type.hasStaticShape() ||
      axis.asArrayRef() != ArrayRef<int64_t>(channelDim) || size(last) < 2 ||
      size(last) >= kLongRow ||
      !paysToSpread(size(0), size(last), elementBytes, selectStores()))
    return 0;
  int64_t group = getLongestGroup(channelDim);
  bool isBroken = machine.hasFarL3() && elementBytes == 4 &&
                  rowBytes() % kCacheLineBytes != 0;
  return !storesToCaches() || (isBroken && group >= kFewChannels) ? group : 0;
}

/// Rows ahead that a sweep asks for past the caches: of `group` channels at a
/// time, whose rows lie apart, about two; if that is 0, only of 16-bit data,
/// whose conversions fill the window in which a core looks ahead by itself.
int64_t StrategySelector::selectSweepPrefetch(int64_t group) {
  if (storesToCaches() || (group == 0 && !is16Bit()))
    return 0;
  if (group != 0)
    return countRowsAhead(2 * kRowBytes, group * rowBytes());
  return type.isDynamicDim(rank() - 1) ? 1
                                       : countRowsAhead(kRowBytes, partBytes());
}

/// One elementwise pass, cut from the outermost dimension inwards.
LoweringStrategyAttr StrategySelector::selectSweep() {
  SmallVector<int64_t> parallel(rank(), 0), tile(rank(), 0);
  if (int64_t group = selectShortRowGroup(rank() - 2)) {
    parallel[rank() - 2] = group;
    return get(Schedule::Sweep, parallel, tile, /*streams=*/1,
               selectSweepPrefetch(group));
  }
  int64_t wanted = kSweepPieces;
  for (int64_t dim = 0; dim < rank() && wanted > 1; ++dim) {
    bool isLast = dim == rank() - 1;
    if (type.isDynamicDim(dim)) {
      int64_t pieces = isLast ? wanted : std::min<int64_t>(wanted, 8);
      parallel[dim] = -pieces;
      wanted = llvm::divideCeil(wanted, pieces);
      continue;
    }
    // Rows are cut only where their parts are long.
    int64_t most = isLast ? size(dim) * elementBytes / kRowBytes : size(dim);
    int64_t pieces = std::min(wanted, most);
    if (pieces <= 1)
      continue;
    parallel[dim] = -pieces;
    wanted = llvm::divideCeil(wanted, pieces);
  }
  int64_t prefetch = selectSweepPrefetch(/*group=*/0);
  if (!hasRowsOfChannels())
    return get(Schedule::Sweep, parallel, tile, /*streams=*/1, prefetch);
  if (int64_t channels = selectChannels())
    tile = {kTileRows / kStreams, channels};
  return get(Schedule::Sweep, parallel, tile, /*streams=*/1, prefetch,
             selectJam());
}

LoweringStrategyAttr StrategySelector::select() {
  SmallVector<int64_t> zeros(rank(), 0);
  // Slices of an empty dimension are not legal, so it is not tiled.
  if (llvm::is_contained(type.getShape(), 0))
    return get(Schedule::Single, zeros, zeros);
  bool isSmall = type.hasStaticShape() &&
                 type.getNumElements() * elementBytes <= kSingleThreadBytes;
  // In a parallel loop, an op is one thread's.
  if (isSmall || op->getParentOfType<scf::ForallOp>())
    return get(Schedule::Single, zeros, selectTile(tileElements()));
  if (!llvm::is_contained(kinds, utils::IteratorType::reduction))
    return selectSweep();

  int64_t channelDim = 0;
  while (isReduction(channelDim))
    ++channelDim;
  bool oneChannelDim = llvm::count(kinds, utils::IteratorType::parallel) == 1;
  if (oneChannelDim && channelDim == rank() - 1)
    return selectRowBlocks();
  if (oneChannelDim && !type.isDynamicDim(channelDim) &&
      size(channelDim) < kMinChannels)
    return selectSplit();
  if (paysToSplitImages(channelDim))
    return selectSplitImages();
  return selectSlab(channelDim);
}

LoweringStrategyAttr
mlir::bn::selectLoweringStrategy(IndexedOpInterface op,
                                 const MachineModel &machine, int64_t threads,
                                 SizeAssumption assumption) {
  return StrategySelector(op, machine, threads, assumption).select();
}

FailureOr<MachineModel> mlir::bn::getMachine(ModuleOp module,
                                             int64_t vectorBits,
                                             int64_t threads, bool avx512BF16) {
  FailureOr<MachineModel> machine = MachineModel::get(module);
  if (failed(machine))
    return failure();
  if (vectorBits != 0)
    machine->vectorBits = vectorBits;
  machine->avx512BF16 = avx512BF16;
  if (failed(LoweringStrategyAttr::verify( // the options
          [&]() { return module.emitError(); }, Schedule::Single, threads, {},
          {}, machine->vectorBits, StrategySelector::kUnroll,
          StoreKind::Temporal, /*streams=*/1, /*jam=*/1, /*prefetch=*/0,
          Moments::Central)))
    return failure();
  return machine;
}

namespace {
struct SelectLoweringStrategyPass
    : public bn::impl::SelectLoweringStrategyPassBase<
          SelectLoweringStrategyPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<MachineModel> machine =
        getMachine(getOperation(), vectorBits, threads, avx512BF16);
    if (failed(machine))
      return signalPassFailure();
    getOperation().walk([&](IndexedOpInterface op) {
      if (!getLoweringStrategy(op))
        op->setAttr(kLoweringStrategyAttrName,
                    selectLoweringStrategy(op, *machine, threads));
      auto loop = op->getParentOfType<scf::ForallOp>();
      if (loop && threads != 0 && !loop->hasAttr(kThreadsAttrName))
        loop->setAttr(kThreadsAttrName,
                      Builder(loop.getContext()).getI64IntegerAttr(threads));
    });
  }
};
} // namespace
