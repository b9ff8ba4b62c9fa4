//===- Kernel.h - A compiled function that can be called --------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel is a handle to compiled code and to its signature. Handles are
// cheap, and the code lives as long as one of them, or the compiler's cache,
// refers to it. Any number of threads may call one kernel at the same time.
//
// Two ways to call: the checked one takes TensorViews and reports every wrong
// argument as an error; the fast one takes ready-made descriptors and checks
// nothing. No MLIR header is needed.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_KERNEL_H
#define BN_EXECUTIONENGINE_KERNEL_H

#include "bn/ExecutionEngine/MemRefDescriptor.h"
#include "bn/ExecutionEngine/TensorView.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir::bn {

class KernelCode;

/// The type of an argument or of a result, and what may be done with it.
struct KernelOperand {
  enum class Access { Read, Write, ReadWrite };

  /// For messages: "input", or "argument 0" where there is no better name.
  std::string name;
  DType dtype = DType::F32;
  /// Sizes; -1 for one that is known only at the call.
  DimVector shape;
  /// A scalar is passed as a TensorView of rank 0 and read before the call.
  bool isScalar = false;
  Access access = Access::Read;
  /// True for a tensor of a function: no other argument may have any of its
  /// memory if one of the two is written.
  bool isExclusive = false;
  /// For each dynamic dimension the dimension of argument 0 that has the same
  /// size, or -1; empty when nothing is known.
  DimVector sameSizeAs;
  /// What dimension 0 must be divisible by: the number of groups.
  int64_t groups = 1;
  /// The argument of whose elements this holds a bit each, eight to a byte: its
  /// one dimension is an eighth of their number. -1 for all other operands.
  int64_t bitsOf = -1;
  /// The arguments of which this output may be given exactly the memory. Only
  /// looked at for Access::Write.
  llvm::SmallVector<int64_t, 2> inPlaceWith;
};

/// Arguments in order, and results that the function itself allocates.
struct KernelSignature {
  std::vector<KernelOperand> arguments;
  std::vector<KernelOperand> results;
};

/// The results of a function. Their memory is freed with the object, unless it
/// is (a part of) an argument that the function may write to, which remains the
/// caller's. What would be in that of another argument is a copy.
class KernelResults {
public:
  KernelResults() = default;
  KernelResults(KernelResults &&other) { *this = std::move(other); }
  KernelResults &operator=(KernelResults &&other);
  ~KernelResults();

  /// One view per result, a scalar with rank 0. Strides are always filled in
  /// and need not be those of C order.
  llvm::ArrayRef<TensorView> getViews() const { return views; }

private:
  friend class Kernel;
  std::vector<TensorView> views;
  std::vector<void *> allocations;
  /// Where the function has written descriptors and scalars.
  std::vector<int64_t> storage;
};

class Kernel {
public:
  Kernel(Kernel &&) = default;
  Kernel &operator=(Kernel &&) = default;

  /// Returns another handle to the same code.
  Kernel share() const { return Kernel(code); }

  const KernelSignature &getSignature() const;

  /// Checks the arguments and calls the function, which must have no results.
  /// Refused are: code for features that this machine lacks; a wrong number,
  /// element type, rank or size; a null or misaligned pointer; strides other
  /// than C order; an output that overlaps an input or another output, unless
  /// it is given exactly the memory of the input that it may replace, which a
  /// tensor of a function may not (`isExclusive`).
  llvm::Error call(llvm::ArrayRef<TensorView> arguments) const;
  llvm::Error operator()(llvm::ArrayRef<TensorView> arguments) const {
    return call(arguments);
  }

  /// The same for a function with results.
  llvm::Expected<KernelResults>
  callWithResults(llvm::ArrayRef<TensorView> arguments) const;

  /// Only checks the arguments.
  llvm::Error check(llvm::ArrayRef<TensorView> arguments) const;

  /// Calls the function without any check. The slots are described in
  /// Target/ObjectEmitter.h: [results,] then one per argument.
  void invoke(void **slots) const { function(slots); }

  /// Returns the number of bytes that a call with results writes to the first
  /// slot: descriptors and scalars, each at its natural alignment.
  int64_t getResultStorageSize() const;

  /// Returns the results found in the storage of a fast call. Nothing owns
  /// their memory: `allocated` gets what `free` must be called with, unless it
  /// is the memory of an argument.
  std::vector<TensorView>
  readResults(void *storage, llvm::SmallVectorImpl<void *> &allocated) const;

private:
  friend class Compiler;
  explicit Kernel(std::shared_ptr<const KernelCode> code);

  std::shared_ptr<const KernelCode> code;
  void (*function)(void **) = nullptr;
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_KERNEL_H
