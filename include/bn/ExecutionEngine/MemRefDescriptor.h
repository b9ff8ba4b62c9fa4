//===- MemRefDescriptor.h - MLIR's ranked memref, as bytes ------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled functions take and give memrefs as the descriptor of MLIR's default
// convention, in 64-bit words:
//
//   allocated pointer, aligned pointer, offset, sizes[rank], strides[rank]
//
// No MLIR header is needed.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_MEMREFDESCRIPTOR_H
#define BN_EXECUTIONENGINE_MEMREFDESCRIPTOR_H

#include "bn/ExecutionEngine/TensorView.h"

#include <cstring>

namespace mlir::bn {

/// Returns the number of 64-bit words of the descriptor of a memref.
constexpr int64_t getMemRefDescriptorWords(int64_t rank) {
  return 3 + 2 * rank;
}

/// Writes the descriptor of `view`, which must be contiguous, to `words`. The
/// strides are those of C order: what a caller gives for a dimension of size 1
/// means nothing, but compiled code relies on it.
inline void writeMemRefDescriptor(const TensorView &view, int64_t *words) {
  static_assert(sizeof(void *) == sizeof(int64_t));
  std::memcpy(words, &view.data, sizeof(void *));
  std::memcpy(words + 1, &view.data, sizeof(void *));
  words[2] = 0;
  int64_t rank = view.getRank();
  int64_t stride = 1;
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    words[3 + dim] = view.shape[dim];
    words[3 + rank + dim] = stride;
    stride *= view.shape[dim];
  }
}

/// Returns the array of a descriptor that compiled code has written, and sets
/// `allocated` to the pointer to free.
inline TensorView readMemRefDescriptor(const int64_t *words, DType dtype,
                                       int64_t rank, void *&allocated) {
  char *aligned;
  std::memcpy(&allocated, words, sizeof(void *));
  std::memcpy(&aligned, words + 1, sizeof(void *));
  return TensorView(aligned + words[2] * getByteSize(dtype), dtype,
                    llvm::ArrayRef<int64_t>(words + 3, rank),
                    llvm::ArrayRef<int64_t>(words + 3 + rank, rank));
}

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_MEMREFDESCRIPTOR_H
