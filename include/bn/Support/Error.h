//===- Error.h - errors with formatted text ---------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (any).
//
//===----------------------------------------------------------------------===//

#ifndef BN_SUPPORT_ERROR_H
#define BN_SUPPORT_ERROR_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"

#include <utility>

namespace mlir::bn {

/// Returns an error with a text in the notation of llvm::formatv. The text
/// says "expected ..., got ...", in lower case and without a final period.
template <typename... Ts>
llvm::Error makeError(const char *format, Ts &&...args) {
  return llvm::createStringError(
      llvm::formatv(format, std::forward<Ts>(args)...).str());
}

} // namespace mlir::bn

#endif // BN_SUPPORT_ERROR_H
