//===- ChannelRun.h - A kernel with slopes per channel ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A PReLU with a slope per channel, and a bias per channel, behind training or
// inference: as an epilogue, or as ops on tensors that become one. Specs have
// no entries per channel for an epilogue, so that they are put into the text of
// a spec's module.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#ifndef BN_UNITTESTS_INTEGRATION_CHANNELRUN_H
#define BN_UNITTESTS_INTEGRATION_CHANNELRUN_H

#include "Execution.h"

namespace mlir::bn::test {

/// The types of slopes and bias: that of the data, that of the accumulator, and
/// wider than that.
enum class Width { Data, Accumulator, Wide };

/// One kernel with its arrays, those of the epilogue included.
class ChannelRun {
public:
  ChannelRun(const BatchNormSpec &spec, llvm::ArrayRef<int64_t> shape,
             Width width, bool isShifted = false);

  void fill(uint64_t seed);
  /// Either as an epilogue, or as ops behind the op.
  bool run(bool asOps = false);
  /// Returns the largest part of its bound that an error of the output took up.
  double compare() const;

  Execution arrays;
  HostArray slopes, bias;

private:
  std::string printType(DType dtype, bool isData) const;
  std::string getEpilogue() const;
  std::string getOps() const;
  std::string getModule(bool asOps) const;
  Bounded apply(Bounded y, Real slope, Real addend) const;

  BatchNormSpec spec;
  DType accumulator, type;
  DimVector channels, reduced;
};

} // namespace mlir::bn::test

#endif // BN_UNITTESTS_INTEGRATION_CHANNELRUN_H
