//===- SelectLoweringStrategy.cpp - Decide how ops become loops -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. The only place that decides; later passes obey the attribute
// that is written here. The number of threads never enters a decision about
// how work is cut: results must not depend on it. docs/Rationale.md has the
// measurements behind the constants.
//
//===----------------------------------------------------------------------===//

#include "SelectLoweringStrategy.h"
#include "bn/Codegen/Common/MachineModel.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Dialect/BN/IR/BNOps.h"

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
/// Bytes that a channel group should have in one row, so that reads are long
/// enough for the prefetcher.
static constexpr int64_t kRowBytes = 3 << 10;
/// With fewer channels than this, channels are too few to share among threads.
static constexpr int64_t kMinChannels = 8;
/// Registers per register tile: enough independent sums to hide the latency of
/// an addition, few enough for two sets of them in 16 registers; and of rows
/// whose sums would be chains of more than kShortChain, where there are 32.
static constexpr int64_t kUnroll = 4, kLongUnroll = 8, kShortChain = 32;
/// Where channels are contiguous: rows between two merges of partial
/// statistics, least rows of a piece, and places that rows are read from in
/// turn. A core reads about 1.5 times as fast from four places as from one.
static constexpr int64_t kTileRows = 256, kPieceRows = 128, kStreams = 4;
/// Bytes of a piece that are worth a merge of its own, which one thread does,
/// and pieces that are worth it even so.
static constexpr int64_t kPieceBytes = 512 << 10, kFewPieces = 4;
/// Least rows of a tile in each of these places: a merge takes as long as some
/// rows.
static constexpr int64_t kLeastTileRows = 4;
/// The most elements of a row between two merges.
static constexpr int64_t kLongestRow = 8192;
/// Rows that are long enough for vectors across one row, in elements; where the
/// last vector can be masked, as it can in registers of kMaskedBits; and the
/// same where what is shorter cannot be treated together, because its size is
/// not known.
static constexpr int64_t kLongRow = 512, kLongMaskedRow = 128;
static constexpr int64_t kLongUnknownRow = 32, kMaskedBits = 512;
/// Rows of a tile whose rows are short, and whose rows may be short or long.
static constexpr int64_t kShortRows = 128, kUnknownRows = 16;
/// Additions that may follow each other in one sum of a tile: rounding errors
/// grow with them (docs/Numerics.md).
static constexpr int64_t kLongestChain = 256;

bool mlir::bn::sweepsTwice(Operation *op) {
  if (auto backward = dyn_cast<BackwardOp>(op))
    return backward.wants(Gradient::input) && !backward.getFrozen() &&
           !backward.getMask();
  auto training = dyn_cast<TrainingOp>(op);
  return training && !training.getMask();
}

/// True for an op that sums up its data and goes over them, and needs nothing
/// of the one for the other: it reads them once, in one order.
static bool sweepsOnce(Operation *op) {
  auto backward = dyn_cast<BackwardOp>(op);
  return backward && backward.getFrozen() && backward.wants(Gradient::input) &&
         !backward.isElementwise();
}

namespace {
/// Shape of one op, and the choice that fits it.
struct Selector {
  IndexedOpInterface op;
  const MachineModel &machine;
  int64_t threads;
  SizeAssumption assumption;

  ShapedType type;
  SmallVector<utils::IteratorType> kinds;
  int64_t elementBytes;

  Selector(IndexedOpInterface op, const MachineModel &machine, int64_t threads,
           SizeAssumption assumption)
      : op(op), machine(machine), threads(threads), assumption(assumption),
        type(cast<ShapedType>(op.getSpanningOperand().get().getType())),
        kinds(op.getIterationKinds()),
        elementBytes(type.getElementTypeBitWidth() / 8) {}

  int64_t rank() const { return type.getRank(); }
  int64_t size(int64_t dim) const { return type.getDimSize(dim); }
  bool isReduction(int64_t dim) const {
    return kinds[dim] == utils::IteratorType::reduction;
  }
  /// Elements of a tile that fits half the L1 cache: the other half is for
  /// what the tile is normalized into.
  int64_t tileElements() const {
    return std::max<int64_t>(machine.l1Bytes / 2 / elementBytes, 1024);
  }

  LoweringStrategyAttr get(Schedule schedule, ArrayRef<int64_t> parallel,
                           ArrayRef<int64_t> tile, int64_t streams = 1,
                           int64_t prefetch = 0) {
    int64_t team = schedule == Schedule::Single ? 1 : threads;
    return LoweringStrategyAttr::get(
        type.getContext(), schedule, team, parallel, tile, machine.vectorBits,
        selectUnroll(), selectStores(), streams, prefetch);
  }

  LoweringStrategyAttr select();

private:
  StoreKind selectStores();
  int64_t getLanes();
  int64_t selectUnroll();
  int64_t getMostRows(int64_t size);
  SmallVector<int64_t> selectTile(int64_t room);
  bool isCached() { return selectStores() == StoreKind::Temporal; }
  bool hasStaticRows(int64_t channelDim) {
    return channelDim == rank() - 2 && rank() == 3 && type.hasStaticShape();
  }
  bool canBePipelined(int64_t channelDim) {
    return sweepsTwice(op) && channelDim == rank() - 2 && rank() == 3 &&
           (type.hasStaticShape() || hasLongRows());
  }
  bool hasLongRows();
  bool paysPipelined();
  int64_t selectGroup(int64_t channelDim);
  int64_t selectRows(int64_t group);
  SmallVector<int64_t> selectRowTile(int64_t group);
  LoweringStrategyAttr selectSlab(int64_t channelDim);
  LoweringStrategyAttr selectPipelinedSlab(int64_t channelDim, int64_t group);
  int64_t selectPieces();
  LoweringStrategyAttr selectRowBlocks();
  LoweringStrategyAttr selectSplit();
  LoweringStrategyAttr selectSweep();
  int64_t selectShortRowGroup(int64_t channelDim);
  int64_t selectSweepPrefetch();
};
} // namespace

int64_t mlir::bn::getLongRow(const MachineModel &machine, StoreKind stores) {
  bool isMasked =
      machine.vectorBits >= kMaskedBits && stores == StoreKind::Temporal;
  return isMasked ? kLongUnknownRow : kLongRow;
}

/// Largest divisor of `n` that is at most `limit`: tiles stay exact.
static int64_t getDivisor(int64_t n, int64_t limit) {
  for (int64_t d = std::min(n, limit); d > 1; --d)
    if (n % d == 0)
      return d;
  return 1;
}

int64_t mlir::bn::countData(IndexedOpInterface op) {
  unsigned numInits =
      cast<DestinationStyleOpInterface>(op.getOperation()).getNumDpsInits();
  SmallVector<AffineMap> maps = op.getOperandIndexingMaps();
  auto isData = [](AffineMap map) { return map.isIdentity(); };
  if (llvm::none_of(ArrayRef(maps).take_back(numInits), isData))
    return 0;
  // With frozen statistics only the gradient of the scale needs the input.
  auto backward = dyn_cast<BackwardOp>(op.getOperation());
  bool skipsInput = backward && backward.getFrozen() &&
                    !backward.wants(Gradient::scale);
  return llvm::count_if(maps, isData) - skipsInput;
}

static Value getMask(Operation *op) {
  if (auto training = dyn_cast<TrainingOp>(op))
    return training.getMask();
  auto stats = dyn_cast<StatsOp>(op);
  return stats ? stats.getMask() : Value();
}

/// Stores past the caches save the read of what is overwritten, and cost
/// dearly when what is written is read again soon: they pay when input and
/// output together exceed about 3/4 of the last-level cache.
StoreKind Selector::selectStores() {
  int64_t data = countData(op);
  bool isLarge = type.hasStaticShape()
                     ? data * type.getNumElements() >
                           getMostCachedBytes(machine) / elementBytes
                     : data > 0 && assumption.isLarge;
  return isLarge ? StoreKind::NonTemporal : StoreKind::Temporal;
}

/// Elements of a register where they are widest.
int64_t Selector::getLanes() {
  unsigned bits = type.getElementTypeBitWidth() == 64 ? 64 : 32;
  return std::max<int64_t>(machine.vectorBits / bits, 1);
}

int64_t Selector::selectUnroll() {
  int64_t last = rank() - 1;
  bool isLong = isReduction(last) && !type.isDynamicDim(last) &&
                size(last) > kShortChain * kUnroll * getLanes();
  return isLong && machine.vectorBits >= kMaskedBits ? kLongUnroll : kUnroll;
}

/// How many rows of `size` elements a tile may have, so that no chain of
/// additions is longer than in a tile of long rows: a row is summed in register
/// tiles, then in registers, then one by one, each in a chain of its own.
int64_t Selector::getMostRows(int64_t size) {
  int64_t lanes = getLanes(), wide = lanes * selectUnroll();
  int64_t additions =
      std::max({size / wide, size % wide / lanes, size % lanes, int64_t(1)});
  return std::max<int64_t>(kLongestChain / additions, 1);
}

/// A tile of whole rows, as many as there is room for, or part of one: at most
/// `room` elements of a channel. Where channels are in the lanes, a sum is one
/// chain of additions, which is kept short for accuracy.
SmallVector<int64_t> Selector::selectTile(int64_t room) {
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

/// True when rows of the data are long enough for vectors across one row of
/// one channel. Those that are written past the caches should be longer, which
/// several channels together are.
bool Selector::hasLongRows() {
  if (type.isDynamicDim(rank() - 1))
    return assumption.hasLongRows;
  return size(rank() - 1) >= (isCached() && machine.vectorBits >= kMaskedBits
                                  ? kLongMaskedRow
                                  : kLongRow);
}

/// Of short rows, sums and coefficients are in the L1 cache, too, which those of
/// gradients fill: they are better off with several rows at a time.
bool Selector::paysPipelined() {
  return hasLongRows() || (!isCached() && isa<TrainingOp>(op.getOperation()));
}

/// Channels that are treated together: several where one is a short row, or a
/// short slab. 1 where it is not known.
int64_t Selector::selectGroup(int64_t channelDim) {
  int64_t last = rank() - 1;
  if (type.isDynamicDim(channelDim) || channelDim != last - 1 ||
      type.isDynamicDim(last) ||
      (canBePipelined(channelDim) && isCached() && hasLongRows()))
    return 1;
  int64_t rowBytes = std::max<int64_t>(size(last) * elementBytes, 1);
  int64_t limit = std::min<int64_t>(llvm::divideCeil(kRowBytes, rowBytes),
                                    size(channelDim) / kMinChannels);
  return getDivisor(size(channelDim), std::max<int64_t>(limit, 1));
}

/// Channel groups that are normalized as soon as their statistics are known.
LoweringStrategyAttr Selector::selectSlab(int64_t channelDim) {
  SmallVector<int64_t> parallel(rank(), 0);
  int64_t group = selectGroup(channelDim);
  parallel[channelDim] = group;
  if (canBePipelined(channelDim) && paysPipelined())
    return selectPipelinedSlab(channelDim, group);
  if (sweepsOnce(op) && hasStaticRows(channelDim))
    return get(Schedule::Slab, parallel, selectRowTile(group));

  SmallVector<int64_t> tile =
      selectTile(std::max<int64_t>(tileElements() / group, 1));
  if (group > 1 && !type.isDynamicDim(0))
    tile[0] = selectRows(group);
  return get(Schedule::Slab, parallel, tile);
}

/// Rows of a tile; 0 for all. Of short rows they are many, since each merge is
/// preceded by sums over the elements of a row. A group of one channel is
/// summed along its rows, in longer chains.
int64_t Selector::selectRows(int64_t group) {
  int64_t length = size(rank() - 1), rows = kShortRows;
  if (group == 1)
    rows = std::min(rows, getMostRows(length));
  bool isKnown = !type.isDynamicDim(0);
  if (length >= kLongRow) {
    rows = isCached() ? std::max<int64_t>(kLongestRow / length, 1) : 1;
    if (isKnown)
      rows = getDivisor(size(0), rows);
  }
  return isKnown && size(0) <= rows ? 0 : rows;
}

/// Tiles that are walked for sums and for results at the same time: some rows,
/// or a part of a long one.
SmallVector<int64_t> Selector::selectRowTile(int64_t group) {
  int64_t last = rank() - 1;
  SmallVector<int64_t> tile(rank(), 0);
  bool isLonger = type.isDynamicDim(last) || size(last) > kLongestRow;
  if (isLonger && !type.isDynamicDim(last))
    tile[last] = getDivisor(size(last), kLongestRow);
  if (tile[last] < kLongestRow / 4)
    tile[last] = isLonger ? kLongestRow : 0;
  bool mayBeShort = type.isDynamicDim(last) && isCached();
  tile[0] = mayBeShort ? kUnknownRows : tile[last] != 0 ? 1 : selectRows(group);
  return tile;
}

/// One group is normalized while the statistics of the next are taken. Each
/// thread has one run of channels, since a run begins and ends with a group
/// alone; channels do not share sums, so the number of runs changes no bits.
LoweringStrategyAttr Selector::selectPipelinedSlab(int64_t channelDim,
                                                   int64_t group) {
  int64_t runs = threads != 0 ? threads : machine.cores;
  SmallVector<int64_t> parallel(rank(), 0), tile = selectRowTile(group);
  parallel[channelDim] =
      type.isDynamicDim(channelDim)
          ? -runs
          : llvm::divideCeil(size(channelDim) / group, runs) * group;
  tile[channelDim] = group;
  return get(Schedule::PipelinedSlab, parallel, tile, /*streams=*/1,
             /*prefetch=*/1);
}

/// Pieces that dimension 0 is cut in. It is that of the rows, unless a mask
/// keeps others in front of them apart.
int64_t Selector::selectPieces() {
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
  return llvm::bit_floor<uint64_t>(std::clamp<int64_t>(
      rows / kPieceRows, 1, std::min<int64_t>(most, size(0))));
}

/// Channels are contiguous: pieces of rows, each with partial statistics.
LoweringStrategyAttr Selector::selectRowBlocks() {
  SmallVector<int64_t> parallel(rank(), 0), tile(rank(), 0);
  int64_t rows = rank() - 2, last = rank() - 1;
  for (int64_t dim = 0; dim < rows; ++dim)
    tile[dim] = 1;
  tile[rows] = kTileRows / kStreams;
  // With a mask, a tile is read twice: it stays in the L2 cache.
  if (getMask(op) && !type.isDynamicDim(last)) {
    int64_t rowBytes = std::max<int64_t>(size(last) * elementBytes, 1);
    int64_t room = machine.l2Bytes / 2 / kStreams / rowBytes;
    tile[rows] = std::clamp(room, kLeastTileRows, tile[rows]);
  }
  parallel[0] = -selectPieces();
  return get(Schedule::RowBlocks, parallel, tile,
             sweepsOnce(op) ? 1 : kStreams);
}

/// Few channels: the outermost reduction dimension that can be cut is.
LoweringStrategyAttr Selector::selectSplit() {
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

/// Channels of which one row is a run that is worth a vector loop of its own,
/// where a row of one is too short (bn-flatten-short-rows); else 0. Inside the
/// caches what is spread over the rows costs more than it gains.
int64_t Selector::selectShortRowGroup(int64_t channelDim) {
  auto axis = op->getAttrOfType<DenseI64ArrayAttr>("axis");
  int64_t last = rank() - 1;
  if (rank() != 3 || !axis ||
      axis.asArrayRef() != ArrayRef<int64_t>(channelDim) ||
      selectStores() != StoreKind::NonTemporal || size(last) < 2 ||
      size(last) >= kLongRow || size(0) < 4)
    return 0;
  int64_t rowBytes = size(last) * elementBytes;
  return getDivisor(size(channelDim), llvm::divideCeil(kRowBytes, rowBytes));
}

/// Rows ahead that a sweep asks for: of 16-bit data, whose conversions fill the
/// window in which a core looks ahead by itself.
int64_t Selector::selectSweepPrefetch() {
  int64_t last = rank() - 1;
  if (elementBytes > 2 || selectStores() != StoreKind::NonTemporal)
    return 0;
  if (selectShortRowGroup(rank() - 2))
    return 1;
  if (type.isDynamicDim(last))
    return 1;
  int64_t rowBytes = std::max<int64_t>(size(last) * elementBytes, 1);
  return std::min(llvm::divideCeil(kRowBytes, rowBytes),
                  static_cast<uint64_t>(kMaxPrefetch));
}

/// One elementwise pass, cut from the outermost dimension inwards.
LoweringStrategyAttr Selector::selectSweep() {
  SmallVector<int64_t> parallel(rank(), 0), tile(rank(), 0);
  if (int64_t group = selectShortRowGroup(rank() - 2)) {
    parallel[rank() - 2] = group;
    return get(Schedule::Sweep, parallel, tile, /*streams=*/1,
               selectSweepPrefetch());
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
  return get(Schedule::Sweep, parallel, tile, /*streams=*/1,
             selectSweepPrefetch());
}

LoweringStrategyAttr Selector::select() {
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
  return selectSlab(channelDim);
}

LoweringStrategyAttr
mlir::bn::selectLoweringStrategy(IndexedOpInterface op,
                                 const MachineModel &machine, int64_t threads,
                                 SizeAssumption assumption) {
  return Selector(op, machine, threads, assumption).select();
}

namespace {
struct SelectLoweringStrategyPass
    : public bn::impl::SelectLoweringStrategyPassBase<
          SelectLoweringStrategyPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<MachineModel> machine = MachineModel::get(getOperation());
    if (failed(machine))
      return signalPassFailure();
    if (vectorBits != 0)
      machine->vectorBits = vectorBits;
    if (failed(LoweringStrategyAttr::verify( // the options
            [&]() { return getOperation().emitError(); }, Schedule::Single,
            threads, {}, {}, machine->vectorBits, kUnroll,
            StoreKind::Temporal, /*streams=*/1, /*prefetch=*/0)))
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
