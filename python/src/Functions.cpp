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

#include "Bindings.h"
#include "Call.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir::bn;
using namespace mlir::bn::python;
using namespace nanobind::literals;
using Kind = BatchNormSpec::Kind;

[[noreturn]] static void raiseNotImplemented(const std::string &message) {
  PyErr_SetString(PyExc_NotImplementedError, message.c_str());
  throw nb::python_error();
}

static nb::object inference(nb::handle x, nb::handle scale, nb::handle offset,
                            nb::handle mean, nb::handle variance,
                            nb::handle axis, double epsilon, nb::handle out) {
  Call call(Kind::Inference, x, axis, epsilon);
  call.setOut(out, 1);
  call.addScaleAndOffset(scale, offset);
  call.spec.statisticsType = call.addChannels(mean, "mean");
  call.addChannels(variance, "variance");
  call.addOutput();
  call.run();
  return call.takeResult(0);
}

static BatchNormSpec::RunningVariance convertKind(llvm::StringRef kind) {
  if (kind == "population")
    return BatchNormSpec::RunningVariance::Population;
  if (kind == "sample")
    return BatchNormSpec::RunningVariance::Sample;
  raiseValueError(llvm::formatv("expected 'running_variance_kind' to be "
                                "'population' or 'sample', got '{0}'",
                                kind));
}

static void addRunningStats(Call &call, nb::handle mean, nb::handle variance,
                            double momentum, const char *kind) {
  call.spec.hasRunningStats = true;
  call.spec.momentum = momentum;
  call.spec.runningVariance = convertKind(kind);
  call.spec.statisticsType = call.addChannels(mean, "running_mean");
  call.addChannels(variance, "running_variance");
}

static nb::object training(nb::handle x, nb::handle scale, nb::handle offset,
                           nb::handle runningMean, nb::handle runningVariance,
                           double momentum, const char *runningVarianceKind,
                           nb::handle mask, nb::handle axis, double epsilon,
                           nb::handle out) {
  if (!mask.is_none())
    raiseNotImplemented("expected 'mask' to be None, got an array: masks "
                        "cannot be lowered yet");
  bool hasRunningStats = !runningMean.is_none();
  if (hasRunningStats == runningVariance.is_none())
    raiseValueError(llvm::formatv("expected 'running_mean' and "
                                  "'running_variance' or neither, got only "
                                  "'running_{0}'",
                                  hasRunningStats ? "mean" : "variance"));
  Call call(Kind::Training, x, axis, epsilon);
  call.setOut(out, hasRunningStats ? 5 : 3);
  call.addScaleAndOffset(scale, offset);
  if (hasRunningStats)
    addRunningStats(call, runningMean, runningVariance, momentum,
                    runningVarianceKind);
  else
    call.spec.statisticsType = call.getOutType(1, call.spec.statisticsType);
  call.addOutput();
  call.addChannelsOutput("mean");
  call.addChannelsOutput("variance");
  if (hasRunningStats) {
    call.addChannelsOutput("new_running_mean");
    call.addChannelsOutput("new_running_variance");
  }
  call.run();
  return call.takeResults();
}

static nb::object backward(nb::handle outputGrad, nb::handle x,
                           nb::handle scale, nb::handle mean,
                           nb::handle variance, nb::handle axis, double epsilon,
                           bool frozen, nb::handle which, nb::handle out) {
  Call call(Kind::Backward, x, axis, epsilon);
  raiseNotImplemented(llvm::toString(call.spec.verify()));
}

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
:param out: array for the result; may be ``x``. None for a new one.
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
:param mask: must be None.
:param axis: the dimension of the channels, or a list of them.
:param epsilon: added to the variance.
:param out: array for ``y``, or a tuple with an entry per result, None for a new
    one. ``y`` may be ``x``, and new running statistics the old ones.
:returns: ``(y, mean, variance)``, with running statistics followed by
    ``new_running_mean, new_running_variance``. ``y`` has the shape, strides and
    type of ``x``; statistics are float32, float64 for float64 data, or of the
    type of the running ones.
:raises ValueError: a shape, stride or value is not as expected; messages call
    ``x`` 'input' and ``y`` 'output'.
:raises TypeError: an argument is not an array, or of another element type.
:raises NotImplementedError: ``mask`` is given.)";

static constexpr const char *kBackwardDoc =
    R"(Gradients of :func:`training`; of :func:`inference` if ``frozen``.

:raises NotImplementedError: the compiler cannot lower it yet.)";

void mlir::bn::python::bindFunctions(nb::module_ &module) {
  module.def(
      "inference", &inference, "x"_a, "scale"_a.none(), "offset"_a.none(),
      "mean"_a, "variance"_a, nb::kw_only(), "axis"_a = -1, "epsilon"_a = 1e-3,
      "out"_a = nb::none(), kInferenceDoc,
      nb::sig("def inference(x: A, scale: Array | None, offset: Array | None, "
              "mean: Array, variance: Array, *, axis: Axis = -1, "
              "epsilon: float = 1e-3, out: Array | None = None) -> A"));
  module.def(
      "training", &training, "x"_a, "scale"_a = nb::none(),
      "offset"_a = nb::none(), "running_mean"_a = nb::none(),
      "running_variance"_a = nb::none(), nb::kw_only(), "momentum"_a = 0.99,
      "running_variance_kind"_a = "population", "mask"_a = nb::none(),
      "axis"_a = -1, "epsilon"_a = 1e-3, "out"_a = nb::none(), kTrainingDoc,
      nb::sig("def training(x: A, scale: Array | None = None, "
              "offset: Array | None = None, running_mean: Array | None = None, "
              "running_variance: Array | None = None, *, "
              "momentum: float = 0.99, "
              "running_variance_kind: VarianceKind = 'population', "
              "mask: Array | None = None, axis: Axis = -1, "
              "epsilon: float = 1e-3, out: Out = None) -> tuple[A, ...]"));
  module.def(
      "backward", &backward, "output_grad"_a, "x"_a, "scale"_a.none(),
      "mean"_a, "variance"_a, nb::kw_only(), "axis"_a = -1, "epsilon"_a = 1e-3,
      "frozen"_a = false,
      "which"_a = nb::make_tuple("input", "scale", "offset"),
      "out"_a = nb::none(), kBackwardDoc,
      nb::sig("def backward(output_grad: A, x: A, scale: Array | None, "
              "mean: Array, variance: Array, *, axis: Axis = -1, "
              "epsilon: float = 1e-3, frozen: bool = False, "
              "which: Sequence[Gradient] = ('input', 'scale', 'offset'), "
              "out: Out = None) -> tuple[A, ...]"));
}
