//===- ModuleCopy.h - Modules that the caller keeps -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the execution engine: a module that is compiled stays as it is.
// What is compiled is a copy, and what is kept of it is a hash.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_EXECUTIONENGINE_MODULECOPY_H
#define BN_LIB_EXECUTIONENGINE_MODULECOPY_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace mlir::bn {

/// Returns a hash of all that is in a module but its locations.
std::string hashModule(ModuleOp module);

/// Copies `module` into `context` by way of bytecode; null on failure.
OwningOpRef<ModuleOp> copyModule(ModuleOp module, MLIRContext &context);

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_MODULECOPY_H
