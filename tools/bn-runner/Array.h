//===- Array.h - bn-runner's arrays -----------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The memory that functions run on: one owned, aligned, C-order buffer per
// argument or result.
//
//===----------------------------------------------------------------------===//

#ifndef BN_TOOLS_BN_RUNNER_ARRAY_H
#define BN_TOOLS_BN_RUNNER_ARRAY_H

#include "bn/Support/DType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace mlir::bn::runner {

/// Spells an array's type as MLIR does inside `tensor<>`: "8x?xf32", "f32".
std::string formatType(DType dtype, llvm::ArrayRef<int64_t> shape);

class Array {
public:
  /// Makes an array with undefined elements, aligned to a cache line. Fails
  /// when there is no memory for it.
  static llvm::Expected<Array> create(DType dtype,
                                      llvm::ArrayRef<int64_t> shape);

  DType getDType() const { return dtype; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getNumElements() const { return numElements; }
  int64_t getNumBytes() const { return numElements * getByteSize(dtype); }
  char *getData() const { return data.get(); }

  /// Element `i` in C order. Integers are for loadInteger.
  double loadFloat(int64_t i) const;
  int64_t loadInteger(int64_t i) const;
  /// Stores `value` rounded to nearest even; an i1 is whether it is above 0.
  void store(int64_t i, double value);
  /// Stores one exact value of an integer type.
  void storeInteger(int64_t i, int64_t value);

private:
  struct Free {
    void operator()(char *data) const;
  };
  DType dtype = DType::F32;
  llvm::SmallVector<int64_t> shape;
  int64_t numElements = 0;
  std::unique_ptr<char, Free> data;
};

/// Returns whether elements of the type are not floating-point numbers.
bool isInteger(DType dtype);

} // namespace mlir::bn::runner

#endif // BN_TOOLS_BN_RUNNER_ARRAY_H
