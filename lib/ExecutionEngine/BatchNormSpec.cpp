//===- BatchNormSpec.cpp - Which batch normalization is wanted --*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Checks a spec, names it, and writes the module that it stands for. The module
// is made as text: it reads as the documentation shows it, and the ops' own
// verifiers have the last word on it.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/BatchNormSpec.h"

#include "bn/Support/Error.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace mlir::bn;
using Access = KernelOperand::Access;

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

static bool isFloat(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::F32 ||
         dtype == DType::F64;
}

static llvm::Error verifyTypes(const BatchNormSpec &spec) {
  if (!isFloat(spec.elementType))
    return makeError(
        "expected 'elementType' to be f16, bf16, f32 or f64, got {0}",
        stringifyDType(spec.elementType));
  auto verifyWider = [&](const char *name, DType dtype) -> llvm::Error {
    bool isWider = isFloat(dtype) &&
                   getByteSize(dtype) > getByteSize(spec.elementType);
    if (dtype == spec.elementType || isWider)
      return llvm::Error::success();
    return makeError("expected '{0}' to be {1} or a wider float, got {2}", name,
                     stringifyDType(spec.elementType), stringifyDType(dtype));
  };
  if (llvm::Error error = verifyWider("parameterType", spec.parameterType))
    return error;
  return verifyWider("statisticsType", spec.statisticsType);
}

static llvm::Error verifyShape(const BatchNormSpec &spec) {
  int64_t rank = spec.shape.size();
  if (rank == 0)
    return makeError("expected 'shape' to have rank 1 or more, got 0");
  int64_t bytes = getByteSize(spec.elementType);
  for (int64_t size : spec.shape) {
    if (size < -1)
      return makeError("expected 'shape' to have sizes of 0 or more, or -1 for "
                       "any, got {0}",
                       size);
    if (size > 0 && __builtin_mul_overflow(bytes, size, &bytes))
      return makeError("expected 'shape' to have less than 2^63 bytes, got "
                       "more");
  }
  if (spec.axis.empty())
    return makeError("expected 'axis' to name a dimension, got none");
  llvm::SmallVector<bool> seen(rank, false);
  for (int64_t axis : spec.axis) {
    if (axis < -rank || axis >= rank)
      return makeError("expected 'axis' to be from {0} to {1}, got {2}", -rank,
                       rank - 1, axis);
    bool &isTaken = seen[axis < 0 ? axis + rank : axis];
    if (isTaken)
      return makeError("expected 'axis' to name each dimension once, got {0} "
                       "again",
                       axis);
    isTaken = true;
  }
  return llvm::Error::success();
}

llvm::Error BatchNormSpec::verify() const {
  if (kind == Kind::Backward)
    return makeError("expected 'kind' to be training or inference, got "
                     "backward, which cannot be lowered yet");
  if (llvm::Error error = verifyTypes(*this))
    return error;
  if (llvm::Error error = verifyShape(*this))
    return error;
  if (!std::isfinite(epsilon))
    return makeError("expected 'epsilon' to be finite, got {0}", epsilon);
  if (!std::isfinite(momentum))
    return makeError("expected 'momentum' to be finite, got {0}", momentum);
  if (threads < 0)
    return makeError("expected 'threads' to be 0 or more, got {0}", threads);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Key and signature
//===----------------------------------------------------------------------===//

/// Returns the axis list with every entry counted from the front, in the order
/// of the dimensions.
static DimVector getNormalizedAxis(const BatchNormSpec &spec) {
  DimVector result;
  for (int64_t axis : spec.axis)
    result.push_back(axis < 0 ? axis + spec.shape.size() : axis);
  llvm::sort(result);
  return result;
}

static bool takesRunningStats(const BatchNormSpec &spec) {
  return spec.kind == BatchNormSpec::Kind::Training && spec.hasRunningStats;
}

/// Prints every digit of a number, in a form that MLIR reads.
static std::string printFloat(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.17e", value);
  return text;
}

std::string BatchNormSpec::getKey() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << (kind == Kind::Training ? "training" : "inference") << ' '
     << stringifyDType(elementType) << " shape ";
  llvm::interleave(shape, os, "x");
  os << " axis ";
  llvm::interleave(getNormalizedAxis(*this), os, ",");
  os << " epsilon " << printFloat(epsilon);
  if (hasScale)
    os << " scale";
  if (hasOffset)
    os << " offset";
  if (hasScale || hasOffset)
    os << ' ' << stringifyDType(parameterType);
  os << " statistics " << stringifyDType(statisticsType);
  if (takesRunningStats(*this))
    os << " momentum " << printFloat(momentum) << " running "
       << (runningVariance == RunningVariance::Sample ? "sample"
                                                      : "population");
  os << " threads " << threads;
  return text;
}

KernelSignature BatchNormSpec::getSignature() const {
  KernelSignature signature;
  DimVector all, channels = getNormalizedAxis(*this);
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim)
    all.push_back(dim);
  auto add = [&](const char *name, DType dtype, const DimVector &dims,
                 Access access, int64_t inPlaceWith = -1) -> int64_t {
    KernelOperand operand;
    operand.name = name;
    operand.dtype = dtype;
    operand.access = access;
    operand.inPlaceWith = inPlaceWith;
    for (int64_t dim : dims) {
      operand.shape.push_back(shape[dim]);
      operand.sameSizeAs.push_back(dim);
    }
    signature.arguments.push_back(std::move(operand));
    return signature.arguments.size() - 1;
  };

  int64_t input = add("input", elementType, all, Access::Read);
  if (hasScale)
    add("scale", parameterType, channels, Access::Read);
  if (hasOffset)
    add("offset", parameterType, channels, Access::Read);
  if (kind == Kind::Inference) {
    add("mean", statisticsType, channels, Access::Read);
    add("variance", statisticsType, channels, Access::Read);
    add("output", elementType, all, Access::Write, input);
    return signature;
  }
  int64_t runningMean = -1, runningVariance = -1;
  if (hasRunningStats) {
    runningMean = add("running_mean", statisticsType, channels, Access::Read);
    runningVariance =
        add("running_variance", statisticsType, channels, Access::Read);
  }
  add("output", elementType, all, Access::Write, input);
  add("mean", statisticsType, channels, Access::Write);
  add("variance", statisticsType, channels, Access::Write);
  if (hasRunningStats) {
    add("new_running_mean", statisticsType, channels, Access::Write,
        runningMean);
    add("new_running_variance", statisticsType, channels, Access::Write,
        runningVariance);
  }
  return signature;
}

//===----------------------------------------------------------------------===//
// Module
//===----------------------------------------------------------------------===//

/// Returns "8x?xf32", what a tensor and a memref have in common.
static std::string printShapedType(const KernelOperand &operand) {
  std::string text;
  for (int64_t size : operand.shape)
    text += (size < 0 ? std::string("?") : std::to_string(size)) + "x";
  return text + stringifyDType(operand.dtype).str();
}

/// Prints a clause such as "scale(%scale_t : tensor<64xf32>)" of those operands
/// in `names` that exist; nothing when none does.
static void printClause(llvm::raw_ostream &os, const char *clause,
                        const KernelSignature &signature,
                        llvm::ArrayRef<llvm::StringRef> names) {
  std::string values, types;
  for (const KernelOperand &operand : signature.arguments) {
    if (!llvm::is_contained(names, operand.name))
      continue;
    llvm::StringRef comma = values.empty() ? "" : ", ";
    values += (comma + "%" + operand.name + "_t").str();
    types += (comma + "tensor<" + printShapedType(operand) + ">").str();
  }
  if (!values.empty())
    os << "\n        " << clause << "(" << values << " : " << types << ")";
}

static void printArguments(llvm::raw_ostream &os,
                           const KernelSignature &signature) {
  llvm::interleaveComma(signature.arguments, os, [&](const auto &operand) {
    os << "%" << operand.name << ": memref<" << printShapedType(operand) << ">";
  });
  os << ") {\n";
  for (const KernelOperand &operand : signature.arguments) {
    std::string type = printShapedType(operand);
    bool isOutput = operand.access == Access::Write;
    os << "  %" << operand.name << "_t = bufferization.to_tensor %"
       << operand.name << " restrict" << (isOutput ? " writable" : "")
       << " : memref<" << type << "> to tensor<" << type << ">\n";
  }
}

static void printOp(llvm::raw_ostream &os, const BatchNormSpec &spec,
                    const KernelSignature &signature,
                    llvm::ArrayRef<llvm::StringRef> outputs) {
  bool isTraining = spec.kind == BatchNormSpec::Kind::Training;
  os << " = bn." << (isTraining ? "training" : "inference") << " axis(";
  llvm::interleaveComma(getNormalizedAxis(spec), os);
  os << ") epsilon(" << printFloat(spec.epsilon) << ")";
  if (takesRunningStats(spec)) {
    os << " momentum(" << printFloat(spec.momentum) << ")";
    if (spec.runningVariance == BatchNormSpec::RunningVariance::Sample)
      os << " running_variance_kind(sample)";
  }
  printClause(os, "ins", signature, {"input"});
  printClause(os, "scale", signature, {"scale"});
  printClause(os, "offset", signature, {"offset"});
  if (!isTraining)
    printClause(os, "statistics", signature, {"mean", "variance"});
  printClause(os, "running", signature, {"running_mean", "running_variance"});
  printClause(os, "outs", signature, outputs);
}

std::string BatchNormSpec::getModuleText() const {
  KernelSignature signature = getSignature();
  llvm::SmallVector<llvm::StringRef> names;
  llvm::SmallVector<std::string> types;
  for (const KernelOperand &operand : signature.arguments)
    if (operand.access == Access::Write) {
      names.push_back(operand.name);
      types.push_back(printShapedType(operand));
    }

  std::string text;
  llvm::raw_string_ostream os(text);
  os << "func.func @" << functionName << "(";
  printArguments(os, signature);
  os << "  ";
  llvm::interleaveComma(names, os,
                        [&](auto name) { os << "%" << name << "_r"; });
  printOp(os, *this, signature, names);
  os << "\n        -> ";
  llvm::interleaveComma(types, os,
                        [&](auto &type) { os << "tensor<" << type << ">"; });
  for (auto [name, type] : llvm::zip_equal(names, types))
    os << "\n  bufferization.materialize_in_destination %" << name
       << "_r in restrict writable %" << name << " : (tensor<" << type
       << ">, memref<" << type << ">) -> ()";
  os << "\n  return\n}\n";
  return text;
}

llvm::Expected<OwningOpRef<ModuleOp>>
BatchNormSpec::buildModule(MLIRContext &context) const {
  if (llvm::Error error = verify())
    return std::move(error);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(
      getModuleText(), ParserConfig(&context), "batch_norm");
  if (!module)
    return makeError("expected the dialects of the pipeline to accept the "
                     "module of {0}, got an error",
                     getKey());
  return module;
}
