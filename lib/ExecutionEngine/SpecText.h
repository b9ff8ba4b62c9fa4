//===- SpecText.h - Specs in words ------------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the execution engine: what the key and the module of a spec share.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_EXECUTIONENGINE_SPECTEXT_H
#define BN_LIB_EXECUTIONENGINE_SPECTEXT_H

#include "bn/ExecutionEngine/BatchNormSpec.h"

#include <string>

namespace mlir::bn {

/// Prints every digit of a number, in a form that MLIR reads.
std::string printFloat(double value);

/// Returns "8x?xf32", what a tensor and a memref have in common; of a scalar,
/// its type.
std::string printShapedType(const KernelOperand &operand);

inline bool isOutput(const KernelOperand &operand) {
  return operand.access != KernelOperand::Access::Read;
}

/// Prints the ops that make `%NAME_r` of `%NAME_t` for each output, of a spec
/// with renormalization.
void printRenormalization(llvm::raw_ostream &os, const BatchNormSpec &spec,
                          const KernelSignature &signature);

/// Checks the fields that describe the epilogue.
llvm::Error verifyEpilogue(const BatchNormSpec &spec);

/// Prints the clause of an op's epilogue, or of the prologue of its gradient;
/// nothing where there is none. `type` is that of the data, for example
/// "8x?xf32".
void printEpilogue(llvm::raw_ostream &os, const BatchNormSpec &spec,
                   llvm::StringRef type);

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_SPECTEXT_H
