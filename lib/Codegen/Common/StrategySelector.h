//===- StrategySelector.h - The strategy of one op --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_COMMON_STRATEGYSELECTOR_H
#define BN_LIB_CODEGEN_COMMON_STRATEGYSELECTOR_H

#include "SelectLoweringStrategy.h"

namespace mlir::bn {

/// Largest divisor of `n` that is at most `limit`: tiles stay exact.
inline int64_t getDivisor(int64_t n, int64_t limit) {
  for (int64_t d = std::min(n, limit); d > 1; --d)
    if (n % d == 0)
      return d;
  return 1;
}

/// Rows of `rowBytes` each that make up `bytes`, at least one, and no more than
/// can be asked for ahead.
inline int64_t countRowsAhead(int64_t bytes, int64_t rowBytes) {
  return std::min<int64_t>(llvm::divideCeil(bytes, rowBytes), kMaxPrefetch);
}

/// The mask of a training op or of its statistics, or null.
Value getMask(Operation *op);

/// True for an op that sums up its data and goes over them, and needs nothing
/// of the one for the other: it reads them once, in one order.
bool sweepsOnce(Operation *op);

/// Shape of one op, and the choice that fits it.
struct StrategySelector {
  /// Bytes that a channel group should have in one row, so that reads are long
  /// enough for the prefetcher.
  static constexpr int64_t kRowBytes = 3 << 10;
  /// How far ahead of their use rows are asked for as a rule, in bytes.
  static constexpr int64_t kAhead = 1536;
  /// With fewer channels than this, channels are too few to share among
  /// threads.
  static constexpr int64_t kMinChannels = 8;
  /// Registers per register tile: enough independent sums to hide the latency
  /// of an addition, few enough for two sets of them in 16 registers; and of
  /// rows whose sums would be chains of more than kShortChain, where there
  /// are 32.
  static constexpr int64_t kUnroll = 4, kLongUnroll = 8, kShortChain = 32;
  /// Where channels are contiguous: rows between two merges of partial
  /// statistics, least rows of a piece, and places that rows are read from in
  /// turn. A core reads about 1.5 times as fast from four places as from one.
  static constexpr int64_t kTileRows = 256, kPieceRows = 128, kStreams = 4;
  /// Rows that are long enough for vectors across one row, in elements; where
  /// the last vector can be masked, as it can in registers of kMaskedBits; and
  /// the same where what is shorter cannot be treated together, because its
  /// size is not known.
  static constexpr int64_t kLongRow = 512, kLongMaskedRow = 128;
  static constexpr int64_t kLongUnknownRow = 32;
  /// Least elements of a row of two tensors whose products are summed up.
  static constexpr int64_t kLeastRawRow = 128;
  /// Least elements of a channel that raw moments are taken of.
  static constexpr int64_t kLeastRaw = 64;
  /// The most elements of a row between two merges; what is longer is cut.
  static constexpr int64_t kLongestRow = 8192;

  IndexedOpInterface op;
  const MachineModel &machine;
  int64_t threads;
  SizeAssumption assumption;

  ShapedType type;
  SmallVector<utils::IteratorType> kinds;
  int64_t elementBytes;

  StrategySelector(IndexedOpInterface op, const MachineModel &machine,
                   int64_t threads, SizeAssumption assumption)
      : op(op), machine(machine), threads(threads), assumption(assumption),
        type(cast<ShapedType>(op.getSpanningOperand().get().getType())),
        kinds(op.getIterationKinds()),
        elementBytes(type.getElementTypeBitWidth() / 8) {}

  int64_t rank() const { return type.getRank(); }
  int64_t size(int64_t dim) const { return type.getDimSize(dim); }
  /// Bytes of a row of static size along the last dimension, at least 1.
  int64_t rowBytes() const {
    return std::max<int64_t>(size(rank() - 1) * elementBytes, 1);
  }
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
                           int64_t prefetch = 0, int64_t jam = 1) {
    return get(schedule, selectStores(), parallel, tile, streams, prefetch,
               jam);
  }
  LoweringStrategyAttr get(Schedule schedule, StoreKind stores,
                           ArrayRef<int64_t> parallel, ArrayRef<int64_t> tile,
                           int64_t streams = 1, int64_t prefetch = 0,
                           int64_t jam = 1) {
    int64_t team = schedule == Schedule::Single ? 1 : threads;
    return LoweringStrategyAttr::get(type.getContext(), schedule, team,
                                     parallel, tile, machine.vectorBits,
                                     selectUnroll(), stores, streams, jam,
                                     prefetch, selectMoments(schedule));
  }

  LoweringStrategyAttr select();

private:
  bool is16Bit() const { return type.getElementTypeBitWidth() == 16; }
  int64_t getMostChannels(int64_t channelDim);
  int64_t getLongestGroup(int64_t channelDim);
  bool hasBrokenLines();
  bool isLarge();
  StoreKind selectStores();
  /// Bytes of what sums and coefficients are computed in.
  int64_t accumulatorBytes() {
    return getAccumulatorType(type.getElementType()).getWidth() / 8;
  }
  int64_t getLanes();
  int64_t selectUnroll();
  Moments selectMoments(Schedule schedule);
  int64_t getMostRows(int64_t size);
  SmallVector<int64_t> selectTile(int64_t room);
  /// True where data fit the caches, or are better off in them.
  bool storesToCaches() { return selectStores() == StoreKind::Temporal; }
  bool hasStaticRows(int64_t channelDim) {
    return channelDim == rank() - 2 && rank() == 3 && type.hasStaticShape();
  }
  bool hasRowsOfChannels() { return rank() == 2 && hasContiguousChannels(op); }
  bool canBePipelined(int64_t channelDim) {
    return sweepsTwice(op) && channelDim == rank() - 2 && rank() == 3 &&
           (type.hasStaticShape() || hasLongRows());
  }
  bool hasLongRows();
  bool areBetterJammed();
  bool goesAlone();
  bool paysPipelined(bool areTogether);
  bool fitsOnce();
  bool asksTwoRowsAhead(int64_t group);
  int64_t selectRowPrefetch(int64_t group, int64_t tileRows);
  int64_t getRowsAhead(int64_t bytes, int64_t group, int64_t rows);
  int64_t selectSlabPrefetch(int64_t group);
  int64_t selectGroup(int64_t channelDim);
  int64_t getMostSpread(int64_t channelDim);
  bool isCramped(int64_t channelDim);
  int64_t selectRows(int64_t group);
  int64_t selectPartOfRow();
  SmallVector<int64_t> selectRowTile(int64_t group);
  LoweringStrategyAttr selectSlab(int64_t channelDim);
  LoweringStrategyAttr selectPipelinedSlab(int64_t channelDim, int64_t group);
  int64_t countCoefficients();
  int64_t selectJam();
  int64_t selectChannels();
  int64_t partBytes();
  int64_t selectPieces();
  int64_t selectStreams();
  int64_t selectBlockPrefetch();
  LoweringStrategyAttr selectRowBlocks();
  LoweringStrategyAttr selectSplit();
  bool paysToSplitImages(int64_t channelDim);
  LoweringStrategyAttr selectSplitImages();
  LoweringStrategyAttr selectSweep();
  int64_t selectShortRowGroup(int64_t channelDim);
  int64_t selectSweepPrefetch(int64_t group);
};

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_COMMON_STRATEGYSELECTOR_H
