//===- Call.cpp - One call of a kernel from Python --------------*- C++ -*-===//
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

#include "Call.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir::bn;
using namespace mlir::bn::python;

Call::Call(BatchNormSpec::Kind kind, nb::handle object, nb::handle axis,
           double epsilon)
    : input(object, "input"), axis(convertAxis(axis, input.view.getRank())),
      layout(input.view, "input"), channelLayout(layout.select(this->axis)) {
  TensorView view = input.view;
  layout.toMemoryOrder(view);
  spec.kind = kind;
  spec.elementType = view.dtype;
  spec.shape = view.shape;
  spec.axis = layout.toMemoryOrder(this->axis);
  spec.epsilon = epsilon;
  spec.hasScale = spec.hasOffset = spec.hasRunningStats = false;
  // What a kernel without such operands is not told apart by.
  spec.momentum = 0;
  spec.parameterType = spec.statisticsType =
      view.dtype == DType::F64 ? DType::F64 : DType::F32;
  arguments.push_back(std::move(view));
}

void Call::addScaleAndOffset(nb::handle scale, nb::handle offset) {
  spec.hasScale = !scale.is_none();
  spec.hasOffset = !offset.is_none();
  if (spec.hasOffset && !spec.hasScale) {
    spec.parameterType = addChannels(offset, "offset");
    return;
  }
  if (spec.hasScale)
    spec.parameterType = addChannels(scale, "scale");
  if (spec.hasOffset)
    addChannels(offset, "offset");
}

DType Call::addChannels(nb::handle object, const char *name) {
  Array array(object, name);
  DType dtype = array.view.dtype;
  channelLayout.toMemoryOrder(array.view);
  arguments.push_back(array.view);
  if (array.framework != Framework::NumPy)
    imported.push_back(std::move(array));
  return dtype;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void Call::setOut(nb::handle object, size_t numResults) {
  bool isList = nb::isinstance<nb::tuple>(object) ||
                nb::isinstance<nb::list>(object);
  if (!isList) {
    out.push_back(object);
    out.append(numResults - 1, nb::handle(Py_None));
    return;
  }
  for (nb::handle entry : object)
    out.push_back(entry);
  if (out.size() != numResults)
    raiseValueError(llvm::formatv("expected 'out' to have {0} entries, got {1}",
                                  numResults, out.size()));
}

DType Call::getOutType(size_t index, DType otherwise) {
  if (out[index].is_none())
    return otherwise;
  return Array(out[index], "out", Array::Access::Write).view.dtype;
}

void Call::addResult(const char *name, TensorView expected,
                     const Layout &resultLayout, const char *whose) {
  nb::handle given = out[results.size()];
  resultLayout.setStrides(expected);
  if (given.is_none()) {
    ResultPool::Block *block =
        Session::get().pool.allocate(expected.getSizeInBytes());
    if (!block)
      throw std::bad_alloc();
    expected.data = ResultPool::getData(block);
    results.push_back(makeArray(input, expected, block));
  } else {
    Array array(given, name, Array::Access::Write);
    checkSameLayout(array.view, name, expected, whose);
    expected = array.view;
    results.push_back(nb::borrow(given));
    if (array.framework != Framework::NumPy)
      imported.push_back(std::move(array));
  }
  resultLayout.toMemoryOrder(expected);
  arguments.push_back(std::move(expected));
}

void Call::addOutput() {
  TensorView expected;
  expected.dtype = spec.elementType;
  expected.shape = input.view.shape;
  addResult("output", std::move(expected), layout, "'input'");
}

void Call::addChannelsOutput(const char *name) {
  TensorView expected;
  expected.dtype = spec.statisticsType;
  for (int64_t dim : axis)
    expected.shape.push_back(input.view.shape[dim]);
  addResult(name, std::move(expected), channelLayout,
            "the dimensions in 'axis'");
}

nb::object Call::takeResults() {
  nb::object tuple = nb::steal(PyTuple_New(results.size()));
  if (!tuple.is_valid())
    throw nb::python_error();
  for (size_t index = 0; index < results.size(); ++index)
    PyTuple_SET_ITEM(tuple.ptr(), index, results[index].release().ptr());
  return tuple;
}

//===----------------------------------------------------------------------===//
// Call
//===----------------------------------------------------------------------===//

void Call::run() {
  Session &session = Session::get();
  Kernel kernel = session.getKernel(spec);
  llvm::Error error = [&] {
    nb::gil_scoped_release release;
    return kernel.call(arguments);
  }();
  raiseIfError(std::move(error));
}
