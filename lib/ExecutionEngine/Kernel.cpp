//===- Kernel.cpp - A compiled function that can be called ------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Packs arguments into descriptors, calls, and unpacks results. What a wrong
// argument is, is decided in KernelCheck.cpp.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/Kernel.h"

#include "JITSession.h"
#include "bn/ExecutionEngine/ThreadPool.h"
#include "bn/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemAlloc.h"

#include <cstdlib>
#include <cstring>

using namespace mlir::bn;
using llvm::ArrayRef;
using Access = KernelOperand::Access;

/// What MLIR writes as the allocated pointer of a memref that is a constant.
static constexpr uintptr_t kGlobalMemRef = 0xdeadbeef;

static bool isConstant(void *allocation) {
  return reinterpret_cast<uintptr_t>(allocation) == kGlobalMemRef;
}

//===----------------------------------------------------------------------===//
// KernelResults
//===----------------------------------------------------------------------===//

KernelResults &KernelResults::operator=(KernelResults &&other) {
  // A vector's elements stay where they are, so views into storage live on.
  std::swap(views, other.views);
  std::swap(allocations, other.allocations);
  std::swap(storage, other.storage);
  return *this;
}

KernelResults::~KernelResults() {
  for (void *allocation : allocations)
    std::free(allocation);
}

/// Calls `callback` with each result and where in the storage it is, and
/// returns the size of the storage. The layout is that of a C struct.
static int64_t forEachResult(
    const KernelSignature &signature,
    llvm::function_ref<void(const KernelOperand &, int64_t)> callback) {
  int64_t offset = 0;
  for (const KernelOperand &result : signature.results) {
    int64_t alignment = result.isScalar ? getByteSize(result.dtype) : 8;
    offset = llvm::alignTo(offset, alignment);
    callback(result, offset);
    offset += result.isScalar
                  ? getByteSize(result.dtype)
                  : 8 * getMemRefDescriptorWords(result.shape.size());
  }
  return llvm::alignTo(offset, 8);
}

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

namespace {

/// The slots of one call and the descriptors that they point to.
class PackedArguments {
public:
  PackedArguments(const KernelSignature &signature,
                  ArrayRef<TensorView> arguments, void *results) {
    int64_t numWords = 0;
    for (const TensorView &view : arguments)
      numWords += getMemRefDescriptorWords(view.getRank());
    words.resize_for_overwrite(numWords);

    if (results)
      slots.push_back(results);
    int64_t *next = words.data();
    for (auto [operand, view] :
         llvm::zip_equal(signature.arguments, arguments)) {
      if (operand.isScalar) {
        slots.push_back(view.data);
        continue;
      }
      writeMemRefDescriptor(view, next);
      slots.push_back(next);
      next += getMemRefDescriptorWords(view.getRank());
    }
  }

  void **get() { return slots.data(); }

private:
  llvm::SmallVector<int64_t, 128> words;
  llvm::SmallVector<void *, 16> slots;
};

} // namespace

/// Returns on whose threads a kernel with these arguments runs.
static ThreadPool &choosePool(ArrayRef<TensorView> arguments) {
  ThreadPool &pool = getThreadPool();
  int64_t minBytes = pool.getMinBytes();
  bool isSmall = llvm::all_of(arguments, [&](const TensorView &view) {
    return view.getSizeInBytes() < minBytes;
  });
  return isSmall ? getCallingThread() : pool;
}

/// Who has the memory of a result. Nobody: it is a constant's, which is code,
/// or that of an argument that the function only reads.
enum class Owner { Function, Caller, Nobody };

static Owner findOwner(void *allocation, const KernelSignature &signature,
                       ArrayRef<TensorView> arguments) {
  if (isConstant(allocation))
    return Owner::Nobody;
  Owner owner = Owner::Function;
  for (auto [operand, view] : llvm::zip_equal(signature.arguments, arguments)) {
    if (view.data != allocation)
      continue;
    if (view.getNumElements() != 0) // else it may be where another one is
      return operand.access == Access::Read ? Owner::Nobody : Owner::Caller;
    owner = Owner::Caller;
  }
  return owner;
}

/// Copies the elements of `source` from dimension `dim` on.
static char *copyElements(const TensorView &source, int64_t dim,
                          const char *from, char *to) {
  int64_t bytes = getByteSize(source.dtype);
  if (dim == source.getRank()) {
    std::memcpy(to, from, bytes);
    return to + bytes;
  }
  for (int64_t i = 0; i < source.shape[dim]; ++i)
    to = copyElements(source, dim + 1, from + i * source.strides[dim] * bytes,
                      to);
  return to;
}

/// Returns a copy in C order, and its memory, for the caller to free.
static TensorView copyToHeap(const TensorView &source, void *&allocation) {
  allocation = llvm::safe_malloc(source.getSizeInBytes());
  TensorView copy(allocation, source.dtype, source.shape,
                  getContiguousStrides(source.shape));
  if (source.isContiguous())
    std::memcpy(copy.data, source.data, source.getSizeInBytes());
  else
    copyElements(source, 0, static_cast<const char *>(source.data),
                 static_cast<char *>(copy.data));
  return copy;
}

Kernel::Kernel(std::shared_ptr<const KernelCode> code)
    : code(std::move(code)), function(this->code->function) {}

const KernelSignature &Kernel::getSignature() const { return code->signature; }

llvm::Error Kernel::call(ArrayRef<TensorView> arguments) const {
  if (!code->signature.results.empty())
    return makeError("expected a function without results, got {0}: use "
                     "callWithResults",
                     code->signature.results.size());
  if (llvm::Error error = check(arguments))
    return error;
  ThreadPoolScope scope(choosePool(arguments));
  invoke(PackedArguments(code->signature, arguments, nullptr).get());
  return llvm::Error::success();
}

/// Returns the results found in `storage`, and in `allocations` the memory that
/// each has a part of; null for scalars.
static std::vector<TensorView>
readViews(const KernelSignature &signature, void *storage,
          llvm::SmallVectorImpl<void *> &allocations) {
  std::vector<TensorView> views;
  forEachResult(signature, [&](const KernelOperand &result, int64_t offset) {
    char *place = static_cast<char *>(storage) + offset;
    void *&allocation = allocations.emplace_back(nullptr);
    if (result.isScalar)
      views.emplace_back(place, result.dtype, ArrayRef<int64_t>());
    else
      views.push_back(readMemRefDescriptor(reinterpret_cast<int64_t *>(place),
                                           result.dtype, result.shape.size(),
                                           allocation));
  });
  return views;
}

llvm::Expected<KernelResults>
Kernel::callWithResults(ArrayRef<TensorView> arguments) const {
  if (llvm::Error error = check(arguments))
    return std::move(error);
  KernelResults results;
  results.storage.resize(getResultStorageSize() / 8);
  void *storage = results.storage.empty() ? nullptr : results.storage.data();
  ThreadPoolScope scope(choosePool(arguments));
  invoke(PackedArguments(code->signature, arguments, storage).get());

  llvm::SmallVector<void *> allocations;
  results.views = readViews(code->signature, storage, allocations);
  for (auto [view, allocation] : llvm::zip_equal(results.views, allocations)) {
    if (!allocation)
      continue;
    Owner owner = findOwner(allocation, code->signature, arguments);
    if (owner == Owner::Nobody)
      view = copyToHeap(view, allocation);
    if (owner != Owner::Caller &&
        !llvm::is_contained(results.allocations, allocation))
      results.allocations.push_back(allocation);
  }
  return results;
}

int64_t Kernel::getResultStorageSize() const {
  return forEachResult(code->signature, [](const KernelOperand &, int64_t) {});
}

std::vector<TensorView>
Kernel::readResults(void *storage,
                    llvm::SmallVectorImpl<void *> &allocated) const {
  llvm::SmallVector<void *> allocations;
  auto views = readViews(code->signature, storage, allocations);
  for (void *allocation : allocations)
    if (allocation && !isConstant(allocation) &&
        !llvm::is_contained(allocated, allocation))
      allocated.push_back(allocation);
  return views;
}
