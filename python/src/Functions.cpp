//===- Functions.cpp - inference, training, backward ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The user-level functions. Their Python signatures, as stubs show them, are
// written here, because arrays may be of any framework.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "Bindings.h"
#include "Call.h"
#include "KernelObject.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <array>

using namespace mlir::bn;
using namespace mlir::bn::python;
using namespace nanobind::literals;
using Kind = BatchNormSpec::Kind;

static nb::object inference(nb::handle x, nb::handle scale, nb::handle offset,
                            nb::handle mean, nb::handle variance,
                            nb::handle axis, nb::handle epsilon,
                            nb::handle epilogue, nb::handle slope,
                            nb::handle addend, nb::handle out) {
  Call call(Kind::Inference);
  call.setInput(x, axis);
  call.setOut(out, 1);
  call.spec.epsilon = convertArgument<double>(epsilon, "epsilon");
  call.addInput();
  call.addScaleAndOffset(scale, offset);
  call.addStatistics(mean, variance, "variance");
  call.setEpilogue(epilogue, convertArgument<double>(slope, "slope"), addend);
  call.addOutput(0, "output");
  call.run();
  return call.takeResult(0);
}

bool mlir::bn::python::checkBothOrNone(nb::handle runningMean,
                                       nb::handle second, const char *name) {
  bool hasMean = !runningMean.is_none();
  if (hasMean == second.is_none())
    raiseValueError(llvm::formatv("expected 'running_mean' and '{0}' or "
                                  "neither, got only '{1}'",
                                  name, hasMean ? "running_mean" : name));
  return hasMean;
}

static nb::object training(nb::handle x, nb::handle scale, nb::handle offset,
                           nb::handle runningMean, nb::handle runningVariance,
                           nb::handle momentum, nb::handle runningVarianceKind,
                           nb::handle mask, nb::handle groups, nb::handle axis,
                           nb::handle epsilon, nb::handle epilogue,
                           nb::handle slope, nb::handle addend,
                           nb::handle saveBits, nb::handle out) {
  bool hasRunningStats =
      checkBothOrNone(runningMean, runningVariance, "running_variance");
  Call call(Kind::Training);
  BatchNormSpec &spec = call.spec;
  call.setInput(x, axis);
  call.setGroups(convertArgument<int64_t>(groups, "groups"));
  spec.hasBits = convertArgument<bool>(saveBits, "save_bits");
  size_t bitsPlace = hasRunningStats ? 5 : 3;
  call.setOut(out, bitsPlace + spec.hasBits);
  spec.epsilon = convertArgument<double>(epsilon, "epsilon");
  spec.hasRunningStats = hasRunningStats;
  call.addInput();
  call.addScaleAndOffset(scale, offset);
  if (hasRunningStats) {
    spec.momentum = convertArgument<double>(momentum, "momentum");
    spec.runningVariance = convertVarianceKind(convertArgument<const char *>(
        runningVarianceKind, "running_variance_kind"));
    spec.statisticsType = call.addChannels(runningMean, "running_mean");
    spec.runningType = spec.statisticsType;
    call.addChannels(runningVariance, "running_variance", *spec.runningType);
  }
  spec.statisticsType = call.getOutType(1, spec.statisticsType);
  call.addMask(mask);
  call.setEpilogue(epilogue, convertArgument<double>(slope, "slope"), addend);
  call.addOutput(0, "output");
  call.addGroupsOutput(1, "mean", spec.statisticsType);
  call.addGroupsOutput(2, "variance", spec.statisticsType);
  if (hasRunningStats) {
    call.addChannelsOutput(3, "new_running_mean", *spec.runningType);
    call.addChannelsOutput(4, "new_running_variance", *spec.runningType);
  }
  call.addBitsOutput(bitsPlace);
  call.run();
  return call.takeResults();
}

//===----------------------------------------------------------------------===//
// Backward
//===----------------------------------------------------------------------===//

static constexpr const char *kGradients[] = {"input", "scale", "offset",
                                             "addend"};

static std::array<int, 4> convertWhich(nb::handle which) {
  std::array<int, 4> places = {-1, -1, -1, -1};
  int next = 0;
  if (nb::isinstance<nb::str>(which) || !nb::hasattr(which, "__iter__"))
    raiseTypeError(llvm::formatv("expected 'which' to be a list of names, got "
                                 "{0}",
                                 nb::repr(which).c_str()));
  for (nb::handle entry : which) {
    llvm::StringRef name = convertArgument<const char *>(entry, "which[...]");
    auto known = llvm::find(kGradients, name);
    if (known == std::end(kGradients) || places[known - kGradients] >= 0)
      raiseValueError(llvm::formatv("expected 'which' to name some of 'input', "
                                    "'scale', 'offset' and 'addend' once, got "
                                    "'{0}'",
                                    name));
    places[known - kGradients] = next++;
  }
  if (next == 0)
    raiseValueError("expected 'which' to name a gradient, got none");
  return places;
}

std::array<int, 4> mlir::bn::python::setWhich(BatchNormSpec &spec,
                                              nb::handle which) {
  std::array<int, 4> places = convertWhich(which);
  spec.hasInputGrad = places[0] >= 0;
  spec.hasScaleGrad = places[1] >= 0;
  spec.hasOffsetGrad = places[2] >= 0;
  spec.hasAddendGrad = places[3] >= 0;
  return places;
}

static nb::object
backward(nb::handle outputGrad, nb::handle x, nb::handle scale, nb::handle mean,
         nb::handle variance, nb::handle mask, nb::handle groups,
         nb::handle axis, nb::handle epsilon, nb::handle frozen,
         nb::handle statisticsKind, nb::handle epilogue, nb::handle slope,
         nb::handle output, nb::handle bits, nb::handle offset,
         nb::handle which, nb::handle out) {
  Call call(Kind::Backward);
  BatchNormSpec &spec = call.spec;
  call.setInput(x, axis);
  call.setGroups(convertArgument<int64_t>(groups, "groups"));
  call.setWhich(which, out);
  spec.isFrozen = convertArgument<bool>(frozen, "frozen");
  spec.statisticsKind = convertStatisticsKind(
      convertArgument<const char *>(statisticsKind, "statistics_kind"));
  if (spec.takesEpsilon())
    spec.epsilon = convertArgument<double>(epsilon, "epsilon");
  call.addData(outputGrad, "output_grad");
  call.addInput();
  call.setEpilogueOf(epilogue, convertArgument<double>(slope, "slope"), output,
                     bits, offset);
  call.addScaleAndOffset(scale, spec.takesOffset() ? offset : nb::none());
  call.addStatistics(mean, variance,
                     spec.takesInverseStd() ? "inverse_std" : "variance");
  call.addMask(mask);
  if (spec.takesOutput())
    call.addData(output, "output");
  if (spec.hasBits)
    call.addBits(bits);
  call.addGradients();
  call.run();
  return call.takeResults();
}

//===----------------------------------------------------------------------===//
// Bindings
//===----------------------------------------------------------------------===//

static constexpr const char *kInferenceDoc =
    R"(Normalizes ``x`` with given statistics.

``y = (x - mean) * scale / sqrt(variance + epsilon) + offset``

:param x: array of float16, bfloat16, float32 or float64, contiguous in some
    order of its dimensions.
:param scale: one element per channel, of the type of ``x`` or a wider one;
    None for 1.
:param offset: as ``scale``; None for 0.
:param mean: one element per channel, of the type of ``x`` or a wider one.
:param variance: as ``mean``.
:param axis: the dimension of the channels, or a list of them.
:param epsilon: added to the variance.
:param epilogue: what happens to each ``y`` before it is written: 'relu',
    'leaky_relu', 'add' (``y + addend``), 'add_relu' (the ReLU of the sum), or
    None. A NaN stays NaN.
:param slope: what a leaky ReLU multiplies negative numbers with.
:param addend: array of the shape, strides and type of ``x``, given exactly when
    the epilogue adds.
:param out: array for the result; may be ``x`` or ``addend``. None for a new
    one.
:returns: array of the shape, strides, type and framework of ``x``.
:raises ValueError: a shape, stride or value is not as expected; messages call
    ``x`` 'input' and the result 'output'.
:raises TypeError: an argument is not an array, or of another element type.)";

static constexpr const char *kTrainingDoc =
    R"(Normalizes ``x`` with its own statistics, and updates running ones.

``mean`` and ``variance`` (of the population) are those of each channel of
``x``; ``new_running = running * momentum + batch * (1 - momentum)``.

:param x: array of float16, bfloat16, float32 or float64, contiguous in some
    order of its dimensions.
:param scale: one element per channel, of the type of ``x`` or a wider one;
    None for 1.
:param offset: as ``scale``; None for 0.
:param running_mean: one element per channel; None when not wanted.
:param running_variance: given exactly when ``running_mean`` is.
:param momentum: the weight of the old running statistics.
:param running_variance_kind: 'population' (Keras, ONNX) or 'sample' (PyTorch):
    which variance of the batch goes into the running one.
:param mask: weights of the elements in the statistics, of the rank of ``x``,
    each size 1 or that of ``x``. Floats, or bool and integers, which are
    copied. What has weight 0 counts for nothing, even if it is NaN; it is
    normalized like the rest.
:param groups: how many parts of as many samples, with statistics of their own,
    dimension 0 is cut in; ``mean`` and ``variance`` then have one more
    dimension, the first, and the running statistics get the mean over the
    parts.
:param axis: the dimension of the channels, or a list of them.
:param epsilon: added to the variance.
:param epilogue: what happens to each ``y`` before it is written: 'relu',
    'leaky_relu', 'add' (``y + addend``), 'add_relu' (the ReLU of the sum), or
    None. A NaN stays NaN.
:param slope: what a leaky ReLU multiplies negative numbers with.
:param addend: array of the shape, strides and type of ``x``, given exactly when
    the epilogue adds.
:param save_bits: for an epilogue with a ReLU: also return which elements it
    has let pass, for ``backward``. What lies together in memory that is the
    channels of one position, or positions of one channel, has to be a multiple
    of 8 elements.
:param out: array for ``y``, or a tuple with an entry per result, None for a new
    one. ``y`` may be ``x`` or ``addend``, and new running statistics the old
    ones.
:returns: ``(y, mean, variance)``, with running statistics followed by
    ``new_running_mean, new_running_variance``, and with ``save_bits`` by
    ``bits``. ``y`` has the shape, strides and type of ``x``; statistics are of
    the type of ``out``'s mean, or of the running ones, or float32, float64 for
    float64 data. ``bits`` is a flat array of int8, an eighth as long as ``x``:
    bit ``i % 8`` of byte ``i // 8`` is 1 where element ``i``, in the order of
    memory, was not 0 or below before it was rounded: where it was NaN, too.
:raises ValueError: a shape, stride or value is not as expected; messages call
    ``x`` 'input' and ``y`` 'output'.
:raises TypeError: an argument is not an array, or of another element type.)";

static constexpr const char *kBackwardDoc =
    R"(Gradients of batch normalization.

With ``r = 1 / sqrt(variance + epsilon)`` and sums over a channel's ``n``
elements: ``offset_grad = sum(output_grad)``, ``scale_grad = sum(output_grad *
(x - mean)) * r``, and ``input_grad = scale * r * (output_grad - offset_grad / n
- (x - mean) * r * scale_grad / n)``.

:param output_grad: gradient of ``y``, of the shape, strides and type of ``x``.
:param x: the input of the forward call.
:param scale: that of the forward call; None for 1.
:param mean: the mean that the forward call used: of the batch, or, with
    ``frozen``, the running one.
:param variance: as ``mean``; with ``statistics_kind='inverse_std'``, ``r``.
:param mask: that of the forward call: ``n`` is the sum of its weights, and in
    ``input_grad`` what is subtracted is multiplied with them.
:param groups: that of the forward call: ``mean`` and ``variance`` then have one
    more dimension, the first, and the gradients of scale and offset are sums
    over the parts.
:param axis: the dimension of the channels, or a list of them.
:param epsilon: that of the forward call; not used with 'inverse_std'.
:param frozen: take ``mean`` and ``variance`` as constants: ``input_grad = scale *
    r * output_grad``.
:param statistics_kind: 'variance' (TensorFlow, oneDNN) or 'inverse_std'
    (PyTorch): what ``variance`` holds.
:param epilogue: that of the forward call: ``output_grad`` is the gradient of
    what it wrote.
:param slope: that of the forward call, above 0 unless there are ``bits``.
:param output: what the forward call wrote, for an epilogue with a ReLU: the
    gradient passes where it is above 0.
:param bits: what the forward call has saved with ``save_bits``, in the place
    of ``output``: an eighth of a byte to read for each element.
:param offset: that of the forward call (None for 0), for 'relu' and
    'leaky_relu' in the place of ``output``, whose sign is then computed again
    from ``x``. That is faster, and the same where ``mean`` and ``variance`` are
    the float64 that the forward call wrote; rounded to float32, they move the
    elements that are next to 0. It is the sign before ``output`` was rounded:
    what is above 0, and 0 in the type of the data (float16: below 3e-8), lets
    the gradient pass.
:param which: the gradients that are wanted, of 'input', 'scale', 'offset' and,
    where the epilogue adds one, 'addend'; the others cost nothing.
:param out: array for the first result, or a tuple with an entry per result,
    None for a new one. The gradients of ``x`` and of the addend may be
    ``output_grad`` or ``output``.
:returns: the gradients, in the order of ``which``: those of ``x`` and of the
    addend with the shape, strides and type of ``x``, the others of the type of
    ``scale``, or float32, float64 for float64 data.
:raises ValueError: a shape, stride or value is not as expected; messages call
    ``x`` 'input'.
:raises TypeError: an argument is not an array, or of another element type.)";

void mlir::bn::python::bindFunctions(nb::module_ &module) {
  module.def(
      "inference", &inference, "x"_a.none(), "scale"_a.none(),
      "offset"_a.none(), "mean"_a.none(), "variance"_a.none(), nb::kw_only(),
      "axis"_a.none() = -1, "epsilon"_a.none() = 1e-3,
      "epilogue"_a = nb::none(), "slope"_a.none() = 0.01,
      "addend"_a = nb::none(), "out"_a = nb::none(), kInferenceDoc,
      nb::sig("def inference(x: A, scale: Array | None, offset: Array | None, "
              "mean: Array, variance: Array, *, axis: Axis = -1, "
              "epsilon: float = 1e-3, epilogue: Epilogue | None = None, "
              "slope: float = 0.01, addend: Array | None = None, "
              "out: Array | None = None) -> A"));
  module.def(
      "training", &training, "x"_a.none(), "scale"_a = nb::none(),
      "offset"_a = nb::none(), "running_mean"_a = nb::none(),
      "running_variance"_a = nb::none(), nb::kw_only(),
      "momentum"_a.none() = 0.99,
      "running_variance_kind"_a.none() = "population", "mask"_a = nb::none(),
      "groups"_a.none() = 1, "axis"_a.none() = -1, "epsilon"_a.none() = 1e-3,
      "epilogue"_a = nb::none(), "slope"_a.none() = 0.01,
      "addend"_a = nb::none(), "save_bits"_a.none() = false,
      "out"_a = nb::none(), kTrainingDoc,
      nb::sig("def training(x: A, scale: Array | None = None, "
              "offset: Array | None = None, running_mean: Array | None = None, "
              "running_variance: Array | None = None, *, "
              "momentum: float = 0.99, "
              "running_variance_kind: VarianceKind = 'population', "
              "mask: Array | None = None, groups: int = 1, axis: Axis = -1, "
              "epsilon: float = 1e-3, epilogue: Epilogue | None = None, "
              "slope: float = 0.01, addend: Array | None = None, "
              "save_bits: bool = False, out: Out = None) -> tuple[A, ...]"));
  module.def(
      "backward", &backward, "output_grad"_a.none(), "x"_a.none(),
      "scale"_a.none(), "mean"_a.none(), "variance"_a.none(), nb::kw_only(),
      "mask"_a = nb::none(), "groups"_a.none() = 1, "axis"_a.none() = -1,
      "epsilon"_a.none() = 1e-3, "frozen"_a.none() = false,
      "statistics_kind"_a.none() = "variance", "epilogue"_a = nb::none(),
      "slope"_a.none() = 0.01, "output"_a = nb::none(), "bits"_a = nb::none(),
      "offset"_a.none() = nb::ellipsis(),
      "which"_a.none() = nb::make_tuple("input", "scale", "offset"),
      "out"_a = nb::none(), kBackwardDoc,
      nb::sig("def backward(output_grad: A, x: A, scale: Array | None, "
              "mean: Array, variance: Array, *, mask: Array | None = None, "
              "groups: int = 1, axis: Axis = -1, epsilon: float = 1e-3, "
              "frozen: bool = False, "
              "statistics_kind: StatisticsKind = 'variance', "
              "epilogue: Epilogue | None = None, slope: float = 0.01, "
              "output: Array | None = None, bits: Array | None = None, "
              "offset: Array | None = ..., "
              "which: Sequence[Gradient] = ('input', 'scale', 'offset'), "
              "out: Out = None) -> tuple[A, ...]"));
}
