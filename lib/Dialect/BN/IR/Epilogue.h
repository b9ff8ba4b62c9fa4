//===- Epilogue.h - Verification of epilogues -------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the dialect. Each check is a constraint of three ops; their
// verifiers have its number.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_IR_EPILOGUE_H
#define BN_LIB_DIALECT_BN_IR_EPILOGUE_H

#include "bn/Dialect/BN/IR/BNOps.h"

namespace mlir::bn {

/// Checks that epilogue inputs are like `input`, or have an entry per channel.
LogicalResult verifyEpilogueInputs(EpilogueOpInterface op);

/// Checks what the block of an epilogue takes and yields.
LogicalResult verifyEpilogueTypes(EpilogueOpInterface op);

/// Checks that an epilogue can be computed element by element.
LogicalResult verifyEpilogueOps(EpilogueOpInterface op);

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_IR_EPILOGUE_H
