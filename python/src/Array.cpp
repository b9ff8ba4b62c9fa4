//===- Array.cpp - Arrays of Python, without copies -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Array.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir::bn;
using namespace mlir::bn::python;

void mlir::bn::python::raiseTypeError(const std::string &message) {
  throw nb::type_error(message.c_str());
}

void mlir::bn::python::raiseValueError(const std::string &message) {
  throw nb::value_error(message.c_str());
}

const char *mlir::bn::python::getName(DType dtype) {
  switch (dtype) {
  case DType::I1:
    return "bool";
  case DType::I8:
    return "int8";
  case DType::I32:
    return "int32";
  case DType::I64:
    return "int64";
  case DType::F16:
    return "float16";
  case DType::BF16:
    return "bfloat16";
  case DType::F32:
    return "float32";
  case DType::F64:
    return "float64";
  }
  llvm_unreachable("unknown element type");
}

void mlir::bn::python::checkDType(const TensorView &view, const char *name,
                                  DType dtype) {
  if (view.dtype != dtype)
    raiseTypeError(llvm::formatv("expected '{0}' to have element type {1}, got "
                                 "{2}",
                                 name, getName(dtype), getName(view.dtype)));
}

static const ArrayType numPyType{Framework::NumPy, nullptr};

Array::Array(nb::handle object, const char *name, Access access,
             const char *wanted)
    : object(object), type(&numPyType) {
  if (!wanted)
    wanted = getWantedNames(name);
  bool forWriting = access == Access::Write;
  if (importNumPyArray(object, name, forWriting, wanted, view))
    return;
  type = &getArrayType(object);
  if (!type->api && !nb::hasattr(object, "__dlpack__"))
    raiseTypeError(llvm::formatv("expected '{0}' to be an array of NumPy or "
                                 "one with DLPack, got {1}",
                                 name, nb::inst_name(object).c_str()));
  importDLPack(object, *type, name, forWriting, wanted, view, exported);
}

nb::object Array::makeAlike(const TensorView &result, nb::object owner) const {
  if (type->framework == Framework::NumPy)
    return makeNumPyArray(result, owner);
  return exportDLPack(object, *type, result, std::move(owner));
}

nb::object Array::makeAlike(const TensorView &result,
                            ResultPool::Block *block) const {
  return makeAlike(result, nb::capsule(block, [](void *pointer) noexcept {
                     ResultPool::release(
                         static_cast<ResultPool::Block *>(pointer));
                   }));
}
