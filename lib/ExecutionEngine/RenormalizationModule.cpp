//===- RenormalizationModule.cpp - Renormalization as ops -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Batch renormalization needs no op of its own: between the statistics and the
// normalization, or before and after the gradients, there is arithmetic on one
// number per channel, in f64. docs/Spec.md has the formulas.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "ChannelOpText.h"
#include "SpecText.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::bn;
using Kind = BatchNormSpec::Kind;

namespace {

/// Builds the ops of one spec.
class Renormalization {
public:
  Renormalization(llvm::raw_ostream &os, const BatchNormSpec &spec,
                  const KernelSignature &signature)
      : os(os), spec(spec), signature(signature),
        axis(spec.getNormalizedAxis()), statistic(spec.statisticsType),
        parameter(spec.parameterType) {
    for (int64_t dim : axis)
      shape += printSize(spec.shape[dim]) + "x";
    wide = "tensor<" + shape + "f64>";
  }

  void printTraining();
  void printBackward();

private:
  static std::string printSize(int64_t size) {
    return size < 0 ? "?" : std::to_string(size);
  }
  const KernelOperand *find(llvm::StringRef name) const {
    auto it = llvm::find_if(signature.arguments, [&](const auto &operand) {
      return operand.name == name;
    });
    return it == signature.arguments.end() ? nullptr : &*it;
  }
  ChannelOpText createOp() const { return ChannelOpText(shape, axis.size()); }
  std::string getType(llvm::StringRef name) const {
    return "tensor<" + printShapedType(*find(name)) + ">";
  }
  /// Prints `clause(%NAME_t : TYPE)`, unless there is no such operand.
  void printOptional(const char *clause, llvm::StringRef name);
  void printAxis();
  void printEmpty();
  void printStats();
  void printCorrection();
  std::pair<std::string, std::string> printCoefficients();
  void printUpdates();
  void printNormalize(llvm::StringRef scale, llvm::StringRef offset);
  std::string printScaledByR();
  void printGradients(llvm::StringRef scale);
  void printParameterGradients();

  llvm::raw_ostream &os;
  const BatchNormSpec &spec;
  const KernelSignature &signature;
  DimVector axis;
  DType statistic, parameter;
  std::string shape, wide;
};

} // namespace

//===----------------------------------------------------------------------===//
// What training and backward have in common
//===----------------------------------------------------------------------===//

void Renormalization::printOptional(const char *clause, llvm::StringRef name) {
  if (find(name))
    os << "\n      " << clause << "(%" << name << "_t : " << getType(name)
       << ")";
}

void Renormalization::printAxis() {
  os << " axis(";
  llvm::interleaveComma(axis, os);
  os << ")";
}

/// A destination for numbers that are f64 until they are rounded once.
void Renormalization::printEmpty() {
  llvm::SmallVector<std::string> sizes;
  for (int64_t dim : axis)
    if (spec.shape[dim] < 0) {
      os << "  %axis" << dim << " = arith.constant " << dim << " : index\n"
         << "  %size" << dim << " = tensor.dim %input_t, %axis" << dim << " : "
         << getType("input") << "\n";
      sizes.push_back("%size" + std::to_string(dim));
    }
  os << "  %empty = tensor.empty(";
  llvm::interleaveComma(sizes, os);
  os << ") : " << wide << "\n";
}

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

void Renormalization::printStats() {
  os << "  %start = arith.constant 0.0 : f64\n"
     << "  %zeros = linalg.fill ins(%start : f64) outs(%empty : " << wide
     << ") -> " << wide << "\n  %n, %batch_mean, %m2 = bn.stats";
  printAxis();
  os << "\n      ins(%input_t : " << getType("input") << ")";
  printOptional("mask", "mask");
  os << "\n      outs(%zeros, %zeros, %zeros : " << wide << ", " << wide << ", "
     << wide << ")\n      -> " << wide << ", " << wide << ", " << wide << "\n";
}

/// The variance, the standard deviation, and `r` and `d`, clipped; 1 and 0
/// where there are no elements.
void Renormalization::printCorrection() {
  ChannelOpText op = createOp();
  std::string n = op.take("%n", DType::F64);
  std::string mean = op.take("%batch_mean", DType::F64);
  std::string m2 = op.take("%m2", DType::F64);
  std::string oldMean = op.take("%renorm_mean_t", statistic);
  std::string oldStd = op.take("%renorm_std_t", statistic);
  std::string zero = op.constant("%zero_", 0), one = op.constant("%one", 1);
  std::string epsilon = op.constant("%epsilon", spec.epsilon);
  op.equal("%is_empty", n, zero);
  auto unlessEmpty = [&](const char *name, llvm::StringRef otherwise,
                         llvm::StringRef value) {
    return op.select(name, "%is_empty", otherwise, value);
  };
  std::string variance =
      unlessEmpty("%v", zero, op.compute("%quotient", "arith.divf", {m2, n}));
  std::string std =
      op.compute("%std", "math.sqrt",
                 {op.compute("%sum", "arith.addf", {variance, epsilon})});
  // No deviation with this epsilon is below its root.
  std::string least =
      op.constant("%least", std::sqrt(std::max(spec.epsilon, 0.0)));
  std::string known = op.compute("%known", "arith.maximumf", {oldStd, least});
  std::string ratio = op.compute("%ratio", "arith.divf", {std, known});
  std::string above = op.compute("%above", "arith.maximumf", {ratio, "%r_min"});
  std::string r = unlessEmpty(
      "%r_", one, op.compute("%within", "arith.minimumf", {above, "%r_max"}));
  std::string distance = op.compute("%distance", "arith.subf", {mean, oldMean});
  std::string shift = op.compute("%shift", "arith.divf", {distance, known});
  std::string low = op.compute("%low", "arith.negf", {"%d_max"});
  std::string higher = op.compute("%higher", "arith.maximumf", {shift, low});
  std::string d = unlessEmpty(
      "%d_", zero, op.compute("%lower", "arith.minimumf", {higher, "%d_max"}));
  op.yield("%batch_variance", variance, "%empty", DType::F64);
  op.yield("%batch_std", std, "%empty", DType::F64);
  op.yield("%batch_r", r, "%empty", DType::F64);
  op.yield("%batch_d", d, "%empty", DType::F64);
  op.print(os);
}

/// What normalization scales with and adds: `scale * r` and
/// `scale * d + offset`.
std::pair<std::string, std::string> Renormalization::printCoefficients() {
  if (!spec.hasScale && !spec.hasOffset)
    return {"%batch_r", "%batch_d"};
  ChannelOpText op = createOp();
  std::string d = op.take("%batch_d", DType::F64), scale = "%batch_r";
  if (spec.hasScale) {
    std::string r = op.take("%batch_r", DType::F64);
    std::string given = op.take("%scale_t", parameter);
    d = op.compute("%ds", "arith.mulf", {d, given});
    op.yield("%scale_r", op.compute("%rs", "arith.mulf", {r, given}), "%empty",
             DType::F64);
    scale = "%scale_r";
  }
  if (spec.hasOffset)
    d = op.compute("%sum", "arith.addf", {d, op.take("%offset_t", parameter)});
  op.yield("%offset_d", d, "%empty", DType::F64);
  op.print(os);
  return {scale, "%offset_d"};
}

/// The statistics, rounded, and the moving averages of mean and deviation.
void Renormalization::printUpdates() {
  ChannelOpText op = createOp();
  std::string n = op.take("%n", DType::F64);
  op.equal("%is_empty", n, op.constant("%zero_", 0));
  for (llvm::StringRef name : {"mean", "variance", "r", "d"})
    op.yield(llvm::formatv("%{0}_r", name).str(),
             op.take(llvm::formatv("%batch_{0}", name).str(), DType::F64),
             llvm::formatv("%{0}_t", name).str(), statistic);
  std::string mean = "%i1", std = op.take("%batch_std", DType::F64);
  auto average = [&](const std::string &name, const std::string &batch,
                     double momentum) {
    std::string old = op.take("%" + name + "_t", statistic);
    std::string p = "%" + name + "_";
    op.constant(p + "momentum", momentum);
    op.constant(p + "rest", 1 - momentum);
    op.compute(p + "kept", "arith.mulf", {old, p + "momentum"});
    op.compute(p + "taken", "arith.mulf", {batch, p + "rest"});
    op.compute(p + "new", "arith.addf", {p + "kept", p + "taken"});
    op.select(p + "next", "%is_empty", old, p + "new");
    op.yield("%new_" + name + "_r", p + "next", "%new_" + name + "_t",
             statistic);
  };
  average("renorm_mean", mean, spec.renormMomentum);
  average("renorm_std", std, spec.renormMomentum);
  if (spec.hasRunningStats) {
    average("running_mean", mean, spec.momentum);
    average("running_std", std, spec.momentum);
  }
  op.print(os);
}

void Renormalization::printNormalize(llvm::StringRef scale,
                                     llvm::StringRef offset) {
  os << "  %output_r = bn.normalize";
  printAxis();
  os << " epsilon(" << printFloat(spec.epsilon)
     << ")\n      ins(%input_t : " << getType("input")
     << ")\n      mean(%batch_mean : " << wide
     << ") variance(%batch_variance : " << wide << ")\n      scale(" << scale
     << " : " << wide << ") offset(" << offset << " : " << wide
     << ")\n      outs(%output_t : " << getType("output") << ")";
  printEpilogue(os, spec, printShapedType(*find("output")));
  os << " -> " << getType("output");
}

void Renormalization::printTraining() {
  printEmpty();
  printStats();
  printCorrection();
  auto [scale, offset] = printCoefficients();
  printUpdates();
  printNormalize(scale, offset);
}

//===----------------------------------------------------------------------===//
// Backward
//===----------------------------------------------------------------------===//

/// What the layer scales with where `r` is a constant: `scale * r`.
std::string Renormalization::printScaledByR() {
  ChannelOpText op = createOp();
  std::string r = op.take("%r_t", statistic);
  if (spec.hasScale)
    r = op.compute("%rs", "arith.mulf", {r, op.take("%scale_t", parameter)});
  op.yield("%scale_r", r, "%empty", DType::F64);
  op.print(os);
  return "%scale_r";
}

/// The gradients of a layer whose scale is `scale * r`.
void Renormalization::printGradients(llvm::StringRef scale) {
  llvm::SmallVector<std::string> names, results, outs, types;
  auto add = [&](std::string name, std::string result, std::string out,
                 std::string type) {
    names.push_back(name);
    results.push_back(result);
    outs.push_back(out);
    types.push_back(type);
  };
  if (spec.hasInputGrad)
    add("input", "%input_grad_r", "%input_grad_t", getType("input_grad"));
  if (spec.hasScaleGrad)
    add("scale", "%product", "%empty", wide);
  if (spec.hasScaleGrad || spec.hasOffsetGrad)
    add("offset", "%sum_dy", "%empty", wide);
  if (spec.hasAddendGrad)
    add("normalized", "%addend_grad_r", "%addend_grad_t",
        getType("addend_grad"));
  const char *second = spec.takesInverseStd() ? "inverse_std" : "variance";
  os << "  ";
  llvm::interleaveComma(results, os);
  os << " = bn.backward";
  printAxis();
  if (spec.takesEpsilon())
    os << " epsilon(" << printFloat(spec.epsilon) << ")";
  else
    os << " statistics_kind(inverse_std)";
  os << " wrt(";
  llvm::interleaveComma(names, os);
  os << ")\n      ins(%output_grad_t, %input_t : " << getType("output_grad")
     << ", " << getType("input") << ")\n      scale(" << scale << " : " << wide
     << ") statistics(%mean_t, %" << second << "_t : " << getType("mean")
     << ", " << getType(second) << ")";
  printOptional("mask", "mask");
  os << "\n      outs(";
  llvm::interleaveComma(outs, os);
  os << " : ";
  llvm::interleaveComma(types, os);
  os << ")";
  printEpilogue(os, spec, printShapedType(*find("output_grad")));
  os << " -> ";
  llvm::interleaveComma(types, os);
  os << "\n";
}

/// `d` is what the gradient of the scale has of each element beside its
/// normalized value times `r`.
void Renormalization::printParameterGradients() {
  if (!spec.hasScaleGrad && !spec.hasOffsetGrad)
    return;
  ChannelOpText op = createOp();
  std::string sum = op.take("%sum_dy", DType::F64);
  if (spec.hasScaleGrad) {
    std::string product = op.take("%product", DType::F64);
    std::string r = op.take("%r_t", statistic), d = op.take("%d_t", statistic);
    std::string first = op.compute("%pr", "arith.mulf", {product, r});
    std::string second = op.compute("%sd", "arith.mulf", {sum, d});
    op.yield("%scale_grad_r",
             op.compute("%grad", "arith.addf", {first, second}),
             "%scale_grad_t", parameter);
  }
  if (spec.hasOffsetGrad)
    op.yield("%offset_grad_r", sum, "%offset_grad_t", parameter);
  op.print(os);
}

void Renormalization::printBackward() {
  printEmpty();
  printGradients(printScaledByR());
  printParameterGradients();
}

void mlir::bn::printRenormalization(llvm::raw_ostream &os,
                                    const BatchNormSpec &spec,
                                    const KernelSignature &signature) {
  Renormalization builder(os, spec, signature);
  if (spec.kind == Kind::Training)
    builder.printTraining();
  else
    builder.printBackward();
}
