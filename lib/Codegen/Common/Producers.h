//===- Producers.h - Elementwise ops in front of bn ops ---------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_COMMON_PRODUCERS_H
#define BN_LIB_CODEGEN_COMMON_PRODUCERS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::bn {

/// True for an elementwise op that is no part of a bn op, and of which a
/// vector of the result is computed of vectors of what it takes.
bool isProducer(Operation *op);

/// Erases `producer` when nothing but the size of its result is needed.
void eraseUnread(RewriterBase &b, linalg::LinalgOp producer);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_COMMON_PRODUCERS_H
