//===- BatchNormSpecTest.cpp - Specs and their kernels ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a valid spec is, that equal specs have equal keys and others do not,
// that the module of every spec verifies, and how the kernels check a call:
// here the arguments have names, and outputs are known as such.
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

using Kind = BatchNormSpec::Kind;

BatchNormSpec getSpec(Kind kind = Kind::Training) {
  BatchNormSpec spec;
  spec.kind = kind;
  spec.shape = {2, 3, 4};
  return spec;
}

std::string getError(llvm::function_ref<void(BatchNormSpec &)> change) {
  BatchNormSpec spec = getSpec();
  change(spec);
  return getText(spec.verify());
}

TEST(BatchNormSpecTest, ErrorFields) {
  EXPECT_EQ(getError([](auto &spec) {}), "");
  EXPECT_EQ(getError([](auto &spec) {
              spec.kind = Kind::Backward;
              spec.hasInputGrad = spec.hasScaleGrad = spec.hasOffsetGrad =
                  false;
            }),
            "expected a gradient to be wanted, got none");
  EXPECT_EQ(getError([](auto &spec) { spec.elementType = DType::I32; }),
            "expected 'elementType' to be f16, bf16, f32 or f64, got i32");
  EXPECT_EQ(getError([](auto &spec) { spec.parameterType = DType::F16; }),
            "expected 'parameterType' to be f32 or a wider float, got f16");
  EXPECT_EQ(getError([](auto &spec) { spec.statisticsType = DType::I64; }),
            "expected 'statisticsType' to be f32 or a wider float, got i64");
  EXPECT_EQ(getError([](auto &spec) {
              spec.elementType = DType::F16;
              spec.parameterType = DType::BF16;
            }),
            "expected 'parameterType' to be f16 or a wider float, got bf16");
  EXPECT_EQ(getError([](auto &spec) { spec.shape = {}; }),
            "expected 'shape' to have rank 1 or more, got 0");
  EXPECT_EQ(getError([](auto &spec) { spec.shape[0] = -2; }),
            "expected 'shape' to have sizes of 0 or more, or -1 for any, got "
            "-2");
  EXPECT_EQ(getError([](auto &spec) { spec.shape[0] = int64_t(1) << 60; }),
            "expected 'shape' to have less than 2^63 bytes, got more");
  EXPECT_EQ(getError([](auto &spec) { spec.axis = {}; }),
            "expected 'axis' to name a dimension, got none");
  EXPECT_EQ(getError([](auto &spec) { spec.axis = {3}; }),
            "expected 'axis' to be from -3 to 2, got 3");
  EXPECT_EQ(getError([](auto &spec) { spec.axis = {-4}; }),
            "expected 'axis' to be from -3 to 2, got -4");
  EXPECT_EQ(getError([](auto &spec) {
              spec.axis = {1, -2};
            }),
            "expected 'axis' to name each dimension once, got -2 again");
  double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(getError([&](auto &spec) { spec.epsilon = infinity; }),
            "expected 'epsilon' to be finite, got INF");
  EXPECT_EQ(getError([&](auto &spec) {
              spec.momentum = infinity - infinity;
            }).find("expected 'momentum' to be finite, got "),
            0u);
  EXPECT_EQ(getError([](auto &spec) { spec.threads = -1; }),
            "expected 'threads' to be from 0 to 1024, got -1");
}

TEST(BatchNormSpecTest, ErrorMask) {
  EXPECT_EQ(getError([](auto &spec) { spec.maskShape = {2, 1, 4}; }), "");
  EXPECT_EQ(getError([](auto &spec) { spec.maskShape = {2, 4}; }),
            "expected 'maskShape' to have the rank of 'shape' (3), got 2");
  EXPECT_EQ(getError([](auto &spec) { spec.maskShape = {2, 2, 1}; }),
            "expected 'maskShape' to have size 1 or 3 in dimension 1, got 2");
  EXPECT_EQ(getError([](auto &spec) { spec.maskShape = {-1, 1, 1}; }),
            "expected 'maskShape' to have size 1 or 2 in dimension 0, got -1");
  EXPECT_EQ(getError([](auto &spec) {
              spec.maskShape = {1, 1, 1};
              spec.maskType = DType::I1;
            }),
            "expected 'maskType' to be f16, bf16, f32 or f64, got i1");
  // Others have none.
  EXPECT_EQ(getError([](auto &spec) {
              spec.kind = Kind::Inference;
              spec.maskShape = {7};
            }),
            "");
}

TEST(BatchNormSpecTest, ErrorGroups) {
  EXPECT_EQ(getError([](auto &spec) { spec.groups = 2; }), "");
  EXPECT_EQ(getError([](auto &spec) { spec.groups = 0; }),
            "expected 'groups' to be 1 or more, got 0");
  EXPECT_EQ(getError([](auto &spec) { spec.groups = 3; }),
            "expected 'shape' to have a size in dimension 0 that is divisible "
            "by 'groups' (3), got 2");
  EXPECT_EQ(getError([](auto &spec) {
              spec.groups = 2;
              spec.axis = {-3};
            }),
            "expected 'axis' not to name dimension 0, which 'groups' cuts");
  EXPECT_EQ(getError([](auto &spec) {
              spec.groups = 3;
              spec.shape[0] = -1;
            }),
            "");
  // Any number divides what is empty or not yet known.
  for (int64_t samples : {0, -1}) {
    EXPECT_EQ(getError([&](auto &spec) {
                spec.groups = int64_t(1) << 61;
                spec.shape[0] = samples;
              }),
              "expected the statistics of 2305843009213693952 'groups' to have "
              "less than 2^63 bytes, got more");
    EXPECT_EQ(getError([&](auto &spec) {
                spec.groups = int64_t(1) << 40;
                spec.shape = {samples, int64_t(1) << 21, 1};
              }),
              "expected the statistics of 1099511627776 'groups' to have less "
              "than 2^63 bytes, got more");
    EXPECT_EQ(getError([&](auto &spec) {
                spec.groups = int64_t(1) << 40;
                spec.shape[0] = samples;
              }),
              "");
  }
  // So do gradients.
  EXPECT_EQ(getError([](auto &spec) {
              spec.kind = Kind::Backward;
              spec.groups = 3;
            }),
            "expected 'shape' to have a size in dimension 0 that is divisible "
            "by 'groups' (3), got 2");
  EXPECT_EQ(getError([](auto &spec) {
              spec.kind = Kind::Backward;
              spec.groups = -1;
            }),
            "expected 'groups' to be 1 or more, got -1");
  // Others have none.
  EXPECT_EQ(getError([](auto &spec) {
              spec.kind = Kind::Inference;
              spec.groups = 3;
            }),
            "");
}

// 0 and negative epsilon, and a momentum outside [0, 1], are somebody's.
TEST(BatchNormSpecTest, UnusualNumbersAreValid) {
  EXPECT_EQ(getError([](auto &spec) { spec.epsilon = 0; }), "");
  EXPECT_EQ(getError([](auto &spec) { spec.epsilon = -1; }), "");
  EXPECT_EQ(getError([](auto &spec) { spec.momentum = 2; }), "");
  EXPECT_EQ(getError([](auto &spec) { spec.shape = {0, -1, 0}; }), "");
}

TEST(BatchNormSpecTest, Keys) {
  auto getKey = [](llvm::function_ref<void(BatchNormSpec &)> change) {
    BatchNormSpec spec = getSpec(Kind::Inference);
    change(spec);
    return spec.getKey();
  };
  std::string key = getSpec(Kind::Inference).getKey();
  EXPECT_EQ(key, getKey([](auto &spec) { spec.axis = {-2}; }));
  EXPECT_EQ(key, getKey([](auto &spec) { spec.momentum = 0.5; }));
  EXPECT_EQ(key, getKey([](auto &spec) { spec.hasRunningStats = false; }));
  EXPECT_EQ(key, getKey([](auto &spec) { spec.groups = 2; }));
  EXPECT_NE(key, getKey([](auto &spec) { spec.kind = Kind::Training; }));
  EXPECT_NE(key, getKey([](auto &spec) { spec.hasScale = false; }));
  EXPECT_NE(key, getKey([](auto &spec) { spec.shape[2] = -1; }));
  EXPECT_NE(key, getKey([](auto &spec) { spec.threads = 1; }));
  EXPECT_NE(key, getKey([](auto &spec) {
              spec.epsilon = std::nextafter(spec.epsilon, 1.0);
            }));
}

/// What an op does not take is no part of its key.
TEST(BatchNormSpecTest, KeysOfGradients) {
  BatchNormSpec spec = getSpec(Kind::Backward);
  std::string key = spec.getKey();
  spec.isFrozen = true;
  EXPECT_NE(spec.getKey(), key);
  spec.isFrozen = false;
  spec.groups = 2;
  EXPECT_NE(spec.getKey(), key);
  spec.groups = 1;
  spec.epsilon *= 2;
  EXPECT_NE(spec.getKey(), key);
  spec.statisticsKind = BatchNormSpec::StatisticsKind::InverseStd;
  key = spec.getKey();
  spec.epsilon *= 2;
  EXPECT_EQ(spec.getKey(), key);
  spec.kind = Kind::BackwardInput;
  key = spec.getKey();
  spec.hasMean = false;
  EXPECT_NE(spec.getKey(), key);
}

TEST(BatchNormSpecTest, KeysOfTrainings) {
  BatchNormSpec spec = getSpec();
  std::string key = spec.getKey();
  spec.groups = 2;
  EXPECT_NE(key, spec.getKey());
  spec.groups = 1;
  spec.maskType = DType::F16; // of no mask
  EXPECT_EQ(key, spec.getKey());
  spec.maskShape = {2, 1, 1};
  std::string masked = spec.getKey();
  EXPECT_NE(key, masked);
  spec.maskShape = {2, 1, 4};
  EXPECT_NE(masked, spec.getKey());
  spec.maskShape = {2, 1, 1};
  spec.maskType = DType::F32;
  EXPECT_NE(masked, spec.getKey());
}

TEST(BatchNormSpecTest, ModulesVerify) {
  DialectRegistry registry;
  bn::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  for (Kind kind : {Kind::Training, Kind::Inference, Kind::Backward,
                    Kind::Stats, Kind::MergeStats, Kind::UpdateRunningStats,
                    Kind::Normalize, Kind::BackwardReduce, Kind::BackwardInput})
    for (DType dtype : {DType::F16, DType::F32})
      for (DimVector shape : {DimVector{2, 3, 4}, {-1, -1, -1}, {0, 3, -1}})
        for (DimVector axis : {DimVector{1}, {-1}, {0, 2}})
          for (int flags = 0; flags < 8; ++flags) {
            BatchNormSpec spec;
            spec.kind = kind;
            spec.elementType = dtype;
            spec.shape = shape;
            spec.axis = axis;
            spec.hasScale = flags & 1;
            spec.hasOffset = flags & 2;
            spec.hasRunningStats = flags & 4;
            spec.hasMean = spec.hasInputGrad = flags & 2;
            spec.hasVariance = spec.isFrozen = flags & 4;
            spec.runningVariance = BatchNormSpec::RunningVariance::Sample;
            if (flags & 1)
              spec.statisticsKind = BatchNormSpec::StatisticsKind::InverseStd;
            spec.epsilon = -1.5;
            spec.groups = axis[0] != 0 && flags & 1 ? 2 : 1;
            if (flags & 2)
              spec.maskShape = {shape[0], 1, flags & 4 ? shape[2] : 1};
            spec.maskType = DType::BF16;
            EXPECT_EQ(getText(spec.buildModule(context)), "")
                << spec.getModuleText();
          }
}

TEST(BatchNormSpecTest, SignatureNames) {
  auto getNames = [](const BatchNormSpec &spec) {
    std::string names;
    for (const KernelOperand &operand : spec.getSignature().arguments)
      names += operand.name + " ";
    return names;
  };
  BatchNormSpec spec = getSpec();
  EXPECT_EQ(getNames(spec),
            "input scale offset running_mean running_variance output mean "
            "variance new_running_mean new_running_variance ");
  spec.hasScale = spec.hasOffset = spec.hasRunningStats = false;
  EXPECT_EQ(getNames(spec), "input output mean variance ");
  spec.groups = 2;
  EXPECT_EQ(getNames(spec), "input output mean variance ");
  EXPECT_EQ(spec.getSignature().arguments[2].shape, (DimVector{2, 3}));
  spec.maskShape = {1, 3, 1};
  EXPECT_EQ(getNames(spec), "input mask output mean variance ");
  spec.kind = Kind::Stats;
  EXPECT_EQ(getNames(spec), "input mask count mean m2 ");
  EXPECT_EQ(getNames(getSpec(Kind::Inference)),
            "input scale offset mean variance output ");
  EXPECT_EQ(getNames(getSpec(Kind::Backward)),
            "output_grad input scale mean variance input_grad scale_grad "
            "offset_grad ");
  spec = getSpec(Kind::Backward);
  spec.statisticsKind = BatchNormSpec::StatisticsKind::InverseStd;
  spec.hasScale = spec.hasInputGrad = spec.hasScaleGrad = false;
  EXPECT_EQ(getNames(spec), "output_grad input mean inverse_std offset_grad ");
  // The statistics of each group, and what all of them make.
  spec.groups = 2;
  EXPECT_EQ(getNames(spec), "output_grad input mean inverse_std offset_grad ");
  KernelSignature signature = spec.getSignature();
  EXPECT_EQ(signature.arguments[0].groups, 2);
  EXPECT_EQ(signature.arguments[2].shape, (DimVector{2, 3}));
  EXPECT_EQ(signature.arguments[3].shape, (DimVector{2, 3}));
  EXPECT_EQ(signature.arguments[4].shape, (DimVector{3}));
  spec = getSpec(Kind::BackwardInput);
  EXPECT_EQ(getNames(spec), "output_grad input mean a b c input_grad ");
  spec.hasMean = false;
  EXPECT_EQ(getNames(spec), "output_grad input a b c input_grad ");
  EXPECT_EQ(getNames(getSpec(Kind::MergeStats)),
            "count mean m2 total_count total_mean total_m2 ");
}

/// The arrays of an inference of 2x3x4 with axis 1.
struct Arrays {
  float input[24] = {}, output[24] = {}, scale[3] = {1, 1, 1}, offset[3] = {},
        mean[3] = {}, variance[3] = {1, 1, 1};
  std::vector<TensorView> views = {
      {input, DType::F32, {2, 3, 4}}, {scale, DType::F32, {3}},
      {offset, DType::F32, {3}},      {mean, DType::F32, {3}},
      {variance, DType::F32, {3}},    {output, DType::F32, {2, 3, 4}}};
};

TEST(BatchNormSpecTest, ErrorCall) {
  auto compiler = createCompiler();
  BatchNormSpec spec = getSpec(Kind::Inference);
  spec.shape = {-1, -1, 4};
  auto kernel = compiler->compile(spec);
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  auto getCallError = [&](llvm::function_ref<void(Arrays &)> change) {
    Arrays arrays;
    change(arrays);
    return getText(kernel->call(arrays.views));
  };
  EXPECT_EQ(getCallError([](Arrays &arrays) {}), "");
  EXPECT_EQ(getCallError([](Arrays &arrays) { arrays.views.pop_back(); }),
            "expected 6 arguments, got 5");
  EXPECT_EQ(getCallError([](Arrays &arrays) { arrays.views[1].shape = {4}; }),
            "expected 'scale' to have size 3 in dimension 0 (dimension 1 of "
            "'input'), got 4");
  EXPECT_EQ(getCallError([](Arrays &arrays) {
              arrays.views[5].shape = {1, 3, 4};
            }),
            "expected 'output' to have size 2 in dimension 0 (dimension 0 of "
            "'input'), got 1");
  EXPECT_EQ(getCallError([](Arrays &arrays) {
              arrays.views[0].shape = {2, 3, 5};
            }),
            "expected 'input' to have shape (?, ?, 4), got (2, 3, 5)");
  // In place is allowed, and only exactly.
  EXPECT_EQ(
      getCallError([](Arrays &arrays) { arrays.views[5].data = arrays.input; }),
      "");
  EXPECT_EQ(getCallError([](Arrays &arrays) {
              arrays.views[0].data = arrays.views[5].data = arrays.input;
              arrays.views[0].shape[0] = arrays.views[5].shape[0] = 1;
              arrays.views[5].data = arrays.input + 4;
            }),
            "expected 'output' not to overlap 'input', or to be exactly in "
            "place, got 32 common bytes");
  EXPECT_EQ(getCallError([](Arrays &arrays) {
              arrays.views[1].data = arrays.output + 8;
            }),
            "expected 'output' not to overlap 'scale', got 12 common bytes");
}

TEST(BatchNormSpecTest, ErrorSpec) {
  auto compiler = createCompiler();
  BatchNormSpec spec = getSpec();
  spec.axis = {7};
  EXPECT_EQ(getText(compiler->compile(spec)),
            "expected 'axis' to be from -3 to 2, got 7");
}

// The second compiler finds the object under the spec's key.
TEST(BatchNormSpecTest, DiskCache) {
  TemporaryDirectory directory;
  CompilerOptions options;
  options.cacheDir = directory.str();
  for (int hits = 0; hits < 2; ++hits) {
    auto compiler = llvm::cantFail(Compiler::create(options));
    EXPECT_EQ(getText(compiler->compile(getSpec())), "");
    EXPECT_EQ(compiler->getStatistics().diskHits, hits);
  }
}

// Statistics of two halves, merged, are those of the whole.
TEST(BatchNormSpecTest, StatsAndMerge) {
  auto compiler = createCompiler();
  BatchNormSpec stats = getSpec(Kind::Stats), merge = getSpec(Kind::MergeStats);
  stats.statisticsType = merge.statisticsType = DType::F64;
  stats.shape = {2, 3, 4};
  merge.shape = {3};
  Kernel statsKernel = llvm::cantFail(compiler->compile(stats));
  Kernel mergeKernel = llvm::cantFail(compiler->compile(merge));
  float input[48];
  for (int i = 0; i < 48; ++i)
    input[i] = static_cast<float>(i % 7);
  double parts[2][3][3] = {};
  for (int half = 0; half < 2; ++half)
    EXPECT_EQ(getText(statsKernel({{input + 24 * half, DType::F32, {2, 3, 4}},
                                   {parts[half][0], DType::F64, {3}},
                                   {parts[half][1], DType::F64, {3}},
                                   {parts[half][2], DType::F64, {3}}})),
              "");
  std::vector<TensorView> views;
  for (int half : {1, 0})
    for (int i = 0; i < 3; ++i)
      views.emplace_back(parts[half][i], DType::F64,
                         llvm::ArrayRef<int64_t>(3));
  EXPECT_EQ(getText(mergeKernel(views)), "");
  for (int channel = 0; channel < 3; ++channel) {
    double sum = 0, squares = 0;
    for (int n = 0; n < 4; ++n)
      for (int i = 0; i < 4; ++i)
        sum += input[12 * n + 4 * channel + i];
    for (int n = 0; n < 4; ++n)
      for (int i = 0; i < 4; ++i)
        squares += std::pow(input[12 * n + 4 * channel + i] - sum / 16, 2);
    EXPECT_EQ(parts[0][0][channel], 16);
    EXPECT_NEAR(parts[0][1][channel], sum / 16, 1e-6);
    EXPECT_NEAR(parts[0][2][channel], squares, 1e-4);
  }
}

TEST(BatchNormSpecTest, Texts) {
  auto compiler = createCompiler();
  BatchNormSpec spec = getSpec();
  for (Phase phase : getAllPhases()) {
    auto text = compiler->getIR(spec, phase);
    ASSERT_TRUE(bool(text)) << llvm::toString(text.takeError());
    EXPECT_TRUE(llvm::StringRef(*text).contains("batch_norm"));
    EXPECT_EQ(llvm::StringRef(*text).contains("bn.training"),
              phase <= Phase::BN);
  }
  auto strategy = compiler->getStrategy(spec);
  ASSERT_TRUE(bool(strategy)) << llvm::toString(strategy.takeError());
  EXPECT_TRUE(llvm::StringRef(*strategy).starts_with("#bn.lowering_strategy<"));
  auto assembly = compiler->getAssembly(spec);
  ASSERT_TRUE(bool(assembly)) << llvm::toString(assembly.takeError());
  EXPECT_TRUE(llvm::StringRef(*assembly).contains(".globl"));
  EXPECT_EQ(compiler->getStatistics().compiled, 0);
}

} // namespace
