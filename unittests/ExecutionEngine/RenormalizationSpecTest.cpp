//===- RenormalizationSpecTest.cpp - Specs of renormalization ---*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a spec says about renormalization: errors, key, arguments, module, and
// limits that are scalars of the call.
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

#include <limits>

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

using Kind = BatchNormSpec::Kind;

BatchNormSpec getSpec(Kind kind) {
  BatchNormSpec spec;
  spec.kind = kind;
  spec.shape = {2, 3, 4};
  spec.isRenormalized = true;
  return spec;
}

TEST(RenormalizationSpecTest, ErrorFields) {
  BatchNormSpec spec = getSpec(Kind::Training);
  spec.groups = 2;
  EXPECT_EQ(getText(spec.verify()),
            "expected 'groups' to be 1 for a renormalization, got 2");
  spec = getSpec(Kind::Training);
  spec.renormMomentum = std::numeric_limits<double>::infinity();
  EXPECT_EQ(getText(spec.verify()),
            "expected 'renormMomentum' to be finite, got INF");
  spec = getSpec(Kind::Backward);
  spec.isFrozen = true;
  EXPECT_EQ(getText(spec.verify()),
            "expected 'isFrozen' to be false for a renormalization, got true");
  // Of other kinds it is not looked at.
  spec.kind = Kind::Inference;
  spec.groups = 2;
  EXPECT_EQ(getText(spec.verify()), "");
}

TEST(RenormalizationSpecTest, Keys) {
  for (Kind kind : {Kind::Training, Kind::Backward, Kind::Inference}) {
    BatchNormSpec spec = getSpec(kind), plain = spec, other = spec;
    plain.isRenormalized = false;
    EXPECT_EQ(spec.getKey() != plain.getKey(), kind != Kind::Inference);
    other.renormMomentum = 0.5;
    EXPECT_EQ(spec.getKey() != other.getKey(), kind == Kind::Training);
  }
  // Deviations are averaged, whatever the kind of variance.
  BatchNormSpec spec = getSpec(Kind::Training), sample = spec;
  sample.runningVariance = BatchNormSpec::RunningVariance::Sample;
  EXPECT_EQ(spec.getKey(), sample.getKey());
}

std::string getNames(const BatchNormSpec &spec) {
  std::string names;
  for (const KernelOperand &operand : spec.getSignature().arguments)
    names += operand.name + " ";
  return names;
}

TEST(RenormalizationSpecTest, SignatureNames) {
  BatchNormSpec spec = getSpec(Kind::Training);
  EXPECT_EQ(getNames(spec),
            "input scale offset renorm_mean renorm_std running_mean "
            "running_std r_min r_max d_max output mean variance r d "
            "new_renorm_mean new_renorm_std new_running_mean "
            "new_running_std ");
  spec.hasRunningStats = spec.hasScale = false;
  spec.maskShape = {2, 1, 1};
  spec.epilogue = BatchNormSpec::Epilogue::Add;
  EXPECT_EQ(getNames(spec),
            "input offset renorm_mean renorm_std r_min r_max d_max mask addend "
            "output mean variance r d new_renorm_mean new_renorm_std ");
  EXPECT_EQ(getNames(getSpec(Kind::Backward)),
            "output_grad input scale mean variance r d input_grad scale_grad "
            "offset_grad ");
}

TEST(RenormalizationSpecTest, SignatureDetails) {
  KernelSignature signature = getSpec(Kind::Training).getSignature();
  for (const KernelOperand &operand : signature.arguments) {
    llvm::StringRef name = operand.name;
    bool isLimit = name == "r_min" || name == "r_max" || name == "d_max";
    EXPECT_EQ(operand.isScalar, isLimit) << name.str();
    if (isLimit)
      EXPECT_EQ(operand.dtype, DType::F64);
    if (!name.consume_front("new_"))
      continue;
    ASSERT_EQ(operand.inPlaceWith.size(), 1u);
    EXPECT_EQ(signature.arguments[operand.inPlaceWith[0]].name, name);
  }
}

TEST(RenormalizationSpecTest, ModulesVerify) {
  DialectRegistry registry;
  bn::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  for (unsigned flags = 0; flags < 64; ++flags) {
    BatchNormSpec spec = getSpec(flags & 1 ? Kind::Training : Kind::Backward);
    spec.shape = {-1, 3, -1};
    spec.axis = flags & 2 ? DimVector{1, -1} : DimVector{1};
    spec.hasScale = flags & 4;
    spec.hasOffset = spec.hasScaleGrad = flags & 8;
    spec.hasRunningStats = spec.hasInputGrad = flags & 16;
    spec.elementType = flags & 32 ? DType::BF16 : DType::F64;
    spec.parameterType = DType::F64;
    spec.statisticsType = spec.elementType;
    EXPECT_EQ(getText(spec.buildModule(context)), "") << spec.getModuleText();
  }
}

TEST(RenormalizationSpecTest, LimitsOfTheCall) {
  auto compiler = createCompiler();
  BatchNormSpec spec = getSpec(Kind::Training);
  spec.hasScale = spec.hasOffset = spec.hasRunningStats = false;
  spec.shape = {4, 1};
  spec.epsilon = 0;
  spec.renormMomentum = 0.75;
  auto kernel = compiler->compile(spec);
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  // Mean 3 and deviation 2; those of batches before are 1 and 0.5.
  float x[] = {1, 5, 1, 5}, oldMean = 1, oldStd = 0.5;
  float y[4], mean, variance, r, d, newMean, newStd;
  auto run = [&](double rMin, double rMax, double dMax) {
    auto view = [](float &number) {
      return TensorView(&number, DType::F32, {1});
    };
    auto limit = [](double &number) {
      return TensorView(&number, DType::F64, llvm::ArrayRef<int64_t>());
    };
    EXPECT_EQ(getText(kernel->call({{x, DType::F32, {4, 1}},
                                    view(oldMean),
                                    view(oldStd),
                                    limit(rMin),
                                    limit(rMax),
                                    limit(dMax),
                                    {y, DType::F32, {4, 1}},
                                    view(mean),
                                    view(variance),
                                    view(r),
                                    view(d),
                                    view(newMean),
                                    view(newStd)})),
              "");
  };
  double infinity = std::numeric_limits<double>::infinity();
  run(0, infinity, infinity);
  EXPECT_EQ(r, 4); // 2 / 0.5
  EXPECT_EQ(d, 4); // (3 - 1) / 0.5
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], 8);
  EXPECT_EQ(newMean, 1.5);
  EXPECT_EQ(newStd, 0.875);
  run(1. / 3, 3, 2);
  EXPECT_EQ(r, 3);
  EXPECT_EQ(d, 2);
  EXPECT_EQ(y[0], -1);
  EXPECT_EQ(y[1], 5);
  run(5, 6, 0);
  EXPECT_EQ(r, 5);
  EXPECT_EQ(d, 0);
}

} // namespace
