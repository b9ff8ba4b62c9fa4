//===- Destinations.h - Tensors that a function writes to -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the execution engine. A tensor is a value, but its memory is the
// caller's: what is no destination must not be written.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_EXECUTIONENGINE_DESTINATIONS_H
#define BN_LIB_EXECUTIONENGINE_DESTINATIONS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::bn {

/// Returns the numbers of the arguments of `function` that are tensors and,
/// themselves or what may be in their memory, destinations of an op: also what
/// a loop carries, and what a function is given whose result is a destination.
/// The attribute `bufferization.writable` decides instead where it is given.
llvm::SmallVector<int64_t> findDestinations(func::FuncOp function);

/// Lets bufferization write to no other tensor among the arguments. Whoever
/// runs the pipeline without an execution engine decides that for himself.
void protectOtherArguments(func::FuncOp function);

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_DESTINATIONS_H
