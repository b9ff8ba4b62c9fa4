//===- Divisors.h - What is known to divide an index ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_DIVISORS_H
#define BN_LIB_CODEGEN_CPU_DIVISORS_H

#include "mlir/IR/OpDefinition.h"

namespace mlir::bn {

/// Returns a number that is known to divide `value`, an index made of loops and
/// arithmetic, whatever values these take; 0 for 0.
int64_t getKnownDivisor(OpFoldResult value);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_DIVISORS_H
