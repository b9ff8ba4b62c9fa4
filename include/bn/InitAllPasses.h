//===- InitAllPasses.h - Passes and pipelines of bn-mlir --------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_INITALLPASSES_H
#define BN_INITALLPASSES_H

namespace mlir::bn {
/// Registers the passes and pipelines of bn-mlir; upstream's are left to
/// upstream's own functions.
void registerAllPasses();
} // namespace mlir::bn

#endif // BN_INITALLPASSES_H
