//===- Call.h - One call of a kernel from Python ----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Collects the arguments of a kernel in the order in which it wants them, makes
// the results that the caller has not given, and calls. Messages use the names
// of BatchNormSpec.h: x is 'input', y 'output'.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_CALL_H
#define BN_PYTHON_CALL_H

#include "Array.h"
#include "Layout.h"
#include "Session.h"

#include <array>
#include <deque>
#include <memory>

namespace mlir::bn::python {

class Call {
public:
  explicit Call(BatchNormSpec::Kind kind);

  /// Takes what is known of the kernel from the input, or from any array of an
  /// op that has none, whose dimensions are then all channels.
  void setInput(nb::handle input, nb::handle axis);
  void setChannels(nb::handle array, const char *name);

  /// Cuts the batch.
  void setGroups(int64_t groups);

  /// Says where the results go: None, one array, or one entry per result.
  void setOut(nb::handle out, size_t numResults);

  /// Says which gradients are results, and where they go.
  void setWhich(nb::handle which, nb::handle out);

  /// Returns the element type of result `index` that the caller has given, or
  /// `otherwise`.
  DType getOutType(size_t index, DType otherwise);

  /// Adds the input as an argument; an array like it; one with an element per
  /// channel, of any type that is as wide as the input's, which is returned, or
  /// of type `dtype`.
  void addInput() { arguments.push_back(inputView); }
  void addData(nb::handle array, const char *name);
  DType addChannels(nb::handle array, const char *name);
  void addChannels(nb::handle array, const char *name, DType dtype);
  void addScaleAndOffset(nb::handle scale, nb::handle offset);
  /// Adds the mean, and a second statistic of the same type, which is called
  /// `name`. Each group has its own.
  void addStatistics(nb::handle mean, nb::handle second, const char *name);
  /// Adds a number that may be another one in the next call.
  void addScalar(double value);
  /// Adds a mask, unless it is None.
  void addMask(nb::handle mask);

  /// Says what is done to normalized elements; adds the addend if that is one
  /// of the arguments.
  void setEpilogue(nb::handle name, double slope, nb::handle addend);
  /// Says what was done to them before `output` was written, and whether that
  /// is given, or bits in its place, or it is computed again with `offset`; one
  /// of the three is.
  void setEpilogueOf(nb::handle name, double slope, nb::handle output,
                     nb::handle bits, nb::handle offset);
  /// Adds the bits that a forward call has saved.
  void addBits(nb::handle bits);

  /// What is in a result before the call.
  enum class Initial { Anything, Zero };

  /// Adds the result that is number `index` for the caller: one like the input,
  /// or one with an element per channel.
  void addOutput(size_t index, const char *name);
  void addChannelsOutput(size_t index, const char *name, DType dtype,
                         Initial initial = Initial::Anything);
  /// The same, holding a copy of `initial` before the call.
  void addChannelsOutput(size_t index, const char *name, nb::handle initial);
  /// The same for a statistic that each group has.
  void addGroupsOutput(size_t index, const char *name, DType dtype);
  /// Adds the bits that are saved, if any are.
  void addBitsOutput(size_t index);
  /// Adds the gradients that setWhich has named.
  void addGradients();

  /// Calls the kernel.
  void run();

  nb::object takeResult(size_t index) { return std::move(results[index]); }
  nb::object takeResults();

  BatchNormSpec spec;

private:
  /// Adds result `index`, whose type and shape are those of `view`, and fills
  /// in the rest of it.
  void addResult(size_t index, const char *name, TensorView &view,
                 const Layout &resultLayout,
                 llvm::function_ref<std::string()> whose);
  /// Checks the type of an array with an element per channel.
  Array takeChannels(nb::handle object, const char *name);
  /// Adds an array with an element per channel, or per channel of each group.
  void addChannels(Array &array, const char *name, bool hasGroups);
  /// Checks the shape of such an array, in the user's order of dimensions.
  void checkChannels(const TensorView &view, const char *name,
                     bool hasGroups) const;
  /// Says where that shape comes from: "the channels of 'input' (axis=1)".
  std::string describeChannels(bool hasGroups) const;
  void keepAlive(Array &array);
  /// The shape of the bits.
  DimVector getBitsShape() const;
  void presetResults();

  /// What is in argument `argument`, a result, before the call: what is in
  /// `source`, or zeros where that has no memory.
  struct Preset {
    size_t argument;
    std::string name;
    TensorView source;
  };

  Array input;
  /// In the order of memory.
  TensorView inputView;
  bool hasInput = false;
  /// Where there is none, the name of the array that the channels are from.
  const char *channelsName = nullptr;
  DimVector axis;
  /// Sizes of the dimensions in `axis`.
  DimVector channelShape;
  Layout layout, channelLayout;
  llvm::SmallVector<nb::handle, 5> out;
  llvm::SmallVector<nb::object, 5> results;
  /// In the kernel's order, and in that of memory.
  llvm::SmallVector<TensorView, 12> arguments;
  llvm::SmallVector<Preset, 0> presets;
  /// Of each gradient; -1 for one that is not wanted.
  std::array<int, 4> places = {-1, -1, -1, -1};
  /// Scalar arguments point to these, so they stay where they are.
  std::deque<double> scalars;
  /// A mask that could not be used as it was.
  std::unique_ptr<char[]> maskMemory;
  /// What DLPack has given us, until the call is over.
  llvm::SmallVector<nb::ndarray<nb::ro>, 0> exported;
};

} // namespace mlir::bn::python

#endif // BN_PYTHON_CALL_H
