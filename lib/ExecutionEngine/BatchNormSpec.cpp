//===- BatchNormSpec.cpp - Which batch normalization is wanted --*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Checks a spec, names it, and lists the arguments of its kernel.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/BatchNormSpec.h"

#include "SpecText.h"
#include "bn/Support/Error.h"
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

static llvm::Error verifyTypes(const BatchNormSpec &spec) {
  if (!isFloat(spec.elementType))
    return makeError(
        "expected 'elementType' to be f16, bf16, f32 or f64, got {0}",
        stringifyDType(spec.elementType));
  auto verifyWider = [&](const char *name, DType dtype) -> llvm::Error {
    bool isWider =
        isFloat(dtype) && getByteSize(dtype) > getByteSize(spec.elementType);
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
  return llvm::Error::success();
}

static llvm::Error verifyAxis(const BatchNormSpec &spec) {
  int64_t rank = spec.shape.size();
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
  if (kind == Kind::Backward && !hasInputGrad && !hasScaleGrad &&
      !hasOffsetGrad)
    return makeError("expected a gradient to be wanted, got none");
  if (llvm::Error error = verifyTypes(*this))
    return error;
  if (llvm::Error error = verifyShape(*this))
    return error;
  if (takesAxis())
    if (llvm::Error error = verifyAxis(*this))
      return error;
  if (!std::isfinite(epsilon))
    return makeError("expected 'epsilon' to be finite, got {0}", epsilon);
  if (!std::isfinite(momentum))
    return makeError("expected 'momentum' to be finite, got {0}", momentum);
  if (threads < 0)
    return makeError("expected 'threads' to be 0 or more, got {0}", threads);
  return verifyEpilogue(*this);
}

//===----------------------------------------------------------------------===//
// Key and signature
//===----------------------------------------------------------------------===//

llvm::StringRef BatchNormSpec::getKindName() const {
  switch (kind) {
  case Kind::Training:
    return "training";
  case Kind::Inference:
    return "inference";
  case Kind::Backward:
    return "backward";
  case Kind::Stats:
    return "stats";
  case Kind::MergeStats:
    return "merge_stats";
  case Kind::UpdateRunningStats:
    return "update_running_stats";
  case Kind::Normalize:
    return "normalize";
  case Kind::BackwardReduce:
    return "backward_reduce";
  case Kind::BackwardInput:
    return "backward_input";
  }
  llvm_unreachable("unknown kind");
}

DimVector BatchNormSpec::getNormalizedAxis() const {
  DimVector result;
  int64_t rank = shape.size();
  if (!takesAxis()) {
    for (int64_t dim = 0; dim < rank; ++dim)
      result.push_back(dim);
    return result;
  }
  for (int64_t dim : axis)
    result.push_back(dim < 0 ? dim + rank : dim);
  llvm::sort(result);
  return result;
}

std::string mlir::bn::printFloat(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.17e", value);
  return text;
}

/// Appends the operands that a flag decides on.
static void printFlags(llvm::raw_ostream &os, const BatchNormSpec &spec) {
  using Kind = BatchNormSpec::Kind;
  bool isBackward = spec.kind == Kind::Backward;
  bool isNormalize = spec.kind == Kind::Normalize;
  bool isForward = spec.kind == Kind::Training ||
                   spec.kind == Kind::Inference || isNormalize;
  auto print = [&](bool exists, const char *name) {
    if (exists)
      os << ' ' << name;
    return exists;
  };
  bool usesParameters =
      spec.kind == Kind::BackwardInput || spec.kind == Kind::UpdateRunningStats;
  usesParameters |= print((isForward || isBackward) && spec.hasScale, "scale");
  usesParameters |= print(isForward && spec.hasOffset, "offset");
  usesParameters |= print(isBackward && spec.hasScaleGrad, "scale_grad");
  usesParameters |= print(isBackward && spec.hasOffsetGrad, "offset_grad");
  if (usesParameters)
    os << ' ' << stringifyDType(spec.parameterType);
  print(isBackward && spec.hasInputGrad, "input_grad");
  print(isBackward && spec.isFrozen, "frozen");
  print(isNormalize && spec.hasMean, "mean");
  print(isNormalize && spec.hasVariance, "variance");
}

std::string BatchNormSpec::getKey() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << getKindName() << ' ' << stringifyDType(elementType) << " shape ";
  llvm::interleave(shape, os, "x");
  os << " axis ";
  llvm::interleave(getNormalizedAxis(), os, ",");
  if (takesEpsilon())
    os << " epsilon " << printFloat(epsilon);
  printFlags(os, *this);
  os << " statistics " << stringifyDType(statisticsType);
  if (takesRunningStats())
    os << " momentum " << printFloat(momentum) << " running "
       << (runningVariance == RunningVariance::Sample ? "sample"
                                                      : "population");
  if (epilogue != Epilogue::None)
    os << " epilogue " << getEpilogueName();
  if (epilogue == Epilogue::LeakyRelu)
    os << " slope " << printFloat(slope);
  os << " threads " << threads;
  return text;
}

//===----------------------------------------------------------------------===//
// Signature
//===----------------------------------------------------------------------===//

namespace {

/// Adds operands in order. All of them return the number of the argument.
class SignatureBuilder {
public:
  explicit SignatureBuilder(const BatchNormSpec &spec)
      : spec(spec), channels(spec.getNormalizedAxis()) {
    for (int64_t dim = 0, rank = spec.shape.size(); dim < rank; ++dim)
      all.push_back(dim);
  }

  int64_t addData(const char *name, Access access = Access::Read,
                  int64_t inPlaceWith = -1) {
    return add(name, spec.elementType, all, access, inPlaceWith);
  }
  /// The output, and in front of it what the epilogue reads.
  void addOutput(int64_t input) {
    int64_t addend = spec.takesAddend() ? addData("addend") : -1;
    int64_t output = addData("output", Access::Write, input);
    if (addend >= 0)
      signature.arguments[output].inPlaceWith.push_back(addend);
  }
  int64_t addParameter(const char *name, Access access = Access::Read,
                       int64_t inPlaceWith = -1) {
    return add(name, spec.parameterType, channels, access, inPlaceWith);
  }
  int64_t addStatistic(const char *name, Access access = Access::Read,
                       int64_t inPlaceWith = -1) {
    return add(name, spec.statisticsType, channels, access, inPlaceWith);
  }
  int64_t addCount(const char *name, Access access = Access::Read) {
    return add(name, DType::F64, channels, access);
  }
  void addScaleAndOffset() {
    if (spec.hasScale)
      addParameter("scale");
    if (spec.hasOffset)
      addParameter("offset");
  }

  KernelSignature take() { return std::move(signature); }

private:
  int64_t add(const char *name, DType dtype, const DimVector &dims,
              Access access, int64_t inPlaceWith = -1) {
    KernelOperand operand;
    operand.name = name;
    operand.dtype = dtype;
    operand.access = access;
    if (inPlaceWith >= 0)
      operand.inPlaceWith.push_back(inPlaceWith);
    for (int64_t dim : dims) {
      operand.shape.push_back(spec.shape[dim]);
      operand.sameSizeAs.push_back(dim);
    }
    signature.arguments.push_back(std::move(operand));
    return signature.arguments.size() - 1;
  }

  const BatchNormSpec &spec;
  DimVector all, channels;
  KernelSignature signature;
};

} // namespace

static void addTraining(const BatchNormSpec &spec, SignatureBuilder &builder) {
  int64_t input = builder.addData("input"), mean = -1, variance = -1;
  builder.addScaleAndOffset();
  if (spec.hasRunningStats) {
    mean = builder.addStatistic("running_mean");
    variance = builder.addStatistic("running_variance");
  }
  builder.addOutput(input);
  builder.addStatistic("mean", Access::Write);
  builder.addStatistic("variance", Access::Write);
  if (spec.hasRunningStats) {
    builder.addStatistic("new_running_mean", Access::Write, mean);
    builder.addStatistic("new_running_variance", Access::Write, variance);
  }
}

static void addInference(SignatureBuilder &builder) {
  int64_t input = builder.addData("input");
  builder.addScaleAndOffset();
  builder.addStatistic("mean");
  builder.addStatistic("variance");
  builder.addOutput(input);
}

static void addNormalize(const BatchNormSpec &spec, SignatureBuilder &builder) {
  int64_t input = builder.addData("input");
  if (spec.hasMean)
    builder.addStatistic("mean");
  if (spec.hasVariance)
    builder.addStatistic("variance");
  builder.addScaleAndOffset();
  builder.addOutput(input);
}

static void addBackward(const BatchNormSpec &spec, SignatureBuilder &builder) {
  int64_t outputGrad = builder.addData("output_grad");
  builder.addData("input");
  if (spec.hasScale)
    builder.addParameter("scale");
  builder.addStatistic("mean");
  builder.addStatistic("variance");
  if (spec.hasInputGrad)
    builder.addData("input_grad", Access::Write, outputGrad);
  if (spec.hasScaleGrad)
    builder.addParameter("scale_grad", Access::Write);
  if (spec.hasOffsetGrad)
    builder.addParameter("offset_grad", Access::Write);
}

static void addMergeStats(SignatureBuilder &builder) {
  builder.addCount("count");
  builder.addStatistic("mean");
  builder.addStatistic("m2");
  builder.addCount("total_count", Access::ReadWrite);
  builder.addStatistic("total_mean", Access::ReadWrite);
  builder.addStatistic("total_m2", Access::ReadWrite);
}

static void addUpdateRunningStats(SignatureBuilder &builder) {
  builder.addCount("count");
  builder.addStatistic("mean");
  builder.addStatistic("variance");
  int64_t mean = builder.addParameter("running_mean");
  int64_t variance = builder.addParameter("running_variance");
  builder.addParameter("new_running_mean", Access::Write, mean);
  builder.addParameter("new_running_variance", Access::Write, variance);
}

static void addBackwardInput(SignatureBuilder &builder) {
  int64_t outputGrad = builder.addData("output_grad");
  builder.addData("input");
  for (const char *name : {"a", "b", "c"})
    builder.addParameter(name);
  builder.addData("input_grad", Access::Write, outputGrad);
}

KernelSignature BatchNormSpec::getSignature() const {
  SignatureBuilder builder(*this);
  switch (kind) {
  case Kind::Training:
    addTraining(*this, builder);
    break;
  case Kind::Inference:
    addInference(builder);
    break;
  case Kind::Backward:
    addBackward(*this, builder);
    break;
  case Kind::Stats:
    builder.addData("input");
    builder.addCount("count", Access::ReadWrite);
    builder.addStatistic("mean", Access::ReadWrite);
    builder.addStatistic("m2", Access::ReadWrite);
    break;
  case Kind::MergeStats:
    addMergeStats(builder);
    break;
  case Kind::UpdateRunningStats:
    addUpdateRunningStats(builder);
    break;
  case Kind::Normalize:
    addNormalize(*this, builder);
    break;
  case Kind::BackwardReduce:
    builder.addData("output_grad");
    builder.addData("input");
    builder.addStatistic("mean");
    builder.addStatistic("sum_dy", Access::ReadWrite);
    builder.addStatistic("sum_dy_xmu", Access::ReadWrite);
    break;
  case Kind::BackwardInput:
    addBackwardInput(builder);
    break;
  }
  return builder.take();
}
