//===- CallResults.cpp - Where the results of a call go ---------*- C++ -*-===//
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
#include "KernelObject.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir::bn;
using namespace mlir::bn::python;

void Call::setOut(nb::handle object, size_t numResults) {
  results.resize(numResults);
  bool isList =
      nb::isinstance<nb::tuple>(object) || nb::isinstance<nb::list>(object);
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

void Call::setWhich(nb::handle which, nb::handle object) {
  places = mlir::bn::python::setWhich(spec, which);
  setOut(object, places.size() - llvm::count(places, -1));
}

DType Call::getOutType(size_t index, DType otherwise) {
  if (out[index].is_none())
    return otherwise;
  DType dtype = Array(out[index], "out", Array::Access::Write).view.dtype;
  if (dtype != DType::F32 && dtype != DType::F64)
    raiseTypeError(llvm::formatv("expected the entries of 'out' for statistics "
                                 "to have element type float32 or float64, got "
                                 "{0}",
                                 getName(dtype)));
  return dtype;
}

void Call::addResult(size_t index, const char *name, TensorView &view,
                     const Layout &resultLayout,
                     llvm::function_ref<std::string()> whose) {
  resultLayout.setStrides(view);
  if (out[index].is_none()) {
    ResultPool::Block *block =
        Session::get().pool.allocate(view.getSizeInBytes());
    if (!block)
      throw std::bad_alloc();
    view.data = ResultPool::getData(block);
    results[index] = input.makeAlike(view, block);
  } else {
    Array array(out[index], name, Array::Access::Write);
    checkDType(array.view, name, view.dtype);
    checkSameLayout(array.view, name, view, whose);
    keepAlive(array);
    view = std::move(array.view);
    results[index] = nb::borrow(out[index]);
  }
  arguments.push_back(view);
  resultLayout.toMemoryOrder(arguments.back());
}

void Call::addOutput(size_t index, const char *name) {
  TensorView view(nullptr, spec.elementType, input.view.shape);
  addResult(index, name, view, layout, [] { return "'input'"; });
}

void Call::addChannelsOutput(size_t index, const char *name, DType dtype,
                             Initial initial) {
  TensorView view(nullptr, dtype, channelShape);
  addResult(index, name, view, channelLayout,
            [&] { return describeChannels(/*hasGroups=*/false); });
  if (initial == Initial::Zero)
    presets.push_back({arguments.size() - 1, name, TensorView()});
}

void Call::addChannelsOutput(size_t index, const char *name,
                             nb::handle initial) {
  Array source(initial, name);
  TensorView view(nullptr, source.view.dtype, channelShape);
  auto whose = [&] { return describeChannels(/*hasGroups=*/false); };
  addResult(index, name, view, channelLayout, whose);
  checkSameLayout(source.view, name, view, whose);
  presets.push_back({arguments.size() - 1, name, source.view});
  keepAlive(source);
}

void Call::addGroupsOutput(size_t index, const char *name, DType dtype) {
  if (spec.groups == 1)
    return addChannelsOutput(index, name, dtype);
  TensorView view(nullptr, dtype, channelShape);
  view.shape.insert(view.shape.begin(), spec.groups);
  // Any number of groups divides an empty dimension.
  int64_t bytes = getByteSize(dtype);
  for (int64_t size : view.shape)
    if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes))
      raiseValueError(llvm::formatv("expected '{0}' of {1} 'groups' to have "
                                    "less than 2^63 bytes, got shape {2}",
                                    name, spec.groups, printTuple(view.shape)));
  addResult(index, name, view, channelLayout.withLeadingDimension(),
            [&] { return describeChannels(/*hasGroups=*/true); });
}

void Call::addBitsOutput(size_t index) {
  if (!spec.hasBits)
    return;
  TensorView view(nullptr, DType::I8, getBitsShape());
  addResult(index, "bits", view, Layout(view, "bits"),
            [] { return "the bits of 'input'"; });
}

void Call::addGradients() {
  if (spec.hasInputGrad)
    addOutput(places[0], "input_grad");
  if (spec.hasScaleGrad)
    addChannelsOutput(places[1], "scale_grad", spec.parameterType);
  if (spec.hasOffsetGrad)
    addChannelsOutput(places[2], "offset_grad", spec.parameterType);
  if (spec.hasAddendGrad)
    addOutput(places[3], "addend_grad");
}

static bool overlap(const TensorView &a, const TensorView &b) {
  auto begin = [](const TensorView &view) {
    return reinterpret_cast<uintptr_t>(view.data);
  };
  uintptr_t endA = begin(a) + a.getSizeInBytes();
  uintptr_t endB = begin(b) + b.getSizeInBytes();
  return a.data && b.data && begin(a) < endB && begin(b) < endA;
}

/// Writes what results hold before the call. Nothing is written before it is
/// known that nobody needs what is there.
void Call::presetResults() {
  auto check = [](const Preset &preset, bool overlaps) {
    if (overlaps)
      raiseValueError(llvm::formatv("expected 'out' for '{0}' not to overlap "
                                    "another array of the call",
                                    preset.name));
  };
  for (auto [number, preset] : llvm::enumerate(presets)) {
    const TensorView &result = arguments[preset.argument];
    for (auto [index, argument] : llvm::enumerate(arguments))
      check(preset, index != preset.argument && overlap(result, argument));
    for (auto [other, source] : llvm::enumerate(presets))
      check(preset, other != number && overlap(result, source.source));
  }
  for (const Preset &preset : presets) {
    const TensorView &result = arguments[preset.argument];
    if (preset.source.data)
      std::memmove(result.data, preset.source.data, result.getSizeInBytes());
    else
      std::memset(result.data, 0, result.getSizeInBytes());
  }
}

nb::object Call::takeResults() {
  nb::object tuple = nb::steal(PyTuple_New(results.size()));
  if (!tuple.is_valid())
    throw nb::python_error();
  for (size_t index = 0; index < results.size(); ++index)
    PyTuple_SET_ITEM(tuple.ptr(), index, results[index].release().ptr());
  return tuple;
}
