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

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"

#include <string>
#include <utility>

namespace mlir::bn {

/// Returns an error with a text in the notation of llvm::formatv. The text
/// says "expected ..., got ...", in lower case and without a final period.
template <typename... Ts>
llvm::Error makeError(const char *format, Ts &&...args) {
  return llvm::createStringError(
      llvm::formatv(format, std::forward<Ts>(args)...).str());
}

/// Returns "(8, 28)", as Python prints a tuple; in a pattern, -1 is a size that
/// may be any: "(8, ?)".
inline std::string printTuple(llvm::ArrayRef<int64_t> values,
                              bool isPattern = false) {
  std::string text;
  for (int64_t value : values) {
    text += text.empty() ? "" : ", ";
    text += isPattern && value == -1 ? "?" : std::to_string(value);
  }
  return "(" + text + (values.size() == 1 ? ",)" : ")");
}

} // namespace mlir::bn

#endif // BN_SUPPORT_ERROR_H
