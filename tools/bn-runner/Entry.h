//===- Entry.h - the function that bn-runner calls --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finds the entry function of a module, and checks the sizes of arrays against
// what its body does with them.
//
//===----------------------------------------------------------------------===//

#ifndef BN_TOOLS_BN_RUNNER_ENTRY_H
#define BN_TOOLS_BN_RUNNER_ENTRY_H

#include "Array.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::bn::runner {

/// Returns the public function called `name`. Without a name: the only public
/// one, or `main`.
llvm::Expected<func::FuncOp> findEntry(ModuleOp module, StringRef name);

/// Returns whether a tensor is used only as a destination, so that its elements
/// need not be read. It says how many bytes a function must move at least.
bool isWrittenOnly(Value value);

/// Checks that arrays of these sizes fit together: each destination-passing op
/// of `entry` whose operands have a `?` must be valid with the arrays' sizes
/// in its place. Compiled code relies on that and does not check it.
llvm::Error checkSizes(func::FuncOp entry, ArrayRef<Array> arguments);

} // namespace mlir::bn::runner

#endif // BN_TOOLS_BN_RUNNER_ENTRY_H
