//===- BatchNormKeyTest.cpp - Specs from their keys -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A key can be read back, whatever is in it, and what is no key is refused with
// the word at which reading ended.
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

using Kind = BatchNormSpec::Kind;
using Epilogue = BatchNormSpec::Epilogue;

void expectSurvives(const BatchNormSpec &spec) {
  std::string key = spec.getKey();
  llvm::Expected<BatchNormSpec> read = BatchNormSpec::parseKey(key);
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->getKey(), key);
}

TEST(BatchNormKeyTest, AllKinds) {
  for (Kind kind : {Kind::Training, Kind::Inference, Kind::Backward,
                    Kind::Stats, Kind::MergeStats, Kind::UpdateRunningStats,
                    Kind::Normalize, Kind::BackwardReduce, Kind::BackwardInput})
    for (DType dtype : {DType::F16, DType::BF16, DType::F32, DType::F64})
      for (int flags = 0; flags < 16; ++flags) {
        BatchNormSpec spec;
        spec.kind = kind;
        spec.elementType = dtype;
        spec.parameterType = flags & 1 ? dtype : DType::F64;
        spec.statisticsType = flags & 2 ? DType::F64 : dtype;
        spec.shape = {2, 0, -1, 4};
        spec.axis = {-1, 2};
        spec.epsilon = 0.1 / 3;
        spec.momentum = -1.0e300;
        spec.hasScale = spec.hasMean = flags & 1;
        spec.hasOffset = spec.hasInputGrad = flags & 2;
        spec.hasRunningStats = spec.hasVariance = spec.isFrozen = flags & 4;
        spec.hasScaleGrad = flags & 8;
        if (flags & 4)
          spec.runningVariance = BatchNormSpec::RunningVariance::Sample;
        if (flags & 8)
          spec.statisticsKind = BatchNormSpec::StatisticsKind::InverseStd;
        spec.threads = flags;
        expectSurvives(spec);
      }
}

TEST(BatchNormKeyTest, MasksGroupsEpilogues) {
  BatchNormSpec spec;
  spec.shape = {6, 3, 4};
  spec.groups = 3;
  spec.maskShape = {6, 1, 4};
  spec.maskType = DType::BF16;
  spec.slope = 0.1;
  for (Epilogue epilogue : {Epilogue::None, Epilogue::Relu, Epilogue::LeakyRelu,
                            Epilogue::Add, Epilogue::AddRelu}) {
    spec.epilogue = epilogue;
    expectSurvives(spec);
  }
}

TEST(BatchNormKeyTest, GradientsOfEpilogues) {
  BatchNormSpec spec;
  spec.kind = Kind::Backward;
  spec.shape = {6, 3, 4};
  spec.hasAddendGrad = true;
  for (Epilogue epilogue : {Epilogue::Add, Epilogue::AddRelu}) {
    spec.epilogue = epilogue;
    expectSurvives(spec);
  }
}

TEST(BatchNormKeyTest, RecomputedOutput) {
  BatchNormSpec spec;
  spec.kind = Kind::Backward;
  spec.shape = {6, 3, 4};
  spec.epilogue = Epilogue::Relu;
  spec.recomputesOutput = true;
  for (bool hasOffset : {true, false}) {
    spec.hasOffset = hasOffset;
    expectSurvives(spec);
  }
}

TEST(BatchNormKeyTest, Bits) {
  BatchNormSpec spec;
  spec.shape = {-1, 3, 4, 6};
  for (Kind kind :
       {Kind::Training, Kind::Inference, Kind::Normalize, Kind::Backward})
    for (Epilogue epilogue :
         {Epilogue::Relu, Epilogue::LeakyRelu, Epilogue::AddRelu}) {
      spec.kind = kind;
      spec.epilogue = epilogue;
      spec.hasBits = false;
      std::string key = spec.getKey();
      spec.hasBits = true;
      EXPECT_NE(spec.getKey(), key);
      expectSurvives(spec);
      llvm::Expected<BatchNormSpec> read =
          BatchNormSpec::parseKey(spec.getKey());
      ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
      EXPECT_TRUE(read->hasBits);
    }
}

TEST(BatchNormKeyTest, RunningType) {
  BatchNormSpec spec;
  spec.shape = {6, 3, 4};
  spec.statisticsType = DType::F64;
  std::string key = spec.getKey();
  spec.runningType = DType::F64;
  EXPECT_EQ(spec.getKey(), key);
  spec.runningType = DType::F32;
  EXPECT_NE(spec.getKey(), key);
  expectSurvives(spec);
}

TEST(BatchNormKeyTest, Renormalization) {
  BatchNormSpec spec;
  spec.shape = {6, 3, 4};
  spec.isRenormalized = true;
  spec.renormMomentum = 0.75;
  for (Kind kind : {Kind::Training, Kind::Backward}) {
    spec.kind = kind;
    expectSurvives(spec);
  }
  spec.kind = Kind::Training;
  spec.hasRunningStats = false;
  expectSurvives(spec);
}

TEST(BatchNormKeyTest, Errors) {
  auto getError = [](llvm::StringRef key) {
    return getText(BatchNormSpec::parseKey(key));
  };
  EXPECT_EQ(getError(""), "expected the key of a spec, got '' (wrong at '')");
  EXPECT_EQ(getError("trainings f32 shape 2x3"),
            "expected the key of a spec, got 'trainings f32 shape 2x3' (wrong "
            "at 'trainings')");
  EXPECT_EQ(getError("inference f32 shape 2x axis 1"),
            "expected the key of a spec, got 'inference f32 shape 2x axis 1' "
            "(wrong at '2x')");
  EXPECT_EQ(getError("inference f32 shape 2x3 axis"),
            "expected the key of a spec, got 'inference f32 shape 2x3 axis' "
            "(wrong at 'axis')");
  EXPECT_EQ(getError("inference f32 shape 2x3 axis 1 colour"),
            "expected the key of a spec, got 'inference f32 shape 2x3 axis 1 "
            "colour' (wrong at 'colour')");
  EXPECT_EQ(getError("inference f32 shape 2x3 axis 2 epsilon 0 threads 0"),
            "expected 'axis' to be from -2 to 1, got 2");
  EXPECT_EQ(getError("inference f32 shape 2x4 axis 1 epsilon 0 epilogue relu "
                     "bits threads 0"),
            "expected rows of a multiple of 8 elements where there are bits, "
            "got 4");
}

} // namespace
