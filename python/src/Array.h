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

#include "DLPack.h"

#include "bn/ExecutionEngine/ResultPool.h"
#include "bn/ExecutionEngine/TensorView.h"
#include "bn/Support/Error.h"

namespace mlir::bn::python {

class Array {
public:
  enum class Access { Read, Write };

  Array() = default;
  /// Imports `object`, which must outlive this. `name` is what messages call
  /// it; `wanted` are the element types that they name for one that no array
  /// has here, by default those of an argument of that name.
  Array(nb::handle object, const char *name, Access access = Access::Read,
        const char *wanted = nullptr);

  /// Makes an array of `result`, of the framework of this one. `owner` lives as
  /// long as that.
  nb::object makeAlike(const TensorView &result, nb::object owner) const;

  /// The same; the array takes `block` over.
  nb::object makeAlike(const TensorView &result,
                       ResultPool::Block *block) const;

  /// Strides are always given.
  TensorView view;
  /// Keeps what DLPack has given us alive.
  nb::ndarray<nb::ro> exported;

private:
  nb::handle object;
  const ArrayType *type = nullptr;
};

/// Prepares NumPy's C API; called once.
void initializeNumPy();

/// Returns false unless `object` is NumPy's; else fills `view`, or raises what
/// is wrong.
bool importNumPyArray(nb::handle object, const char *name, bool forWriting,
                      const char *wanted, TensorView &view);

nb::object makeNumPyArray(const TensorView &view, nb::handle owner);

/// "float32", as Python's frameworks call it.
const char *getName(DType dtype);

/// What data may consist of.
constexpr const char *kFloatNames = "float16, bfloat16, float32 or float64";

/// What the argument `name` may consist of.
inline const char *getWantedNames(llvm::StringRef name) {
  return name == "bits"   ? "int8"
         : name == "mask" ? "bool, int8, int32, int64 or a float"
                          : kFloatNames;
}

/// Raises unless `view` has elements of type `dtype`.
void checkDType(const TensorView &view, const char *name, DType dtype);

[[noreturn]] void raiseTypeError(const std::string &message);
[[noreturn]] void raiseValueError(const std::string &message);

} // namespace mlir::bn::python

#endif // BN_PYTHON_ARRAY_H
