//===- StreamingLoop.h - Loops that write whole lines -----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_STREAMINGLOOP_H
#define BN_LIB_CODEGEN_CPU_STREAMINGLOOP_H

#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::bn {

/// The writes in `loop` to buffers that it does not read: what is read again,
/// such as sums that are kept in memory, has to stay in the caches. So have
/// bytes, what an epilogue saves: an iteration writes a part of a line.
SmallVector<vector::TransferWriteOp> getStreamingWrites(scf::ForOp loop);

/// A marked loop that writes whole lines in each iteration.
struct StreamingLoop {
  /// The description of `loop`, marked for registers of `registerBytes`;
  /// nothing when it has to stay as it is.
  static std::optional<StreamingLoop> get(scf::ForOp loop,
                                          int64_t registerBytes);

  /// True when the loop has the same work for each element, and so much that
  /// the parts in front of and behind whole lines do not matter.
  bool canPeel();
  /// Elements of what is written that are a line.
  int64_t getLineElements() const { return kCacheLineBytes / elementBytes; }
  /// Those of `writes`, and those of bits that come of the same elements.
  SmallVector<vector::TransferWriteOp> getWritesWithBits();

  scf::ForOp loop;
  /// All of one type.
  SmallVector<vector::TransferWriteOp> writes;
  /// Elements per iteration, those that fill a register where they are widest,
  /// and those that a part of an iteration starts at a multiple of: bits are
  /// accessed as whole bytes.
  int64_t width, lanes, unit;
  int64_t elementBytes;
};

/// True when all rows that `write` writes start at a line if one does.
bool hasRowsOfLines(vector::TransferWriteOp write);

/// Writes behind the loop, of whole lines that are left of the rows that
/// `write` in it goes through. One line of a row that goes through the caches
/// is waited for: stores retire in order, and all behind it fill their queue
/// until it has been read. None where the rows are read behind the loop.
SmallVector<vector::TransferWriteOp>
getWritesBehind(scf::ForOp loop, vector::TransferWriteOp write);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_STREAMINGLOOP_H
