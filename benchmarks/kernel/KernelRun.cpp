//===- KernelRun.cpp - One kernel, ready to be called ---------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The strategy is forced by writing the attribute on the bn op of the spec's
// module, as a test would.
//
//===----------------------------------------------------------------------===//

#include "KernelRun.h"

#include "bn/Dialect/BN/IR/BNDialect.h"
#include "bn/InitAllDialects.h"
#include "bn/Support/Error.h"
#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::bench;
using Kind = BatchNormSpec::Kind;
using Epilogue = BatchNormSpec::Epilogue;

static constexpr double kEpsilon = 1e-3;

static BatchNormSpec getSpec(const Case &c, int64_t threads) {
  BatchNormSpec spec;
  spec.kind = c.kind;
  spec.elementType = c.dtype;
  spec.parameterType = c.dtype == DType::F64 ? DType::F64 : DType::F32;
  spec.recomputesOutput = c.recomputesOutput();
  spec.hasBits = c.hasBits;
  spec.statisticsType = spec.recomputesOutput ? DType::F64 : spec.parameterType;
  spec.shape = c.getMemoryShape();
  spec.axis = {c.getAxis()};
  spec.epsilon = kEpsilon;
  spec.epilogue = c.epilogue;
  spec.hasRunningStats = false;
  spec.hasAddendGrad = c.kind == Kind::Backward && c.hasAddend();
  spec.threads = threads;
  return spec;
}

/// Merges the dimensions before and behind the channels.
static void collapse(BatchNormSpec &spec) {
  int64_t axis = spec.axis[0], before = 1, behind = 1;
  for (int64_t size : llvm::ArrayRef(spec.shape).take_front(axis))
    before *= size;
  for (int64_t size : llvm::ArrayRef(spec.shape).drop_front(axis + 1))
    behind *= size;
  bool isLast = axis + 1 == static_cast<int64_t>(spec.shape.size());
  spec.shape = {before, spec.shape[axis]};
  if (!isLast)
    spec.shape.push_back(behind);
  spec.axis = {1};
}

static llvm::Expected<Kernel> compileForced(Compiler &compiler,
                                            BatchNormSpec spec,
                                            llvm::StringRef strategy) {
  collapse(spec);
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  context.loadDialect<BNDialect>();
  auto module = spec.buildModule(context);
  if (!module)
    return module.takeError();
  Attribute attribute = parseAttribute(strategy, &context);
  if (!attribute)
    return makeError("expected a #bn.lowering_strategy, got '{0}'", strategy);
  (*module)->walk([&](Operation *op) {
    if (isa<BNDialect>(op->getDialect()))
      op->setAttr(kLoweringStrategyAttrName, attribute);
  });
  return compiler.compile(**module, BatchNormSpec::functionName);
}

llvm::Expected<KernelRun> KernelRun::create(Compiler &compiler, const Case &c,
                                            int64_t threads,
                                            llvm::StringRef strategy) {
  BatchNormSpec spec = getSpec(c, threads);
  auto kernel = strategy.empty() ? compiler.compile(spec)
                                 : compileForced(compiler, spec, strategy);
  if (!kernel)
    return kernel.takeError();
  KernelRun run(c, std::move(*kernel));
  run.signature = spec.getSignature();
  if (!strategy.empty()) { // the shapes are the collapsed ones
    collapse(spec);
    run.signature = spec.getSignature();
  }
  if (llvm::Error error = run.allocate())
    return std::move(error);
  return run;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

llvm::Error KernelRun::allocate() {
  for (const KernelOperand &operand : signature.arguments) {
    TensorView view(nullptr, operand.dtype, operand.shape);
    auto buffer = Buffer::create(operand.dtype, view.getNumElements());
    if (!buffer)
      return buffer.takeError();
    bool isPositive = operand.name == "scale" || operand.name == "variance";
    if (operand.bitsOf >= 0)
      buffer->fillBits(/*seed=*/buffers.size());
    else if (operand.access == KernelOperand::Access::Read)
      buffer->fill(isPositive ? 1.0 : 0.25, 0.5, /*seed=*/buffers.size());
    view.data = buffer->getData();
    buffers.push_back(std::move(*buffer));
    descriptors.emplace_back(getMemRefDescriptorWords(view.getRank()));
    writeMemRefDescriptor(view, descriptors.back().data());
  }
  for (std::vector<int64_t> &descriptor : descriptors)
    slots.push_back(descriptor.data());
  return llvm::Error::success();
}

const Buffer &KernelRun::getBuffer(llvm::StringRef name) const {
  for (auto [operand, buffer] : llvm::zip_equal(signature.arguments, buffers))
    if (operand.name == name)
      return buffer;
  llvm_unreachable("unknown argument");
}

void *KernelRun::getOutput() const {
  return getBuffer(c.kind == Kind::Backward ? "input_grad" : "output")
      .getData();
}

const void *KernelRun::getFirstInput() const {
  return getBuffer("input").getData();
}

const void *KernelRun::getSecondInput() const {
  if (c.kind == Kind::Backward)
    return getBuffer("output_grad").getData();
  return c.hasAddend() ? getBuffer("addend").getData() : nullptr;
}

//===----------------------------------------------------------------------===//
// Check
//===----------------------------------------------------------------------===//

/// Calls `body` with the index of each element of a channel.
static void forEachOfChannel(const Case &c, int64_t channel,
                             llvm::function_ref<void(int64_t)> body) {
  int64_t channels = c.getChannels(), behind = 1;
  if (c.layout == Layout::NCHW)
    for (int64_t size : llvm::ArrayRef(c.shape).drop_front(2))
      behind *= size;
  int64_t before = c.getNumElements() / (channels * behind);
  for (int64_t i = 0; i < before; ++i)
    for (int64_t j = 0; j < behind; ++j)
      body((i * channels + channel) * behind + j);
}

/// Rounding of the result, and a little of the computation.
static double getTolerance(DType dtype) {
  return dtype == DType::BF16 ? 1.0 / 64 : dtype == DType::F16 ? 4e-3 : 1e-4;
}

static llvm::Error checkError(int64_t channel, double error, double bound) {
  if (error <= bound)
    return llvm::Error::success();
  return makeError("expected the results of channel {0} to be right, got an "
                   "error of {1}",
                   channel, error);
}

llvm::Error KernelRun::checkChannel(int64_t channel) const {
  const Buffer &x = getBuffer("input"), &y = getBuffer("output");
  double mean, variance;
  if (c.kind == Kind::Inference) {
    mean = getBuffer("mean").load(channel);
    variance = getBuffer("variance").load(channel);
  } else {
    double count = 0, sum = 0, squares = 0;
    forEachOfChannel(c, channel, [&](int64_t i) {
      ++count;
      sum += x.load(i);
      squares += x.load(i) * x.load(i);
    });
    mean = sum / count;
    variance = squares / count - mean * mean;
  }
  double factor =
      getBuffer("scale").load(channel) / std::sqrt(variance + kEpsilon);
  double offset = getBuffer("offset").load(channel), worst = 0;
  double slope = getSpec(c, /*threads=*/1).slope;
  double tolerance = getTolerance(c.dtype) * 4;
  int64_t wrongBits = 0;
  forEachOfChannel(c, channel, [&](int64_t i) {
    double expected = (x.load(i) - mean) * factor + offset;
    if (c.hasAddend())
      expected += getBuffer("addend").load(i);
    if (c.hasBits && std::fabs(expected) > tolerance)
      wrongBits += getBuffer("bits").loadBit(i) != (expected > 0);
    if (expected < 0 && c.epilogue == Epilogue::LeakyRelu)
      expected *= slope;
    else if (expected < 0 && c.epilogue != Epilogue::None &&
             c.epilogue != Epilogue::Add)
      expected = 0;
    double error = std::fabs(y.load(i) - expected);
    worst = std::isnan(error) ? error : std::max(worst, error);
  });
  if (wrongBits != 0)
    return makeError("expected the bits of channel {0} to be right, got {1} "
                     "that are not",
                     channel, wrongBits);
  return checkError(channel, worst, tolerance);
}

/// The sign of element `i` of what the kernel is to take for the output.
bool KernelRun::passes(int64_t channel, int64_t i) const {
  if (c.hasBits)
    return getBuffer("bits").loadBit(i);
  if (c.takesOutput())
    return getBuffer("output").load(i) > 0;
  if (!c.recomputesOutput())
    return true;
  // Rounded as in the kernel: next to 0, the sign depends on it.
  double mean = getBuffer("mean").load(channel);
  double variance = getBuffer("variance").load(channel);
  double a =
      getBuffer("scale").load(channel) * (1 / std::sqrt(variance + kEpsilon));
  double offset = getBuffer("offset").load(channel);
  double x = getBuffer("input").load(i);
  if (c.dtype == DType::F64)
    return std::fma(x - mean, a, offset) > 0;
  float rounded = mean;
  float rest = offset - (mean - rounded) * a;
  return std::fma(float(x) - rounded, float(a), rest) > 0;
}

double KernelRun::getOutputGradient(int64_t channel, int64_t i) const {
  double gradient = getBuffer("output_grad").load(i);
  if (passes(channel, i))
    return gradient;
  bool isLeaky = c.epilogue == Epilogue::LeakyRelu;
  return isLeaky ? gradient * getSpec(c, /*threads=*/1).slope : 0;
}

/// Compares the gradients of a channel; those of scale and offset relative to
/// the magnitudes that are summed.
llvm::Error KernelRun::checkGradients(int64_t channel) const {
  const Buffer &x = getBuffer("input");
  double mean = getBuffer("mean").load(channel);
  double r = 1 / std::sqrt(getBuffer("variance").load(channel) + kEpsilon);
  double count = 0, sum = 0, product = 0;
  // Not 0, for a ReLU may let nothing of a channel pass.
  double size = std::numeric_limits<double>::min(), productSize = size;
  forEachOfChannel(c, channel, [&](int64_t i) {
    double dy = getOutputGradient(channel, i), part = dy * (x.load(i) - mean);
    ++count;
    sum += dy;
    product += part;
    size += std::fabs(dy);
    productSize += std::fabs(part);
  });
  double offsetError =
      std::fabs(getBuffer("offset_grad").load(channel) - sum) / size;
  double scaleError =
      std::fabs(getBuffer("scale_grad").load(channel) - product * r) /
      (productSize * r);
  for (double error : {offsetError, scaleError})
    if (llvm::Error found = checkError(channel, error, 1e-5))
      return found;
  double factor = getBuffer("scale").load(channel) * r;
  if (llvm::Error found = checkTensor("input_grad", channel, [&](int64_t i) {
        return factor * (getOutputGradient(channel, i) - sum / count -
                         (x.load(i) - mean) * r * r * product / count);
      }))
    return found;
  if (!c.hasAddend())
    return llvm::Error::success();
  return checkTensor("addend_grad", channel,
                     [&](int64_t i) { return getOutputGradient(channel, i); });
}

llvm::Error
KernelRun::checkTensor(llvm::StringRef name, int64_t channel,
                       llvm::function_ref<double(int64_t)> getExpected) const {
  const Buffer &found = getBuffer(name);
  double worst = 0;
  forEachOfChannel(c, channel, [&](int64_t i) {
    double error = std::fabs(found.load(i) - getExpected(i));
    worst = std::isnan(error) ? error : std::max(worst, error);
  });
  return checkError(channel, worst, getTolerance(c.dtype));
}

llvm::Error KernelRun::check() {
  call();
  for (int64_t channel : {int64_t(0), c.getChannels() / 2, c.getChannels() - 1})
    if (llvm::Error error = c.kind == Kind::Backward ? checkGradients(channel)
                                                     : checkChannel(channel))
      return error;
  return llvm::Error::success();
}
