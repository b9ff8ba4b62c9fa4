//===- Array.cpp - bn-runner's arrays ---------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Array.h"

#include "bn/Support/Error.h"
#include "bn/Support/Npy.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>
#include <cstdlib>

using namespace mlir::bn;
using namespace mlir::bn::runner;
using llvm::APFloat;
using llvm::APInt;

/// A cache line, and a whole vector of every CPU that we know.
static constexpr size_t kAlignment = 64;

std::string runner::formatType(DType dtype, llvm::ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t dim : shape)
    text += (dim < 0 ? "?" : std::to_string(dim)) + "x";
  return text + stringifyDType(dtype).str();
}

bool runner::isInteger(DType dtype) {
  return dtype == DType::I1 || dtype == DType::I8 || dtype == DType::I32 ||
         dtype == DType::I64;
}

void Array::Free::operator()(char *data) const {
  std::free(data);
}

llvm::Expected<Array> Array::create(DType dtype,
                                    llvm::ArrayRef<int64_t> shape) {
  Array array;
  array.dtype = dtype;
  array.shape.assign(shape.begin(), shape.end());
  std::optional<int64_t> numBytes = mlir::bn::getByteSize(dtype, shape);
  // An empty array has an address, too.
  if (numBytes)
    // Not operator new: LLVM's handler would end the program.
    array.data.reset(static_cast<char *>(std::aligned_alloc(
        kAlignment,
        llvm::alignTo(std::max<int64_t>(*numBytes, 1), kAlignment))));
  if (!array.data)
    return makeError("expected memory for an array of {0}, got none",
                     formatType(dtype, shape));
  array.numElements = *numBytes / getByteSize(dtype);
  return array;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

template <typename T> static T loadAs(const char *data, int64_t i) {
  T value;
  std::memcpy(&value, data + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T> static void storeAs(char *data, int64_t i, T value) {
  std::memcpy(data + i * sizeof(T), &value, sizeof(T));
}

/// The 16-bit types go through APFloat: right, and fast enough here.
static double loadSmallFloat(const llvm::fltSemantics &semantics,
                             uint16_t bits) {
  return APFloat(semantics, APInt(16, bits)).convertToDouble();
}

static uint16_t toSmallFloat(const llvm::fltSemantics &semantics,
                             double value) {
  APFloat number(value);
  bool losesInfo;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

double Array::loadFloat(int64_t i) const {
  switch (dtype) {
  case DType::BF16:
    return loadSmallFloat(APFloat::BFloat(), loadAs<uint16_t>(data.get(), i));
  case DType::F16:
    return loadSmallFloat(APFloat::IEEEhalf(), loadAs<uint16_t>(data.get(), i));
  case DType::F32:
    return loadAs<float>(data.get(), i);
  case DType::F64:
    return loadAs<double>(data.get(), i);
  default:
    llvm_unreachable("expected a floating-point type");
  }
}

int64_t Array::loadInteger(int64_t i) const {
  switch (getByteSize(dtype)) {
  case 1:
    return loadAs<int8_t>(data.get(), i);
  case 4:
    return loadAs<int32_t>(data.get(), i);
  default:
    return loadAs<int64_t>(data.get(), i);
  }
}

void Array::store(int64_t i, double value) {
  switch (dtype) {
  case DType::I1:
    return storeInteger(i, value > 0);
  case DType::I8:
  case DType::I32:
  case DType::I64:
    return storeInteger(i, std::llrint(value));
  case DType::BF16:
    return storeAs(data.get(), i, toSmallFloat(APFloat::BFloat(), value));
  case DType::F16:
    return storeAs(data.get(), i, toSmallFloat(APFloat::IEEEhalf(), value));
  case DType::F32:
    return storeAs(data.get(), i, static_cast<float>(value));
  case DType::F64:
    return storeAs(data.get(), i, value);
  }
}

void Array::storeInteger(int64_t i, int64_t value) {
  switch (getByteSize(dtype)) {
  case 1:
    return storeAs(data.get(), i, static_cast<int8_t>(value));
  case 4:
    return storeAs(data.get(), i, static_cast<int32_t>(value));
  default:
    return storeAs(data.get(), i, value);
  }
}
