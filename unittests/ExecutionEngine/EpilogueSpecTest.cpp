//===- EpilogueSpecTest.cpp - Specs with an epilogue ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a spec says about its epilogue: errors, key, arguments, module, and the
// memory that the output may be given.
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

#include <limits>

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

using Kind = BatchNormSpec::Kind;
using Epilogue = BatchNormSpec::Epilogue;

constexpr Epilogue kAll[] = {Epilogue::None, Epilogue::Relu,
                             Epilogue::LeakyRelu, Epilogue::Add,
                             Epilogue::AddRelu};

BatchNormSpec getSpec(Kind kind, Epilogue epilogue) {
  BatchNormSpec spec;
  spec.kind = kind;
  spec.shape = {2, 3, 4};
  spec.epilogue = epilogue;
  return spec;
}

TEST(EpilogueSpecTest, ErrorFields) {
  EXPECT_EQ(getText(getSpec(Kind::BackwardInput, Epilogue::Relu).verify()),
            "expected 'epilogue' to be none for the kind backward_input, got "
            "relu");
  EXPECT_EQ(getText(getSpec(Kind::Stats, Epilogue::AddRelu).verify()),
            "expected 'epilogue' to be none for the kind stats, got add_relu");
  BatchNormSpec spec = getSpec(Kind::Inference, Epilogue::LeakyRelu);
  spec.slope = std::numeric_limits<double>::infinity();
  EXPECT_EQ(getText(spec.verify()), "expected 'slope' to be finite, got INF");
  spec.slope = -2; // somebody's
  EXPECT_EQ(getText(spec.verify()), "");
  spec.kind = Kind::Backward;
  for (double slope : {-2.0, 0.0, -0.0}) {
    spec.slope = slope;
    EXPECT_EQ(getText(spec.verify()).find("expected 'slope' to be above 0"), 0u)
        << slope;
  }
  spec.slope = 0.5;
  EXPECT_EQ(getText(spec.verify()), "");
}

/// There is a gradient of the addend where one was added.
TEST(EpilogueSpecTest, ErrorAddendGrad) {
  for (Epilogue epilogue : kAll) {
    BatchNormSpec spec = getSpec(Kind::Backward, epilogue);
    spec.hasInputGrad = spec.hasScaleGrad = spec.hasOffsetGrad = false;
    EXPECT_EQ(getText(spec.verify()),
              "expected a gradient to be wanted, got none");
    spec.hasAddendGrad = true;
    EXPECT_EQ(getText(spec.verify()),
              spec.addsAddend()
                  ? ""
                  : "expected 'epilogue' to be add or add_relu, whose addend "
                    "has a gradient, got " +
                        spec.getEpilogueName().str());
  }
}

TEST(EpilogueSpecTest, Keys) {
  std::vector<std::string> keys;
  for (Epilogue epilogue : kAll)
    keys.push_back(getSpec(Kind::Inference, epilogue).getKey());
  for (size_t i = 0; i < keys.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_NE(keys[i], keys[j]);
  // The slope counts where there is one.
  for (Epilogue epilogue : kAll) {
    BatchNormSpec spec = getSpec(Kind::Training, epilogue);
    std::string key = spec.getKey();
    spec.slope *= 2;
    EXPECT_EQ(key != spec.getKey(), epilogue == Epilogue::LeakyRelu);
  }
}

TEST(EpilogueSpecTest, SignatureNames) {
  auto getNames = [](Kind kind) {
    std::string names;
    for (const KernelOperand &operand :
         getSpec(kind, Epilogue::Add).getSignature().arguments)
      names += operand.name + " ";
    return names;
  };
  EXPECT_EQ(getNames(Kind::Training),
            "input scale offset running_mean running_variance addend output "
            "mean variance new_running_mean new_running_variance ");
  EXPECT_EQ(getNames(Kind::Inference),
            "input scale offset mean variance addend output ");
  EXPECT_EQ(getNames(Kind::Normalize),
            "input mean variance scale offset addend output ");
  EXPECT_EQ(getNames(Kind::Backward),
            "output_grad input scale mean variance input_grad scale_grad "
            "offset_grad ");
}

TEST(EpilogueSpecTest, GradientNames) {
  auto getNames = [](Epilogue epilogue) {
    BatchNormSpec spec = getSpec(Kind::Backward, epilogue);
    spec.hasScaleGrad = false;
    spec.hasAddendGrad = spec.addsAddend();
    std::string names;
    for (const KernelOperand &operand : spec.getSignature().arguments)
      names += operand.name + " ";
    return names;
  };
  EXPECT_EQ(getNames(Epilogue::LeakyRelu),
            "output_grad input scale mean variance output input_grad "
            "offset_grad ");
  EXPECT_EQ(getNames(Epilogue::Add),
            "output_grad input scale mean variance input_grad offset_grad "
            "addend_grad ");
  EXPECT_EQ(getNames(Epilogue::AddRelu),
            "output_grad input scale mean variance output input_grad "
            "offset_grad addend_grad ");
}

TEST(EpilogueSpecTest, RecomputedOutputNames) {
  BatchNormSpec spec = getSpec(Kind::Backward, Epilogue::Relu);
  spec.recomputesOutput = true;
  std::string names;
  for (const KernelOperand &operand : spec.getSignature().arguments)
    names += operand.name + " ";
  EXPECT_EQ(names, "output_grad input scale offset mean variance input_grad "
                   "scale_grad offset_grad ");
}

TEST(EpilogueSpecTest, RecomputedOutputVerifies) {
  DialectRegistry registry;
  bn::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  for (bool hasOffset : {true, false})
    for (DType dtype : {DType::F16, DType::F32, DType::F64}) {
      BatchNormSpec spec = getSpec(Kind::Backward, Epilogue::LeakyRelu);
      spec.elementType = dtype;
      spec.parameterType = spec.statisticsType = DType::F64;
      spec.shape = {-1, 3, 4};
      spec.recomputesOutput = true;
      spec.hasOffset = hasOffset;
      EXPECT_EQ(getText(spec.buildModule(context)), "") << spec.getModuleText();
      EXPECT_TRUE(llvm::StringRef(spec.getModuleText())
                      .contains("%output_t = bn.inference"));
    }
}

TEST(EpilogueSpecTest, ModulesVerify) {
  DialectRegistry registry;
  bn::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  for (Kind kind : {Kind::Training, Kind::Inference, Kind::Normalize})
    for (Epilogue epilogue : kAll)
      for (DType dtype : {DType::F16, DType::F32, DType::F64}) {
        BatchNormSpec spec = getSpec(kind, epilogue);
        spec.elementType = dtype;
        spec.parameterType = spec.statisticsType = DType::F64;
        spec.shape = {-1, 3, 4};
        spec.slope = -0.0;
        EXPECT_EQ(getText(spec.buildModule(context)), "")
            << spec.getModuleText();
        bool hasEpilogue =
            llvm::StringRef(spec.getModuleText()).contains(" epilogue");
        EXPECT_EQ(hasEpilogue, epilogue != Epilogue::None);
      }
}

TEST(EpilogueSpecTest, GradientModulesVerify) {
  DialectRegistry registry;
  bn::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  for (Epilogue epilogue : kAll)
    for (DType dtype : {DType::F16, DType::F32, DType::F64}) {
      BatchNormSpec spec = getSpec(Kind::Backward, epilogue);
      spec.elementType = dtype;
      spec.parameterType = spec.statisticsType = DType::F64;
      spec.shape = {-1, 3, 4};
      spec.hasAddendGrad = spec.addsAddend();
      EXPECT_EQ(getText(spec.buildModule(context)), "") << spec.getModuleText();
      // The gradient of a sum is that of its terms.
      bool hasPrologue =
          llvm::StringRef(spec.getModuleText()).contains(" prologue");
      EXPECT_EQ(hasPrologue, spec.takesOutput());
    }
}

/// The output may be exactly the input or the addend, but no part of it.
TEST(EpilogueSpecTest, InPlace) {
  auto compiler = createCompiler();
  BatchNormSpec spec = getSpec(Kind::Inference, Epilogue::AddRelu);
  spec.hasScale = spec.hasOffset = false;
  spec.epsilon = 0;
  auto kernel = compiler->compile(spec);
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  float input[24], addend[28], output[24], mean[3] = {},
                                           variance[3] = {1, 1, 1};
  auto fill = [&]() {
    for (int i = 0; i < 24; ++i) {
      input[i] = i % 5 - 2;
      addend[i] = i % 3 - 1;
    }
  };
  auto call = [&](float *addendData, float *out) {
    fill();
    return getText(kernel->call({{input, DType::F32, {2, 3, 4}},
                                 {mean, DType::F32, {3}},
                                 {variance, DType::F32, {3}},
                                 {addendData, DType::F32, {2, 3, 4}},
                                 {out, DType::F32, {2, 3, 4}}}));
  };
  for (float *out : {output, input, addend}) {
    EXPECT_EQ(call(addend, out), "");
    for (int i = 0; i < 24; ++i)
      EXPECT_EQ(out[i], std::max(i % 5 - 2 + i % 3 - 1, 0)) << i;
  }
  EXPECT_EQ(call(addend, addend + 4),
            "expected 'output' not to overlap 'addend', or to be exactly in "
            "place, got 80 common bytes");
  EXPECT_EQ(call(input, output), ""); // inputs may be one
}

} // namespace
