//===- Mask.cpp - Masks of any kind as weights ------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A mask is small where it is broadcast, which most are: unlike other arrays it
// may be of bool, and with any strides, and is copied then.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Mask.h"

#include "Array.h"
#include "Layout.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir::bn;
using namespace mlir::bn::python;

void mlir::bn::python::checkMaskShape(const TensorView &mask,
                                      const TensorView &input) {
  if (mask.getRank() != input.getRank())
    raiseValueError(llvm::formatv(
        "expected 'mask' to have rank {0}, that of 'input', got {1}",
        input.getRank(), mask.getRank()));
  for (int64_t dim = 0; dim < mask.getRank(); ++dim)
    if (mask.shape[dim] != 1 && mask.shape[dim] != input.shape[dim])
      raiseValueError(llvm::formatv(
          "expected 'mask' to have size 1 or {0} in dimension {1}, got {2}",
          input.shape[dim], dim, mask.shape[dim]));
}

/// Writes the elements of `view`, which are of type From, in C order.
template <typename From, typename To>
static void copyElements(const TensorView &view, char *to) {
  int64_t rank = view.getRank(), numElements = view.getNumElements();
  DimVector position(rank, 0);
  auto *from = static_cast<const char *>(view.data);
  for (int64_t i = 0; i < numElements; ++i) {
    From element;
    std::memcpy(&element, from, sizeof(From));
    To converted = static_cast<To>(element);
    std::memcpy(to + i * sizeof(To), &converted, sizeof(To));
    for (int64_t dim = rank - 1; dim >= 0; --dim) {
      int64_t step = view.strides[dim] * static_cast<int64_t>(sizeof(From));
      from += step;
      if (++position[dim] < view.shape[dim])
        break;
      from -= step * view.shape[dim];
      position[dim] = 0;
    }
  }
}

template <typename From>
static void copyIntegers(const TensorView &view, DType dtype, char *to) {
  if (dtype == DType::F64)
    copyElements<From, double>(view, to);
  else
    copyElements<From, float>(view, to);
}

static void copyMask(const TensorView &view, DType dtype, char *to) {
  switch (view.dtype) {
  case DType::I1:
    return copyIntegers<uint8_t>(view, dtype, to);
  case DType::I8:
    return copyIntegers<int8_t>(view, dtype, to);
  case DType::I32:
    return copyIntegers<int32_t>(view, dtype, to);
  case DType::I64:
    return copyIntegers<int64_t>(view, dtype, to);
  case DType::BF16:
  case DType::F16:
    return copyElements<uint16_t, uint16_t>(view, to);
  case DType::F32:
    return copyElements<uint32_t, uint32_t>(view, to);
  case DType::F64:
    return copyElements<uint64_t, uint64_t>(view, to);
  }
}

TensorView mlir::bn::python::convertMask(const TensorView &mask, DType dtype,
                                         std::unique_ptr<char[]> &memory) {
  if (isFloat(mask.dtype))
    dtype = mask.dtype;
  if (dtype == mask.dtype && mask.isContiguous())
    return mask;
  TensorView copy(nullptr, dtype, mask.shape);
  memory = std::make_unique<char[]>(copy.getSizeInBytes());
  copy.data = memory.get();
  Layout().setStrides(copy);
  copyMask(mask, dtype, memory.get());
  return copy;
}
