//===- BNToLinalg.h - bn ops to linalg --------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_CONVERSION_BNTOLINALG_BNTOLINALG_H
#define BN_CONVERSION_BNTOLINALG_BNTOLINALG_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::bn {

#define GEN_PASS_DECL_CONVERTBNTOLINALGPASS
#include "bn/Conversion/Passes.h.inc"

/// Adds patterns that convert structural bn ops on tensors to linalg.
void populateBNToLinalgConversionPatterns(RewritePatternSet &patterns);

} // namespace mlir::bn

#endif // BN_CONVERSION_BNTOLINALG_BNTOLINALG_H
