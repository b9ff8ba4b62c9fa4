//===- Cases.cpp - Which kernels the execution tests run --------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes are given for a batch, a number of channels and a number of points in
// space; a layout says how these become dimensions.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "Cases.h"

#include "llvm/Support/FormatVariadic.h"

#include <ostream>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {
struct Types {
  const char *name;
  DType element, parameter, statistics;
};
/// A letter per dimension: N batch, S space, C channels.
struct Layout {
  const char *name, *dims;
  /// Whether the list of axes is written from the last to the first.
  bool isReversed = false;
};
struct Sizes {
  int64_t batch, channels, space;
};
enum Factor {
  OfKind,
  OfType,
  OfLayout,
  OfDynamic,
  OfParameters,
  OfSize,
  OfThreads
};
} // namespace

static constexpr const char *kKinds[] = {"training", "running", "sample",
                                         "inference"};
static constexpr const char *kGradientKinds[] = {"backward", "inverse",
                                                 "frozen", "frozeninverse"};
/// What is given and asked for, in the place of parameters.
static constexpr struct {
  const char *name;
  bool hasScale, input, scale, offset;
} kGradients[] = {{"all", true, true, true, true},
                  {"plain", false, true, true, true},
                  {"input", true, true, false, false},
                  {"scale", false, false, true, false},
                  {"offset", true, false, false, true},
                  {"parameters", true, false, true, true},
                  {"notscale", true, true, false, true},
                  {"notoffset", false, true, true, false}};
static constexpr Types kTypes[] = {
    {"f16", DType::F16, DType::F32, DType::F32},
    {"bf16", DType::BF16, DType::F32, DType::F32},
    {"f32", DType::F32, DType::F32, DType::F32},
    {"f64", DType::F64, DType::F64, DType::F64},
    {"f16_f16", DType::F16, DType::F16, DType::F16},
    {"bf16_bf16", DType::BF16, DType::BF16, DType::BF16},
    {"f32_f64", DType::F32, DType::F64, DType::F64},
};
static constexpr Layout kLayouts[] = {
    {"NCHW", "NCSS"},    {"NHWC", "NSSC"},         {"NC", "NC"},
    {"NCW", "NCS"},      {"NDHWC", "NSSSC"},       {"NCDHW", "NCSSS"},
    {"C", "C"},          {"CHW", "CSS"},           {"axis01", "CCS"},
    {"axis12", "NCCS"},  {"axis23", "NSCC"},       {"axis13", "NCSC"},
    {"axis02", "CSC"},   {"axis31", "NCSC", true}, {"axis21", "NCCS", true},
    {"axis024", "CNCSC"}};
static constexpr const char *kDynamic[] = {"static", "dynamic", "anybatch",
                                           "anychannels"};
static constexpr const char *kParameters[] = {"plain", "scale", "offset",
                                              "both"};
/// Ones, primes, neighbours of a vector's and of a register tile's width, a few
/// channels, many; below and above what one thread does; empty ones.
static constexpr Sizes kSizes[] = {
    {1, 1, 1},    {3, 5, 7},     {5, 17, 63},   {2, 65, 65},   {7, 3, 1},
    {1, 1000, 1}, {1, 1000, 3},  {63, 1, 17},   {0, 5, 7},     {3, 0, 7},
    {3, 5, 0},    {2, 63, 64},   {8, 64, 196},  {31, 17, 101}, {1, 3, 40009},
    {257, 65, 1}, {4099, 7, 1},  {2, 1, 65537}, {3, 1000, 49}, {1, 17, 1},
    {128, 16, 9}, {17, 127, 65}, {5, 31, 1024}, {2, 2, 3}};

/// Writes `total` as `count` factors, as equal as they can be.
static DimVector split(int64_t total, int64_t count, bool largeFirst) {
  DimVector factors;
  for (; count > 1; --count) {
    int64_t factor = 1;
    for (int64_t d = 2; d <= total; ++d) {
      int64_t power = 1;
      for (int64_t i = 0; i < count; ++i)
        power *= d;
      if (power > total)
        break;
      if (total % d == 0)
        factor = d;
    }
    // Nothing in one dimension, and something in the other.
    if (total == 0)
      factor = 3;
    factors.push_back(factor);
    total /= factor;
  }
  factors.push_back(total);
  if (largeFirst)
    std::reverse(factors.begin(), factors.end());
  return factors;
}

static DimVector getShape(llvm::StringRef dims, Sizes sizes, bool largeFirst) {
  if (!dims.contains('N'))
    sizes.space *= sizes.batch;
  if (!dims.contains('S'))
    sizes.batch *= sizes.space;
  auto splitAmong = [&](int64_t total, char letter) {
    int64_t count = dims.count(letter);
    return count == 0 ? DimVector() : split(total, count, largeFirst);
  };
  DimVector channels = splitAmong(sizes.channels, 'C');
  DimVector space = splitAmong(sizes.space, 'S');
  DimVector shape;
  const int64_t *nextChannel = channels.begin(), *nextSpace = space.begin();
  for (char letter : dims)
    shape.push_back(letter == 'N'   ? sizes.batch
                    : letter == 'C' ? *nextChannel++
                                    : *nextSpace++);
  return shape;
}

static DimVector getAxis(const Layout &layout, bool isNegative) {
  llvm::StringRef dims = layout.dims;
  DimVector axis;
  for (size_t dim = 0; dim < dims.size(); ++dim)
    if (dims[dim] == 'C')
      axis.push_back(isNegative ? static_cast<int64_t>(dim) -
                                      static_cast<int64_t>(dims.size())
                                : dim);
  if (layout.isReversed)
    std::reverse(axis.begin(), axis.end());
  return axis;
}

/// Replaces the sizes that are known only at the call by -1.
static DimVector getStaticShape(const DimVector &shape, llvm::StringRef dims,
                                llvm::StringRef dynamic) {
  DimVector result = shape;
  for (size_t dim = 0; dim < dims.size(); ++dim)
    if (dynamic == "dynamic" || (dynamic == "anybatch" && dim == 0) ||
        (dynamic == "anychannels" && dims[dim] == 'C'))
      result[dim] = -1;
  return result;
}

/// What all kinds have in common.
static Case createCase(llvm::ArrayRef<unsigned> row, size_t number) {
  Case result;
  BatchNormSpec &spec = result.spec;
  const Layout &layout = kLayouts[row[OfLayout]];
  const Types &types = kTypes[row[OfType]];
  result.shape = getShape(layout.dims, kSizes[row[OfSize]], number % 2);
  result.isShifted = number % 3 == 2;
  spec.shape =
      getStaticShape(result.shape, layout.dims, kDynamic[row[OfDynamic]]);
  spec.axis = getAxis(layout, number % 5 == 4);
  spec.elementType = types.element;
  spec.parameterType = types.parameter;
  spec.statisticsType = types.statistics;
  spec.threads = row[OfThreads] + 1;
  spec.epsilon = number % 2 ? 1.0e-3 : 1.0e-5;
  return result;
}

static std::string getName(const Case &c, llvm::ArrayRef<unsigned> row,
                           size_t number, const char *kind,
                           const char *operands) {
  std::string name =
      llvm::formatv("{0}_{1}_{2}_{3}_{4}_{5}_{6}threads", number, kind,
                    kTypes[row[OfType]].name, kLayouts[row[OfLayout]].name,
                    kDynamic[row[OfDynamic]], operands, c.spec.threads);
  for (int64_t size : c.shape)
    name += "_" + std::to_string(size);
  return name;
}

static Case createForward(llvm::ArrayRef<unsigned> row, size_t number) {
  Case result = createCase(row, number);
  BatchNormSpec &spec = result.spec;
  llvm::StringRef kind = kKinds[row[OfKind]];
  if (kind == "inference")
    spec.kind = BatchNormSpec::Kind::Inference;
  if (kind == "sample")
    spec.runningVariance = BatchNormSpec::RunningVariance::Sample;
  spec.hasRunningStats = kind == "running" || kind == "sample";
  spec.hasScale = row[OfParameters] & 1;
  spec.hasOffset = row[OfParameters] & 2;
  spec.momentum = number % 4 < 2 ? 0.99 : 0.9;
  result.name = getName(result, row, number, kKinds[row[OfKind]],
                        kParameters[row[OfParameters]]);
  return result;
}

static Case createBackward(llvm::ArrayRef<unsigned> row, size_t number) {
  Case result = createCase(row, number);
  BatchNormSpec &spec = result.spec;
  llvm::StringRef kind = kGradientKinds[row[OfKind]];
  const auto &gradients = kGradients[row[OfParameters]];
  spec.kind = BatchNormSpec::Kind::Backward;
  spec.isFrozen = kind.starts_with("frozen");
  if (kind.ends_with("inverse"))
    spec.statisticsKind = BatchNormSpec::StatisticsKind::InverseStd;
  spec.hasScale = gradients.hasScale;
  spec.hasInputGrad = gradients.input;
  spec.hasScaleGrad = gradients.scale;
  spec.hasOffsetGrad = gradients.offset;
  result.name =
      getName(result, row, number, kGradientKinds[row[OfKind]], gradients.name);
  return result;
}

void mlir::bn::test::PrintTo(const Case &c, std::ostream *os) {
  *os << c.spec.getKey();
}

/// Cases in which all pairs of values occur, and the combinations of
/// `together`.
static std::vector<Case>
select(llvm::ArrayRef<unsigned> sizes,
       std::vector<std::vector<unsigned>> together,
       llvm::function_ref<Case(llvm::ArrayRef<unsigned>, size_t)> create) {
  for (unsigned a = 0; a < sizes.size(); ++a)
    for (unsigned b = a + 1; b < sizes.size(); ++b)
      together.push_back({a, b});
  std::vector<Case> cases;
  for (const std::vector<unsigned> &row : coverCombinations(sizes, together))
    cases.push_back(create(row, cases.size()));
  return cases;
}

std::vector<Case> mlir::bn::test::selectCases() {
  unsigned sizes[] = {std::size(kKinds),
                      std::size(kTypes),
                      std::size(kLayouts),
                      std::size(kDynamic),
                      std::size(kParameters),
                      std::size(kSizes),
                      3};
  // What decides about the code comes in triples.
  return select(sizes,
                {{OfType, OfLayout, OfDynamic},
                 {OfKind, OfType, OfLayout},
                 {OfKind, OfLayout, OfParameters},
                 {OfKind, OfLayout, OfDynamic}},
                createForward);
}

std::vector<Case> mlir::bn::test::selectGradientCases() {
  unsigned sizes[] = {std::size(kGradientKinds),
                      std::size(kTypes),
                      std::size(kLayouts),
                      std::size(kDynamic),
                      std::size(kGradients),
                      std::size(kSizes),
                      3};
  return select(sizes,
                {{OfKind, OfType, OfParameters}, {OfKind, OfLayout, OfDynamic}},
                createBackward);
}
