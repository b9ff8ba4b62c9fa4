//===- BatchNormSpec.h - Which batch normalization is wanted ----*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A description of one kernel in the words of the dialect. It is small enough
// to be a cache key, so that a kernel that is known is found without building
// any IR. `buildModule` turns it into the module of phase `input`: one function
// `@batch_norm` on memrefs, which writes its results to the caller's memory.
//
// Arguments, in order; those in brackets exist when the flag says so:
//
//   training:  input, [scale], [offset], [running_mean, running_variance],
//              output, mean, variance, [new_running_mean,
//              new_running_variance]
//   inference: input, [scale], [offset], mean, variance, output
//
// `output` may be given the memory of `input`, and each new running statistic
// that of the old one.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_BATCHNORMSPEC_H
#define BN_EXECUTIONENGINE_BATCHNORMSPEC_H

#include "bn/ExecutionEngine/Kernel.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::bn {

struct BatchNormSpec {
  enum class Kind { Training, Inference, Backward };
  /// What the running variance averages: the population variance (Keras, ONNX)
  /// or the sample variance (PyTorch).
  enum class RunningVariance { Population, Sample };

  Kind kind = Kind::Training;
  /// Of input and output: f16, bf16, f32 or f64.
  DType elementType = DType::F32;
  /// Of scale and offset: `elementType` or a wider one.
  DType parameterType = DType::F32;
  /// Of mean, variance and running statistics: `elementType` or a wider one.
  DType statisticsType = DType::F32;
  /// Sizes of the input; -1 for one that is known only at the call.
  DimVector shape;
  /// The feature dimensions; negative ones count from the end. The parameters
  /// have a dimension for each, in the order of the input's dimensions.
  DimVector axis = {1};
  double epsilon = 1.0e-3;
  /// The weight of the old running statistics.
  double momentum = 0.99;
  RunningVariance runningVariance = RunningVariance::Population;
  bool hasScale = true;
  bool hasOffset = true;
  /// Training only.
  bool hasRunningStats = true;
  /// 0 for the compiler's default.
  int64_t threads = 0;

  /// The entry point of the module.
  static constexpr llvm::StringLiteral functionName = "batch_norm";

  /// Returns an error that names the first field that is wrong.
  llvm::Error verify() const;

  /// Returns a text that is equal for specs that mean the same kernel. The
  /// spec must be valid.
  std::string getKey() const;

  /// Returns the arguments in the order above. The spec must be valid.
  KernelSignature getSignature() const;

  /// Returns the text of the module. The spec must be valid.
  std::string getModuleText() const;

  /// Verifies the spec and builds the module. The dialects must be registered
  /// in `context`; diagnostics go there.
  llvm::Expected<OwningOpRef<ModuleOp>> buildModule(MLIRContext &context) const;
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_BATCHNORMSPEC_H
