//===- Execution.cpp - One kernel and its arrays ----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Execution.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace mlir::bn;
using namespace mlir::bn::test;

BatchNormSpec mlir::bn::test::getSpec(BatchNormSpec::Kind kind, DType dtype,
                                      llvm::ArrayRef<int64_t> shape,
                                      llvm::ArrayRef<int64_t> axis) {
  BatchNormSpec spec;
  spec.kind = kind;
  spec.elementType = dtype;
  spec.parameterType = spec.statisticsType =
      dtype == DType::F64 ? DType::F64 : DType::F32;
  spec.shape.assign(shape.begin(), shape.end());
  spec.axis.assign(axis.begin(), axis.end());
  spec.threads = 1;
  return spec;
}

Compiler &mlir::bn::test::getCompiler() {
  static std::unique_ptr<Compiler> compiler = [] {
    CompilerOptions options;
    options.useDiskCache = false;
    auto created = Compiler::create(options);
    if (!created)
      llvm::report_fatal_error(created.takeError());
    return std::move(*created);
  }();
  return *compiler;
}

double Random::uniform(double low, double high) {
  // splitmix64.
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return low + (high - low) * std::ldexp(static_cast<double>(z >> 11), -53);
}

double Random::normal() {
  double sum = 0;
  for (int i = 0; i < 4; ++i)
    sum += uniform(-1, 1);
  return sum * std::sqrt(0.75);
}

void Ratios::include(const Ratios &other) {
  output = std::max(output, other.output);
  mean = std::max(mean, other.mean);
  variance = std::max(variance, other.variance);
  running = std::max(running, other.running);
  inputGrad = std::max(inputGrad, other.inputGrad);
  scaleGrad = std::max(scaleGrad, other.scaleGrad);
  offsetGrad = std::max(offsetGrad, other.offsetGrad);
}

double Ratios::getLargest() const {
  return std::max(
      {output, mean, variance, running, inputGrad, scaleGrad, offsetGrad});
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

Execution::Execution(const BatchNormSpec &spec, llvm::ArrayRef<int64_t> shape,
                     bool isShifted)
    : spec(spec), signature(spec.getSignature()) {
  for (const KernelOperand &operand : signature.arguments) {
    DimVector sizes;
    for (auto [size, dim] : llvm::zip_equal(operand.shape, operand.sameSizeAs))
      sizes.push_back(dim < 0 ? size : shape[dim]);
    arrays[operand.name] = HostArray(operand.dtype, sizes, isShifted);
  }
  for (int64_t dim : spec.axis)
    numChannels *= shape[dim < 0 ? dim + shape.size() : dim];
}

HostArray &Execution::operator[](llvm::StringRef name) {
  auto it = arrays.find(name);
  assert(it != arrays.end() && "no such operand");
  return it->second;
}

const HostArray &Execution::operator[](llvm::StringRef name) const {
  return const_cast<Execution &>(*this)[name];
}

void Execution::fillData(llvm::StringRef name,
                         llvm::function_ref<double(int64_t, int64_t)> value) {
  HostArray &data = (*this)[name];
  forEachElement(data.getShape(), spec.axis, [&](int64_t i, int64_t channel) {
    data.set(i, value(i, channel));
  });
}

void Execution::fillChannels(llvm::StringRef name,
                             llvm::function_ref<double(int64_t)> value) {
  if (!arrays.contains(name))
    return;
  HostArray &array = (*this)[name];
  for (int64_t i = 0; i < array.size(); ++i)
    array.set(i, value(i % numChannels));
}

void Execution::fill(uint64_t seed) {
  Random random(seed);
  std::vector<double> means, deviations;
  for (int64_t channel = 0; channel < numChannels; ++channel) {
    means.push_back(random.uniform(-4, 4));
    deviations.push_back(random.uniform(0.5, 2));
  }
  fillInput([&](int64_t, int64_t channel) {
    return means[channel] + deviations[channel] * random.normal();
  });
  auto aboutOne = [&](int64_t channel) {
    return random.uniform(0.5, 2) * (channel % 3 == 0 ? -1 : 1);
  };
  if (spec.takesAddend())
    for (int64_t i = 0; i < (*this)["addend"].size(); ++i)
      (*this)["addend"].set(i, 2 * random.normal());
  fillChannels("scale", aboutOne);
  fillChannels("offset", [&](int64_t) { return random.uniform(-2, 2); });
  bool isTraining = spec.kind == BatchNormSpec::Kind::Training;
  fillChannels(isTraining ? "running_mean" : "mean", [&](int64_t channel) {
    return means[channel] + random.uniform(-0.1, 0.1);
  });
  fillChannels(isTraining ? "running_variance" : "variance",
               [&](int64_t channel) {
                 return deviations[channel] * deviations[channel] *
                        random.uniform(0.8, 1.2);
               });
  fillChannels("inverse_std", [&](int64_t channel) {
    return random.uniform(0.8, 1.2) / deviations[channel];
  });
  if (has("output_grad"))
    fillData("output_grad", [&](int64_t, int64_t channel) {
      return (channel % 5 - 2) * 0.25 + random.normal();
    });
  fillMask([&](int64_t) { return random.uniform(0, 1) < 0.6; });
}

void Execution::fillMask(llvm::function_ref<double(int64_t)> weight) {
  if (!arrays.contains("mask"))
    return;
  HostArray &mask = (*this)["mask"];
  for (int64_t i = 0; i < mask.size(); ++i)
    mask.set(i, weight(i));
}

//===----------------------------------------------------------------------===//
// Run
//===----------------------------------------------------------------------===//

bool Execution::run(InPlace inPlace) {
  auto kernel = getCompiler().compile(spec);
  if (!kernel) {
    ADD_FAILURE() << spec.getKey() << "\n"
                  << llvm::toString(kernel.takeError());
    return false;
  }
  auto getReplaced =
      [&](const KernelOperand &operand) -> const KernelOperand * {
    llvm::ArrayRef<int64_t> may = operand.inPlaceWith;
    if (inPlace == InPlace::No || may.empty())
      return nullptr;
    return &signature.arguments[inPlace == InPlace::First ? may.front()
                                                          : may.back()];
  };
  std::vector<TensorView> views;
  llvm::StringMap<HostArray> saved;
  for (const KernelOperand &operand : signature.arguments) {
    const KernelOperand *replaced = getReplaced(operand);
    if (replaced)
      saved[replaced->name] = (*this)[replaced->name];
    views.push_back(
        (*this)[replaced ? replaced->name : operand.name].getView());
  }
  if (llvm::Error error = kernel->call(views)) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return false;
  }
  for (const KernelOperand &operand : signature.arguments) {
    EXPECT_TRUE((*this)[operand.name].isIntact())
        << "written outside of " << operand.name;
    if (const KernelOperand *replaced = getReplaced(operand)) {
      (*this)[operand.name] = (*this)[replaced->name];
      (*this)[replaced->name] = saved[replaced->name];
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

namespace {
/// Collects how far the elements of one array are from the reference.
struct Comparison {
  void add(int64_t index, double got, Bounded expected) {
    double ratio = expected.getRatio(got);
    if (ratio > largest)
      largest = ratio;
    if (ratio <= 1 || ++failures > 1)
      return;
    first =
        "element " + std::to_string(index) + ": expected " +
        std::to_string(expected.value) + " within " +
        llvm::formatv("{0:e}", double(expected.bound)).str() + ", got " +
        llvm::formatv("{0:e}, off by {1:e}", got, double(got - expected.value))
            .str();
  }
  double report(llvm::StringRef name) const {
    EXPECT_EQ(failures, 0) << name.str() << ", " << first;
    return largest;
  }

  double largest = 0;
  int64_t failures = 0;
  std::string first;
};
} // namespace

/// A channel's parameter, or what an absent one stands for.
static double getOr(bool exists, const Execution &run, const char *name,
                    int64_t channel, double absent) {
  return exists ? run[name][channel] : absent;
}

double
Execution::compareOutput(llvm::ArrayRef<ChannelStatistics> statistics) const {
  const HostArray &input = (*this)["input"], &output = (*this)["output"];
  Comparison comparison;
  int64_t groups = statistics.size() / std::max<int64_t>(numChannels, 1);
  forEachElement(input.getShape(), spec.axis, [&](int64_t i, int64_t channel) {
    int64_t group = i / (input.size() / groups);
    const ChannelStatistics &batch = statistics[group * numChannels + channel];
    Bounded mean = batch.mean, variance = batch.variance;
    double scale = getOr(spec.hasScale, *this, "scale", channel, 1);
    double offset = getOr(spec.hasOffset, *this, "offset", channel, 0);
    Bounded y = normalize(spec, input[i], mean, variance, scale, offset);
    double addend = spec.takesAddend() ? (*this)["addend"][i] : 0;
    comparison.add(i, output[i],
                   applyEpilogue(spec, y, addend).roundedTo(spec.elementType));
  });
  return comparison.report("output");
}

Ratios
Execution::compareTraining(llvm::ArrayRef<ChannelStatistics> statistics) const {
  Comparison mean, variance, running;
  DType type = spec.statisticsType;
  for (auto [i, batch] : llvm::enumerate(statistics)) {
    mean.add(i, (*this)["mean"][i], batch.mean.roundedTo(type));
    variance.add(i, (*this)["variance"][i], batch.variance.roundedTo(type));
  }
  for (int64_t channel = 0; channel < numChannels && spec.hasRunningStats;
       ++channel) {
    std::vector<ChannelStatistics> batches;
    for (int64_t group = 0; group < spec.groups; ++group)
      batches.push_back(statistics[group * numChannels + channel]);
    RunningStatistics updated =
        updateRunning(spec, batches, (*this)["running_mean"][channel],
                      (*this)["running_variance"][channel]);
    running.add(channel, (*this)["new_running_mean"][channel],
                updated.mean.roundedTo(type));
    running.add(channel, (*this)["new_running_variance"][channel],
                updated.variance.roundedTo(type));
  }
  Ratios ratios;
  ratios.mean = mean.report("mean");
  ratios.variance = variance.report("variance");
  ratios.running = running.report("running statistics");
  return ratios;
}

std::vector<ChannelGradients> Execution::computeGradients() const {
  std::vector<ChannelGradients> channels((*this)["mean"].size());
  for (auto [i, channel] : llvm::enumerate(channels)) {
    channel.mean = (*this)["mean"][i];
    channel.scale = getOr(spec.hasScale, *this, "scale", i % numChannels, 1);
    if (spec.takesInverseStd())
      channel.inverse = (*this)["inverse_std"][i];
    else
      channel.inverse =
          1 / std::sqrt(static_cast<Real>((*this)["variance"][i]) +
                        static_cast<Real>(spec.epsilon));
  }
  sumGradients(channels, (*this)["output_grad"], (*this)["input"], spec.axis,
               spec.groups, has("mask") ? &(*this)["mask"] : nullptr);
  return channels;
}

Ratios Execution::compareGradients() const {
  std::vector<ChannelGradients> channels = computeGradients();
  Ratios ratios;
  Comparison input, scale, offset;
  auto addUp = [&](int64_t c, auto getPart) {
    std::vector<Bounded> parts;
    for (size_t i = c; i < channels.size(); i += numChannels)
      parts.push_back((channels[i].*getPart)());
    return addGroups(parts).roundedTo(spec.parameterType);
  };
  for (int64_t c = 0; c < numChannels; ++c) {
    if (spec.hasScaleGrad)
      scale.add(c, (*this)["scale_grad"][c],
                addUp(c, &ChannelGradients::getScaleGrad));
    if (spec.hasOffsetGrad)
      offset.add(c, (*this)["offset_grad"][c],
                 addUp(c, &ChannelGradients::getOffsetGrad));
  }
  ratios.scaleGrad = scale.report("scale_grad");
  ratios.offsetGrad = offset.report("offset_grad");
  if (!spec.hasInputGrad)
    return ratios;
  const HostArray &x = (*this)["input"], &dy = (*this)["output_grad"];
  const HostArray &dx = (*this)["input_grad"];
  forEachElement(x.getShape(), spec.axis, [&](int64_t i, int64_t c) {
    double weight = 1;
    if (has("mask"))
      weight = (*this)["mask"][getMaskIndex(x.getShape(),
                                            (*this)["mask"].getShape(), i)];
    int64_t group = i / (x.size() / spec.groups);
    input.add(i, dx[i],
              channels[group * numChannels + c].getInputGrad(
                  spec.elementType, spec.isFrozen, dy[i], x[i],
                  has("mask") ? &weight : nullptr));
  });
  ratios.inputGrad = input.report("input_grad");
  return ratios;
}

Ratios Execution::compare() const {
  if (spec.kind == BatchNormSpec::Kind::Backward)
    return compareGradients();
  if (spec.kind == BatchNormSpec::Kind::Inference) {
    std::vector<ChannelStatistics> given(numChannels);
    for (int64_t channel = 0; channel < numChannels; ++channel) {
      given[channel].mean.value = (*this)["mean"][channel];
      given[channel].variance.value = (*this)["variance"][channel];
    }
    Ratios ratios;
    ratios.output = compareOutput(given);
    return ratios;
  }
  std::vector<ChannelStatistics> statistics =
      computeStatistics((*this)["input"], spec.axis, spec.groups,
                        arrays.contains("mask") ? &(*this)["mask"] : nullptr);
  Ratios ratios = compareTraining(statistics);
  ratios.output = compareOutput(statistics);
  return ratios;
}

int64_t
Execution::countOthers(llvm::StringRef name,
                       llvm::function_ref<double(int64_t)> expected) const {
  const HostArray &array = (*this)[name];
  HostArray rounded(array.getDType(), {1});
  int64_t count = 0;
  auto visit = [&](int64_t i, int64_t channel) {
    rounded.set(0, expected(channel));
    bool bothNaN = std::isnan(array[i]) && std::isnan(rounded[0]);
    count += !bothNaN && array[i] != rounded[0];
  };
  if (name == "output" || name == "input_grad") {
    forEachElement(array.getShape(), spec.axis, visit);
    return count;
  }
  for (int64_t channel = 0; channel < array.size(); ++channel)
    visit(channel, channel);
  return count;
}
