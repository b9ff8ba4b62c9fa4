//===- FunctionSignature.h - The signature of a function --------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the execution engine: which function of a module is meant, and
// what a caller must know of it before the pipeline changes it.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_EXECUTIONENGINE_FUNCTIONSIGNATURE_H
#define BN_LIB_EXECUTIONENGINE_FUNCTIONSIGNATURE_H

#include "bn/ExecutionEngine/Kernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::bn {

/// Returns function `entry` of `module`, or the only public one with a body
/// when `entry` is empty.
llvm::Expected<func::FuncOp> findFunction(ModuleOp module,
                                          llvm::StringRef entry);

/// Returns the signature of a function on tensors, memrefs and scalars.
llvm::Expected<KernelSignature> getFunctionSignature(func::FuncOp function);

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_FUNCTIONSIGNATURE_H
