//===- BNOps.td - Operations of the bn dialect -------------*- tablegen -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNOPS
#define BN_DIALECT_BN_IR_BNOPS

include "bn/Dialect/BN/IR/BNUserOps.td"
include "bn/Dialect/BN/IR/BNGradientOps.td"
include "bn/Dialect/BN/IR/BNStructuralOps.td"
include "bn/Dialect/BN/IR/BNBufferOps.td"

#endif // BN_DIALECT_BN_IR_BNOPS
