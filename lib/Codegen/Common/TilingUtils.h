//===- TilingUtils.h - Obeying a lowering strategy --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_COMMON_TILINGUTILS_H
#define BN_LIB_CODEGEN_COMMON_TILINGUTILS_H

#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace mlir::bn {

/// Tiles `op` with `scf.forall` by the `parallel` sizes of its strategy;
/// reduction dimensions among them give partial results that are merged. What
/// is filled for the op to add to, each iteration fills for itself. The
/// tiled op's strategy has no parallel sizes left. Does nothing where there are
/// none, and calls `update` on what is in the loop.
LogicalResult tileInParallel(RewriterBase &rewriter, TilingInterface op,
                             function_ref<void(Operation *)> update = {});

/// Tiles `op` with `scf.for` by the `tile` sizes of its strategy and calls
/// `update` on what is in the loops.
LogicalResult tileInSequence(RewriterBase &rewriter, TilingInterface op,
                             function_ref<void(Operation *)> update = {});

/// Makes one sweep of each sum for the gradients of `function` and a sweep over
/// the same data that needs nothing of it: as far as they are tiled in
/// parallel, in one loop, which is marked for bn-fuse-sibling-loops.
LogicalResult tileOneSweeps(RewriterBase &rewriter, func::FuncOp function);

/// Tiles `op` with `scf.for` by the `tile` sizes of its strategy, so that each
/// tile is read once: squares are taken about the running mean of the tiles
/// before, in the first tile about the mean of a few elements.
LogicalResult tileStatsInSequence(RewriterBase &rewriter, StatsOp op);

/// Splits `op`, a reduction whose channels are contiguous, into one that reads
/// its rows from as many streams as the strategy says, in turn, and one for the
/// few rows that are left. Returns the first, or `op` where there is one
/// stream.
IndexedOpInterface splitIntoStreams(RewriterBase &rewriter,
                                    IndexedOpInterface op);

/// The sums that can be taken in one sweep with `sweep`, if any. They cannot
/// where an out of `sweep` is an operand of theirs: a loop that writes what
/// another reads is not fused with it.
BackwardReduceOp findSumsOfSweep(BackwardInputOp sweep);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_COMMON_TILINGUTILS_H
