//===- Array.cpp - Arrays of Python, without copies -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything that is not NumPy's goes through DLPack, version 1 or older.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Array.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::bn;
using namespace mlir::bn::python;

void mlir::bn::python::raiseTypeError(const std::string &message) {
  throw nb::type_error(message.c_str());
}

void mlir::bn::python::raiseValueError(const std::string &message) {
  throw nb::value_error(message.c_str());
}

std::string mlir::bn::python::printTuple(llvm::ArrayRef<int64_t> values) {
  std::string text = "(";
  for (int64_t value : values)
    text += (text.size() > 1 ? ", " : "") + std::to_string(value);
  return text + (values.size() == 1 ? ",)" : ")");
}

//===----------------------------------------------------------------------===//
// Frameworks
//===----------------------------------------------------------------------===//

static Framework detectFramework(PyTypeObject *type) {
  // A subclass, such as torch.nn.Parameter's, belongs to where its base does.
  for (PyTypeObject *base = type; base; base = base->tp_base) {
    nb::object module = nb::getattr(
        nb::handle(reinterpret_cast<PyObject *>(base)), "__module__", nb::str());
    llvm::StringRef package =
        llvm::StringRef(nb::str(module).c_str()).split('.').first;
    Framework framework = llvm::StringSwitch<Framework>(package)
                              .Case("torch", Framework::Torch)
                              .Cases({"jax", "jaxlib"}, Framework::JAX)
                              .Case("tensorflow", Framework::TensorFlow)
                              .Default(Framework::Other);
    if (framework != Framework::Other)
      return framework;
  }
  return Framework::Other;
}

/// Types are few, and kept alive: an address means one type for good.
static Framework getFramework(nb::handle object) {
  static llvm::DenseMap<PyTypeObject *, Framework> known;
  PyTypeObject *type = Py_TYPE(object.ptr());
  auto found = known.find(type);
  if (found != known.end())
    return found->second;
  Framework framework = detectFramework(type);
  Py_INCREF(type);
  known[type] = framework;
  return framework;
}

//===----------------------------------------------------------------------===//
// Import
//===----------------------------------------------------------------------===//

static DType convertDType(const nb::dlpack::dtype &dtype, const char *name) {
  using Code = nb::dlpack::dtype_code;
  auto code = static_cast<Code>(dtype.code);
  if (dtype.lanes == 1 && code == Code::Float && dtype.bits == 16)
    return DType::F16;
  if (dtype.lanes == 1 && code == Code::Float && dtype.bits == 32)
    return DType::F32;
  if (dtype.lanes == 1 && code == Code::Float && dtype.bits == 64)
    return DType::F64;
  if (dtype.lanes == 1 && code == Code::Bfloat && dtype.bits == 16)
    return DType::BF16;
  if (dtype.lanes == 1 && code == Code::Bool && dtype.bits == 8)
    return DType::I1;
  raiseTypeError(llvm::formatv(
      "expected '{0}' to have element type float16, bfloat16, float32 or "
      "float64, got DLPack type code {1} of {2} bits",
      name, unsigned(dtype.code), unsigned(dtype.bits)));
}

/// DLPack does not carry gradients, and must not lose them unseen.
static void checkNoGradient(nb::handle object, const char *name) {
  if (nb::cast<bool>(object.attr("requires_grad")))
    raiseValueError(llvm::formatv("expected '{0}' without a gradient, got a "
                                  "tensor that requires one: use detach()",
                                  name));
}

static bool hasDLPack(nb::handle object) {
  return nb::hasattr(object, "__dlpack__");
}

static void raiseNotAnArray(nb::handle object, const char *name) {
  raiseTypeError(llvm::formatv("expected '{0}' to be an array of NumPy or one "
                               "with DLPack, got {1}",
                               name, nb::inst_name(object).c_str()));
}

void Array::importDLPack(const char *name, Access access) {
  framework = getFramework(object);
  if (framework == Framework::Torch)
    checkNoGradient(object, name);
  if (framework == Framework::JAX && access == Access::Write)
    raiseValueError(llvm::formatv("expected '{0}' to be writable, got an array "
                                  "of JAX, which never is",
                                  name));
  if (access == Access::Write) {
    nb::ndarray<> writable;
    if (!nb::try_cast(object, writable, false))
      raiseValueError(llvm::formatv("expected '{0}' to be a writable array "
                                    "with DLPack, got {1}",
                                    name, nb::inst_name(object).c_str()));
    exported = nb::ndarray<nb::ro>(writable);
  } else if (!nb::try_cast(object, exported, false)) {
    raiseNotAnArray(object, name);
  }
  if (exported.device_type() != nb::device::cpu::value)
    raiseValueError(llvm::formatv("expected '{0}' in the memory of the CPU, got "
                                  "DLPack device type {1}",
                                  name, exported.device_type()));
  view.data = const_cast<void *>(exported.data());
  view.dtype = convertDType(exported.dtype(), name);
  size_t rank = exported.ndim();
  view.shape.assign(exported.shape_ptr(), exported.shape_ptr() + rank);
  view.strides.assign(exported.stride_ptr(), exported.stride_ptr() + rank);
}

Array::Array(nb::handle object, const char *name, Access access)
    : object(object) {
  if (importNumPyArray(object, name, access == Access::Write, view))
    return;
  if (!hasDLPack(object))
    raiseNotAnArray(object, name);
  importDLPack(name, access);
}

//===----------------------------------------------------------------------===//
// Export
//===----------------------------------------------------------------------===//

static nb::dlpack::dtype convertDType(DType dtype) {
  auto make = [&](nb::dlpack::dtype_code code) {
    return nb::dlpack::dtype{static_cast<uint8_t>(code),
                             static_cast<uint8_t>(8 * getByteSize(dtype)), 1};
  };
  switch (dtype) {
  case DType::I1:
    return make(nb::dlpack::dtype_code::Bool);
  case DType::I8:
  case DType::I32:
  case DType::I64:
    return make(nb::dlpack::dtype_code::Int);
  case DType::BF16:
    return make(nb::dlpack::dtype_code::Bfloat);
  case DType::F16:
  case DType::F32:
  case DType::F64:
    return make(nb::dlpack::dtype_code::Float);
  }
  llvm_unreachable("unknown element type");
}

template <typename Kind>
static nb::object makeDLPackArray(const TensorView &view, nb::handle owner) {
  llvm::SmallVector<size_t, 8> shape(view.shape.begin(), view.shape.end());
  nb::ndarray<Kind> array(view.data, shape.size(), shape.data(), owner,
                          view.strides.data(), convertDType(view.dtype));
  return nb::cast(array);
}

nb::object mlir::bn::python::makeArray(const Array &like,
                                       const TensorView &view,
                                       nb::handle owner) {
  switch (like.framework) {
  case Framework::NumPy:
    return makeNumPyArray(view, owner);
  case Framework::Torch:
    return makeDLPackArray<nb::pytorch>(view, owner);
  case Framework::JAX:
    return makeDLPackArray<nb::jax>(view, owner);
  case Framework::TensorFlow:
    return makeDLPackArray<nb::tensorflow>(view, owner);
  case Framework::Other:
    break;
  }
  // What the array API standard offers; else NumPy's.
  if (!nb::hasattr(like.object, "__array_namespace__"))
    return makeNumPyArray(view, owner);
  return like.object.attr("__array_namespace__")()
      .attr("from_dlpack")(makeDLPackArray<nb::array_api>(view, owner));
}

nb::object mlir::bn::python::makeArray(const Array &like,
                                       const TensorView &view,
                                       ResultPool::Block *block) {
  nb::capsule owner(block, [](void *pointer) noexcept {
    ResultPool::release(static_cast<ResultPool::Block *>(pointer));
  });
  return makeArray(like, view, owner);
}
