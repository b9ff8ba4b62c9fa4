//===- BatchNormSpec.cpp - Which batch normalization is wanted --*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Checks a spec and names it.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/BatchNormSpec.h"

#include "SpecText.h"
#include "bn/Dialect/BN/IR/BNDialect.h"
#include "bn/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace mlir::bn;

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
  if (llvm::Error error = verifyWider("statisticsType", spec.statisticsType))
    return error;
  return verifyWider("runningType", spec.getRunningType());
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

static llvm::Error verifyGroups(const BatchNormSpec &spec) {
  if (spec.groups < 1)
    return makeError("expected 'groups' to be 1 or more, got {0}", spec.groups);
  if (llvm::is_contained(spec.getNormalizedAxis(), 0))
    return makeError("expected 'axis' not to name dimension 0, which 'groups' "
                     "cuts");
  if (spec.shape[0] >= 0 && spec.shape[0] % spec.groups != 0)
    return makeError("expected 'shape' to have a size in dimension 0 that is "
                     "divisible by 'groups' ({0}), got {1}",
                     spec.groups, spec.shape[0]);
  // Any number divides a dimension of size 0 or of unknown size.
  int64_t bytes = getByteSize(spec.statisticsType);
  bool isTooLarge = __builtin_mul_overflow(bytes, spec.groups, &bytes);
  for (int64_t dim : spec.getNormalizedAxis())
    isTooLarge |= spec.shape[dim] > 0 &&
                  __builtin_mul_overflow(bytes, spec.shape[dim], &bytes);
  if (isTooLarge)
    return makeError("expected the statistics of {0} 'groups' to have less "
                     "than 2^63 bytes, got more",
                     spec.groups);
  return llvm::Error::success();
}

static llvm::Error verifyMask(const BatchNormSpec &spec) {
  if (!isFloat(spec.maskType))
    return makeError("expected 'maskType' to be f16, bf16, f32 or f64, got {0}",
                     stringifyDType(spec.maskType));
  if (spec.maskShape.size() != spec.shape.size())
    return makeError("expected 'maskShape' to have the rank of 'shape' ({0}), "
                     "got {1}",
                     spec.shape.size(), spec.maskShape.size());
  for (auto [dim, sizes] :
       llvm::enumerate(llvm::zip_equal(spec.maskShape, spec.shape))) {
    auto [size, expected] = sizes;
    if (size != 1 && size != expected)
      return makeError("expected 'maskShape' to have size 1 or {0} in "
                       "dimension {1}, got {2}",
                       expected, dim, size);
  }
  return llvm::Error::success();
}

static llvm::Error verifyRenormalization(const BatchNormSpec &spec) {
  if (spec.groups != 1)
    return makeError("expected 'groups' to be 1 for a renormalization, got {0}",
                     spec.groups);
  if (spec.kind == BatchNormSpec::Kind::Backward && spec.isFrozen)
    return makeError("expected 'isFrozen' to be false for a renormalization, "
                     "got true");
  if (spec.getRunningType() != spec.statisticsType)
    return makeError(
        "expected 'runningType' to be 'statisticsType' ({0}) for a "
        "renormalization, got {1}",
        stringifyDType(spec.statisticsType),
        stringifyDType(spec.getRunningType()));
  if (!std::isfinite(spec.renormMomentum))
    return makeError("expected 'renormMomentum' to be finite, got {0}",
                     spec.renormMomentum);
  return llvm::Error::success();
}

llvm::Error BatchNormSpec::verify() const {
  if (kind == Kind::Backward && !hasInputGrad && !hasScaleGrad &&
      !hasOffsetGrad && !hasAddendGrad)
    return makeError("expected a gradient to be wanted, got none");
  if (llvm::Error error = verifyTypes(*this))
    return error;
  if (llvm::Error error = verifyShape(*this))
    return error;
  if (takesAxis())
    if (llvm::Error error = verifyAxis(*this))
      return error;
  if (takesGroups())
    if (llvm::Error error = verifyGroups(*this))
      return error;
  if (takesMask())
    if (llvm::Error error = verifyMask(*this))
      return error;
  if (takesRenormalization())
    if (llvm::Error error = verifyRenormalization(*this))
      return error;
  if (!std::isfinite(epsilon))
    return makeError("expected 'epsilon' to be finite, got {0}", epsilon);
  if (!std::isfinite(momentum))
    return makeError("expected 'momentum' to be finite, got {0}", momentum);
  if (threads < 0 || threads > kMaxThreads)
    return makeError("expected 'threads' to be from 0 to {0}, got {1}",
                     kMaxThreads, threads);
  return verifyEpilogue(*this);
}

//===----------------------------------------------------------------------===//
// Key
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

int64_t BatchNormSpec::getRowSize() const {
  DimVector channels = getNormalizedAxis();
  std::optional<bool> isOfChannels;
  int64_t row = 1;
  for (int64_t dim = shape.size() - 1; dim >= 0; --dim) {
    bool isChannel = llvm::is_contained(channels, dim);
    if (!isChannel && shape[dim] == 1)
      continue;
    if (isOfChannels && *isOfChannels != isChannel)
      break;
    if (shape[dim] < 0)
      return -1;
    // A mask may keep dimensions apart.
    if (!isOfChannels || !takesMask())
      row *= shape[dim];
    isOfChannels = isChannel;
  }
  return row;
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
  usesParameters |= print(spec.takesOffset(), "offset");
  usesParameters |= print(isBackward && spec.hasScaleGrad, "scale_grad");
  usesParameters |= print(isBackward && spec.hasOffsetGrad, "offset_grad");
  if (usesParameters)
    os << ' ' << stringifyDType(spec.parameterType);
  print(isBackward && spec.hasInputGrad, "input_grad");
  print(isBackward && spec.hasAddendGrad, "addend_grad");
  print(isBackward && spec.recomputesOutput, "recomputed");
  print(spec.hasBits, "bits");
  print(isBackward && spec.isFrozen, "frozen");
  print(spec.takesInverseStd(), "inverse_std");
  print((isNormalize || spec.kind == Kind::BackwardInput) && spec.hasMean,
        "mean");
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
    os << " momentum " << printFloat(momentum);
  if (takesRunningStats() && !takesRenormalization())
    os << " running "
       << (runningVariance == RunningVariance::Sample ? "sample" : "population")
       << ' ' << stringifyDType(getRunningType());
  if (takesRenormalization()) {
    os << " renormalized";
    if (kind == Kind::Training)
      os << " " << printFloat(renormMomentum);
  }
  if (epilogue != Epilogue::None)
    os << " epilogue " << getEpilogueName();
  if (epilogue == Epilogue::LeakyRelu)
    os << " slope " << printFloat(slope);
  if (takesGroups())
    os << " groups " << groups;
  if (takesMask()) {
    os << " mask " << stringifyDType(maskType) << ' ';
    llvm::interleave(maskShape, os, "x");
  }
  os << " threads " << threads;
  return text;
}
