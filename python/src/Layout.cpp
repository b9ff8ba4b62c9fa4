//===- Layout.cpp - Order of dimensions in memory ---------------*- C++ -*-===//
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

#include "Layout.h"

#include "Array.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::bn;
using namespace mlir::bn::python;

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

Layout::Layout(const TensorView &view, const char *name) {
  if (view.isContiguous())
    return;
  order.assign(llvm::seq<int64_t>(view.getRank()).begin(),
               llvm::seq<int64_t>(view.getRank()).end());
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::make_pair(-view.strides[a], a) <
           std::make_pair(-view.strides[b], b);
  });
  TensorView renamed = view;
  toMemoryOrder(renamed);
  if (renamed.isContiguous())
    return;
  TensorView contiguous = view;
  Layout().setStrides(contiguous);
  raiseValueError(llvm::formatv(
      "expected '{0}' to be contiguous in some order of its dimensions, for "
      "example with strides {1}, got {2}",
      name, printTuple(contiguous.strides), printTuple(view.strides)));
}

Layout Layout::select(llvm::ArrayRef<int64_t> axis) const {
  Layout result;
  if (isCOrder() || axis.size() < 2)
    return result;
  for (int64_t dim : order) {
    auto found = llvm::lower_bound(axis, dim);
    if (found != axis.end() && *found == dim)
      result.order.push_back(found - axis.begin());
  }
  if (llvm::is_sorted(result.order))
    result.order.clear();
  return result;
}

Layout Layout::withLeadingDimension() const {
  Layout result;
  if (isCOrder())
    return result;
  result.order.push_back(0);
  for (int64_t dim : order)
    result.order.push_back(dim + 1);
  return result;
}

void Layout::toMemoryOrder(TensorView &view) const {
  if (isCOrder() || order.size() != view.shape.size())
    return;
  DimVector shape, strides;
  for (int64_t dim : order) {
    shape.push_back(view.shape[dim]);
    strides.push_back(view.strides[dim]);
  }
  view.shape = std::move(shape);
  view.strides = std::move(strides);
}

DimVector Layout::toMemoryOrder(llvm::ArrayRef<int64_t> axis) const {
  DimVector result(axis.begin(), axis.end());
  if (isCOrder())
    return result;
  for (int64_t &dim : result)
    dim = llvm::find(order, dim) - order.begin();
  llvm::sort(result);
  return result;
}

void Layout::setStrides(TensorView &view) const {
  int64_t rank = view.getRank(), stride = 1;
  view.strides.resize(rank);
  for (int64_t position = rank - 1; position >= 0; --position) {
    int64_t dim = isCOrder() ? position : order[position];
    view.strides[dim] = stride;
    stride *= view.shape[dim];
  }
}

//===----------------------------------------------------------------------===//
// Axis
//===----------------------------------------------------------------------===//

static int64_t convertDimension(nb::handle value, int64_t rank) {
  int64_t dim = rank; // out of range, as ints are of more than 64 bits
  if (!nb::try_cast(value, dim) && !PyLong_Check(value.ptr()))
    raiseTypeError(llvm::formatv("expected 'axis' to be an int or a list of "
                                 "them, got {0}",
                                 nb::repr(value).c_str()));
  if (dim < -rank || dim >= rank)
    raiseValueError(llvm::formatv("expected 'axis' to be from {0} to {1}, got "
                                  "{2}",
                                  -rank, rank - 1, nb::repr(value).c_str()));
  return dim < 0 ? dim + rank : dim;
}

DimVector mlir::bn::python::convertAxis(nb::handle axis, int64_t rank) {
  if (rank == 0)
    raiseValueError("expected 'input' to have rank 1 or more, got 0");
  bool isList =
      nb::isinstance<nb::list>(axis) || nb::isinstance<nb::tuple>(axis);
  if (!isList)
    return {convertDimension(axis, rank)};
  DimVector result;
  for (nb::handle value : axis) {
    int64_t dim = convertDimension(value, rank);
    if (llvm::is_contained(result, dim))
      raiseValueError(llvm::formatv("expected 'axis' to name each dimension "
                                    "once, got {0} again",
                                    dim));
    result.push_back(dim);
  }
  if (result.empty())
    raiseValueError("expected 'axis' to name a dimension, got none");
  llvm::sort(result);
  return result;
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

void mlir::bn::python::checkSameLayout(
    const TensorView &view, const char *name, const TensorView &expected,
    llvm::function_ref<std::string()> whose) {
  if (view.shape != expected.shape)
    raiseValueError(llvm::formatv(
        "expected '{0}' to have shape {1}, that of {2}, got {3}", name,
        printTuple(expected.shape), whose(), printTuple(view.shape)));
  if (view.getNumElements() == 0)
    return;
  for (auto [size, stride, expectedStride] :
       llvm::zip_equal(view.shape, view.strides, expected.strides))
    if (size != 1 && stride != expectedStride)
      raiseValueError(llvm::formatv(
          "expected '{0}' to have strides {1}, those of {2}, got {3}", name,
          printTuple(expected.strides), whose(), printTuple(view.strides)));
}
