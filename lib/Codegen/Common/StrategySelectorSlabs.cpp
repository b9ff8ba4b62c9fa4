//===- StrategySelectorSlabs.cpp - Channels that are independent ----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. Channels whose elements lie apart: each group of them is done
// before the next, or while the next is read.
//
//===----------------------------------------------------------------------===//

#include "StrategySelector.h"

using namespace mlir;
using namespace mlir::bn;

/// Rows of a tile whose rows are short, and whose rows may be short or long.
static constexpr int64_t kShortRows = 128, kUnknownRows = 16;

/// Least rows of a slab that are worth being jammed; and where a channel might
/// go alone, least rows and channels that are worth being together for it.
static constexpr int64_t kJammedRows = 16, kManyJammedRows = 32,
                         kJammedChannels = 4;

/// Times the last-level cache that data may be of which enough is still there
/// (StrategySelector::fitsOnce).
static constexpr int64_t kFewL3 = 4;
/// And the most rows of a slab that stays in the L2 cache: those of more images
/// were at times slower than a pipelined loop.
static constexpr int64_t kFewRows = 64;

/// Numbers per channel that gradients take without a prologue, and the most
/// images by which what is spread is read seldom.
static constexpr int64_t kPlainCoefficients = 4, kSeldomImages = 128;

/// How far ahead of their use the next channels are asked for, in bytes, of
/// 16-bit data that are written past the caches: conversions fill the window in
/// which a core looks ahead by itself.
static constexpr int64_t kFarAhead = 4096;
/// What is asked for further ahead than this part of the rows of a loop would
/// leave too many of the first ones out.
static constexpr int64_t kPartAhead = 4;

int64_t mlir::bn::getLongRow(const MachineModel &machine, StoreKind stores) {
  using Selector = StrategySelector;
  bool isMasked =
      machine.vectorBits >= kMaskedBits && stores == StoreKind::Temporal;
  return isMasked ? Selector::kLongUnknownRow : Selector::kLongRow;
}

/// True when rows of the data are long enough for vectors across one row of
/// one channel. Those that are written past the caches should be longer, which
/// several channels together are.
bool StrategySelector::hasLongRows() {
  if (type.isDynamicDim(rank() - 1))
    return assumption.hasLongRows;
  bool isMasked = storesToCaches() && machine.vectorBits >= kMaskedBits;
  return size(rank() - 1) >= (isMasked ? kLongMaskedRow : kLongRow);
}

/// True for rows that a mask makes long enough, but that gain more where many
/// of them share the coefficients of several channels, which are whole lines.
bool StrategySelector::areBetterJammed() {
  int64_t last = rank() - 1;
  if (!type.hasStaticShape() || !canBePipelined(last - 1) || selectJam() == 1 ||
      size(last) >= 2 * kLongMaskedRow || size(0) < kManyJammedRows)
    return false;
  int64_t group = getLongestGroup(last - 1);
  return group >= kJammedChannels && group * rowBytes() % kCacheLineBytes == 0;
}

/// True where a row of one channel is work enough for a loop of its own.
bool StrategySelector::goesAlone() {
  return hasLongRows() && !areBetterJammed();
}

/// Of short rows, sums and coefficients are in the L1 cache, too, which those
/// of gradients fill: they are better off with several rows at a time. So are
/// those of 16-bit data past the caches, if several channels are one row
/// (`areTogether`): with less in that cache there are more of them, and rows
/// are longer.
bool StrategySelector::paysPipelined(bool areTogether) {
  if (goesAlone())
    return true;
  bool fillsCache = areTogether && is16Bit();
  return !storesToCaches() && !fillsCache && isa<TrainingOp>(op.getOperation());
}

/// True where the slab of one channel, which goes alone, fits the L2 cache, and
/// the next one beside it does not: in a pipelined loop both would be read from
/// the last-level cache. Data that do not fit that one either keep memory and
/// cores busy together there, which gains more.
bool StrategySelector::fitsOnce() {
  if (!machine.hasFarL3() || storesToCaches() || !goesAlone() ||
      !type.hasStaticShape() || size(0) > kFewRows)
    return false;
  int64_t slab = countReadData(op) * size(0) * rowBytes();
  return slab <= machine.l2Bytes && slab > machine.l2Bytes / 2 &&
         countData(op) * type.getNumElements() * elementBytes <=
             kFewL3 * machine.l3Bytes;
}

/// Channels that are treated together: several where one is a short row, or a
/// short slab. 1 where it is not known.
int64_t StrategySelector::selectGroup(int64_t channelDim) {
  int64_t last = rank() - 1;
  if (type.isDynamicDim(channelDim) || channelDim != last - 1 ||
      type.isDynamicDim(last) ||
      (canBePipelined(channelDim) && storesToCaches() && goesAlone()))
    return 1;
  int64_t limit =
      std::min(getMostChannels(channelDim), getMostSpread(channelDim));
  return getDivisor(size(channelDim), std::max<int64_t>(limit, 1));
}

/// The most channels of which what there is per channel stays in the L1 cache
/// when it is spread over the elements of a row: of 16-bit data, that is twice
/// as long as the row. In a pipelined loop a pivot and two sums come with it.
/// Past the caches it may fill more of the L1 cache: parts of lines, which
/// fewer channels are, cost more there. Of a small one it may fill all, since
/// two thirds have no room for whole lines.
int64_t StrategySelector::getMostSpread(int64_t channelDim) {
  int64_t count = countCoefficients();
  if (canBePipelined(channelDim) && paysPipelined(/*areTogether=*/true))
    count += 3;
  int64_t room = machine.l1Bytes / 3 * 2;
  if (storesToCaches())
    room = machine.l1Bytes / 2;
  else if (machine.hasSmallL1())
    room = machine.l1Bytes;
  int64_t bytes = count * accumulatorBytes();
  return room / std::max<int64_t>(bytes * size(rank() - 1), 1);
}

/// True for gradients of 16-bit data that take more numbers per channel than
/// without a prologue (for the sign of a ReLU that is computed again), where
/// the group that has room is no whole lines, and a spread is read too seldom,
/// or a slab not from the L2 cache.
bool StrategySelector::isCramped(int64_t channelDim) {
  if (!is16Bit() || !isa<BackwardOp>(op.getOperation()) || goesAlone() ||
      machine.vectorBits < kMaskedBits ||
      countCoefficients() <= kPlainCoefficients)
    return false;
  int64_t run = selectGroup(channelDim) * rowBytes();
  bool fitsL2 = countReadData(op) * size(0) * run <= machine.l2Bytes;
  return run % kCacheLineBytes != 0 && (size(0) <= kSeldomImages || !fitsL2);
}

/// Channel groups that are normalized as soon as their statistics are known.
LoweringStrategyAttr StrategySelector::selectSlab(int64_t channelDim) {
  SmallVector<int64_t> parallel(rank(), 0);
  int64_t group = selectGroup(channelDim);
  parallel[channelDim] = group;
  if (canBePipelined(channelDim) && paysPipelined(group > 1)) {
    if (group != 1 || !fitsOnce())
      return selectPipelinedSlab(channelDim, group);
    // Loops over single rows are those that ask ahead.
    return get(Schedule::Slab, parallel, selectRowTile(group), /*streams=*/1,
               getRowsAhead(kAhead, group, size(0)));
  }
  if (sweepsOnce(op) && hasStaticRows(channelDim))
    return get(Schedule::Slab, parallel, selectRowTile(group), /*streams=*/1,
               /*prefetch=*/storesToCaches() ? 0 : 1);

  SmallVector<int64_t> tile =
      selectTile(std::max<int64_t>(tileElements() / group, 1));
  if (group > 1 && !type.isDynamicDim(0))
    tile[0] = selectRows(group);
  bool isJammed = group > 1 && (type.isDynamicDim(0) || size(0) >= kJammedRows);
  return get(Schedule::Slab, parallel, tile, /*streams=*/1,
             selectSlabPrefetch(group), isJammed ? selectJam() : 1);
}

/// Rows of `group` channels each that make up `bytes`: no more than a part of
/// the `rows` of a loop, where their number is known.
int64_t StrategySelector::getRowsAhead(int64_t bytes, int64_t group,
                                       int64_t rows) {
  int64_t distance = countRowsAhead(bytes, rowBytes() * group);
  if (!ShapedType::isDynamic(rows))
    distance = std::min(distance, rows / kPartAhead);
  return std::max<int64_t>(distance, 1);
}

/// Rows ahead that the sweeps over a slab of several channels ask for past the
/// caches. Where the last-level cache is far, this pays only for 16-bit data,
/// as in a sweep (selectSweepPrefetch). Of gradients, registers below
/// kMaskedBits take longer than the memory.
int64_t StrategySelector::selectSlabPrefetch(int64_t group) {
  bool hasTime =
      machine.vectorBits >= kMaskedBits || isa<TrainingOp>(op.getOperation());
  if (group == 1 || (!is16Bit() && machine.hasFarL3()) || storesToCaches() ||
      !hasTime)
    return 0;
  return getRowsAhead(kAhead, group, size(0));
}

/// Rows of a tile; 0 for all. Of short rows they are many, since each merge is
/// preceded by sums over the elements of a row. A group of one channel is
/// summed along its rows, in longer chains.
int64_t StrategySelector::selectRows(int64_t group) {
  int64_t length = size(rank() - 1), rows = kShortRows;
  if (group == 1)
    rows = std::min(rows, getMostRows(length));
  bool isKnown = !type.isDynamicDim(0);
  if (length >= kLongRow) {
    rows = storesToCaches() ? std::max<int64_t>(kLongestRow / length, 1) : 1;
    if (isKnown)
      rows = getDivisor(size(0), rows);
  }
  return isKnown && size(0) <= rows ? 0 : rows;
}

/// Elements of the parts of a long row; 0 for all of a row. What is written
/// past the caches from the middle of a line on takes 1.5 times as long: there,
/// a row of whole cache lines has parts of whole lines. Other rows have writes
/// that are moved, which have to know how long a part is.
int64_t StrategySelector::selectPartOfRow() {
  int64_t last = rank() - 1;
  if (type.isDynamicDim(last))
    return kLongestRow;
  int64_t length = size(last), unit = kCacheLineBytes / elementBytes;
  if (length <= kLongestRow)
    return 0;
  if (storesToCaches() || length % unit != 0)
    unit = 1;
  int64_t part = getDivisor(length / unit, kLongestRow / unit) * unit;
  if (part >= kLongestRow / 4)
    return part;
  int64_t parts = llvm::divideCeil(length, kLongestRow);
  return llvm::alignTo(llvm::divideCeil(length, parts), unit);
}

/// Tiles that are walked for sums and for results at the same time: some rows,
/// or a part of a long one.
SmallVector<int64_t> StrategySelector::selectRowTile(int64_t group) {
  int64_t last = rank() - 1;
  SmallVector<int64_t> tile(rank(), 0);
  tile[last] = selectPartOfRow();
  bool mayBeShort = type.isDynamicDim(last) && storesToCaches();
  tile[0] = mayBeShort ? kUnknownRows : tile[last] != 0 ? 1 : selectRows(group);
  return tile;
}

/// True where rows of 32 bits and more, past the caches and near a last-level
/// cache, are asked for two ahead: those of several channels, and those longer
/// than a tile, as long as two of all that is read leave half of the L2 cache.
/// (Registers below kMaskedBits were not measured.)
bool StrategySelector::asksTwoRowsAhead(int64_t group) {
  return !is16Bit() && !storesToCaches() && !machine.hasFarL3() &&
         machine.vectorBits >= kMaskedBits &&
         (group > 1 || selectPartOfRow() != 0) &&
         2 * countReadData(op) * rowBytes() * group <= machine.l2Bytes / 2;
}

/// Rows ahead that a pipelined loop over tiles of `tileRows` asks for. Where
/// channels are together, gradients have what they need per element in the L1
/// cache, and no room for more than one.
int64_t StrategySelector::selectRowPrefetch(int64_t group, int64_t tileRows) {
  int64_t last = rank() - 1;
  if (type.isDynamicDim(last))
    return 1;
  int64_t bytes = kAhead;
  bool hasRoom = group == 1 || isa<TrainingOp>(op.getOperation());
  if (hasRoom && is16Bit() && !storesToCaches())
    bytes = kFarAhead;
  else if (hasRoom && asksTwoRowsAhead(group))
    bytes = std::max(bytes, 2 * rowBytes() * group);
  return getRowsAhead(bytes, group, tileRows > 1 ? tileRows : size(0));
}

/// One group is normalized while the statistics of the next are taken. Each
/// thread has one run of channels, since a run begins and ends with a group
/// alone; channels do not share sums, so the number of runs changes no bits.
LoweringStrategyAttr StrategySelector::selectPipelinedSlab(int64_t channelDim,
                                                           int64_t group) {
  int64_t runs = threads != 0 ? threads : machine.cores;
  SmallVector<int64_t> parallel(rank(), 0), tile = selectRowTile(group);
  parallel[channelDim] =
      type.isDynamicDim(channelDim)
          ? -runs
          : llvm::divideCeil(size(channelDim) / group, runs) * group;
  tile[channelDim] = group;
  return get(Schedule::PipelinedSlab, parallel, tile, /*streams=*/1,
             selectRowPrefetch(group, tile[0]));
}
