//===- Passes.h - Strategy and tiling ---------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_CODEGEN_COMMON_PASSES_H
#define BN_CODEGEN_COMMON_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::bn {

#define GEN_PASS_DECL
#include "bn/Codegen/Common/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "bn/Codegen/Common/Passes.h.inc"

} // namespace mlir::bn

#endif // BN_CODEGEN_COMMON_PASSES_H
