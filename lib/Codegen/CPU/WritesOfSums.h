//===- WritesOfSums.h - Loops that sum up and write -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'. A pipelined loop sums up one channel and writes another. Sums
// stay as they are when its writes are moved to where cache lines start: taken
// out into a loop of their own, moved there, and put back.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_WRITESOFSUMS_H
#define BN_LIB_CODEGEN_CPU_WRITESOFSUMS_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::bn {

/// Creates a loop in front of `loop`, with its bounds, that does `writes` and
/// what they need. Returns null when that depends on what `loop` carries from
/// iteration to iteration, or when the rest of `loop` accesses what it
/// accesses: the data may be overwritten in place.
scf::ForOp createWritingLoop(RewriterBase &b, scf::ForOp loop,
                             ArrayRef<vector::TransferWriteOp> writes);

/// Erases `writes` and what only they need.
void eraseWrites(RewriterBase &b, scf::ForOp loop,
                 ArrayRef<vector::TransferWriteOp> writes);

/// Has `loop` do an iteration of `writing` in each of its own, as far as the
/// latter goes, and erases it: `writing` has the same step, may begin later,
/// and has at most as many iterations. Those that are left are in a loop behind
/// `loop`, so that the order of additions is the same.
void mergeWrites(RewriterBase &b, scf::ForOp loop, scf::ForOp writing);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_WRITESOFSUMS_H
