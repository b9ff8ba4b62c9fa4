//===- Execution.h - One kernel and its arrays ------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Makes all arrays that a kernel needs, runs it, and compares what it has
// written with the reference.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#ifndef BN_UNITTESTS_INTEGRATION_EXECUTION_H
#define BN_UNITTESTS_INTEGRATION_EXECUTION_H

#include "HostArray.h"
#include "Reference.h"
#include "bn/ExecutionEngine/Compiler.h"
#include "llvm/ADT/StringMap.h"

#include "gtest/gtest.h"

namespace mlir::bn::test {

/// A spec for data of one type with the parameters and statistics that go with
/// it: f32 for the narrow types. The shape is static, all operands exist, and
/// there is one thread.
BatchNormSpec getSpec(BatchNormSpec::Kind kind, DType dtype,
                      llvm::ArrayRef<int64_t> shape,
                      llvm::ArrayRef<int64_t> axis);

/// The compiler that all tests share. It keeps nothing on disk.
Compiler &getCompiler();

/// Random numbers that are the same everywhere.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  /// From `low` to `high`.
  double uniform(double low, double high);
  /// Mean 0, variance 1, a sum of four: never beyond 3.5.
  double normal();

private:
  uint64_t state;
};

/// The largest part of its bound that an error took up.
struct Ratios {
  double output = 0, mean = 0, variance = 0, running = 0;
  double inputGrad = 0, scaleGrad = 0, offsetGrad = 0;
  void include(const Ratios &other);
  double getLargest() const;
};

class Execution {
public:
  /// `shape` are the sizes at the call; those of the spec may be dynamic.
  /// Outputs are NaN before the call.
  Execution(const BatchNormSpec &spec, llvm::ArrayRef<int64_t> shape,
            bool isShifted = false);

  /// The array of an operand, by its name in BatchNormSpec.h.
  HostArray &operator[](llvm::StringRef name);
  const HostArray &operator[](llvm::StringRef name) const;
  const BatchNormSpec &getSpec() const { return spec; }
  int64_t getNumChannels() const { return numChannels; }
  bool has(llvm::StringRef name) const { return arrays.contains(name); }

  /// Channels with means from -4 to 4 and deviations from 0.5 to 2; parameters
  /// and statistics of such data; a mask of zeros and ones.
  void fill(uint64_t seed);
  /// `weight(i)` for entry i of the mask, if there is one.
  void fillMask(llvm::function_ref<double(int64_t)> weight);
  /// `value(element, channel)` for each element of the input, or of another
  /// array of its shape.
  void fillInput(llvm::function_ref<double(int64_t, int64_t)> value) {
    fillData("input", value);
  }
  void fillData(llvm::StringRef name,
                llvm::function_ref<double(int64_t, int64_t)> value);
  void fillChannels(llvm::StringRef name,
                    llvm::function_ref<double(int64_t)> value);

  /// Which memory the kernel is given for outputs that may be in place: that of
  /// the first operand they may replace (the input, running statistics), or of
  /// the last (the addend, where there is one).
  enum class InPlace { No, First, Last };

  /// Compiles the spec and calls the kernel. Afterwards, all arrays are as they
  /// are when it is not in place. Returns false, and fails the test, when
  /// there is no kernel or it refuses the arrays.
  bool run(InPlace inPlace = InPlace::No);
  bool run(bool inPlace) {
    return run(inPlace ? InPlace::First : InPlace::No);
  }

  /// Compares all outputs with the reference.
  Ratios compare() const;

  /// What the reference says about gradients, for each channel of each group.
  std::vector<ChannelGradients> computeGradients() const;

  /// Number of entries of a per-channel array, or of an output, that are not
  /// `expected` of their channel, rounded to the array's type. NaN is equal to
  /// NaN.
  int64_t countOthers(llvm::StringRef name,
                      llvm::function_ref<double(int64_t)> expected) const;

private:
  Ratios compareTraining(llvm::ArrayRef<ChannelStatistics> statistics) const;
  double compareOutput(llvm::ArrayRef<ChannelStatistics> statistics) const;
  Ratios compareGradients() const;

  BatchNormSpec spec;
  KernelSignature signature;
  int64_t numChannels = 1;
  llvm::StringMap<HostArray> arrays;
};

} // namespace mlir::bn::test

#endif // BN_UNITTESTS_INTEGRATION_EXECUTION_H
