//===- TilingUtils.h - Obeying a lowering strategy --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_COMMON_TILINGUTILS_H
#define BN_LIB_CODEGEN_COMMON_TILINGUTILS_H

#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/TilingInterface.h"

namespace mlir::bn {

/// Tiles `op` with `scf.forall` by the `parallel` sizes of its strategy;
/// reduction dimensions among them give partial results that are merged. The
/// tiled op's strategy has no parallel sizes left. Does nothing where there are
/// none.
LogicalResult tileInParallel(RewriterBase &rewriter, TilingInterface op);

/// Tiles `op` with `scf.for` by the `tile` sizes of its strategy.
LogicalResult tileInSequence(RewriterBase &rewriter, TilingInterface op);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_COMMON_TILINGUTILS_H
