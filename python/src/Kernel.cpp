//===- Kernel.cpp - Spec, Kernel and compile --------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel that is compiled once and called often, and what became of it on
// the way: the IR of each phase, the strategy, the assembly.
//
// Phase: all.
//
//===----------------------------------------------------------------------===//

#include "Bindings.h"
#include "KernelObject.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

using namespace mlir::bn;
using namespace mlir::bn::python;
using namespace nanobind::literals;
using Kind = BatchNormSpec::Kind;

//===----------------------------------------------------------------------===//
// Spec
//===----------------------------------------------------------------------===//

/// Takes a name, or anything that prints one: a dtype of NumPy or of torch, a
/// type such as numpy.float32.
static DType convertDTypeName(nb::handle value, const char *name) {
  bool isType = nb::isinstance<nb::type_object>(value);
  nb::str text(isType ? value.attr("__name__") : nb::str(value));
  llvm::StringRef word = text.c_str();
  word.consume_front("torch.");
  auto dtype = llvm::StringSwitch<std::optional<DType>>(word)
                   .Cases({"f16", "float16"}, DType::F16)
                   .Cases({"bf16", "bfloat16"}, DType::BF16)
                   .Cases({"f32", "float32"}, DType::F32)
                   .Cases({"f64", "float64"}, DType::F64)
                   .Default(std::nullopt);
  if (!dtype)
    raiseTypeError(llvm::formatv("expected '{0}' to be {1}, got {2}", name,
                                 kFloatNames, word));
  return *dtype;
}

static Kind convertKindName(llvm::StringRef name) {
  BatchNormSpec spec;
  for (Kind kind :
       {Kind::Training, Kind::Inference, Kind::Backward, Kind::Stats,
        Kind::MergeStats, Kind::UpdateRunningStats, Kind::Normalize,
        Kind::BackwardReduce, Kind::BackwardInput}) {
    spec.kind = kind;
    if (spec.getKindName() == name)
      return kind;
  }
  raiseValueError(llvm::formatv("expected 'kind' to be the name of an op, such "
                                "as 'training', got '{0}'",
                                name));
}

BatchNormSpec::Epilogue mlir::bn::python::convertEpilogue(nb::handle name) {
  using Epilogue = BatchNormSpec::Epilogue;
  if (name.is_none())
    return Epilogue::None;
  const char *text;
  if (!nb::try_cast<const char *>(name, text))
    raiseTypeError(llvm::formatv("expected 'epilogue' to be a name or None, "
                                 "got {0}",
                                 nb::repr(name).c_str()));
  BatchNormSpec spec;
  for (Epilogue epilogue : {Epilogue::Relu, Epilogue::LeakyRelu, Epilogue::Add,
                            Epilogue::AddRelu}) {
    spec.epilogue = epilogue;
    if (spec.getEpilogueName() == text)
      return epilogue;
  }
  raiseValueError(llvm::formatv("expected 'epilogue' to be None, 'relu', "
                                "'leaky_relu', 'add' or 'add_relu', got '{0}'",
                                text));
}

/// Sizes of an array; -1 for None.
static DimVector convertShape(nb::handle shape, const char *name) {
  DimVector sizes;
  if (nb::isinstance<nb::str>(shape) || !nb::hasattr(shape, "__iter__"))
    raiseTypeError(llvm::formatv("expected '{0}' to be a tuple of ints and "
                                 "None, got {1}",
                                 name, nb::repr(shape).c_str()));
  for (nb::handle size : shape) {
    int64_t known = -1;
    bool isKnown = size.is_none() || nb::try_cast<int64_t>(size, known);
    if (!isKnown && !PyLong_Check(size.ptr()))
      raiseTypeError(llvm::formatv("expected '{0}' to hold ints and None, got "
                                   "{1}",
                                   name, nb::repr(size).c_str()));
    if (!isKnown)
      raiseValueError(llvm::formatv("expected '{0}' to hold ints of 64 bits, "
                                    "got {1}",
                                    name, nb::repr(size).c_str()));
    sizes.push_back(known);
  }
  return sizes;
}

static void initSpec(BatchNormSpec *self, const char *kind, nb::handle shape,
                     nb::handle axis, nb::handle dtype,
                     nb::handle parameterType, nb::handle statisticsType,
                     nb::handle runningType, double epsilon, double momentum,
                     const char *varianceKind, bool hasScale, bool hasOffset,
                     bool hasRunningStats, bool hasMean, bool hasVariance,
                     nb::handle which, bool frozen, const char *statisticsKind,
                     int64_t groups, nb::handle maskShape, nb::handle maskType,
                     nb::handle epilogue, double slope, bool recomputesOutput,
                     bool hasBits, bool renormalized, double renormMomentum,
                     int64_t threads) {
  BatchNormSpec spec;
  spec.kind = convertKindName(kind);
  spec.shape = convertShape(shape, "shape");
  spec.axis = convertAxis(axis, spec.shape.size());
  spec.elementType = convertDTypeName(dtype, "dtype");
  DType wide = spec.elementType == DType::F64 ? DType::F64 : DType::F32;
  spec.parameterType = parameterType.is_none()
                           ? wide
                           : convertDTypeName(parameterType, "parameter_dtype");
  spec.statisticsType =
      statisticsType.is_none()
          ? (spec.kind == Kind::Stats ? DType::F64 : wide)
          : convertDTypeName(statisticsType, "statistics_dtype");
  if (!runningType.is_none())
    spec.runningType = convertDTypeName(runningType, "running_dtype");
  spec.epsilon = epsilon;
  spec.momentum = momentum;
  spec.runningVariance = convertVarianceKind(varianceKind);
  spec.hasScale = hasScale;
  spec.hasOffset = hasOffset;
  spec.hasRunningStats = hasRunningStats;
  spec.hasMean = hasMean;
  spec.hasVariance = hasVariance;
  setWhich(spec, which);
  spec.isFrozen = frozen;
  spec.epilogue = convertEpilogue(epilogue);
  spec.slope = slope;
  spec.recomputesOutput = recomputesOutput;
  spec.hasBits = hasBits;
  spec.statisticsKind = convertStatisticsKind(statisticsKind);
  spec.groups = groups;
  if (!maskShape.is_none())
    spec.maskShape = convertShape(maskShape, "mask_shape");
  spec.maskType =
      maskType.is_none() ? wide : convertDTypeName(maskType, "mask_dtype");
  spec.isRenormalized = renormalized;
  spec.renormMomentum = renormMomentum;
  spec.threads = threads;
  raiseIfError(spec.verify());
  new (self) BatchNormSpec(std::move(spec));
}

static void bindSpec(nb::module_ &module) {
  nb::class_<BatchNormSpec>(
      module, "Spec",
      "Which kernel is wanted. ``shape`` may hold None for a size that is "
      "known "
      "only at\nthe call; arguments that its kind does not have are ignored.")
      .def("__init__", &initSpec, "kind"_a, "shape"_a, nb::kw_only(),
           "axis"_a = -1, "dtype"_a = "float32",
           "parameter_dtype"_a = nb::none(), "statistics_dtype"_a = nb::none(),
           "running_dtype"_a = nb::none(), "epsilon"_a = 1e-3,
           "momentum"_a = 0.99, "running_variance_kind"_a = "population",
           "has_scale"_a = true, "has_offset"_a = true,
           "has_running_stats"_a = true, "has_mean"_a = true,
           "has_variance"_a = true,
           "which"_a = nb::make_tuple("input", "scale", "offset"),
           "frozen"_a = false, "statistics_kind"_a = "variance", "groups"_a = 1,
           "mask_shape"_a = nb::none(), "mask_dtype"_a = nb::none(),
           "epilogue"_a = nb::none(), "slope"_a = 0.01,
           "recomputes_output"_a = false, "has_bits"_a = false,
           "renormalized"_a = false, "renorm_momentum"_a = 0.99,
           "threads"_a = 0,
           nb::sig("def __init__(self, kind: Kind, shape: "
                   "Sequence[int | None], *, axis: Axis = -1, "
                   "dtype: object = 'float32', "
                   "parameter_dtype: object = None, "
                   "statistics_dtype: object = None, "
                   "running_dtype: object = None, epsilon: float = 1e-3, "
                   "momentum: float = 0.99, "
                   "running_variance_kind: VarianceKind = 'population', "
                   "has_scale: bool = True, has_offset: bool = True, "
                   "has_running_stats: bool = True, has_mean: bool = True, "
                   "has_variance: bool = True, which: Sequence[Gradient] = "
                   "('input', 'scale', 'offset'), frozen: bool = False, "
                   "statistics_kind: StatisticsKind = 'variance', "
                   "groups: int = 1, "
                   "mask_shape: Sequence[int | None] | None = None, "
                   "mask_dtype: object = None, "
                   "epilogue: Epilogue | None = None, slope: float = 0.01, "
                   "recomputes_output: bool = False, has_bits: bool = False, "
                   "renormalized: bool = False, "
                   "renorm_momentum: float = 0.99, threads: int = 0) -> None"))
      .def_prop_ro(
          "kind",
          [](const BatchNormSpec &spec) { return spec.getKindName().str(); })
      .def_prop_ro("allows_bits", &BatchNormSpec::allowsBits,
                   "Whether ``has_bits`` is possible: what lies together in "
                   "memory that is the\nchannels of one position, or positions "
                   "of one channel, is a multiple of 8.")
      .def_prop_ro("key", &BatchNormSpec::getKey,
                   "Text that is equal for specs that mean the same kernel.")
      .def_prop_ro(
          "arguments",
          [](const BatchNormSpec &spec) {
            return listArguments(spec.getSignature());
          },
          "Name, element type, sizes (None: any) and access of each argument "
          "of the kernel.",
          nb::sig("def arguments(self) -> list[tuple[str, str, "
                  "tuple[int | None, ...], str]]"))
      .def("__repr__",
           [](const BatchNormSpec &spec) {
             return "<bn_mlir.Spec " + spec.getKey() + ">";
           })
      .def(
          "__eq__",
          [](const BatchNormSpec &spec, nb::handle other) {
            return nb::isinstance<BatchNormSpec>(other) &&
                   spec.getKey() ==
                       nb::cast<const BatchNormSpec &>(other).getKey();
          },
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def("__hash__", [](const BatchNormSpec &spec) {
        return nb::hash(nb::str(spec.getKey().c_str()));
      });
}

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

static void bindIR(nb::module_ &module) {
  nb::class_<KernelIR>(module, "KernelIR",
                       "The module of a kernel after each phase, made when it "
                       "is asked for.")
      .def("__getitem__", &KernelIR::get, "phase"_a)
      .def("__contains__", &KernelIR::contains, "phase"_a)
      .def("__len__", [](const KernelIR &) { return getAllPhases().size(); })
      .def("keys", &KernelIR::getNames)
      .def(
          "__iter__",
          [](const KernelIR &ir) { return nb::iter(nb::cast(ir.getNames())); },
          nb::sig("def __iter__(self) -> Iterator[str]"));
}

void mlir::bn::python::bindKernel(nb::module_ &module) {
  bindSpec(module);
  bindIR(module);
  nb::class_<KernelObject>(module, "Kernel",
                           "Compiled code that can be called with arrays; "
                           "made by :func:`compile`.")
      .def(
          "__call__", &KernelObject::call, "arrays"_a, nb::kw_only(),
          "out"_a = nb::none(),
          "Calls the kernel with its inputs, in order, in C order of the "
          "spec's dimensions.\nA kernel of a spec makes the results that "
          "``out`` does not give: it may be an\narray, or a tuple with an "
          "entry per result, None for a new one. A function of a\nmodule takes "
          "all its arguments, and may write to each array.",
          nb::sig("def __call__(self, *arrays: Array, out: Out = None) -> "
                  "Any"))
      .def_prop_ro("arguments", &KernelObject::getArguments,
                   "Name, element type, sizes (None: any) and access of each "
                   "argument.",
                   nb::sig("def arguments(self) -> list[tuple[str, str, "
                           "tuple[int | None, ...], str]]"))
      .def_prop_ro("ir", &KernelObject::getIR,
                   "The module after each phase: input, bn, tiled, linalg, "
                   "vector, buffer, llvm.",
                   nb::sig("def ir(self) -> KernelIR"))
      .def_prop_ro("strategy", &KernelObject::getStrategy,
                   "How the ops become loops: a ``#bn.lowering_strategy`` per "
                   "line.")
      .def_prop_ro("asm", &KernelObject::getAssembly, "The machine code.")
      .def_prop_ro("source_hash", &KernelObject::getSourceHash,
                   "SHA-256 of what was compiled.")
      .def("__repr__", &KernelObject::print);
  module.def(
      "compile", &KernelObject::compile, "source"_a, "entry"_a = "",
      "Compiles a :class:`Spec`, or function ``entry`` of a module of MLIR, "
      "which may be\nleft out where there is only one.\n\n"
      ":raises CompileError: with the compiler's diagnostics.",
      nb::sig("def compile(source: Spec | str, entry: str = '') -> Kernel"));
}
