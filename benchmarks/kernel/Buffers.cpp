//===- Buffers.cpp - Memory to measure with -------------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Values and memory of the arrays.
//
//===----------------------------------------------------------------------===//

#include "Buffers.h"

#include "bn/Support/Error.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>
#include <random>
#include <string>
#include <sys/mman.h>

using namespace mlir::bn;
using namespace mlir::bn::bench;
using llvm::APFloat;

/// Of x86-64 and AArch64 with pages of 4 KiB.
static constexpr size_t kHugePageBytes = 2 << 20;

llvm::Expected<Buffer> Buffer::create(DType dtype, int64_t numElements) {
  Buffer buffer;
  buffer.dtype = dtype;
  buffer.numElements = numElements;
  size_t bytes = llvm::alignTo(buffer.getSizeInBytes() + 64, kHugePageBytes);
  buffer.mappedBytes = bytes + kHugePageBytes;
  buffer.mapping = mmap(nullptr, buffer.mappedBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer.mapping == MAP_FAILED) {
    buffer.mapping = nullptr;
    return makeError("expected {0} bytes of memory, got none",
                     buffer.mappedBytes);
  }
  buffer.data = reinterpret_cast<char *>(llvm::alignTo(
      reinterpret_cast<uintptr_t>(buffer.mapping), kHugePageBytes));
  // Refused where huge pages are switched off: small ones are as right.
  (void)madvise(buffer.data, bytes, MADV_HUGEPAGE);
  std::memset(buffer.data, 0, bytes);
  return buffer;
}

Buffer &Buffer::operator=(Buffer &&other) {
  std::swap(dtype, other.dtype);
  std::swap(numElements, other.numElements);
  std::swap(data, other.data);
  std::swap(mapping, other.mapping);
  std::swap(mappedBytes, other.mappedBytes);
  return *this;
}

Buffer::~Buffer() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

static const llvm::fltSemantics &getSemantics(DType dtype) {
  switch (dtype) {
  case DType::BF16:
    return APFloat::BFloat();
  case DType::F16:
    return APFloat::IEEEhalf();
  case DType::F32:
    return APFloat::IEEEsingle();
  case DType::F64:
    return APFloat::IEEEdouble();
  default:
    llvm_unreachable("expected a floating-point type");
  }
}

void Buffer::fill(double center, double spread, uint64_t seed) {
  constexpr int64_t period = 65521;
  int64_t size = getByteSize(dtype);
  std::string pattern(period * size, '\0');
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<double> distribution(center - spread,
                                                      center + spread);
  for (int64_t i = 0; i < period; ++i) {
    APFloat value(distribution(generator));
    bool losesInfo;
    value.convert(getSemantics(dtype), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    uint64_t bits = value.bitcastToAPInt().getZExtValue();
    std::memcpy(&pattern[i * size], &bits, size);
  }
  for (int64_t done = 0, all = getSizeInBytes(); done < all;
       done += pattern.size())
    std::memcpy(data + done, pattern.data(),
                std::min<int64_t>(pattern.size(), all - done));
}

void Buffer::fillBits(uint64_t seed) {
  std::mt19937_64 generator(seed);
  for (int64_t i = 0; i < numElements; ++i)
    data[i] = static_cast<char>(generator());
}

double Buffer::load(int64_t i) const {
  if (dtype == DType::F32) // APFloat takes its time
    return reinterpret_cast<const float *>(data)[i];
  uint64_t bits = 0;
  int64_t size = getByteSize(dtype);
  std::memcpy(&bits, data + i * size, size);
  APFloat value(getSemantics(dtype), llvm::APInt(8 * size, bits));
  return value.convertToDouble();
}
