//===- Layout.h - Order of dimensions in memory -----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels take contiguous arrays in C order. An array whose elements fill its
// memory without holes, but in another order of its dimensions, becomes such an
// array by naming its dimensions anew: a channels-last view of NCHW data is
// NHWC data with another axis. Nothing is copied.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_LAYOUT_H
#define BN_PYTHON_LAYOUT_H

#include "bn/ExecutionEngine/TensorView.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <nanobind/nanobind.h>

#include <string>

namespace mlir::bn::python {

/// An order of dimensions, from the outermost in memory to the innermost. Empty
/// for C order.
class Layout {
public:
  Layout() = default;

  /// Finds the order of `view`; raises when its elements have holes between
  /// them or overlap. `name` is what messages call it.
  Layout(const TensorView &view, const char *name);

  /// Returns the order that remains when only the dimensions in `axis` do,
  /// which are sorted.
  Layout select(llvm::ArrayRef<int64_t> axis) const;

  /// Returns this order with one more dimension, outermost and the first.
  Layout withLeadingDimension() const;

  bool isCOrder() const { return order.empty(); }

  /// Renames the dimensions of `view` from the user's order to that in memory.
  void toMemoryOrder(TensorView &view) const;

  /// Returns where the user's dimensions `axis` are in memory, sorted.
  DimVector toMemoryOrder(llvm::ArrayRef<int64_t> axis) const;

  /// Fills in the strides, in the user's order, of an array of this layout.
  void setStrides(TensorView &view) const;

private:
  DimVector order;
};

/// Converts `axis`, an int or a list of them, for an array of rank `rank`: no
/// negative numbers, sorted.
DimVector convertAxis(nanobind::handle axis, int64_t rank);

/// Raises unless `view` has the shape and, but for dimensions of size 1, the
/// strides of `expected`. `whose` says where those come from: "'input'".
void checkSameLayout(const TensorView &view, const char *name,
                     const TensorView &expected,
                     llvm::function_ref<std::string()> whose);

} // namespace mlir::bn::python

#endif // BN_PYTHON_LAYOUT_H
