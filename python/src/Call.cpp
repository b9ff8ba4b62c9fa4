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
#include "Bindings.h"
#include "KernelObject.h"
#include "Mask.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir::bn;
using namespace mlir::bn::python;

Call::Call(BatchNormSpec::Kind kind) {
  // Fields that a kind does not look at must not tell two kernels apart.
  spec.kind = kind;
  spec.momentum = spec.renormMomentum = 0;
  spec.epsilon = 0;
  spec.hasScale = spec.hasOffset = spec.hasRunningStats = false;
  spec.hasMean = spec.hasVariance = false;
  spec.hasInputGrad = spec.hasScaleGrad = spec.hasOffsetGrad = false;
  spec.slope = 0;
  spec.threads = Session::get().getThreads();
}

/// Raises what a kernel would say, as the exception that Python expects.
static void checkDType(const TensorView &view, const char *name, DType dtype) {
  if (view.dtype != dtype)
    raiseTypeError(llvm::formatv("expected '{0}' to have element type {1}, got "
                                 "{2}",
                                 name, stringifyDType(dtype),
                                 stringifyDType(view.dtype)));
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

void Call::setInput(nb::handle object, nb::handle axisList) {
  input = Array(object, "input");
  axis = convertAxis(axisList, input.view.getRank());
  layout = Layout(input.view, "input");
  channelLayout = layout.select(axis);
  inputView = input.view;
  hasInput = true;
  layout.toMemoryOrder(inputView);
  if (!isFloat(inputView.dtype))
    raiseTypeError(llvm::formatv("expected 'input' to have element type f16, "
                                 "bf16, f32 or f64, got {0}",
                                 stringifyDType(inputView.dtype)));
  spec.elementType = inputView.dtype;
  spec.shape = inputView.shape;
  spec.axis = layout.toMemoryOrder(axis);
  spec.parameterType = spec.statisticsType =
      inputView.dtype == DType::F64 ? DType::F64 : DType::F32;
}

void Call::setChannels(nb::handle object, const char *name) {
  input = Array(object, name);
  for (int64_t dim = 0; dim < input.view.getRank(); ++dim)
    axis.push_back(dim);
  spec.shape = input.view.shape;
  spec.axis = axis;
}

void Call::keepAlive(Array &array) {
  if (array.exported.is_valid())
    exported.push_back(std::move(array.exported));
}

void Call::addData(nb::handle object, const char *name) {
  Array array(object, name);
  checkDType(array.view, name, input.view.dtype);
  checkSameLayout(array.view, name, input.view, "'input'");
  layout.toMemoryOrder(array.view);
  keepAlive(array);
  arguments.push_back(std::move(array.view));
}

void Call::addChannels(Array &array, const Layout &itsLayout) {
  itsLayout.toMemoryOrder(array.view);
  keepAlive(array);
  arguments.push_back(std::move(array.view));
}

Array Call::takeChannels(nb::handle object, const char *name) {
  Array array(object, name);
  DType dtype = array.view.dtype;
  // Ops without data take every float.
  DType narrowest = hasInput ? inputView.dtype : DType::F16;
  bool isNarrower =
      dtype != narrowest && getByteSize(dtype) <= getByteSize(narrowest);
  if (!isFloat(dtype) || (hasInput && isNarrower))
    raiseTypeError(llvm::formatv("expected '{0}' to have element type {1} or a "
                                 "wider float, got {2}",
                                 name, stringifyDType(narrowest),
                                 stringifyDType(dtype)));
  return array;
}

DType Call::addChannels(nb::handle object, const char *name) {
  Array array = takeChannels(object, name);
  DType dtype = array.view.dtype;
  addChannels(array, channelLayout);
  return dtype;
}

void Call::addChannels(nb::handle object, const char *name, DType dtype) {
  Array array(object, name);
  checkDType(array.view, name, dtype);
  addChannels(array, channelLayout);
}

void Call::addStatistics(nb::handle mean, nb::handle second, const char *name) {
  Layout whole = spec.groups == 1 ? channelLayout
                                  : channelLayout.withLeadingDimension();
  Array first = takeChannels(mean, "mean");
  spec.statisticsType = first.view.dtype;
  addChannels(first, whole);
  Array other(second, name);
  checkDType(other.view, name, spec.statisticsType);
  addChannels(other, whole);
}

void Call::addScaleAndOffset(nb::handle scale, nb::handle offset) {
  spec.hasScale = !scale.is_none();
  spec.hasOffset = !offset.is_none();
  if (spec.hasScale)
    spec.parameterType = addChannels(scale, "scale");
  if (spec.hasScale && spec.hasOffset)
    addChannels(offset, "offset", spec.parameterType);
  else if (spec.hasOffset)
    spec.parameterType = addChannels(offset, "offset");
}

void Call::setEpilogue(nb::handle name, double slope, nb::handle addend) {
  spec.epilogue = convertEpilogue(name);
  if (spec.epilogue == BatchNormSpec::Epilogue::LeakyRelu)
    spec.slope = slope;
  if (addend.is_none() == spec.takesAddend())
    raiseValueError(llvm::formatv(
        "expected 'addend' exactly when 'epilogue' is 'add' or 'add_relu', got "
        "{0} and {1}",
        spec.takesAddend() ? "none" : "one",
        nb::repr(name).c_str()));
  if (spec.takesAddend())
    addData(addend, "addend");
}

void Call::setEpilogueOf(nb::handle name, double slope, nb::handle output,
                         nb::handle offset) {
  spec.epilogue = convertEpilogue(name);
  if (spec.epilogue == BatchNormSpec::Epilogue::LeakyRelu)
    spec.slope = slope;
  bool hasOutput = !output.is_none(), hasOffset = !offset.is(nb::ellipsis());
  if (spec.needsOutput() ? hasOutput == hasOffset : hasOutput || hasOffset)
    raiseValueError(llvm::formatv("expected {0} 'epilogue' is {1}, got {2}",
                                  spec.needsOutput()
                                      ? "one of 'output' and 'offset' where"
                                      : "no 'output' and no 'offset' where",
                                  nb::repr(name).c_str(),
                                  hasOutput && hasOffset ? "both"
                                  : hasOutput            ? "'output'"
                                  : hasOffset            ? "'offset'"
                                                         : "neither"));
  spec.recomputesOutput = hasOffset;
  spec.hasOffset = hasOffset && !offset.is_none();
}

void Call::addScalar(double value) {
  scalars.push_back(value);
  arguments.emplace_back(&scalars.back(), DType::F64, DimVector());
}

void Call::addMask(nb::handle object) {
  if (object.is_none())
    return;
  Array array(object, "mask");
  checkMaskShape(array.view, input.view);
  layout.toMemoryOrder(array.view);
  DType wide = spec.elementType == DType::F64 ? DType::F64 : DType::F32;
  array.view = convertMask(array.view, wide, maskMemory);
  spec.maskType = array.view.dtype;
  spec.maskShape = array.view.shape;
  keepAlive(array);
  arguments.push_back(std::move(array.view));
}

void Call::setGroups(int64_t groups) {
  if (groups < 1)
    raiseValueError(
        llvm::formatv("expected 'groups' to be 1 or more, got {0}", groups));
  spec.groups = groups;
  if (groups == 1)
    return;
  if (axis.front() == 0)
    raiseValueError("expected 'axis' not to name dimension 0, which 'groups' "
                    "cuts");
  if (layout.toMemoryOrder({0}).front() != 0)
    raiseValueError(llvm::formatv(
        "expected 'input' to have its samples one behind the other in memory, "
        "to be cut by 'groups', got strides {0}",
        printTuple(input.view.strides)));
  if (input.view.shape[0] % groups != 0)
    raiseValueError(llvm::formatv(
        "expected 'input' to have a size in dimension 0 that is divisible by "
        "'groups' ({0}), got {1}",
        groups, input.view.shape[0]));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

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
  return Array(out[index], "out", Array::Access::Write).view.dtype;
}

void Call::addResult(size_t index, const char *name, TensorView &view,
                     const Layout &resultLayout, const char *whose) {
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
  addResult(index, name, view, layout, "'input'");
}

void Call::addChannelsOutput(size_t index, const char *name, DType dtype,
                             Initial initial) {
  TensorView view;
  view.dtype = dtype;
  for (int64_t dim : axis)
    view.shape.push_back(input.view.shape[dim]);
  addResult(index, name, view, channelLayout, "the channels");
  if (initial == Initial::Zero)
    presets.push_back({arguments.size() - 1, name, TensorView()});
}

void Call::addChannelsOutput(size_t index, const char *name,
                             nb::handle initial) {
  Array source(initial, name);
  TensorView view(nullptr, source.view.dtype, input.view.shape);
  addResult(index, name, view, channelLayout, "the channels");
  checkSameLayout(source.view, name, view, "the channels");
  presets.push_back({arguments.size() - 1, name, source.view});
  keepAlive(source);
}

void Call::addGroupsOutput(size_t index, const char *name, DType dtype) {
  if (spec.groups == 1)
    return addChannelsOutput(index, name, dtype);
  TensorView view;
  view.dtype = dtype;
  view.shape.push_back(spec.groups);
  for (int64_t dim : axis)
    view.shape.push_back(input.view.shape[dim]);
  // Any number of groups divides an empty dimension.
  int64_t bytes = getByteSize(dtype);
  for (int64_t size : view.shape)
    if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes))
      raiseValueError(llvm::formatv("expected '{0}' of {1} 'groups' to have "
                                    "less than 2^63 bytes, got shape {2}",
                                    name, spec.groups, printTuple(view.shape)));
  addResult(index, name, view, channelLayout.withLeadingDimension(),
            "the groups and channels");
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

//===----------------------------------------------------------------------===//
// Call
//===----------------------------------------------------------------------===//

void Call::run() {
  Kernel kernel = Session::get().getKernel(spec);
  presetResults();
  llvm::Error error = [&] {
    nb::gil_scoped_release release;
    return kernel.call(arguments);
  }();
  raiseIfError(std::move(error));
}
