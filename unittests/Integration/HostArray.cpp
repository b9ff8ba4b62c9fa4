//===- HostArray.cpp - Arrays of the execution tests ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "HostArray.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

#include <cmath>
#include <cstring>

using namespace mlir::bn;
using namespace mlir::bn::test;

static constexpr int64_t kGuardBytes = 64;
/// NaN in all float types.
static constexpr char kGuard = '\xff';

static const llvm::fltSemantics &getSemantics(DType dtype) {
  switch (dtype) {
  case DType::F16:
    return llvm::APFloat::IEEEhalf();
  case DType::BF16:
    return llvm::APFloat::BFloat();
  case DType::F32:
    return llvm::APFloat::IEEEsingle();
  case DType::F64:
    return llvm::APFloat::IEEEdouble();
  default:
    llvm_unreachable("not a float");
  }
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// The values of all 2^16 patterns of a type of two bytes.
static std::vector<float> createTable(DType dtype) {
  std::vector<float> table(1 << 16);
  for (unsigned bits = 0; bits < table.size(); ++bits) {
    llvm::APFloat value(getSemantics(dtype), llvm::APInt(16, bits));
    table[bits] = static_cast<float>(value.convertToDouble());
  }
  return table;
}

static float decode(DType dtype, uint16_t bits) {
  static const std::vector<float> f16 = createTable(DType::F16);
  static const std::vector<float> bf16 = createTable(DType::BF16);
  return (dtype == DType::F16 ? f16 : bf16)[bits];
}

static uint16_t encode(DType dtype, double value) {
  llvm::APFloat narrow(value);
  bool losesInfo;
  narrow.convert(getSemantics(dtype), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return narrow.bitcastToAPInt().getZExtValue();
}

namespace {
struct Limits {
  explicit Limits(const llvm::fltSemantics &semantics)
      : unitRoundoff(std::ldexp(
            1.0,
            -static_cast<int>(llvm::APFloat::semanticsPrecision(semantics)))),
        smallest(llvm::APFloat::getSmallest(semantics).convertToDouble()),
        largest(llvm::APFloat::getLargest(semantics).convertToDouble()) {}

  double unitRoundoff, smallest, largest;
};
} // namespace

static const Limits &getLimits(DType dtype) {
  static const Limits f16(getSemantics(DType::F16));
  static const Limits bf16(getSemantics(DType::BF16));
  static const Limits f32(getSemantics(DType::F32));
  static const Limits f64(getSemantics(DType::F64));
  switch (dtype) {
  case DType::F16:
    return f16;
  case DType::BF16:
    return bf16;
  case DType::F32:
    return f32;
  default:
    return f64;
  }
}

double mlir::bn::test::getUnitRoundoff(DType dtype) {
  return getLimits(dtype).unitRoundoff;
}

double mlir::bn::test::getSmallest(DType dtype) {
  return getLimits(dtype).smallest;
}

bool mlir::bn::test::hasAVX512BF16() {
  static const bool has = llvm::sys::getHostCPUFeatures().lookup("avx512bf16");
  return has;
}

double mlir::bn::test::getSmallestWritten(DType dtype) {
  if (dtype == DType::BF16 && hasAVX512BF16())
    return llvm::APFloat::getSmallestNormalized(getSemantics(dtype))
        .convertToDouble();
  return getSmallest(dtype);
}

double mlir::bn::test::getLargest(DType dtype) {
  return getLimits(dtype).largest;
}

//===----------------------------------------------------------------------===//
// HostArray
//===----------------------------------------------------------------------===//

HostArray::HostArray(DType dtype, llvm::ArrayRef<int64_t> shape, bool isShifted)
    : dtype(dtype), shape(shape.begin(), shape.end()),
      numElements(TensorView(nullptr, dtype, shape).getNumElements()),
      isShifted(isShifted),
      storage(numElements * getByteSize(dtype) + 4 * kGuardBytes, kGuard) {
  int64_t address = reinterpret_cast<int64_t>(storage.data());
  begin = kGuardBytes + (-address & (kGuardBytes - 1));
  if (isShifted)
    begin += getByteSize(dtype);
}

HostArray::HostArray(const HostArray &other)
    : HostArray(other.dtype, other.shape, other.isShifted) {
  std::memcpy(data(), other.data(), getBytes().size());
}

HostArray &HostArray::operator=(HostArray other) {
  dtype = other.dtype;
  shape = std::move(other.shape);
  numElements = other.numElements;
  isShifted = other.isShifted;
  storage = std::move(other.storage);
  begin = other.begin;
  return *this;
}

double HostArray::operator[](int64_t index) const {
  const char *element = data() + index * getByteSize(dtype);
  auto read = [&](auto value) {
    std::memcpy(&value, element, sizeof(value));
    return value;
  };
  switch (dtype) {
  case DType::F32:
    return read(float());
  case DType::F64:
    return read(double());
  default:
    return decode(dtype, read(uint16_t()));
  }
}

void HostArray::set(int64_t index, double value) {
  char *element = data() + index * getByteSize(dtype);
  auto write = [&](auto value) { std::memcpy(element, &value, sizeof(value)); };
  switch (dtype) {
  case DType::F32:
    return write(static_cast<float>(value));
  case DType::F64:
    return write(value);
  default:
    return write(encode(dtype, value));
  }
}

llvm::StringRef HostArray::getBytes() const {
  return llvm::StringRef(data(), numElements * getByteSize(dtype));
}

bool HostArray::isIntact() const {
  llvm::StringRef all(storage.data(), storage.size());
  auto isGuard = [](char byte) { return byte == kGuard; };
  return llvm::all_of(all.take_front(begin), isGuard) &&
         llvm::all_of(all.drop_front(begin + getBytes().size()), isGuard);
}
