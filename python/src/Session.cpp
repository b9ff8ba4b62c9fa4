//===- Session.cpp - The compiler that Python calls share -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Session.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/bit.h"

#include <nanobind/nanobind.h>

using namespace mlir::bn;
using namespace mlir::bn::python;
namespace nb = nanobind;

/// More kernels than this, and the table starts anew; the compiler's own cache
/// still has the most recent ones.
static constexpr size_t kMaxKernels = 1024;

void mlir::bn::python::raiseIfError(llvm::Error error) {
  if (error)
    throw nb::value_error(llvm::toString(std::move(error)).c_str());
}

//===----------------------------------------------------------------------===//
// Specs as keys
//===----------------------------------------------------------------------===//

/// The fields of one byte and less, as one number.
static uint64_t packFlags(const BatchNormSpec &spec) {
  uint64_t flags = static_cast<uint64_t>(spec.kind);
  auto append = [&](auto value, unsigned bits = 1) {
    flags = flags << bits | static_cast<uint64_t>(value);
  };
  append(spec.elementType, 4);
  append(spec.parameterType, 4);
  append(spec.statisticsType, 4);
  append(spec.getRunningType(), 4);
  append(spec.runningVariance);
  append(spec.hasScale);
  append(spec.hasOffset);
  append(spec.hasRunningStats);
  append(spec.hasMean);
  append(spec.hasVariance);
  append(spec.hasInputGrad);
  append(spec.hasScaleGrad);
  append(spec.hasOffsetGrad);
  append(spec.hasAddendGrad);
  append(spec.isFrozen);
  append(spec.recomputesOutput);
  append(spec.hasBits);
  append(spec.epilogue, 3);
  append(spec.maskType, 4);
  append(spec.statisticsKind);
  append(spec.isRenormalized);
  return flags;
}

size_t SpecHash::operator()(const BatchNormSpec &spec) const {
  return llvm::hash_combine(
      packFlags(spec), llvm::bit_cast<uint64_t>(spec.epsilon),
      llvm::bit_cast<uint64_t>(spec.momentum),
      llvm::bit_cast<uint64_t>(spec.renormMomentum),
      llvm::bit_cast<uint64_t>(spec.slope), spec.threads, spec.groups,
      llvm::hash_combine_range(spec.shape.begin(), spec.shape.end()),
      llvm::hash_combine_range(spec.axis.begin(), spec.axis.end()),
      llvm::hash_combine_range(spec.maskShape.begin(), spec.maskShape.end()));
}

bool SpecEqual::operator()(const BatchNormSpec &a,
                           const BatchNormSpec &b) const {
  return packFlags(a) == packFlags(b) && a.shape == b.shape &&
         a.axis == b.axis && a.maskShape == b.maskShape &&
         llvm::bit_cast<uint64_t>(a.epsilon) ==
             llvm::bit_cast<uint64_t>(b.epsilon) &&
         llvm::bit_cast<uint64_t>(a.momentum) ==
             llvm::bit_cast<uint64_t>(b.momentum) &&
         llvm::bit_cast<uint64_t>(a.renormMomentum) ==
             llvm::bit_cast<uint64_t>(b.renormMomentum) &&
         llvm::bit_cast<uint64_t>(a.slope) ==
             llvm::bit_cast<uint64_t>(b.slope) &&
         a.threads == b.threads && a.groups == b.groups;
}

//===----------------------------------------------------------------------===//
// Session
//===----------------------------------------------------------------------===//

Session &Session::get() {
  static auto *session = new Session();
  return *session;
}

llvm::Expected<std::shared_ptr<Compiler>> Session::findCompiler() {
  std::lock_guard<std::mutex> lock(mutex);
  if (!compiler) {
    llvm::Expected<std::unique_ptr<Compiler>> created =
        Compiler::create(options);
    if (!created)
      return created.takeError();
    compiler = std::move(*created);
  }
  return compiler;
}

std::shared_ptr<Compiler> Session::getCompiler() {
  llvm::Expected<std::shared_ptr<Compiler>> found = findCompiler();
  if (!found)
    raiseIfError(found.takeError());
  return std::move(*found);
}

template <typename Table, typename Key>
std::optional<Kernel> Session::lookUp(const Table &table, const Key &key) {
  std::lock_guard<std::mutex> lock(mutex);
  auto known = table.find(key);
  if (known == table.end())
    return std::nullopt;
  return known->second.share();
}

template <typename Table, typename Key>
void Session::keep(Table &table, const Key &key, const Kernel &kernel,
                   const std::shared_ptr<Compiler> &current) {
  std::lock_guard<std::mutex> lock(mutex);
  if (current != compiler || !options.dumpDir.empty())
    return;
  if (table.size() >= kMaxKernels)
    table.clear();
  table.try_emplace(key, kernel.share());
}

llvm::Expected<Kernel> Session::findKernel(const BatchNormSpec &spec) {
  if (std::optional<Kernel> known = lookUp(kernels, spec))
    return std::move(*known);
  llvm::Expected<std::shared_ptr<Compiler>> current = findCompiler();
  if (!current)
    return current.takeError();
  llvm::Expected<Kernel> kernel = (*current)->compile(spec);
  if (kernel)
    keep(kernels, spec, *kernel, *current);
  return kernel;
}

llvm::Expected<Kernel> Session::findKernel(llvm::StringRef key) {
  if (std::optional<Kernel> known = lookUp(kernelsByKey, key))
    return std::move(*known);
  llvm::Expected<BatchNormSpec> spec = BatchNormSpec::parseKey(key);
  if (!spec)
    return spec.takeError();
  llvm::Expected<std::shared_ptr<Compiler>> current = findCompiler();
  if (!current)
    return current.takeError();
  if (spec->threads == 0)
    spec->threads = threads;
  llvm::Expected<Kernel> kernel = findKernel(*spec);
  if (kernel)
    keep(kernelsByKey, key, *kernel, *current);
  return kernel;
}

Kernel Session::getKernel(const BatchNormSpec &spec) {
  if (std::optional<Kernel> known = lookUp(kernels, spec))
    return std::move(*known);
  raiseIfError(spec.verify());
  getCompiler();
  llvm::Expected<Kernel> kernel = [&] {
    nb::gil_scoped_release release;
    return findKernel(spec);
  }();
  if (!kernel)
    throw CompileError(llvm::toString(kernel.takeError()));
  return std::move(*kernel);
}

void Session::clearKernels() {
  std::lock_guard<std::mutex> lock(mutex);
  forgetKernels();
  if (compiler)
    compiler->clearMemoryCache();
}
