//===- Inputs.h - what --input= says ----------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Makes the arrays that a function is called with from the texts of --input=.
//
//===----------------------------------------------------------------------===//

#ifndef BN_TOOLS_BN_RUNNER_INPUTS_H
#define BN_TOOLS_BN_RUNNER_INPUTS_H

#include "Array.h"

#include "bn/ExecutionEngine/Kernel.h"

namespace mlir::bn::runner {

/// Makes the array for argument number `index` from `text`: FILE.npy,
/// random:SEED[:SHAPE], zeros[:SHAPE], ones[:SHAPE] or NUMBER[:SHAPE], with a
/// SHAPE such as 2x3. A scalar argument gets an array of rank 0.
llvm::Expected<Array> makeInput(llvm::StringRef text, size_t index,
                                const KernelOperand &argument);

} // namespace mlir::bn::runner

#endif // BN_TOOLS_BN_RUNNER_INPUTS_H
