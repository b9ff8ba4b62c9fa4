//===- Renormalization.cpp - Batch renormalization --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The user-level functions of batch renormalization.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "Bindings.h"
#include "Call.h"

#include "llvm/Support/FormatVariadic.h"

#include <limits>

using namespace mlir::bn;
using namespace mlir::bn::python;
using namespace nanobind::literals;
using Kind = BatchNormSpec::Kind;

/// Limits are numbers of the call, which no kernel can check.
static void checkLimits(double rMin, double rMax, double dMax) {
  if (!(rMin <= rMax))
    raiseValueError(llvm::formatv(
        "expected 'r_min' to be at most 'r_max' ({0}), got {1}", rMax, rMin));
  if (!(dMax >= 0))
    raiseValueError(
        llvm::formatv("expected 'd_max' to be 0 or more, got {0}", dMax));
}

static nb::object
renormalization(nb::handle x, nb::handle scale, nb::handle offset,
                nb::handle renormMean, nb::handle renormStd,
                nb::handle runningMean, nb::handle runningStd, nb::handle rMin,
                nb::handle rMax, nb::handle dMax, nb::handle renormMomentum,
                nb::handle momentum, nb::handle mask, nb::handle axis,
                nb::handle epsilon, nb::handle epilogue, nb::handle slope,
                nb::handle addend, nb::handle out) {
  double limits[] = {convertArgument<double>(rMin, "r_min"),
                     convertArgument<double>(rMax, "r_max"),
                     convertArgument<double>(dMax, "d_max")};
  checkLimits(limits[0], limits[1], limits[2]);
  bool hasRunningStats =
      checkBothOrNone(runningMean, runningStd, "running_std");
  Call call(Kind::Training);
  BatchNormSpec &spec = call.spec;
  call.setInput(x, axis);
  call.setOut(out, hasRunningStats ? 9 : 7);
  spec.isRenormalized = true;
  spec.epsilon = convertArgument<double>(epsilon, "epsilon");
  spec.renormMomentum =
      convertArgument<double>(renormMomentum, "renorm_momentum");
  spec.hasRunningStats = hasRunningStats;
  call.addInput();
  call.addScaleAndOffset(scale, offset);
  DType type = spec.statisticsType =
      call.addChannels(renormMean, "renorm_mean");
  call.addChannels(renormStd, "renorm_std", type);
  if (hasRunningStats) {
    spec.momentum = convertArgument<double>(momentum, "momentum");
    call.addChannels(runningMean, "running_mean", type);
    call.addChannels(runningStd, "running_std", type);
  }
  for (double limit : limits)
    call.addScalar(limit);
  call.addMask(mask);
  call.setEpilogue(epilogue, convertArgument<double>(slope, "slope"), addend);
  call.addOutput(0, "output");
  size_t index = 1;
  for (const char *name :
       {"mean", "variance", "r", "d", "new_renorm_mean", "new_renorm_std"})
    call.addChannelsOutput(index++, name, type);
  if (hasRunningStats)
    for (const char *name : {"new_running_mean", "new_running_std"})
      call.addChannelsOutput(index++, name, type);
  call.run();
  return call.takeResults();
}

static nb::object renormalizationBackward(
    nb::handle outputGrad, nb::handle x, nb::handle scale, nb::handle mean,
    nb::handle variance, nb::handle r, nb::handle d, nb::handle mask,
    nb::handle axis, nb::handle epsilon, nb::handle epilogue, nb::handle slope,
    nb::handle output, nb::handle which, nb::handle out) {
  Call call(Kind::Backward);
  BatchNormSpec &spec = call.spec;
  call.setInput(x, axis);
  call.setWhich(which, out);
  spec.isRenormalized = true;
  spec.epsilon = convertArgument<double>(epsilon, "epsilon");
  spec.hasScale = !scale.is_none();
  call.addData(outputGrad, "output_grad");
  call.addInput();
  if (spec.hasScale)
    spec.parameterType = call.addChannels(scale, "scale");
  call.addStatistics(mean, variance, "variance");
  call.addChannels(r, "r", spec.statisticsType);
  call.addChannels(d, "d", spec.statisticsType);
  call.addMask(mask);
  call.setEpilogueOf(epilogue, convertArgument<double>(slope, "slope"), output,
                     /*bits=*/nb::none(), /*offset=*/nb::ellipsis());
  if (spec.takesOutput())
    call.addData(output, "output");
  call.addGradients();
  call.run();
  return call.takeResults();
}

//===----------------------------------------------------------------------===//
// Bindings
//===----------------------------------------------------------------------===//

static constexpr const char *kForwardDoc =
    R"(Batch renormalization: normalizes ``x`` with its own statistics, and corrects
that towards the averages over earlier batches.

``y = ((x - mean) / std * r + d) * scale + offset``, with ``std =
sqrt(variance + epsilon)``, ``r = std / renorm_std``, at least ``r_min`` and at
most ``r_max``, and ``d = (mean - renorm_mean) / renorm_std``, from ``-d_max`` to
``d_max``. To the gradients ``r`` and ``d`` are constants. Averages of mean and
``std``: ``new = old * momentum + batch * (1 - momentum)``.

:param x: array of float16, bfloat16, float32 or float64, contiguous in some
    order of its dimensions.
:param scale: one element per channel, of the type of ``x`` or a wider one;
    None for 1.
:param offset: as ``scale``; None for 0.
:param renorm_mean: average of the means of earlier batches, which ``d`` is made
    of.
:param renorm_std: average of their deviations, each with ``epsilon`` in it,
    which ``r`` and ``d`` are made of. At least the root of ``epsilon`` is taken.
:param running_mean: average for inference; None when not wanted.
:param running_std: given exactly when ``running_mean`` is: an average of
    deviations, too. Inference takes ``running_std**2 - epsilon``.
:param r_min: limit of ``r``; 0, the default, is none. The paper takes ``1 /
    r_max``.
:param r_max: limit of ``r``; 1 for plain batch normalization, with a ``d_max``
    of 0 and an ``r_min`` of 1.
:param d_max: limit of ``d``. Another limit costs no compilation, so that limits
    may change from step to step.
:param renorm_momentum: the weight of the old ``renorm_mean`` and ``renorm_std``.
:param momentum: the weight of the old ``running_mean`` and ``running_std``.
:param mask: weights of the elements in the statistics, as that of
    :func:`training`.
:param axis: the dimension of the channels, or a list of them.
:param epsilon: added to the variance.
:param epilogue: what happens to each ``y`` before it is written: 'relu',
    'leaky_relu', 'add' (``y + addend``), 'add_relu' (the ReLU of the sum), or
    None. A NaN stays NaN.
:param slope: what a leaky ReLU multiplies negative numbers with.
:param addend: array of the shape, strides and type of ``x``, given exactly when
    the epilogue adds.
:param out: array for ``y``, or a tuple with an entry per result, None for a new
    one. ``y`` may be ``x`` or ``addend``, and a new average the old one.
:returns: ``(y, mean, variance, r, d, new_renorm_mean, new_renorm_std)``, with
    running statistics followed by ``new_running_mean, new_running_std``.
    ``mean``, ``variance``, ``r`` and ``d`` are what
    :func:`renormalization_backward` takes. ``y`` has the shape, strides and type
    of ``x``, the others the type of ``renorm_mean``. Of no elements, ``mean``
    and ``variance`` are 0, ``r`` is 1, ``d`` is 0, and averages stay.
:raises ValueError: a shape, stride or value is not as expected; messages call
    ``x`` 'input' and ``y`` 'output'.
:raises TypeError: an argument is not an array, or of another element type.)";

static constexpr const char *kBackwardDoc =
    R"(Gradients of batch renormalization.

With those that :func:`backward` gives for a scale of ``scale * r``:
``offset_grad`` and ``input_grad`` are the same, and ``scale_grad`` is ``r``
times that one and ``d * offset_grad``.

:param output_grad: gradient of ``y``, of the shape, strides and type of ``x``.
:param x: the input of the forward call.
:param scale: that of the forward call; None for 1.
:param mean: that of the forward call, as ``variance``, ``r`` and ``d``.
:param mask: that of the forward call.
:param axis: the dimension of the channels, or a list of them.
:param epsilon: that of the forward call.
:param epilogue: that of the forward call: ``output_grad`` is the gradient of
    what it wrote.
:param slope: that of the forward call, above 0.
:param output: what the forward call wrote, given exactly when the epilogue has a
    ReLU: the gradient passes where it is above 0.
:param which: the gradients that are wanted, of 'input', 'scale', 'offset' and,
    where the epilogue adds one, 'addend'; the others cost nothing.
:param out: array for the first result, or a tuple with an entry per result,
    None for a new one. The gradient of ``x`` may be ``output_grad``.
:returns: the gradients, in the order of ``which``: that of ``x`` with its shape,
    strides and type, the others of the type of ``scale``, or float32, float64
    for float64 data.
:raises ValueError: a shape, stride or value is not as expected; messages call
    ``x`` 'input'.
:raises TypeError: an argument is not an array, or of another element type.)";

void mlir::bn::python::bindRenormalization(nb::module_ &module) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  module.def(
      "renormalization", &renormalization, "x"_a.none(), "scale"_a.none(),
      "offset"_a.none(), "renorm_mean"_a.none(), "renorm_std"_a.none(),
      "running_mean"_a = nb::none(), "running_std"_a = nb::none(),
      nb::kw_only(), "r_min"_a.none() = 0.0, "r_max"_a.none() = infinity,
      "d_max"_a.none() = infinity, "renorm_momentum"_a.none() = 0.99,
      "momentum"_a.none() = 0.99, "mask"_a = nb::none(), "axis"_a.none() = -1,
      "epsilon"_a.none() = 1e-3, "epilogue"_a = nb::none(),
      "slope"_a.none() = 0.01, "addend"_a = nb::none(), "out"_a = nb::none(),
      kForwardDoc,
      nb::sig("def renormalization(x: A, scale: Array | None, "
              "offset: Array | None, renorm_mean: Array, renorm_std: Array, "
              "running_mean: Array | None = None, "
              "running_std: Array | None = None, *, r_min: float = 0.0, "
              "r_max: float = float('inf'), d_max: float = float('inf'), "
              "renorm_momentum: float = 0.99, momentum: float = 0.99, "
              "mask: Array | None = None, axis: Axis = -1, "
              "epsilon: float = 1e-3, epilogue: Epilogue | None = None, "
              "slope: float = 0.01, addend: Array | None = None, "
              "out: Out = None) -> tuple[A, ...]"));
  module.def(
      "renormalization_backward", &renormalizationBackward,
      "output_grad"_a.none(), "x"_a.none(), "scale"_a.none(), "mean"_a.none(),
      "variance"_a.none(), "r"_a.none(), "d"_a.none(), nb::kw_only(),
      "mask"_a = nb::none(), "axis"_a.none() = -1, "epsilon"_a.none() = 1e-3,
      "epilogue"_a = nb::none(), "slope"_a.none() = 0.01,
      "output"_a = nb::none(),
      "which"_a.none() = nb::make_tuple("input", "scale", "offset"),
      "out"_a = nb::none(), kBackwardDoc,
      nb::sig("def renormalization_backward(output_grad: A, x: A, "
              "scale: Array | None, mean: Array, variance: Array, r: Array, "
              "d: Array, *, mask: Array | None = None, axis: Axis = -1, "
              "epsilon: float = 1e-3, epilogue: Epilogue | None = None, "
              "slope: float = 0.01, output: Array | None = None, "
              "which: Sequence[Gradient] = ('input', 'scale', 'offset'), "
              "out: Out = None) -> tuple[A, ...]"));
}
