//===- HostArray.h - Arrays of the execution tests --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An array of any element type that is read and written as double, with bytes
// around it that no kernel may touch, and that are NaN when read. Conversions
// are made by APFloat, not by what compiled kernels use.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#ifndef BN_UNITTESTS_INTEGRATION_HOSTARRAY_H
#define BN_UNITTESTS_INTEGRATION_HOSTARRAY_H

#include "bn/ExecutionEngine/TensorView.h"

#include <vector>

namespace mlir::bn::test {

class HostArray {
public:
  HostArray() : HostArray(DType::F32, {0}) {}

  /// An array of NaN. Its first element lies on a cache line, or one element
  /// behind that when `isShifted`.
  HostArray(DType dtype, llvm::ArrayRef<int64_t> shape, bool isShifted = false);

  HostArray(const HostArray &other);
  HostArray(HostArray &&) = default;
  HostArray &operator=(HostArray other);

  DType getDType() const { return dtype; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t size() const { return numElements; }

  double operator[](int64_t index) const;
  /// Stores the nearest value of the type, ties to even.
  void set(int64_t index, double value);

  TensorView getView() { return TensorView(data(), dtype, shape); }

  /// The bytes of all elements.
  llvm::StringRef getBytes() const;

  /// True while nothing has been written around the elements.
  bool isIntact() const;

private:
  char *data() { return storage.data() + begin; }
  const char *data() const { return storage.data() + begin; }

  DType dtype;
  DimVector shape;
  int64_t numElements;
  bool isShifted;
  std::vector<char> storage;
  int64_t begin;
};

/// Half the distance of two neighbours in [1, 2): the largest relative error of
/// rounding to the type.
double getUnitRoundoff(DType dtype);
/// The smallest positive value.
double getSmallest(DType dtype);
/// The smallest positive value that kernels write: of bf16 the smallest normal
/// one where the CPU rounds by AVX512-BF16, whose subnormal results are 0.
double getSmallestWritten(DType dtype);
/// True where kernels round and sum up bf16 by AVX512-BF16.
bool hasAVX512BF16();
/// The largest finite value.
double getLargest(DType dtype);

} // namespace mlir::bn::test

#endif // BN_UNITTESTS_INTEGRATION_HOSTARRAY_H
