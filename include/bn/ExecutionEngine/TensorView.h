//===- TensorView.h - An array that belongs to someone else -----*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a kernel is called with: a pointer, an element type, a shape and
// strides. Nothing is owned and nothing is copied. No MLIR header is needed.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_TENSORVIEW_H
#define BN_EXECUTIONENGINE_TENSORVIEW_H

#include "bn/Support/DType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace mlir::bn {

/// Sizes, strides or dimension numbers; ranks up to 6 need no heap.
using DimVector = llvm::SmallVector<int64_t, 6>;

/// Returns the strides of contiguous elements in C order.
inline DimVector getContiguousStrides(llvm::ArrayRef<int64_t> shape) {
  DimVector strides(shape.size(), 1);
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];
  return strides;
}

/// An array in the caller's memory. Shape and strides are counted in elements.
struct TensorView {
  TensorView() = default;

  /// A view of contiguous elements in C order.
  TensorView(void *data, DType dtype, llvm::ArrayRef<int64_t> shape)
      : data(data), dtype(dtype), shape(shape.begin(), shape.end()) {}

  TensorView(void *data, DType dtype, llvm::ArrayRef<int64_t> shape,
             llvm::ArrayRef<int64_t> strides)
      : data(data), dtype(dtype), shape(shape.begin(), shape.end()),
        strides(strides.begin(), strides.end()) {}

  int64_t getRank() const { return static_cast<int64_t>(shape.size()); }

  int64_t getNumElements() const {
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    return count;
  }

  int64_t getSizeInBytes() const {
    return getNumElements() * getByteSize(dtype);
  }

  /// True when the elements lie one after the other in C order. The strides of
  /// dimensions of size 1, and of empty tensors, do not matter.
  bool isContiguous() const {
    if (strides.empty() || getNumElements() == 0)
      return true;
    int64_t expected = 1;
    for (int64_t dim = getRank() - 1; dim >= 0; --dim) {
      if (shape[dim] != 1 && strides[dim] != expected)
        return false;
      expected *= shape[dim];
    }
    return true;
  }

  void *data = nullptr;
  DType dtype = DType::F32;
  DimVector shape;
  /// Empty for contiguous elements in C order, else one per dimension.
  DimVector strides;
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_TENSORVIEW_H
