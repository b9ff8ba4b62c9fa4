//===- Passes.h - Transformations of bn ops ---------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_TRANSFORMS_PASSES_H
#define BN_DIALECT_BN_TRANSFORMS_PASSES_H

#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::bn {

#define GEN_PASS_DECL
#include "bn/Dialect/BN/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "bn/Dialect/BN/Transforms/Passes.h.inc"

/// Rewrites `op` as a loop over its groups (see bn-expand-groups). Fails when
/// there is one, or the op is on buffers.
LogicalResult expandGroups(RewriterBase &rewriter, Operation *op);

/// Rewrites `op` on its canonical view (see bn-collapse-dimensions). Fails when
/// there is nothing to collapse.
LogicalResult collapseDimensions(RewriterBase &rewriter, Operation *op);

/// Makes elementwise ops that alone use the output of `op` its epilogue (see
/// bn-fuse-epilogues). Returns the op that has the epilogue; fails when there
/// are none.
FailureOr<EpilogueOpInterface> fuseEpilogue(RewriterBase &rewriter,
                                            EpilogueOpInterface op);

/// Makes an elementwise op that makes what the prologue of `op` takes, or would
/// take, a part of the prologue (see bn-fuse-prologues). Returns the op that
/// has the prologue; fails when there is none.
FailureOr<PrologueOpInterface> fusePrologue(RewriterBase &rewriter,
                                            PrologueOpInterface op);

/// Decomposes `op` and what it decomposes into, until nothing but structural
/// ops and linalg is left. Fails with a diagnostic where there is no
/// decomposition.
LogicalResult decomposeToStructural(RewriterBase &rewriter, Operation *op);

/// The same for all bn ops in `function`.
LogicalResult decomposeToStructural(func::FuncOp function);

} // namespace mlir::bn

#endif // BN_DIALECT_BN_TRANSFORMS_PASSES_H
