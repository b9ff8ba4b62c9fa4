//===- Buffers.h - Memory to measure with -----------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Arrays that start at a huge page, are backed by huge pages where the system
// gives them, and are touched: what is measured is the kernel, not the page
// tables.
//
//===----------------------------------------------------------------------===//

#ifndef BN_BENCHMARKS_KERNEL_BUFFERS_H
#define BN_BENCHMARKS_KERNEL_BUFFERS_H

#include "bn/Support/DType.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace mlir::bn::bench {

class Buffer {
public:
  /// Returns zeros, with at least 64 bytes of room behind the last one.
  static llvm::Expected<Buffer> create(DType dtype, int64_t numElements);
  Buffer(Buffer &&other) { *this = std::move(other); }
  Buffer &operator=(Buffer &&other);
  ~Buffer();

  /// Writes values around `center`, `spread` to both sides, that repeat only
  /// after a prime number of elements. Buffers with different seeds have
  /// nothing to do with each other.
  void fill(double center, double spread, uint64_t seed);

  /// Writes random bits. The buffer has elements of one byte.
  void fillBits(uint64_t seed);

  /// Returns an element as float64.
  double load(int64_t i) const;
  /// Returns bit `i mod 8` of byte `i / 8`.
  bool loadBit(int64_t i) const { return data[i / 8] >> i % 8 & 1; }

  void *getData() const { return data; }
  DType getDType() const { return dtype; }
  int64_t getSizeInBytes() const { return numElements * getByteSize(dtype); }

private:
  Buffer() = default;

  DType dtype = DType::F32;
  int64_t numElements = 0;
  char *data = nullptr;
  void *mapping = nullptr;
  size_t mappedBytes = 0;
};

} // namespace mlir::bn::bench

#endif // BN_BENCHMARKS_KERNEL_BUFFERS_H
