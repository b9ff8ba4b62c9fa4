//===- Mask.h - Masks of any kind as weights --------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_MASK_H
#define BN_PYTHON_MASK_H

#include "bn/ExecutionEngine/TensorView.h"

#include <memory>

namespace mlir::bn::python {

/// Raises unless `mask` has the rank of `input`, and each size 1 or that of it.
void checkMaskShape(const TensorView &mask, const TensorView &input);

/// Returns `mask` as a kernel can take it: floats that lie one after the other
/// in C order. What does not is copied to `memory`; bool and integers become
/// `dtype`.
TensorView convertMask(const TensorView &mask, DType dtype,
                       std::unique_ptr<char[]> &memory);

} // namespace mlir::bn::python

#endif // BN_PYTHON_MASK_H
