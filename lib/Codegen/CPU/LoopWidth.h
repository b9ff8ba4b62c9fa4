//===- LoopWidth.h - Vector loops with other widths -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'. The part of a loop over vectors that is left over when its
// bounds move needs the same body on fewer elements.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_LOOPWIDTH_H
#define BN_LIB_CODEGEN_CPU_LOOPWIDTH_H

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::bn {

/// True when `transfer` moves a full vector of contiguous elements of a buffer.
bool isContiguousTransfer(Operation *transfer);

/// True when `transfer` is contiguous, and its position depends on nothing in
/// `loop` but the induction variable, which is its last index.
bool isPlainTransfer(Operation *transfer, scf::ForOp loop);

/// True when `loop` does the same to each element of its vectors of `width`
/// elements, so that any part of its range can be done in any order and width.
bool isElementwise(scf::ForOp loop, int64_t width);

/// Does at position `index` what one iteration of the elementwise `loop` does,
/// on `width` elements; scalars when that is 1.
void createIteration(OpBuilder &b, scf::ForOp loop, Value index, int64_t width);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_LOOPWIDTH_H
