//===- Array.h - Arrays of Python, without copies ---------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An array that a caller has given us, seen as a TensorView, and arrays that we
// make for results. NumPy's are read and made through its C API; all others
// come and go through DLPack.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_ARRAY_H
#define BN_PYTHON_ARRAY_H

#include "bn/ExecutionEngine/ResultPool.h"
#include "bn/ExecutionEngine/TensorView.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace mlir::bn::python {

namespace nb = nanobind;

/// Whose array it is: results are given back as arrays of the same kind.
enum class Framework { NumPy, Torch, JAX, TensorFlow, Other };

class Array {
public:
  enum class Access { Read, Write };

  Array() = default;
  /// Imports `object`. `name` is what messages call it.
  Array(nb::handle object, const char *name, Access access = Access::Read);

  bool exists() const { return static_cast<bool>(object); }

  /// Strides are always given.
  TensorView view;
  Framework framework = Framework::NumPy;
  /// Borrowed: the caller's.
  nb::handle object;

private:
  bool importNumPy(const char *name, Access access);
  void importDLPack(const char *name, Access access);

  /// Keeps what DLPack has given us alive.
  nb::ndarray<nb::ro> exported;
};

/// Makes an array of `view` that owns `block`, of the framework of `like`.
nb::object makeArray(const Array &like, const TensorView &view,
                     ResultPool::Block *block);

/// The same with any owner, released when the array dies.
nb::object makeArray(const Array &like, const TensorView &view,
                     nb::handle owner);

/// Prepares NumPy's C API; called once.
void initializeNumPy();

/// True for arrays of NumPy; fills all but `object`. Raises what is wrong.
bool importNumPyArray(nb::handle object, const char *name, bool forWriting,
                      TensorView &view);

nb::object makeNumPyArray(const TensorView &view, nb::handle owner);

/// "(2, 3)", as Python prints a tuple.
std::string printTuple(llvm::ArrayRef<int64_t> values);

/// Raise with a text in the notation of llvm::formatv.
[[noreturn]] void raiseTypeError(const std::string &message);
[[noreturn]] void raiseValueError(const std::string &message);

} // namespace mlir::bn::python

#endif // BN_PYTHON_ARRAY_H
