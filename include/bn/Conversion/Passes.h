//===- Passes.h - Conversions between dialects ------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_CONVERSION_PASSES_H
#define BN_CONVERSION_PASSES_H

#include "bn/Conversion/BNToLinalg/BNToLinalg.h"

namespace mlir::bn {

#define GEN_PASS_REGISTRATION
#include "bn/Conversion/Passes.h.inc"

} // namespace mlir::bn

#endif // BN_CONVERSION_PASSES_H
