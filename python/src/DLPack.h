//===- DLPack.h - Arrays of other frameworks --------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two ways lead to the arrays of a framework: the table of C functions that
// newer ones put on their array type (DLPack 1.3), which costs nanoseconds, and
// the `__dlpack__` method, which costs microseconds.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_DLPACK_H
#define BN_PYTHON_DLPACK_H

#include "bn/ExecutionEngine/TensorView.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace mlir::bn::python {

namespace nb = nanobind;

/// Whose array it is: results are given back as arrays of the same kind.
enum class Framework { NumPy, Torch, JAX, TensorFlow, Other };

struct ExchangeAPI;

/// What is known of an array type.
struct ArrayType {
  Framework framework = Framework::Other;
  /// Null where the framework has none.
  const ExchangeAPI *api = nullptr;
};

/// Returns what is known of the type of `object`.
const ArrayType &getArrayType(nb::handle object);

/// Fills `view` with an array that is not NumPy's. `exported` keeps it alive
/// where the framework asks for that. Raises what is wrong.
void importDLPack(nb::handle object, const ArrayType &type, const char *name,
                  bool forWriting, const char *wanted, TensorView &view,
                  nb::ndarray<nb::ro> &exported);

/// Makes an array of the framework of `like`; `owner` lives as long as it.
nb::object exportDLPack(nb::handle like, const ArrayType &type,
                        const TensorView &view, nb::object owner);

} // namespace mlir::bn::python

#endif // BN_PYTHON_DLPACK_H
