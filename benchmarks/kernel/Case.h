//===- Case.h - What is measured --------------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One case is a kind of kernel, an element type, a layout and a shape. Shapes
// are written NxCxHxW, or NxC, in both layouts.
//
//===----------------------------------------------------------------------===//

#ifndef BN_BENCHMARKS_KERNEL_CASE_H
#define BN_BENCHMARKS_KERNEL_CASE_H

#include "bn/ExecutionEngine/BatchNormSpec.h"

namespace mlir::bn::bench {

enum class Layout { NCHW, NHWC };

struct Case {
  BatchNormSpec::Kind kind;
  DType dtype;
  Layout layout;
  /// Batch, channels, and the spatial sizes, if any.
  DimVector shape;
  BatchNormSpec::Epilogue epilogue = BatchNormSpec::Epilogue::None;
  /// The forward op writes what the ReLU of a sum lets pass, a bit an element,
  /// and backward reads it; see `allowsBits`.
  bool hasBits = false;

  int64_t getChannels() const { return shape[1]; }
  int64_t getNumElements() const;
  int64_t getTensorBytes() const;
  /// Of the floor: two for backward, which needs the input and the gradient of
  /// the output, and where something is added to the output. What an epilogue
  /// adds to backward is no part of the floor, so that times with and without
  /// it are multiples of the same bytes.
  int getNumInputs() const;
  /// Those that a kernel moves: with a ReLU of a sum, backward also reads the
  /// output, unless there are bits, and it writes the gradient of an addend.
  int getNumTensors() const;
  int64_t getBytes() const { return getNumTensors() * getTensorBytes(); }
  /// Input and output do not fit into the last-level cache of our machines;
  /// the bound is the one that the project's goals are stated with.
  bool isLarge() const;
  /// The sizes in memory order.
  DimVector getMemoryShape() const;
  /// The dimension of the channels in memory order.
  int64_t getAxis() const;
  std::string getShapeText() const;
  bool hasAddend() const {
    return epilogue == BatchNormSpec::Epilogue::Add ||
           epilogue == BatchNormSpec::Epilogue::AddRelu;
  }
  /// Backward computes what the ReLU has let pass from the input.
  bool recomputesOutput() const {
    return kind == BatchNormSpec::Kind::Backward &&
           (epilogue == BatchNormSpec::Epilogue::Relu ||
            epilogue == BatchNormSpec::Epilogue::LeakyRelu);
  }
  /// There is a ReLU of a sum, and rows are whole bytes.
  bool allowsBits() const;
  /// Backward sees it in the output.
  bool takesOutput() const {
    return kind == BatchNormSpec::Kind::Backward && !hasBits &&
           epilogue == BatchNormSpec::Epilogue::AddRelu;
  }
  /// "training f32 nhwc", and the epilogue.
  std::string getGroup() const;
};

llvm::StringRef stringifyKind(BatchNormSpec::Kind kind);
llvm::StringRef stringifyEpilogue(BatchNormSpec::Epilogue epilogue);

/// Reads "50x64x112x112" or "4096x512".
llvm::Expected<DimVector> parseShape(llvm::StringRef text);

/// Returns the shapes of a set: "resnet50" (batch 50) or "odd", shapes that no
/// rule was tuned on. Some of those are of one layout only.
llvm::Expected<std::vector<DimVector>> getShapeSet(llvm::StringRef name,
                                                   Layout layout);

} // namespace mlir::bn::bench

#endif // BN_BENCHMARKS_KERNEL_CASE_H
