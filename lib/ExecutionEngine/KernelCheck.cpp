//===- KernelCheck.cpp - Which arguments a kernel refuses -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The checks of a call, in the order in which a caller would want to hear of
// mistakes: the machine, the number of arguments, then each argument alone
// (element type, rank, sizes, strides, pointer), then arguments against each
// other (sizes, overlap).
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "JITSession.h"
#include "bn/ExecutionEngine/Kernel.h"
#include "bn/Support/Error.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::bn;
using llvm::ArrayRef;
using Access = KernelOperand::Access;

namespace {

/// One argument of a call. Its name is made only when a message needs it.
struct Argument {
  std::string getName() const {
    return operand.name.empty() ? "argument " + std::to_string(index)
                                : "'" + operand.name + "'";
  }

  const KernelOperand &operand;
  const TensorView &view;
  size_t index;
};

} // namespace

/// Checks that sizes fit the operand's, that none is negative, and that the
/// array is not larger than the address space.
static llvm::Error checkShape(const Argument &argument) {
  ArrayRef<int64_t> expected = argument.operand.shape;
  ArrayRef<int64_t> sizes = argument.view.shape;
  if (sizes.size() != expected.size())
    return makeError("expected {0} to have rank {1}, got {2}",
                     argument.getName(), expected.size(), sizes.size());
  int64_t bytes = getByteSize(argument.view.dtype);
  for (auto [wanted, size] : llvm::zip_equal(expected, sizes)) {
    if (wanted >= 0 ? size != wanted : size < 0)
      return makeError(
          "expected {0} to have shape {1}, got {2}", argument.getName(),
          printTuple(expected, /*isPattern=*/true), printTuple(sizes));
    // A 0 does not hide an overflow: strides are made of the other sizes.
    if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes))
      return makeError("expected {0} to have less than 2^63 bytes, got shape "
                       "{1}",
                       argument.getName(), printTuple(sizes));
  }
  return llvm::Error::success();
}

static llvm::Error checkGroups(const Argument &argument) {
  int64_t groups = argument.operand.groups;
  if (groups == 1 || argument.view.shape[0] % groups == 0)
    return llvm::Error::success();
  return makeError("expected {0} to have a size in dimension 0 that is "
                   "divisible by 'groups' ({1}), got {2}",
                   argument.getName(), groups, argument.view.shape[0]);
}

static llvm::Error checkMemory(const Argument &argument) {
  const TensorView &view = argument.view;
  if (!view.strides.empty() && view.strides.size() != view.shape.size())
    return makeError("expected {0} to have {1} strides or none, got {2}",
                     argument.getName(), view.getRank(), view.strides.size());
  if (!view.isContiguous())
    return makeError("expected {0} to be contiguous in C order with strides "
                     "{1}, got {2}",
                     argument.getName(),
                     printTuple(getContiguousStrides(view.shape)),
                     printTuple(view.strides));
  if (!view.data && view.getNumElements() != 0)
    return makeError("expected {0} to have data, got a null pointer",
                     argument.getName());
  int64_t alignment = getByteSize(view.dtype);
  if (reinterpret_cast<uintptr_t>(view.data) % alignment != 0)
    return makeError("expected {0} to be aligned to {1} bytes, got address {2}",
                     argument.getName(), alignment, view.data);
  return llvm::Error::success();
}

/// Checks that each dynamic size is the one that argument 0 has.
static llvm::Error checkSameSizes(const Argument &argument,
                                  const Argument &first) {
  for (auto [dim, same] : llvm::enumerate(argument.operand.sameSizeAs)) {
    if (same < 0 || argument.view.shape[dim] == first.view.shape[same])
      continue;
    return makeError("expected {0} to have size {1} in dimension {2} "
                     "(dimension {3} of {4}), got {5}",
                     argument.getName(), first.view.shape[same], dim, same,
                     first.getName(), argument.view.shape[dim]);
  }
  return llvm::Error::success();
}

/// Checks that there is a bit for each element of `of`.
static llvm::Error checkBits(const Argument &argument, const Argument &of) {
  int64_t bits = of.view.getNumElements();
  if (argument.view.shape[0] == bits / 8)
    return llvm::Error::success();
  return makeError("expected {0} to have shape {1}, a bit for each element of "
                   "{2}, got {3}",
                   argument.getName(), printTuple({bits / 8}), of.getName(),
                   printTuple(argument.view.shape));
}

/// True when `output` may be given exactly the memory of `input`.
static bool mayReplace(const Argument &output, const Argument &input) {
  if (output.operand.isExclusive || input.operand.isExclusive)
    return false;
  // Nothing is known about what a plain function does with its memrefs.
  return output.operand.access == Access::ReadWrite ||
         (output.operand.access == Access::Write &&
          llvm::is_contained(output.operand.inPlaceWith,
                             static_cast<int64_t>(input.index)));
}

/// Checks two arguments of which `second` comes later: outputs come last.
static llvm::Error checkOverlap(const Argument &first, const Argument &second) {
  if (first.operand.access == Access::Read &&
      second.operand.access == Access::Read)
    return llvm::Error::success();
  auto beginA = reinterpret_cast<uintptr_t>(first.view.data);
  auto beginB = reinterpret_cast<uintptr_t>(second.view.data);
  uintptr_t endA = beginA + first.view.getSizeInBytes();
  uintptr_t endB = beginB + second.view.getSizeInBytes();
  uintptr_t begin = std::max(beginA, beginB), end = std::min(endA, endB);
  if (begin >= end)
    return llvm::Error::success();

  bool may = mayReplace(first, second) || mayReplace(second, first);
  if (may && beginA == beginB && endA == endB)
    return llvm::Error::success();
  return makeError("expected {0} not to overlap {1}{2}, got {3} common bytes",
                   second.getName(), first.getName(),
                   may ? ", or to be exactly in place" : "", end - begin);
}

llvm::Error Kernel::check(ArrayRef<TensorView> views) const {
  if (!code->missingFeatures.empty())
    return makeError("expected a machine with {0}, for which the kernel was "
                     "compiled, got one without",
                     code->missingFeatures);
  ArrayRef<KernelOperand> operands = getSignature().arguments;
  if (views.size() != operands.size())
    return makeError("expected {0} arguments, got {1}", operands.size(),
                     views.size());
  auto getArgument = [&](size_t index) {
    return Argument{operands[index], views[index], index};
  };
  for (size_t index = 0; index < views.size(); ++index) {
    Argument argument = getArgument(index);
    if (argument.view.dtype != argument.operand.dtype)
      return makeError("expected {0} to have element type {1}, got {2}",
                       argument.getName(),
                       stringifyDType(argument.operand.dtype),
                       stringifyDType(argument.view.dtype));
    if (llvm::Error error = checkShape(argument))
      return error;
    if (llvm::Error error = checkGroups(argument))
      return error;
    if (llvm::Error error = checkMemory(argument))
      return error;
  }
  for (size_t index = 1; index < views.size(); ++index) {
    Argument argument = getArgument(index);
    if (llvm::Error error = checkSameSizes(argument, getArgument(0)))
      return error;
    if (argument.operand.bitsOf >= 0)
      if (llvm::Error error =
              checkBits(argument, getArgument(argument.operand.bitsOf)))
        return error;
    for (size_t other = 0; other < index; ++other)
      if (llvm::Error error = checkOverlap(getArgument(other), argument))
        return error;
  }
  return llvm::Error::success();
}
