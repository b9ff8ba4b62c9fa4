//===- RenormalizationRun.cpp - Renormalization and its reference ---------===//
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

#include "RenormalizationRun.h"

#include <cmath>

using namespace mlir::bn;
using namespace mlir::bn::test;

/// The unit roundoff of f64, in which what there is per channel is computed.
static constexpr Real w = 0x1p-53L;

void mlir::bn::test::fillRenormalization(Execution &run, uint64_t seed,
                                         Limits limits) {
  run.fill(seed);
  Random random(seed + 1);
  for (const char *name : {"renorm_mean", "running_mean", "d"})
    run.fillChannels(name, [&](int64_t) { return random.uniform(-4, 4); });
  for (const char *name : {"renorm_std", "running_std", "r"})
    run.fillChannels(name, [&](int64_t) { return random.uniform(0.3, 3); });
  if (!run.has("r_min"))
    return;
  run["r_min"].set(0, limits.rMin);
  run["r_max"].set(0, limits.rMax);
  run["d_max"].set(0, limits.dMax);
}

std::vector<Correction> mlir::bn::test::computeCorrections(
    const Execution &run, llvm::ArrayRef<ChannelStatistics> statistics) {
  Real rMin = run["r_min"][0], rMax = run["r_max"][0], dMax = run["d_max"][0];
  Real epsilon = run.getSpec().epsilon;
  std::vector<Correction> corrections;
  for (auto [c, batch] : llvm::enumerate(statistics)) {
    Correction correction;
    Real std = std::sqrt(batch.variance.value + epsilon);
    Real error = batch.variance.bound / (2 * std) + 2 * w * std;
    correction.std = {std, error};
    Real oldMean = run["renorm_mean"][c], oldStd = run["renorm_std"][c];
    Real known = std::max(oldStd, std::sqrt(std::max<Real>(epsilon, 0)));
    Real r = std / known, d = (batch.mean.value - oldMean) / known;
    // To clip makes no error larger.
    correction.r = {std::min(std::max(r, rMin), rMax),
                    error / known + 2 * w * r};
    correction.d = {std::min(std::max(d, -dMax), dMax),
                    batch.mean.bound / known + 4 * w * std::fabs(d)};
    if (batch.count.value == 0) {
      correction.r = {1, 0};
      correction.d = {0, 0};
    }
    corrections.push_back(correction);
  }
  return corrections;
}

namespace {
/// Collects how far numbers are from the reference.
struct Worst {
  void add(llvm::StringRef name, int64_t index, double got, Bounded expected) {
    double ratio = expected.getRatio(got);
    if (ratio > 1 && ++failures == 1)
      ADD_FAILURE() << name.str() << ", entry " << index << ": expected "
                    << static_cast<double>(expected.value) << " within "
                    << static_cast<double>(expected.bound) << ", got " << got;
    largest = std::max(largest, ratio);
  }
  double largest = 0;
  int64_t failures = 0;
};
} // namespace

static Real getOr(const Execution &run, const char *name, int64_t channel,
                  Real absent) {
  return run.has(name) ? run[name][channel] : absent;
}

/// `old * momentum + taken * (1 - momentum)`.
static Bounded average(double momentum, Real old, Bounded taken, bool isEmpty) {
  if (isEmpty)
    return {old, 0};
  Real kept = momentum * old, rest = 1 - static_cast<Real>(momentum);
  Real part = rest * taken.value;
  return {kept + part, std::fabs(rest) * taken.bound +
                           4 * w * (std::fabs(kept) + std::fabs(part))};
}

static double compareForward(const Execution &run) {
  const BatchNormSpec &spec = run.getSpec();
  const HostArray &x = run["input"], &output = run["output"];
  std::vector<ChannelStatistics> statistics = computeStatistics(
      x, spec.axis, /*groups=*/1, run.has("mask") ? &run["mask"] : nullptr);
  std::vector<Correction> corrections = computeCorrections(run, statistics);
  Worst worst;
  for (int64_t c = 0; c < run.getNumChannels(); ++c) {
    const ChannelStatistics &batch = statistics[c];
    auto add = [&](const char *name, Bounded expected) {
      worst.add(name, c, run[name][c], expected.roundedTo(spec.statisticsType));
    };
    auto addAverage = [&](const char *name, const char *old, Bounded taken,
                          double momentum) {
      if (run.has(name))
        add(name,
            average(momentum, run[old][c], taken, batch.count.value == 0));
    };
    add("mean", batch.mean);
    add("variance", batch.variance);
    add("r", corrections[c].r);
    add("d", corrections[c].d);
    addAverage("new_renorm_mean", "renorm_mean", batch.mean,
               spec.renormMomentum);
    addAverage("new_renorm_std", "renorm_std", corrections[c].std,
               spec.renormMomentum);
    addAverage("new_running_mean", "running_mean", batch.mean, spec.momentum);
    addAverage("new_running_std", "running_std", corrections[c].std,
               spec.momentum);
  }
  forEachElement(x.getShape(), spec.axis, [&](int64_t i, int64_t c) {
    const auto &[std, r, d] = corrections[c];
    Real scale = getOr(run, "scale", c, 1), offset = getOr(run, "offset", c, 0);
    Bounded y =
        normalize(spec, x[i], statistics[c].mean, statistics[c].variance,
                  scale * r.value, offset + scale * d.value);
    Real hat = std::fabs((x[i] - statistics[c].mean.value) / std.value);
    y.bound += std::fabs(scale) * (hat * r.bound + d.bound) +
               3 * w * std::fabs(scale) * (hat * r.value + std::fabs(d.value));
    double addend = spec.takesAddend() ? run["addend"][i] : 0;
    worst.add("output", i, output[i],
              applyEpilogue(spec, y, addend).roundedTo(spec.elementType));
  });
  return worst.largest;
}

static double compareBackward(const Execution &run) {
  const BatchNormSpec &spec = run.getSpec();
  std::vector<ChannelGradients> channels = run.computeGradients();
  Worst worst;
  for (int64_t c = 0; c < run.getNumChannels(); ++c) {
    Real r = run["r"][c], d = run["d"][c];
    ChannelGradients &channel = channels[c];
    channel.scale *= r;
    Bounded first = channel.getScaleGrad(), sum = channel.getOffsetGrad();
    Real a = r * first.value, b = d * sum.value;
    Bounded scaleGrad = {a + b, std::fabs(r) * first.bound +
                                    std::fabs(d) * sum.bound +
                                    2 * w * (std::fabs(a) + std::fabs(b))};
    auto add = [&](const char *name, Bounded expected) {
      if (run.has(name))
        worst.add(name, c, run[name][c],
                  expected.roundedTo(spec.parameterType));
    };
    add("scale_grad", scaleGrad);
    add("offset_grad", sum);
  }
  if (!spec.hasInputGrad)
    return worst.largest;
  const HostArray &x = run["input"], &dy = run["output_grad"];
  forEachElement(x.getShape(), spec.axis, [&](int64_t i, int64_t c) {
    double weight = 1;
    if (run.has("mask"))
      weight =
          run["mask"][getMaskIndex(x.getShape(), run["mask"].getShape(), i)];
    Bounded dx =
        channels[c].getInputGrad(spec.elementType, /*isFrozen=*/false, dy[i],
                                 x[i], run.has("mask") ? &weight : nullptr);
    // The scale is a product.
    Real first = channels[c].scale * channels[c].inverse * dy[i];
    dx.bound += 2 * w * (std::fabs(first) + std::fabs(dx.value - first));
    worst.add("input_grad", i, run["input_grad"][i], dx);
  });
  return worst.largest;
}

double mlir::bn::test::compareRenormalization(const Execution &run) {
  return run.getSpec().kind == BatchNormSpec::Kind::Backward
             ? compareBackward(run)
             : compareForward(run);
}
