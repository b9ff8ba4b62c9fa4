//===- ScalarCode.h - Epilogues and prologues -------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the dialect. Each check is a constraint of six ops; their
// verifiers have its number.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_IR_SCALARCODE_H
#define BN_LIB_DIALECT_BN_IR_SCALARCODE_H

#include "bn/Dialect/BN/IR/BNOps.h"

namespace mlir::bn {

/// Checks that the inputs are like the data, or have an entry per channel.
LogicalResult verifyCodeInputs(ScalarCodeOpInterface op);

/// Checks what the block takes and yields.
LogicalResult verifyCodeTypes(ScalarCodeOpInterface op);

/// Checks that the code can be computed element by element.
LogicalResult verifyCodeOps(ScalarCodeOpInterface op);

/// Checks what an epilogue saves.
LogicalResult verifySaved(EpilogueOpInterface op);

/// The outs but the one for what the epilogue saves.
inline ValueRange getWrittenOuts(EpilogueOpInterface op) {
  return ValueRange(op.getOuts()).drop_back(op.getSavedOut() ? 1 : 0);
}

/// True when nothing that the code takes per channel has to be converted.
bool hasOwnCodeInputs(ScalarCodeOpInterface op);

/// The inputs of the code, with what it takes per channel in the accumulator
/// type: converted once per channel, and not per element.
SmallVector<Value> convertCodeInputs(OpBuilder &b, ScalarCodeOpInterface op);

/// The element `value` of the data or of an input in the type in which the code
/// takes it: i8 stays what it is.
Value convertCodeElement(OpBuilder &b, Location loc, Value value,
                         FloatType accumulator);

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_IR_SCALARCODE_H
