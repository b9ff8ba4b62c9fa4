//===- Structural.cpp - The steps of batch normalization --------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One function per structural op of the dialect: what synchronized and grouped
// batch normalization are made of.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "Bindings.h"
#include "Call.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir::bn;
using namespace mlir::bn::python;
using namespace nanobind::literals;
using Initial = Call::Initial;
using Kind = BatchNormSpec::Kind;

BatchNormSpec::RunningVariance
mlir::bn::python::convertVarianceKind(llvm::StringRef kind) {
  if (kind == "population")
    return BatchNormSpec::RunningVariance::Population;
  if (kind == "sample")
    return BatchNormSpec::RunningVariance::Sample;
  raiseValueError(llvm::formatv("expected 'running_variance_kind' to be "
                                "'population' or 'sample', got '{0}'",
                                kind));
}

BatchNormSpec::StatisticsKind
mlir::bn::python::convertStatisticsKind(llvm::StringRef kind) {
  if (kind == "variance")
    return BatchNormSpec::StatisticsKind::Variance;
  if (kind == "inverse_std")
    return BatchNormSpec::StatisticsKind::InverseStd;
  raiseValueError(llvm::formatv("expected 'statistics_kind' to be 'variance' "
                                "or 'inverse_std', got '{0}'",
                                kind));
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

static nb::object stats(nb::handle x, nb::handle mask, nb::handle axis,
                        nb::handle out) {
  Call call(Kind::Stats);
  call.setInput(x, axis);
  call.setOut(out, 3);
  DType type = call.spec.statisticsType = call.getOutType(1, DType::F64);
  call.addInput();
  call.addMask(mask);
  call.addChannelsOutput(0, "count", DType::F64, Initial::Zero);
  call.addChannelsOutput(1, "mean", type, Initial::Zero);
  call.addChannelsOutput(2, "m2", type, Initial::Zero);
  call.run();
  return call.takeResults();
}

static nb::tuple checkTriple(nb::handle value, const char *name) {
  nb::tuple triple = nb::tuple(nb::borrow(value));
  if (triple.size() != 3)
    raiseValueError(llvm::formatv("expected '{0}' to be (count, mean, m2), got "
                                  "{1} entries",
                                  name, triple.size()));
  return triple;
}

static nb::object mergeStats(nb::handle total, nb::handle part,
                             nb::handle out) {
  nb::tuple a = checkTriple(total, "total"), b = checkTriple(part, "part");
  Call call(Kind::MergeStats);
  call.setChannels(b[0], "count");
  call.setOut(out, 3);
  call.addChannels(b[0], "count", DType::F64);
  call.spec.elementType = call.spec.parameterType = call.spec.statisticsType =
      call.addChannels(b[1], "mean");
  call.addChannels(b[2], "m2", call.spec.statisticsType);
  call.addChannelsOutput(0, "total_count", a[0]);
  call.addChannelsOutput(1, "total_mean", a[1]);
  call.addChannelsOutput(2, "total_m2", a[2]);
  call.run();
  return call.takeResults();
}

/// A type that both are the same as or wider than: what a spec asks for.
static DType getNarrower(DType a, DType b) {
  return getByteSize(a) < getByteSize(b) ? a : b;
}

static nb::object
updateRunningStats(nb::handle count, nb::handle mean, nb::handle variance,
                   nb::handle runningMean, nb::handle runningVariance,
                   nb::handle momentum, nb::handle kind, nb::handle out) {
  Call call(Kind::UpdateRunningStats);
  BatchNormSpec &spec = call.spec;
  call.setChannels(count, "count");
  call.setOut(out, 2);
  spec.momentum = convertArgument<double>(momentum, "momentum");
  spec.runningVariance = convertVarianceKind(
      convertArgument<const char *>(kind, "running_variance_kind"));
  call.addChannels(count, "count", DType::F64);
  spec.statisticsType = call.addChannels(mean, "mean");
  call.addChannels(variance, "variance", spec.statisticsType);
  spec.parameterType = call.addChannels(runningMean, "running_mean");
  call.addChannels(runningVariance, "running_variance", spec.parameterType);
  spec.elementType = getNarrower(spec.statisticsType, spec.parameterType);
  call.addChannelsOutput(0, "new_running_mean", spec.parameterType);
  call.addChannelsOutput(1, "new_running_variance", spec.parameterType);
  call.run();
  return call.takeResults();
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

static nb::object normalize(nb::handle x, nb::handle mean, nb::handle variance,
                            nb::handle scale, nb::handle offset,
                            nb::handle axis, nb::handle epsilon,
                            nb::handle out) {
  Call call(Kind::Normalize);
  BatchNormSpec &spec = call.spec;
  call.setInput(x, axis);
  call.setOut(out, 1);
  spec.hasMean = !mean.is_none();
  spec.hasVariance = !variance.is_none();
  spec.epsilon =
      spec.hasVariance ? convertArgument<double>(epsilon, "epsilon") : 0;
  call.addInput();
  if (spec.hasMean)
    spec.statisticsType = call.addChannels(mean, "mean");
  if (spec.hasMean && spec.hasVariance)
    call.addChannels(variance, "variance", spec.statisticsType);
  else if (spec.hasVariance)
    spec.statisticsType = call.addChannels(variance, "variance");
  call.addScaleAndOffset(scale, offset);
  call.addOutput(0, "output");
  call.run();
  return call.takeResult(0);
}

static nb::object backwardReduce(nb::handle outputGrad, nb::handle x,
                                 nb::handle mean, nb::handle axis,
                                 nb::handle out) {
  Call call(Kind::BackwardReduce);
  call.setInput(x, axis);
  call.setOut(out, 2);
  call.addData(outputGrad, "output_grad");
  call.addInput();
  DType type = call.spec.statisticsType = call.addChannels(mean, "mean");
  call.addChannelsOutput(0, "sum_dy", type, Initial::Zero);
  call.addChannelsOutput(1, "sum_dy_xmu", type, Initial::Zero);
  call.run();
  return call.takeResults();
}

static nb::object backwardInput(nb::handle outputGrad, nb::handle x,
                                nb::handle a, nb::handle b, nb::handle c,
                                nb::handle mean, nb::handle axis,
                                nb::handle out) {
  Call call(Kind::BackwardInput);
  call.setInput(x, axis);
  call.setOut(out, 1);
  call.addData(outputGrad, "output_grad");
  call.addInput();
  call.spec.hasMean = !mean.is_none();
  if (call.spec.hasMean)
    call.spec.statisticsType = call.addChannels(mean, "mean");
  call.spec.parameterType = call.addChannels(a, "a");
  call.addChannels(b, "b", call.spec.parameterType);
  call.addChannels(c, "c", call.spec.parameterType);
  call.addOutput(0, "input_grad");
  call.run();
  return call.takeResult(0);
}

//===----------------------------------------------------------------------===//
// Bindings
//===----------------------------------------------------------------------===//

static void bindStatistics(nb::module_ &module) {
  module.def(
      "stats", &stats, "x"_a.none(), nb::kw_only(), "mask"_a = nb::none(),
      "axis"_a.none() = -1, "out"_a = nb::none(),
      "Statistics of each channel of ``x`` that can be merged: the number of "
      "elements,\ntheir mean, and the sum of squared differences from it. The "
      "variance is\n``m2 / count``. float64, or ``mean`` and ``m2`` of the "
      "type "
      "of ``out``'s. With a mask, as that of :func:`training`, the number is "
      "the sum\nof the weights.",
      nb::sig("def stats(x: A, *, mask: Array | None = None, axis: Axis = -1, "
              "out: Out = None) -> tuple[A, A, A]"));
  module.def(
      "merge_stats", &mergeStats, "total"_a.none(), "part"_a.none(),
      nb::kw_only(), "out"_a = nb::none(),
      "Merges two results of :func:`stats`, of other elements of the same "
      "channels. With\n``out=total`` it is added to in place.",
      nb::sig("def merge_stats(total: tuple[A, A, A], part: tuple[A, A, A], *, "
              "out: Out = None) -> tuple[A, A, A]"));
  module.def(
      "update_running_stats", &updateRunningStats, "count"_a.none(),
      "mean"_a.none(), "variance"_a.none(), "running_mean"_a.none(),
      "running_variance"_a.none(), nb::kw_only(), "momentum"_a.none() = 0.99,
      "running_variance_kind"_a.none() = "population", "out"_a = nb::none(),
      "The moving average of :func:`training`: ``running * momentum + batch * "
      "(1 -\nmomentum)``, from the number of elements (float64) and the "
      "population variance\nof the batch. Where ``count`` is 0 nothing "
      "changes.",
      nb::sig("def update_running_stats(count: Array, mean: Array, "
              "variance: Array, running_mean: A, running_variance: A, *, "
              "momentum: float = 0.99, "
              "running_variance_kind: VarianceKind = 'population', "
              "out: Out = None) -> tuple[A, A]"));
}

static void bindData(nb::module_ &module) {
  module.def(
      "normalize", &normalize, "x"_a.none(), "mean"_a = nb::none(),
      "variance"_a = nb::none(), "scale"_a = nb::none(),
      "offset"_a = nb::none(), nb::kw_only(), "axis"_a.none() = -1,
      "epsilon"_a.none() = 1e-3, "out"_a = nb::none(),
      "``(x - mean) * scale / sqrt(variance + epsilon) + offset``; what is "
      "None "
      "is left out.\nA float64 mean keeps the result exact where the mean is "
      "large.",
      nb::sig("def normalize(x: A, mean: Array | None = None, "
              "variance: Array | None = None, scale: Array | None = None, "
              "offset: Array | None = None, *, axis: Axis = -1, "
              "epsilon: float = 1e-3, out: Array | None = None) -> A"));
  module.def(
      "backward_reduce", &backwardReduce, "output_grad"_a.none(), "x"_a.none(),
      "mean"_a.none(), nb::kw_only(), "axis"_a.none() = -1,
      "out"_a = nb::none(),
      "Per channel: the sums of ``output_grad`` and of ``output_grad * (x - "
      "mean)``, of the\ntype of ``mean``.",
      nb::sig("def backward_reduce(output_grad: A, x: A, mean: Array, *, "
              "axis: Axis = -1, out: Out = None) -> tuple[A, A]"));
  module.def(
      "backward_input", &backwardInput, "output_grad"_a.none(), "x"_a.none(),
      "a"_a.none(), "b"_a.none(), "c"_a.none(), nb::kw_only(),
      "mean"_a = nb::none(), "axis"_a.none() = -1, "out"_a = nb::none(),
      "``a * output_grad + b * (x - mean) + c``, with one ``a``, ``b``, ``c`` "
      "and ``mean``\nper channel; a mean of None is 0. A float64 mean keeps "
      "the "
      "result exact where the\nmean is large.",
      nb::sig("def backward_input(output_grad: A, x: A, a: Array, b: Array, "
              "c: Array, *, mean: Array | None = None, axis: Axis = -1, out: "
              "Array | None = None) -> A"));
}

void mlir::bn::python::bindStructural(nb::module_ &module) {
  bindStatistics(module);
  bindData(module);
}
