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
#include "Mask.h"

#include "llvm/Support/FormatVariadic.h"

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
  for (int64_t dim : axis)
    channelShape.push_back(inputView.shape[dim]);
  layout.toMemoryOrder(inputView);
  if (!isFloat(inputView.dtype))
    raiseTypeError(
        llvm::formatv("expected 'input' to have element type {0}, got {1}",
                      kFloatNames, getName(inputView.dtype)));
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
  spec.shape = channelShape = input.view.shape;
  spec.axis = axis;
  channelsName = name;
}

std::string Call::describeChannels(bool hasGroups) const {
  if (!hasInput)
    return "'" + std::string(channelsName) + "'";
  std::string dims =
      axis.size() == 1 ? std::to_string(axis.front()) : printTuple(axis);
  return llvm::formatv("the {0}channels of 'input' (axis={1})",
                       hasGroups ? "groups and " : "", dims);
}

void Call::checkChannels(const TensorView &view, const char *name,
                         bool hasGroups) const {
  llvm::ArrayRef<int64_t> sizes = view.shape;
  bool fits = !hasGroups || (!sizes.empty() && sizes.front() == spec.groups);
  if (fits && sizes.drop_front(hasGroups) == llvm::ArrayRef(channelShape))
    return;
  DimVector expected = channelShape;
  if (hasGroups)
    expected.insert(expected.begin(), spec.groups);
  raiseValueError(llvm::formatv(
      "expected '{0}' to have shape {1}, that of {2}, got {3}", name,
      printTuple(expected), describeChannels(hasGroups), printTuple(sizes)));
}

void Call::keepAlive(Array &array) {
  if (array.exported.is_valid())
    exported.push_back(std::move(array.exported));
}

void Call::addData(nb::handle object, const char *name) {
  Array array(object, name);
  checkDType(array.view, name, input.view.dtype);
  checkSameLayout(array.view, name, input.view, [] { return "'input'"; });
  layout.toMemoryOrder(array.view);
  keepAlive(array);
  arguments.push_back(std::move(array.view));
}

void Call::addChannels(Array &array, const char *name, bool hasGroups) {
  checkChannels(array.view, name, hasGroups);
  Layout order =
      hasGroups ? channelLayout.withLeadingDimension() : channelLayout;
  if (!order.isCOrder()) { // Kernels speak of dimensions in another order.
    TensorView expected = array.view;
    order.setStrides(expected);
    checkSameLayout(array.view, name, expected,
                    [&] { return describeChannels(hasGroups); });
  }
  order.toMemoryOrder(array.view);
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
                                 name, getName(narrowest), getName(dtype)));
  return array;
}

DType Call::addChannels(nb::handle object, const char *name) {
  Array array = takeChannels(object, name);
  DType dtype = array.view.dtype;
  addChannels(array, name, /*hasGroups=*/false);
  return dtype;
}

void Call::addChannels(nb::handle object, const char *name, DType dtype) {
  Array array(object, name);
  checkDType(array.view, name, dtype);
  addChannels(array, name, /*hasGroups=*/false);
}

void Call::addStatistics(nb::handle mean, nb::handle second, const char *name) {
  bool hasGroups = spec.groups != 1;
  Array first = takeChannels(mean, "mean");
  spec.statisticsType = first.view.dtype;
  addChannels(first, "mean", hasGroups);
  Array other(second, name);
  checkDType(other.view, name, spec.statisticsType);
  addChannels(other, name, hasGroups);
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
        spec.takesAddend() ? "none" : "one", nb::repr(name).c_str()));
  if (spec.takesAddend())
    addData(addend, "addend");
}

void Call::setEpilogueOf(nb::handle name, double slope, nb::handle output,
                         nb::handle bits, nb::handle offset) {
  spec.epilogue = convertEpilogue(name);
  if (spec.epilogue == BatchNormSpec::Epilogue::LeakyRelu)
    spec.slope = slope;
  bool hasOffset = !offset.is(nb::ellipsis());
  llvm::SmallVector<const char *, 3> given;
  if (!output.is_none())
    given.push_back("'output'");
  if (!bits.is_none())
    given.push_back("'bits'");
  if (hasOffset)
    given.push_back("'offset'");
  if (given.size() != (spec.needsOutput() ? 1 : 0))
    raiseValueError(llvm::formatv(
        "expected {0} of 'output', 'bits' and 'offset' where 'epilogue' is "
        "{1}, got {2}",
        spec.needsOutput() ? "one" : "none", nb::repr(name).c_str(),
        given.empty() ? "none" : llvm::join(given, " and ")));
  spec.hasBits = !bits.is_none();
  spec.recomputesOutput = hasOffset;
  spec.hasOffset = hasOffset && !offset.is_none();
}

DimVector Call::getBitsShape() const {
  return {inputView.getNumElements() / 8};
}

void Call::addBits(nb::handle object) {
  Array array(object, "bits");
  TensorView &view = array.view;
  checkDType(view, "bits", DType::I8);
  if (view.shape != getBitsShape() || !view.isContiguous())
    raiseValueError(
        llvm::formatv("expected 'bits' to have shape {0} and to be contiguous, "
                      "as the forward call has made it, got shape {1} with "
                      "strides {2}",
                      printTuple(getBitsShape()), printTuple(view.shape),
                      printTuple(view.strides)));
  keepAlive(array);
  arguments.push_back(std::move(view));
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
