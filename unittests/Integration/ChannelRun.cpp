//===- ChannelRun.cpp - A kernel with slopes per channel ------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A PReLU with a slope per channel, and a bias per channel, behind training or
// inference: as an epilogue, or as ops on tensors that become one. Specs have
// no entries per channel for an epilogue, so that they are put into the text of
// a spec's module.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "ChannelRun.h"

#include "bn/InitAllDialects.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::test;
using Kind = BatchNormSpec::Kind;

ChannelRun::ChannelRun(const BatchNormSpec &spec, llvm::ArrayRef<int64_t> shape,
                       Width width, bool isShifted)
    : arrays(spec, shape, isShifted), spec(spec),
      accumulator(spec.elementType == DType::F64 ? DType::F64 : DType::F32),
      type(width == Width::Data          ? spec.elementType
           : width == Width::Accumulator ? accumulator
                                         : DType::F64) {
  DimVector sizes;
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim) {
    bool isKept = llvm::is_contained(spec.axis, dim);
    (isKept ? channels : reduced).push_back(dim);
    if (isKept)
      sizes.push_back(shape[dim]);
  }
  slopes = HostArray(type, sizes, isShifted);
  bias = HostArray(type, sizes, isShifted);
}

void ChannelRun::fill(uint64_t seed) {
  arrays.fill(seed);
  Random random(seed + 1);
  for (int64_t c = 0; c < slopes.size(); ++c) {
    slopes.set(c, random.uniform(-1, 1.5));
    bias.set(c, random.uniform(-2, 2));
  }
}

/// For example "8x?xf32".
std::string ChannelRun::printType(DType dtype, bool isData) const {
  std::string text;
  for (int64_t dim = 0, rank = spec.shape.size(); dim < rank; ++dim)
    if (isData || llvm::is_contained(channels, dim))
      text += (spec.shape[dim] < 0 ? "?" : std::to_string(spec.shape[dim])) +
              std::string("x");
  return text + stringifyDType(dtype).str();
}

/// `%z` of the elements `%n`, `%s` and `%b`.
static std::string getBody(llvm::StringRef type) {
  return llvm::formatv(R"mlir(
    %zero = arith.constant 0.0 : {0}
    %p = arith.cmpf oge, %n, %zero : {0}
    %m = arith.mulf %n, %s : {0}
    %r = arith.select %p, %n, %m : {0}
    %z = arith.addf %r, %b : {0}
)mlir",
                       type);
}

std::string ChannelRun::getEpilogue() const {
  llvm::StringRef wide = stringifyDType(accumulator);
  return llvm::formatv(R"mlir(
    epilogue(%slopes_t, %bias_t : tensor<{0}>, tensor<{0}>) {{
  ^bb0(%n: {1}, %s: {1}, %b: {1}):{2}
    bn.yield %z : {1}
  })mlir",
                       printType(type, /*isData=*/false), wide, getBody(wide));
}

static std::string joinDims(llvm::ArrayRef<int64_t> dims, const char *prefix) {
  std::string text;
  for (int64_t dim : dims)
    text += (text.empty() ? "" : ", ") + (prefix + std::to_string(dim));
  return text;
}

/// The slopes by a map, the bias by a broadcast where it has the type of the
/// data.
std::string ChannelRun::getOps() const {
  llvm::StringRef wide = stringifyDType(accumulator),
                  data = stringifyDType(spec.elementType),
                  entry = stringifyDType(type);
  std::string whole = printType(spec.elementType, /*isData=*/true);
  std::string perChannel = printType(type, /*isData=*/false);
  bool broadcasts = type == spec.elementType;
  int64_t rank = spec.shape.size();
  // An argument of the block, and what makes it as wide as the accumulator.
  std::string conversions;
  auto declare = [&](const char *name, llvm::StringRef from) {
    if (from == wide)
      return llvm::formatv("%{0}: {1}", name, wide).str();
    conversions += llvm::formatv("    %{0} = arith.extf %{0}_ : {1} to {2}\n",
                                 name, from, wide);
    return llvm::formatv("%{0}_: {1}", name, from).str();
  };
  std::string block = declare("n", data) + ", " + declare("s", entry) + ", " +
                      declare("b", entry);
  std::string dims = joinDims(llvm::to_vector(llvm::seq<int64_t>(0, rank)), "d");
  std::string list = joinDims(channels, "d"), loops = "\"parallel\"", text;
  for (int64_t dim = 1; dim < rank; ++dim)
    loops += ", \"parallel\"";
  if (broadcasts)
    text = llvm::formatv(
        "  %bias_b = linalg.broadcast ins(%bias_t : tensor<{0}>) "
        "outs(%output_t : tensor<{1}>) dimensions = [{2}]\n",
        perChannel, whole, joinDims(reduced, ""));
  std::string id = llvm::formatv("affine_map<({0}) -> ({0})>", dims);
  std::string channel = llvm::formatv("affine_map<({0}) -> ({1})>", dims, list);
  text += llvm::formatv(
      "  %activated = linalg.generic {{indexing_maps = [{0}, {1}, {2}, {0}], "
      "iterator_types = [{3}]} ins(%output_r, %slopes_t, {4} : tensor<{5}>, "
      "tensor<{6}>, tensor<{7}>) outs(%output_t : tensor<{5}>) {{\n"
      "  ^bb0({8}, %unused: {9}):\n",
      id, channel, broadcasts ? id : channel, loops,
      broadcasts ? "%bias_b" : "%bias_t", whole, perChannel,
      broadcasts ? whole : perChannel, block, data);
  text += conversions + getBody(wide);
  text += data == wide
              ? llvm::formatv("    linalg.yield %z : {0}\n", wide).str()
              : llvm::formatv("    %narrow = arith.truncf %z : {0} to {1}\n"
                              "    linalg.yield %narrow : {1}\n",
                              wide, data)
                    .str();
  return text + "  } -> tensor<" + whole + ">\n";
}

std::string ChannelRun::getModule(bool asOps) const {
  std::string text = spec.getModuleText();
  auto replace = [&](llvm::StringRef what, const std::string &with) {
    size_t at = text.find(what);
    ASSERT_NE(at, std::string::npos) << what.str();
    text.replace(at, what.size(), with);
  };
  std::string perChannel = printType(type, /*isData=*/false);
  std::string tensors, arguments;
  for (const char *name : {"slopes", "bias"}) {
    arguments += llvm::formatv("%{0}: memref<{1}>, ", name, perChannel);
    tensors += llvm::formatv("  %{0}_t = bufferization.to_tensor %{0} restrict "
                             ": memref<{1}> to tensor<{1}>\n",
                             name, perChannel);
  }
  replace("@batch_norm(", "@batch_norm(" + arguments);
  replace(") {\n", ") {\n" + tensors);
  if (asOps)
    replace("  bufferization.materialize_in_destination %output_r",
            getOps() + "  bufferization.materialize_in_destination %activated");
  else
    replace("\n        -> ", getEpilogue() + "\n        -> ");
  return text;
}

bool ChannelRun::run(bool asOps) {
  DialectRegistry registry;
  bn::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  std::string text = getModule(asOps);
  auto module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
  if (!module) {
    ADD_FAILURE() << "expected a module, got\n" << text;
    return false;
  }
  auto kernel = getCompiler().compile(*module, "");
  if (!kernel) {
    ADD_FAILURE() << text << llvm::toString(kernel.takeError());
    return false;
  }
  std::vector<TensorView> views = {slopes.getView(), bias.getView()};
  KernelSignature signature = spec.getSignature();
  for (const KernelOperand &operand : signature.arguments)
    views.push_back(arrays[operand.name].getView());
  if (llvm::Error error = kernel->call(views)) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return false;
  }
  for (const KernelOperand &operand : signature.arguments)
    EXPECT_TRUE(arrays[operand.name].isIntact()) << operand.name;
  return true;
}

/// Slope and addend are rounded to the accumulator first; each result once.
Bounded ChannelRun::apply(Bounded y, Real slope, Real addend) const {
  Real u = getAccumulatorRoundoff(spec.elementType);
  auto rounded = [&](Real value, Real bound) -> Bounded {
    return {value, bound + u * (std::fabs(value) + bound) +
                       static_cast<Real>(getSmallest(accumulator))};
  };
  Bounded scaled = rounded(y.value * slope,
                           std::max<Real>(std::fabs(slope), 1) * y.bound +
                               u * std::fabs(slope * y.value));
  Bounded r = y.value > 0 ? Bounded{y.value, std::max(y.bound, scaled.bound)}
                          : scaled;
  return rounded(r.value + addend, r.bound + u * std::fabs(addend));
}

double ChannelRun::compare() const {
  const HostArray &x = arrays["input"], &output = arrays["output"];
  int64_t numChannels = arrays.getNumChannels();
  std::vector<ChannelStatistics> statistics(numChannels);
  if (spec.kind == Kind::Training)
    statistics = computeStatistics(x, spec.axis, spec.groups);
  for (int64_t c = 0; c < numChannels && spec.kind == Kind::Inference; ++c) {
    statistics[c].mean.value = arrays["mean"][c];
    statistics[c].variance.value = arrays["variance"][c];
  }
  double largest = 0;
  int64_t failures = 0;
  forEachElement(x.getShape(), spec.axis, [&](int64_t i, int64_t c) {
    int64_t group = i / (x.size() / spec.groups);
    const ChannelStatistics &batch = statistics[group * numChannels + c];
    Bounded y = normalize(spec, x[i], batch.mean, batch.variance,
                          arrays["scale"][c], arrays["offset"][c]);
    Bounded expected = apply(y, slopes[c], bias[c]).roundedTo(spec.elementType);
    double ratio = expected.getRatio(output[i]);
    largest = std::max(largest, ratio);
    if (ratio > 1 && failures++ == 0)
      ADD_FAILURE() << "element " << i << " of channel " << c << ": expected "
                    << static_cast<double>(expected.value) << ", got "
                    << output[i];
  });
  EXPECT_EQ(failures, 0);
  return largest;
}
