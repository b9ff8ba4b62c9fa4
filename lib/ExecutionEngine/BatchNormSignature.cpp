//===- BatchNormSignature.cpp - The arguments of a spec ---------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lists the arguments of the kernel of a spec, in the order of BatchNormSpec.h.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/BatchNormSpec.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::bn;
using Access = KernelOperand::Access;

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
  /// A bit for each element of argument 0.
  void addBits(Access access) {
    if (!spec.hasBits)
      return;
    int64_t count = 1;
    for (int64_t size : spec.shape)
      count = size < 0 || count < 0 ? -1 : count * size;
    KernelOperand &operand =
        signature.arguments[add("bits", DType::I8, {}, access)];
    operand.shape = {count < 0 ? -1 : count / 8};
    operand.sameSizeAs = {-1};
    operand.bitsOf = 0;
  }
  /// A gradient that may be in the memory of what it is made of; -1 for what
  /// there is not.
  void addDataGrad(const char *name, int64_t outputGrad, int64_t output) {
    int64_t gradient = addData(name, Access::Write, outputGrad);
    if (output >= 0)
      signature.arguments[gradient].inPlaceWith.push_back(output);
  }
  int64_t addParameter(const char *name, Access access = Access::Read,
                       int64_t inPlaceWith = -1) {
    return add(name, spec.parameterType, channels, access, inPlaceWith);
  }
  int64_t addStatistic(const char *name, Access access = Access::Read,
                       int64_t inPlaceWith = -1) {
    return add(name, spec.statisticsType, channels, access, inPlaceWith);
  }
  int64_t addRunningStatistic(const char *name, Access access = Access::Read,
                              int64_t inPlaceWith = -1) {
    return add(name, spec.getRunningType(), channels, access, inPlaceWith);
  }
  /// A statistic with a leading dimension where there are groups.
  void addGroupStatistic(const char *name, Access access = Access::Read) {
    addStatistic(name, access);
    if (!spec.takesGroups())
      return;
    KernelOperand &operand = signature.arguments.back();
    operand.shape.insert(operand.shape.begin(), spec.groups);
    operand.sameSizeAs.insert(operand.sameSizeAs.begin(), -1);
  }
  int64_t addCount(const char *name, Access access = Access::Read) {
    return add(name, DType::F64, channels, access);
  }
  void addScalar(const char *name) {
    KernelOperand &operand =
        signature.arguments[add(name, DType::F64, {}, Access::Read)];
    operand.isScalar = true;
  }
  void addScaleAndOffset() {
    if (spec.hasScale)
      addParameter("scale");
    if (spec.takesOffset())
      addParameter("offset");
  }

  /// The mask, if there is one. It is not of the size of the input where it has
  /// a 1.
  void addMask() {
    if (!spec.takesMask())
      return;
    add("mask", spec.maskType, all, Access::Read);
    KernelOperand &mask = signature.arguments.back();
    mask.shape = spec.maskShape;
    for (auto [size, dim] : llvm::zip_equal(mask.shape, mask.sameSizeAs))
      if (size == 1)
        dim = -1;
  }

  void setGroups(int64_t argument) {
    signature.arguments[argument].groups = spec.groups;
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

/// Statistics of batches before: what renormalization corrects with, and what
/// inference will take.
static void addRenormalized(const BatchNormSpec &spec,
                            SignatureBuilder &builder) {
  int64_t input = builder.addData("input");
  builder.addScaleAndOffset();
  llvm::SmallVector<std::pair<const char *, int64_t>, 4> updates;
  auto addOld = [&](const char *name, const char *updated) {
    updates.push_back({updated, builder.addStatistic(name)});
  };
  addOld("renorm_mean", "new_renorm_mean");
  addOld("renorm_std", "new_renorm_std");
  if (spec.hasRunningStats) {
    addOld("running_mean", "new_running_mean");
    addOld("running_std", "new_running_std");
  }
  for (const char *name : {"r_min", "r_max", "d_max"})
    builder.addScalar(name);
  builder.addMask();
  builder.addOutput(input);
  for (const char *name : {"mean", "variance", "r", "d"})
    builder.addStatistic(name, Access::Write);
  for (auto [name, old] : updates)
    builder.addStatistic(name, Access::Write, old);
}

static void addTraining(const BatchNormSpec &spec, SignatureBuilder &builder) {
  if (spec.takesRenormalization())
    return addRenormalized(spec, builder);
  int64_t input = builder.addData("input"), mean = -1, variance = -1;
  builder.setGroups(input);
  builder.addScaleAndOffset();
  if (spec.hasRunningStats) {
    mean = builder.addRunningStatistic("running_mean");
    variance = builder.addRunningStatistic("running_variance");
  }
  builder.addMask();
  builder.addOutput(input);
  builder.addGroupStatistic("mean", Access::Write);
  builder.addGroupStatistic("variance", Access::Write);
  if (spec.hasRunningStats) {
    builder.addRunningStatistic("new_running_mean", Access::Write, mean);
    builder.addRunningStatistic("new_running_variance", Access::Write,
                                variance);
  }
  builder.addBits(Access::Write);
}

static void addInference(SignatureBuilder &builder) {
  int64_t input = builder.addData("input");
  builder.addScaleAndOffset();
  builder.addStatistic("mean");
  builder.addStatistic("variance");
  builder.addOutput(input);
  builder.addBits(Access::Write);
}

static void addNormalize(const BatchNormSpec &spec, SignatureBuilder &builder) {
  int64_t input = builder.addData("input");
  if (spec.hasMean)
    builder.addStatistic("mean");
  if (spec.hasVariance)
    builder.addStatistic("variance");
  builder.addScaleAndOffset();
  builder.addOutput(input);
  builder.addBits(Access::Write);
}

static void addBackward(const BatchNormSpec &spec, SignatureBuilder &builder) {
  int64_t outputGrad = builder.addData("output_grad");
  builder.setGroups(outputGrad);
  builder.addData("input");
  builder.addScaleAndOffset();
  builder.addGroupStatistic("mean");
  builder.addGroupStatistic(spec.takesInverseStd() ? "inverse_std"
                                                   : "variance");
  if (spec.takesRenormalization()) {
    builder.addStatistic("r");
    builder.addStatistic("d");
  }
  builder.addMask();
  int64_t output = spec.takesOutput() ? builder.addData("output") : -1;
  builder.addBits(Access::Read);
  if (spec.hasInputGrad)
    builder.addDataGrad("input_grad", outputGrad, output);
  if (spec.hasScaleGrad)
    builder.addParameter("scale_grad", Access::Write);
  if (spec.hasOffsetGrad)
    builder.addParameter("offset_grad", Access::Write);
  if (spec.hasAddendGrad)
    builder.addDataGrad("addend_grad", outputGrad, output);
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

static void addBackwardInput(const BatchNormSpec &spec,
                             SignatureBuilder &builder) {
  int64_t outputGrad = builder.addData("output_grad");
  builder.addData("input");
  if (spec.hasMean)
    builder.addStatistic("mean");
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
    builder.addMask();
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
    addBackwardInput(*this, builder);
    break;
  }
  return builder.take();
}
