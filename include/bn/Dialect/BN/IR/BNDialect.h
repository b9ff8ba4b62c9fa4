//===- BNDialect.h - The bn dialect -----------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNDIALECT_H
#define BN_DIALECT_BN_IR_BNDIALECT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"

#include "bn/Dialect/BN/IR/BNDialect.h.inc"
#include "bn/Dialect/BN/IR/BNEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "bn/Dialect/BN/IR/BNAttributes.h.inc"

namespace mlir::bn {

/// Name of the discardable attribute that holds a `#bn.lowering_strategy`.
inline constexpr llvm::StringLiteral kLoweringStrategyAttrName =
    "bn.lowering_strategy";

/// Bytes of a cache line, which stores past the caches write as a whole: a line
/// that they write only a part of costs a read.
inline constexpr int64_t kCacheLineBytes = 64;

/// Largest OpenMP team that can be asked for.
inline constexpr int64_t kMaxThreads = 1024;
/// Most streams, rows in one loop and rows ahead that a strategy may ask for.
inline constexpr int64_t kMaxStreams = 8, kMaxJam = 8, kMaxPrefetch = 64;

/// Discardable attribute of a parallel loop: the size of its team (i64).
inline constexpr llvm::StringLiteral kThreadsAttrName = "bn.threads";

/// Discardable attribute of a loop over vectors whose stores are to go past the
/// caches where the first address is a multiple of this many bytes (i64).
inline constexpr llvm::StringLiteral kNontemporalAttrName = "bn.nontemporal";

/// Discardable attribute of a loop over channel groups that normalizes one group
/// and takes statistics of the next: loops in it are fused (unit).
inline constexpr llvm::StringLiteral kPipelinedAttrName = "bn.pipelined";

/// Discardable attribute of a parallel loop whose pieces are summed and written
/// in one sweep: loops in it are fused (unit).
inline constexpr llvm::StringLiteral kOneSweepAttrName = "bn.one_sweep";

/// Discardable attribute of a loop over rows: data is prefetched this many
/// iterations ahead (i64).
inline constexpr llvm::StringLiteral kPrefetchAttrName = "bn.prefetch";

/// Discardable attribute of a `vector.interleave` of f32: if an element is NaN,
/// its lower half is 0 (unit).
inline constexpr llvm::StringLiteral kShortNaNAttrName = "bn.short_nan";

/// Fails, with an error, unless registers of so many bits can be compiled for.
LogicalResult verifyVectorBits(function_ref<InFlightDiagnostic()> emitError,
                               int64_t vectorBits);

/// The strategy on `op`, or null.
LoweringStrategyAttr getLoweringStrategy(Operation *op);

} // namespace mlir::bn

#endif // BN_DIALECT_BN_IR_BNDIALECT_H
