//===- Call.h - One call of a kernel from Python ----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Collects the arguments of a batch normalization in the order in which the
// kernel wants them, makes the results that the caller has not given, and
// calls. Messages use the names of BatchNormSpec.h: x is 'input', y 'output'.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_CALL_H
#define BN_PYTHON_CALL_H

#include "Array.h"
#include "Layout.h"
#include "Session.h"

namespace mlir::bn::python {

class Call {
public:
  /// Takes the input and what is known of the kernel from it.
  Call(BatchNormSpec::Kind kind, nb::handle input, nb::handle axis,
       double epsilon);

  void addScaleAndOffset(nb::handle scale, nb::handle offset);

  /// Adds an array with one element per channel, and returns its element type.
  DType addChannels(nb::handle array, const char *name);

  /// Says where the results go: None, one array, or one entry per result.
  void setOut(nb::handle out, size_t numResults);

  /// Returns the element type of result `index` that the caller has given, or
  /// `otherwise`.
  DType getOutType(size_t index, DType otherwise);

  /// Adds the next result.
  void addOutput();
  void addChannelsOutput(const char *name);

  /// Calls the kernel.
  void run();

  nb::object takeResult(size_t index) { return std::move(results[index]); }
  nb::object takeResults();

  BatchNormSpec spec;

private:
  void addResult(const char *name, TensorView expected,
                 const Layout &resultLayout, const char *whose);

  Array input;
  DimVector axis;
  Layout layout, channelLayout;
  llvm::SmallVector<nb::handle, 5> out;
  llvm::SmallVector<nb::object, 5> results;
  /// In the kernel's order, and in that of memory.
  llvm::SmallVector<TensorView, 12> arguments;
  /// Arrays that DLPack has given us, until the call is over.
  llvm::SmallVector<Array, 0> imported;
};

} // namespace mlir::bn::python

#endif // BN_PYTHON_CALL_H
