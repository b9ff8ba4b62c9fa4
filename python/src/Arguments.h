//===- Arguments.h - Numbers and names of a call ----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Functions take every argument as an object and convert it themselves: their
// errors name the argument, where nanobind's list all signatures.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_ARGUMENTS_H
#define BN_PYTHON_ARGUMENTS_H

#include "Array.h"

#include "llvm/Support/FormatVariadic.h"

#include <nanobind/stl/string.h>

#include <string>
#include <type_traits>

namespace mlir::bn::python {

/// Returns argument `name` as a double, int64_t, bool, const char * or, to keep
/// it, std::string; raises where it is none.
template <typename T> T convertArgument(nb::handle value, const char *name) {
  T result;
  if (nb::try_cast<T>(value, result)) {
    if constexpr (std::is_same_v<T, std::string>)
      if (result.find('\0') != std::string::npos)
        raiseValueError(llvm::formatv("expected '{0}' without a character 0, "
                                      "got {1}",
                                      name, nb::repr(value).c_str()));
    return result;
  }
  constexpr bool isInt = std::is_same_v<T, int64_t>;
  if (isInt && PyLong_Check(value.ptr()))
    raiseValueError(llvm::formatv("expected '{0}' to be an int of 64 bits, got "
                                  "{1}",
                                  name, nb::repr(value).c_str()));
  const char *kind = isInt                       ? "an int"
                     : std::is_same_v<T, double> ? "a number"
                     : std::is_same_v<T, bool>   ? "True or False"
                                                 : "a string";
  raiseTypeError(llvm::formatv("expected '{0}' to be {1}, got {2}", name, kind,
                               nb::repr(value).c_str()));
}

} // namespace mlir::bn::python

#endif // BN_PYTHON_ARGUMENTS_H
