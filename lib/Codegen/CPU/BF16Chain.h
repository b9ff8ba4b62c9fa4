//===- BF16Chain.h - From vectors of bf16 to a vector of bf16 ---*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What bn-pair-bf16-lanes works on, and bn-interleave-coefficients prepares.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_BF16CHAIN_H
#define BN_LIB_CODEGEN_CPU_BF16CHAIN_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::bn {

/// Elements of the shortest vector that is worked on in pairs: shorter ones are
/// in loops over what is left of a row.
inline constexpr int64_t kMinPairedLanes = 16;

/// True for constants and broadcasts with equal elements.
bool isSplat(Operation *op);

/// Bits of the longest vector of them that is taken apart, or put together.
inline constexpr int64_t kMaxPairedBits = 32;

/// True for what is there in halves: splats, widened bf16, what was
/// interleaved, and bits that are read as bytes. Such ops may have other users.
bool isLeafOfBF16Chain(Operation *op);

/// True for a vector of bits that can be put together of its halves.
bool makesPairedBits(Operation *op);

/// Adds to `ops` what leads to `end`, a rounding to bf16, operands before
/// users: elementwise ops of its block, down to those for which `isLeaf` holds,
/// which may have other users, as bits may. False if something else does, if
/// others need an op that is neither, or if the vector is short or odd.
bool collectBF16Chain(arith::TruncFOp end,
                      function_ref<bool(Operation *)> isLeaf,
                      SetVector<Operation *> &ops);

/// `number`, f32 or a vector of it, or where that is NaN, the one without sign
/// whose only other bit is that of quiet NaN.
Value createShortNaN(OpBuilder &b, Location loc, Value number);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_BF16CHAIN_H
