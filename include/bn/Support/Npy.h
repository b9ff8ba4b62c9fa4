//===- Npy.h - NumPy's .npy files -------------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads and writes arrays in NumPy's .npy format, versions 1.0 and 2.0, little
// endian, C order. Everything else (Fortran order, big endian, structured or
// unknown element types, damaged files) is refused with a message that says
// what was expected and what was found.
//
// bf16 has no type of its own in the format: ml_dtypes writes it as `<V2`, two
// opaque bytes, and an array that plain NumPy has loaded and saved again is
// `|V2`. Both are read as bf16; `<V2` is written.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_SUPPORT_NPY_H
#define BN_SUPPORT_NPY_H

#include "bn/Support/DType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <optional>

namespace mlir::bn {

/// An array in a .npy file. The elements stay in the (mapped) file: copy them
/// to where their alignment matters or where they are written to.
struct NpyArray {
  DType dtype = DType::F32;
  llvm::SmallVector<int64_t> shape;
  /// The bytes of all elements in C order, a part of `file`.
  llvm::StringRef data;
  std::unique_ptr<llvm::MemoryBuffer> file;
};

/// Reads the array in `buffer`, the contents of a .npy file. Errors begin with
/// the buffer's identifier.
llvm::Expected<NpyArray> parseNpy(std::unique_ptr<llvm::MemoryBuffer> buffer);

/// Reads the array in the file at `path`.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Writes the C-order array at `data` to the file at `path` in format 1.0.
llvm::Error writeNpy(llvm::StringRef path, DType dtype,
                     llvm::ArrayRef<int64_t> shape, const void *data);

/// Returns the size in bytes of an array, or nothing when a dimension is
/// negative or the size does not fit 63 bits. Zeros do not hide an overflow of
/// the other dimensions, because strides are made of those.
std::optional<int64_t> getByteSize(DType dtype, llvm::ArrayRef<int64_t> shape);

} // namespace mlir::bn

#endif // BN_SUPPORT_NPY_H
