//===- ChannelOpText.h - Arithmetic on channels, as text --------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the execution engine: writes a `linalg.generic` on operands with
// one entry per channel, which computes in f64.
//
// Phase: input.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_EXECUTIONENGINE_CHANNELOPTEXT_H
#define BN_LIB_EXECUTIONENGINE_CHANNELOPTEXT_H

#include "bn/Support/DType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace mlir::bn {

/// A `linalg.generic` that makes something of each channel.
class ChannelOpText {
public:
  /// `shape` is that of the channels, such as "64x".
  ChannelOpText(llvm::StringRef shape, unsigned rank)
      : shape(shape), rank(rank) {}

  /// Adds an input, and returns its element in f64.
  std::string take(llvm::StringRef tensor, DType type);

  /// Appends `name = op operands : f64` to the body, and returns the name.
  std::string compute(llvm::StringRef name, const char *op,
                      llvm::ArrayRef<std::string> operands);
  std::string constant(llvm::StringRef name, double value);
  /// Appends `name = left == right`.
  std::string equal(llvm::StringRef name, llvm::StringRef left,
                    llvm::StringRef right);
  /// Appends `name = condition ? left : right`.
  std::string select(llvm::StringRef name, llvm::StringRef condition,
                     llvm::StringRef left, llvm::StringRef right);

  /// Adds the result `name`, of the destination `out`, which is rounded to
  /// `type`.
  void yield(llvm::StringRef name, llvm::StringRef value, llvm::StringRef out,
             DType type);

  void print(llvm::raw_ostream &os) const;

private:
  struct Operand {
    std::string tensor, element;
    DType type;
  };
  std::string append(llvm::StringRef name, const std::string &operation);
  std::string getType(const Operand &operand) const {
    return "tensor<" + shape + stringifyDType(operand.type).str() + ">";
  }
  void printClause(llvm::raw_ostream &os, const char *name,
                   llvm::ArrayRef<Operand> operands) const;

  std::string shape;
  unsigned rank;
  llvm::SmallVector<Operand, 0> ins, outs;
  llvm::SmallVector<std::string, 0> results, yields;
  std::string body;
};

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_CHANNELOPTEXT_H
