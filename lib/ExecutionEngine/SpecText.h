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

#include <string>

namespace mlir::bn {

/// Prints every digit of a number, in a form that MLIR reads.
std::string printFloat(double value);

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_SPECTEXT_H
