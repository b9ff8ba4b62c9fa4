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
//              [mask], [addend], output, mean, variance, [new_running_mean,
//              new_running_variance], [bits]
//   inference: input, [scale], [offset], mean, variance, [addend], output,
//              [bits]
//   training, renormalized: input, [scale], [offset], renorm_mean, renorm_std,
//              [running_mean, running_std], r_min, r_max, d_max, [mask],
//              [addend], output, mean, variance, r, d, new_renorm_mean,
//              new_renorm_std, [new_running_mean, new_running_std]
//   backward:  output_grad, input, [scale], [offset, for an output that is
//              computed again], mean, variance or inverse_std, [r, d, when
//              renormalized], [mask], [output or bits], [input_grad],
//              [scale_grad], [offset_grad], [addend_grad]
//   stats:     input, [mask], count, mean, m2
//   merge_stats:          count, mean, m2, total_count, total_mean, total_m2
//   update_running_stats: count, mean, variance, running_mean,
//              running_variance, new_running_mean, new_running_variance
//   normalize: input, [mean], [variance], [scale], [offset], [addend], output,
//              [bits]
//   backward_reduce:      output_grad, input, mean, sum_dy, sum_dy_xmu
//   backward_input:       output_grad, input, [mean], a, b, c, input_grad
//
// `output` may be given the memory of `input` or `addend`, `input_grad` and
// `addend_grad` that of `output_grad` or `output`, and each new running
// statistic that of the old one. What stats, merge_stats and backward_reduce
// find in their results is added to: start from zeros. Counts are f64. `bits`
// is one-dimensional, of i8: bit i mod 8 of byte i / 8 is 1 where a ReLU has
// let element i, in C order, pass: where it was not 0 or below, before
// rounding. With groups, mean and variance (or inverse_std) have one more
// dimension, the first. r_min, r_max and d_max are scalars of f64: they may
// change from call to call.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_BATCHNORMSPEC_H
#define BN_EXECUTIONENGINE_BATCHNORMSPEC_H

#include "bn/ExecutionEngine/Kernel.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>

namespace mlir::bn {

struct BatchNormSpec {
  /// One for each op of the dialect.
  enum class Kind {
    Training,
    Inference,
    Backward,
    Stats,
    MergeStats,
    UpdateRunningStats,
    Normalize,
    BackwardReduce,
    BackwardInput
  };
  /// What the running variance averages: the population variance (Keras, ONNX)
  /// or the sample variance (PyTorch).
  enum class RunningVariance { Population, Sample };
  /// What is done to each normalized element before it is written; the addend
  /// is an argument. A NaN stays NaN. Of backward: what was done to it. The
  /// sign of what a ReLU has written, `output`, says whether the gradient
  /// passes; see `hasBits` and `recomputesOutput`.
  enum class Epilogue { None, Relu, LeakyRelu, Add, AddRelu };
  /// What backward is given beside the mean: the variance (TensorFlow, oneDNN)
  /// or the inverse of the standard deviation, with epsilon in it (PyTorch).
  enum class StatisticsKind { Variance, InverseStd };

  Kind kind = Kind::Training;
  /// Of input and output: f16, bf16, f32 or f64.
  DType elementType = DType::F32;
  /// Of scale, offset, their gradients, the coefficients a, b, c, and the
  /// running statistics of update_running_stats: `elementType` or a wider one.
  DType parameterType = DType::F32;
  /// Of mean, variance, m2 and sums: `elementType` or a wider one.
  DType statisticsType = DType::F32;
  /// Of the running statistics of training, which is not renormalized:
  /// `elementType` or a wider one. By default, `statisticsType`.
  std::optional<DType> runningType;
  /// Sizes of the input; -1 for one that is known only at the call. Of
  /// merge_stats and update_running_stats, which have none: of all operands.
  DimVector shape;
  /// The feature dimensions; negative ones count from the end. The parameters
  /// have a dimension for each, in the order of the input's dimensions.
  DimVector axis = {1};
  double epsilon = 1.0e-3;
  /// The weight of the old running statistics.
  double momentum = 0.99;
  RunningVariance runningVariance = RunningVariance::Population;
  /// Training, inference, normalize and backward only.
  Epilogue epilogue = Epilogue::None;
  /// What a leaky ReLU multiplies negative elements with; of backward, above 0.
  double slope = 0.01;
  bool hasScale = true;
  /// Of backward, where it computes the output again.
  bool hasOffset = true;
  /// Training only.
  bool hasRunningStats = true;
  /// Training and backward only: batch renormalization (Ioffe, 2017), with
  /// running statistics whose second is the standard deviation.
  bool isRenormalized = false;
  /// The weight of the old statistics that renormalization corrects with.
  double renormMomentum = 0.99;
  /// Training and backward only: dimension 0, which is no feature dimension, is
  /// cut in so many equal parts with statistics of their own.
  int64_t groups = 1;
  /// Training, backward and stats only: the sizes of the mask, each 1 or that of
  /// `shape`; empty without a mask. Its elements are the weights of those of the
  /// input.
  DimVector maskShape;
  /// Of the mask: any float type.
  DType maskType = DType::F32;
  /// Normalize and backward_input only.
  bool hasMean = true;
  /// Normalize only.
  bool hasVariance = true;
  /// Backward only: the gradients that are wanted, and whether mean and
  /// variance are constants.
  bool hasInputGrad = true;
  bool hasScaleGrad = true;
  bool hasOffsetGrad = true;
  /// The gradient of the addend; for an epilogue that adds one.
  bool hasAddendGrad = false;
  /// For a ReLU without addend: whether the sign of its output is computed
  /// again from the input, which is read anyway, as the forward op did it. With
  /// statistics of f64 it is that of the output; others are rounded, and so is
  /// what they are subtracted from.
  bool recomputesOutput = false;
  /// For a ReLU: the forward op also writes a bit for each element, and
  /// backward reads it in the place of the output; see `allowsBits`.
  bool hasBits = false;
  bool isFrozen = false;
  StatisticsKind statisticsKind = StatisticsKind::Variance;
  /// 0 for the compiler's default.
  int64_t threads = 0;

  /// The entry point of the module.
  static constexpr llvm::StringLiteral functionName = "batch_norm";

  /// Returns an error that names the first field that is wrong.
  llvm::Error verify() const;

  /// Returns a text that is equal for specs that mean the same kernel. The
  /// spec must be valid.
  std::string getKey() const;

  /// Returns the valid spec that has this key.
  static llvm::Expected<BatchNormSpec> parseKey(llvm::StringRef key);

  /// Returns the arguments in the order above. The spec must be valid.
  KernelSignature getSignature() const;

  /// Returns the kind's name in the dialect, for example "merge_stats".
  llvm::StringRef getKindName() const;

  /// Returns the axis list with every entry counted from the front, in the
  /// order of the dimensions; of merge_stats and update_running_stats, all
  /// dimensions.
  DimVector getNormalizedAxis() const;

  /// Returns how many elements lie together in memory that are the channels of
  /// one position, or positions of one channel; -1 for a dynamic size.
  int64_t getRowSize() const;

  /// True where a bit for each element is possible: rows are whole bytes.
  bool allowsBits() const { return getRowSize() >= 0 && getRowSize() % 8 == 0; }

  /// Returns for example "add_relu", or "none".
  llvm::StringRef getEpilogueName() const;

  bool addsAddend() const {
    return epilogue == Epilogue::Add || epilogue == Epilogue::AddRelu;
  }
  bool takesAddend() const { return kind != Kind::Backward && addsAddend(); }
  bool needsOutput() const {
    return kind == Kind::Backward && epilogue != Epilogue::None &&
           epilogue != Epilogue::Add;
  }
  bool takesOutput() const {
    return needsOutput() && !recomputesOutput && !hasBits;
  }
  bool takesOffset() const {
    return hasOffset && (kind == Kind::Training || kind == Kind::Inference ||
                         kind == Kind::Normalize ||
                         (kind == Kind::Backward && recomputesOutput));
  }
  DType getRunningType() const { return runningType.value_or(statisticsType); }
  bool takesRunningStats() const {
    return kind == Kind::UpdateRunningStats ||
           (kind == Kind::Training && hasRunningStats);
  }
  bool takesMask() const {
    return (kind == Kind::Training || kind == Kind::Backward ||
            kind == Kind::Stats) &&
           !maskShape.empty();
  }
  bool takesGroups() const {
    return (kind == Kind::Training || kind == Kind::Backward) && groups != 1;
  }
  bool takesRenormalization() const {
    return (kind == Kind::Training || kind == Kind::Backward) && isRenormalized;
  }
  bool takesEpsilon() const {
    return kind == Kind::Training || kind == Kind::Inference ||
           (kind == Kind::Backward && !takesInverseStd()) ||
           (kind == Kind::Normalize && hasVariance);
  }
  bool takesInverseStd() const {
    return kind == Kind::Backward &&
           statisticsKind == StatisticsKind::InverseStd;
  }
  bool takesAxis() const {
    return kind != Kind::MergeStats && kind != Kind::UpdateRunningStats;
  }

  /// Returns the text of the module. The spec must be valid.
  std::string getModuleText() const;

  /// Verifies the spec and builds the module. The dialects must be registered
  /// in `context`; diagnostics go there.
  llvm::Expected<OwningOpRef<ModuleOp>> buildModule(MLIRContext &context) const;
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_BATCHNORMSPEC_H
