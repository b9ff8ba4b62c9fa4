//===- DType.h - element types of arrays at run time ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The element types that arrays may have when they meet compiled code: what
// TensorView, the .npy files and bn-runner speak of. No MLIR header is needed,
// so that callers of a kernel do not pay for the compiler's.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_SUPPORT_DTYPE_H
#define BN_SUPPORT_DTYPE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/ErrorHandling.h"

#include <cstdint>

namespace mlir::bn {

/// The element type of an array. An I1 occupies one byte, 0 or 1, as in NumPy
/// and in MLIR's memrefs.
enum class DType : uint8_t { I1, I8, I32, I64, BF16, F16, F32, F64 };

/// Returns the size of one element in bytes.
inline int64_t getByteSize(DType dtype) {
  switch (dtype) {
  case DType::I1:
  case DType::I8:
    return 1;
  case DType::BF16:
  case DType::F16:
    return 2;
  case DType::I32:
  case DType::F32:
    return 4;
  case DType::I64:
  case DType::F64:
    return 8;
  }
  llvm_unreachable("unknown element type");
}

inline bool isFloat(DType dtype) {
  return dtype == DType::BF16 || dtype == DType::F16 || dtype == DType::F32 ||
         dtype == DType::F64;
}

/// Returns MLIR's spelling of the type, for example "f32".
inline llvm::StringRef stringifyDType(DType dtype) {
  switch (dtype) {
  case DType::I1:
    return "i1";
  case DType::I8:
    return "i8";
  case DType::I32:
    return "i32";
  case DType::I64:
    return "i64";
  case DType::BF16:
    return "bf16";
  case DType::F16:
    return "f16";
  case DType::F32:
    return "f32";
  case DType::F64:
    return "f64";
  }
  llvm_unreachable("unknown element type");
}

} // namespace mlir::bn

#endif // BN_SUPPORT_DTYPE_H
