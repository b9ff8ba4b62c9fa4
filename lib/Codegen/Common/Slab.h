//===- Slab.h - Sums, and the sweep behind them -----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_COMMON_SLAB_H
#define BN_LIB_CODEGEN_COMMON_SLAB_H

#include "bn/Dialect/BN/IR/BNOps.h"

#include "llvm/ADT/SetVector.h"

namespace mlir::bn {

/// One slab: its sums (statistics, or those of the gradients), its sweep, and
/// what is computed per channel between the two.
struct Slab {
  IndexedOpInterface sums, sweep;
  SetVector<Operation *> perChannel;
  int64_t channelDim, group;

  /// The slab that ends with `sweep`, where it can be pipelined.
  static std::optional<Slab> match(IndexedOpInterface sweep);
  ValueRange getOuts() {
    return cast<DestinationStyleOpInterface>(sweep.getOperation())
        .getDpsInits();
  }
};

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_COMMON_SLAB_H
