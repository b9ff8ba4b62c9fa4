//===- NumPy.cpp - Arrays of NumPy ------------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The only file that uses NumPy's C API, which reads an array in a few
// nanoseconds and knows the element types that users have added, of which
// ml_dtypes' bfloat16 is one.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Array.h"

#include "llvm/Support/FormatVariadic.h"

#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#include <numpy/arrayobject.h>

using namespace mlir::bn;
using namespace mlir::bn::python;

static bool importArrayAPI() {
  import_array1(false);
  return true;
}

void mlir::bn::python::initializeNumPy() {
  if (!importArrayAPI())
    throw nb::python_error();
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

/// ml_dtypes' bfloat16, once an array of it has been seen or is wanted.
static PyArray_Descr *bfloat16 = nullptr;

static bool isBFloat16(PyArray_Descr *descr) {
  if (descr == bfloat16)
    return true;
  if (descr->type_num < NPY_USERDEF ||
      llvm::StringRef(descr->typeobj->tp_name) != "ml_dtypes.bfloat16")
    return false;
  Py_INCREF(descr);
  Py_XDECREF(bfloat16);
  bfloat16 = descr;
  return true;
}

/// Returns a new reference to the description of `dtype`.
static PyArray_Descr *getDescr(DType dtype) {
  switch (dtype) {
  case DType::I1:
    return PyArray_DescrFromType(NPY_BOOL);
  case DType::I8:
    return PyArray_DescrFromType(NPY_INT8);
  case DType::I32:
    return PyArray_DescrFromType(NPY_INT32);
  case DType::I64:
    return PyArray_DescrFromType(NPY_INT64);
  case DType::F16:
    return PyArray_DescrFromType(NPY_HALF);
  case DType::F32:
    return PyArray_DescrFromType(NPY_FLOAT);
  case DType::F64:
    return PyArray_DescrFromType(NPY_DOUBLE);
  case DType::BF16:
    break;
  }
  if (!bfloat16) {
    nb::object type = nb::module_::import_("ml_dtypes").attr("bfloat16");
    if (!PyArray_DescrConverter(type.ptr(), &bfloat16))
      throw nb::python_error();
  }
  Py_INCREF(bfloat16);
  return bfloat16;
}

static DType convertDescr(PyArray_Descr *descr, const char *name,
                          const char *wanted) {
  switch (descr->type_num) {
  case NPY_BOOL:
    return DType::I1;
  case NPY_HALF:
    return DType::F16;
  case NPY_FLOAT:
    return DType::F32;
  case NPY_DOUBLE:
    return DType::F64;
  case NPY_INT8:
    return DType::I8;
  case NPY_INT32:
    return DType::I32;
  case NPY_INT64:
    return DType::I64;
  default:
    break;
  }
  if (isBFloat16(descr))
    return DType::BF16;
  if (descr->type_num == NPY_LONGLONG) // NPY_INT64 is long on some systems
    return DType::I64;
  nb::str found(nb::handle(reinterpret_cast<PyObject *>(descr)));
  raiseTypeError(
      llvm::formatv("expected '{0}' to have element type {1}, got {2}", name,
                    wanted, found.c_str()));
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

bool mlir::bn::python::importNumPyArray(nb::handle object, const char *name,
                                        bool forWriting, const char *wanted,
                                        TensorView &view) {
  if (!PyArray_Check(object.ptr()))
    return false;
  auto *array = reinterpret_cast<PyArrayObject *>(object.ptr());
  view.dtype = convertDescr(PyArray_DESCR(array), name, wanted);
  if (!PyArray_ISNOTSWAPPED(array))
    raiseTypeError(llvm::formatv("expected '{0}' in the byte order of this "
                                 "machine, got the other one",
                                 name));
  if (forWriting && !PyArray_ISWRITEABLE(array))
    raiseValueError(llvm::formatv("expected '{0}' to be writable, got a "
                                  "read-only array",
                                  name));
  int rank = PyArray_NDIM(array);
  const npy_intp *strides = PyArray_STRIDES(array);
  npy_intp bytes = getByteSize(view.dtype);
  view.data = PyArray_DATA(array);
  view.shape.assign(PyArray_DIMS(array), PyArray_DIMS(array) + rank);
  view.strides.resize_for_overwrite(rank);
  for (int dim = 0; dim < rank; ++dim) {
    if (strides[dim] % bytes != 0)
      raiseValueError(llvm::formatv("expected '{0}' to have strides of whole "
                                    "elements of {1} bytes, got {2} bytes",
                                    name, bytes, strides[dim]));
    view.strides[dim] = strides[dim] / bytes;
  }
  return true;
}

nb::object mlir::bn::python::makeNumPyArray(const TensorView &view,
                                            nb::handle owner) {
  npy_intp bytes = getByteSize(view.dtype);
  llvm::SmallVector<npy_intp, 8> sizes(view.shape.begin(), view.shape.end());
  llvm::SmallVector<npy_intp, 8> strides;
  for (int64_t stride : view.strides)
    strides.push_back(stride * bytes);
  PyObject *array = PyArray_NewFromDescr(
      &PyArray_Type, getDescr(view.dtype), view.getRank(), sizes.data(),
      strides.empty() ? nullptr : strides.data(), view.data,
      NPY_ARRAY_WRITEABLE | NPY_ARRAY_ALIGNED, nullptr);
  if (!array)
    throw nb::python_error();
  nb::object result = nb::steal(array);
  // Takes the reference over, also when it fails.
  if (PyArray_SetBaseObject(reinterpret_cast<PyArrayObject *>(array),
                            nb::borrow(owner).release().ptr()) < 0)
    throw nb::python_error();
  return result;
}
