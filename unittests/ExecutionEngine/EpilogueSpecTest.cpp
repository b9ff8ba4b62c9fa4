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
  // Bits tell what has passed, whatever the slope.
  spec.shape = {2, 3, 8};
  spec.hasBits = true;
  spec.slope = -2;
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

/// A spec whose rows are whole bytes.
BatchNormSpec getBitsSpec(Kind kind, Epilogue epilogue) {
  BatchNormSpec spec = getSpec(kind, epilogue);
  spec.shape = {2, 3, 8};
  spec.hasBits = true;
  return spec;
}

/// There are bits where there is a ReLU, and a bit for each element.
TEST(EpilogueSpecTest, ErrorBits) {
  for (Kind kind :
       {Kind::Training, Kind::Inference, Kind::Normalize, Kind::Backward})
    for (Epilogue epilogue : kAll) {
      BatchNormSpec spec = getBitsSpec(kind, epilogue);
      bool hasRelu = epilogue != Epilogue::None && epilogue != Epilogue::Add;
      EXPECT_EQ(getText(spec.verify()),
                hasRelu ? ""
                        : "expected 'epilogue' to be relu, leaky_relu or "
                          "add_relu where there are bits, got " +
                              spec.getEpilogueName().str());
    }
  for (Kind kind : {Kind::Stats, Kind::MergeStats, Kind::UpdateRunningStats,
                    Kind::BackwardReduce, Kind::BackwardInput}) {
    BatchNormSpec spec = getBitsSpec(kind, Epilogue::None);
    EXPECT_EQ(getText(spec.verify()), "expected no 'hasBits' for the kind " +
                                          spec.getKindName().str() +
                                          ", got true");
  }
  BatchNormSpec spec = getBitsSpec(Kind::Backward, Epilogue::Relu);
  spec.recomputesOutput = true;
  EXPECT_EQ(getText(spec.verify()),
            "expected 'recomputesOutput' to be false where there are bits, got "
            "true");
  for (Kind kind : {Kind::Training, Kind::Backward}) {
    spec = getBitsSpec(kind, Epilogue::Relu);
    spec.isRenormalized = true;
    EXPECT_EQ(getText(spec.verify()),
              "expected 'isRenormalized' to be false where there are bits, got "
              "true");
  }
}

TEST(EpilogueSpecTest, RowsOfBits) {
  struct Rows {
    DimVector shape, axis;
    int64_t size;
  };
  const Rows all[] = {{{2, 3, 4, 6}, {1}, 24},
                      {{2, 3, 4, 6}, {3}, 6},
                      {{2, 3, 4, 6}, {-1}, 6},
                      {{2, 3, 4, 6}, {0}, 72},
                      {{2, 3, 4, 6}, {2, 3}, 24},
                      {{2, 3, 4, 6}, {1, 3}, 6},
                      {{9, 40}, {1}, 40},
                      {{40}, {0}, 40},
                      {{-1, 3, 4, 6}, {1}, 24},
                      {{-1, -1, 16}, {2}, 16},
                      {{-1, -1, 16}, {1}, 16},
                      {{2, 3, -1}, {1}, -1},
                      {{2, 3, -1, 8}, {1}, -1},
                      {{2, -1}, {1}, -1},
                      {{0, 3, 8}, {1}, 8},
                      {{2, 3, 0}, {1}, 0},
                      // Positions of which there is one are between nothing.
                      {{2, 24, 1, 1}, {1}, 24},
                      {{2, 3, 24, 1}, {1}, 24},
                      {{24, 1}, {1}, 1}};
  for (const Rows &rows : all) {
    BatchNormSpec spec = getBitsSpec(Kind::Training, Epilogue::Relu);
    spec.shape = rows.shape;
    spec.axis = rows.axis;
    bool isWhole = rows.size >= 0 && rows.size % 8 == 0;
    EXPECT_EQ(spec.getRowSize(), rows.size) << spec.getKey();
    EXPECT_EQ(spec.allowsBits(), isWhole) << spec.getKey();
    std::string size =
        rows.size < 0 ? "a dynamic size" : std::to_string(rows.size);
    EXPECT_EQ(getText(spec.verify()),
              isWhole ? ""
                      : "expected rows of a multiple of 8 elements where there "
                        "are bits, got " +
                            size);
  }
  // A mask may keep dimensions apart.
  BatchNormSpec spec = getBitsSpec(Kind::Backward, Epilogue::Relu);
  spec.shape = {2, 3, 4, 6};
  EXPECT_EQ(spec.getRowSize(), 24);
  spec.maskShape = {2, 1, 4, 6};
  spec.maskType = DType::F32;
  EXPECT_EQ(spec.getRowSize(), 6);
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

TEST(EpilogueSpecTest, BitsNames) {
  auto getNames = [](const BatchNormSpec &spec) {
    std::string names;
    for (const KernelOperand &operand : spec.getSignature().arguments)
      names += operand.name + " ";
    return names;
  };
  BatchNormSpec spec = getBitsSpec(Kind::Training, Epilogue::AddRelu);
  EXPECT_EQ(getNames(spec),
            "input scale offset running_mean running_variance addend output "
            "mean variance new_running_mean new_running_variance bits ");
  spec.hasRunningStats = false;
  EXPECT_EQ(getNames(spec),
            "input scale offset addend output mean variance bits ");
  spec.kind = Kind::Inference;
  EXPECT_EQ(getNames(spec),
            "input scale offset mean variance addend output bits ");
  spec.kind = Kind::Normalize;
  EXPECT_EQ(getNames(spec),
            "input mean variance scale offset addend output bits ");
  spec.kind = Kind::Backward;
  spec.hasAddendGrad = true;
  EXPECT_EQ(getNames(spec), "output_grad input scale mean variance bits "
                            "input_grad scale_grad offset_grad addend_grad ");
  spec.maskShape = {2, 1, 8};
  spec.maskType = DType::F32;
  EXPECT_EQ(getNames(spec), "output_grad input scale mean variance mask bits "
                            "input_grad scale_grad offset_grad addend_grad ");
}

/// An eighth as many bytes as there are elements in argument 0.
TEST(EpilogueSpecTest, BitsOperand) {
  using Access = KernelOperand::Access;
  for (Kind kind :
       {Kind::Training, Kind::Inference, Kind::Normalize, Kind::Backward})
    for (int64_t batch : {2, 0, -1}) {
      BatchNormSpec spec = getBitsSpec(kind, Epilogue::Relu);
      spec.shape[0] = batch;
      int64_t count = 0;
      for (const KernelOperand &operand : spec.getSignature().arguments) {
        EXPECT_EQ(operand.bitsOf, operand.name == "bits" ? 0 : -1);
        if (operand.bitsOf < 0)
          continue;
        ++count;
        EXPECT_EQ(operand.dtype, DType::I8);
        EXPECT_EQ(operand.shape, DimVector{batch < 0 ? -1 : batch * 3});
        EXPECT_EQ(operand.access,
                  kind == Kind::Backward ? Access::Read : Access::Write);
        EXPECT_TRUE(operand.inPlaceWith.empty());
      }
      EXPECT_EQ(count, 1);
    }
}

TEST(EpilogueSpecTest, BitsModulesVerify) {
  DialectRegistry registry;
  bn::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  for (Kind kind :
       {Kind::Training, Kind::Inference, Kind::Normalize, Kind::Backward})
    for (Epilogue epilogue :
         {Epilogue::Relu, Epilogue::LeakyRelu, Epilogue::AddRelu})
      for (DType dtype : {DType::F16, DType::F32, DType::F64})
        for (int64_t size : {2, -1}) {
          BatchNormSpec spec = getBitsSpec(kind, epilogue);
          spec.elementType = dtype;
          spec.parameterType = spec.statisticsType = DType::F64;
          spec.shape = {size, size, 3, 8};
          spec.axis = {2};
          std::string text = spec.getModuleText();
          EXPECT_EQ(getText(spec.buildModule(context)), "") << text;
          EXPECT_TRUE(llvm::StringRef(text).contains("bn.view_bits")) << text;
          EXPECT_FALSE(spec.takesOutput());
        }
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

/// Sizes that a dynamic batch leaves open are checked in each call.
TEST(EpilogueSpecTest, BitsOfACall) {
  auto compiler = createCompiler();
  BatchNormSpec spec = getBitsSpec(Kind::Inference, Epilogue::Relu);
  spec.shape = {-1, 3, 8};
  spec.hasScale = spec.hasOffset = false;
  spec.epsilon = 0;
  auto kernel = compiler->compile(spec);
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  float input[48], output[48], mean[3] = {}, variance[3] = {1, 1, 1};
  for (int i = 0; i < 48; ++i)
    input[i] = i % 5 - 2;
  uint8_t bits[8];
  auto call = [&](int64_t batch, void *data, DimVector shape,
                  DType dtype = DType::I8) {
    return getText(kernel->call({{input, DType::F32, {batch, 3, 8}},
                                 {mean, DType::F32, {3}},
                                 {variance, DType::F32, {3}},
                                 {output, DType::F32, {batch, 3, 8}},
                                 {data, dtype, shape}}));
  };
  for (int64_t batch : {0, 1, 2}) {
    std::fill(std::begin(bits), std::end(bits), 0xa5);
    EXPECT_EQ(call(batch, bits, {batch * 3}), "");
    for (int i = 0; i < 64; ++i) {
      bool expected = i < batch * 24 ? i % 5 > 2 : 0xa5 >> i % 8 & 1;
      EXPECT_EQ(bits[i / 8] >> i % 8 & 1, expected) << i;
    }
  }
  const char *expected = "expected 'bits' to have shape (6,), a bit for each "
                         "element of 'input', got ";
  EXPECT_EQ(call(2, bits, {5}), expected + std::string("(5,)"));
  EXPECT_EQ(call(2, bits, {7}), expected + std::string("(7,)"));
  EXPECT_EQ(call(2, bits, {48}), expected + std::string("(48,)"));
  EXPECT_EQ(call(2, bits, {2, 3}), "expected 'bits' to have rank 1, got 2");
  EXPECT_EQ(call(2, bits, {6}, DType::I1),
            "expected 'bits' to have element type i8, got i1");
  EXPECT_EQ(call(2, output, {6}),
            "expected 'bits' not to overlap 'output', got 6 common bytes");
  EXPECT_EQ(call(2, input, {6}),
            "expected 'bits' not to overlap 'input', got 6 common bytes");
}

} // namespace
