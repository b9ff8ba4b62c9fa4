//===- Passes.h - Code generation for the CPU -------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_CODEGEN_CPU_PASSES_H
#define BN_CODEGEN_CPU_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Pass/Pass.h"

namespace mlir::bn {

#define GEN_PASS_DECL
#include "bn/Codegen/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "bn/Codegen/CPU/Passes.h.inc"

/// Replaces `op`, on tensors, by loops over vectors of `vectorBits` bits, with
/// `unroll` registers per register tile; with `avx512BF16`, sums of products of
/// bf16 for raw moments are dot products. Fails, without changing anything, on
/// ops with index maps that are not projections or with bodies that are not
/// elementwise.
LogicalResult vectorizeTile(RewriterBase &rewriter, linalg::LinalgOp op,
                            int64_t vectorBits, int64_t unroll,
                            bool avx512BF16 = false);

} // namespace mlir::bn

#endif // BN_CODEGEN_CPU_PASSES_H
