//===- XLA.cpp - Kernels as a custom call of XLA ----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One handler serves every kernel: attribute `spec` has the spec's key, the
// operands are the kernel's inputs, the results its outputs. Kernels are
// compiled when XLA makes an executable, and looked up when it runs. XLA calls
// from threads of its own; nothing here needs Python.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Bindings.h"
#include "Session.h"
#include "XLAFFI.h"
#include "XLAThreadPool.h"

#include "bn/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

using namespace mlir::bn;
using namespace mlir::bn::python;
namespace nb = nanobind;

//===----------------------------------------------------------------------===//
// From XLA
//===----------------------------------------------------------------------===//

static llvm::Expected<DType> convertType(xla::ElementType type) {
  switch (type) {
  case xla::ElementType::Pred:
    return DType::I1;
  case xla::ElementType::S8:
    return DType::I8;
  case xla::ElementType::S32:
    return DType::I32;
  case xla::ElementType::S64:
    return DType::I64;
  case xla::ElementType::F16:
    return DType::F16;
  case xla::ElementType::BF16:
    return DType::BF16;
  case xla::ElementType::F32:
    return DType::F32;
  case xla::ElementType::F64:
    return DType::F64;
  }
  return makeError("expected operands of a float type, got XLA's type {0}",
                   static_cast<int32_t>(type));
}

static llvm::Error convertOperands(const xla::Operands &operands,
                                   llvm::SmallVectorImpl<TensorView> &views) {
  for (int64_t index = 0; index < operands.size; ++index) {
    if (operands.types[index] != xla::Operands::buffer)
      return makeError("expected operands to be arrays, got something else");
    auto *buffer = static_cast<xla::Buffer *>(operands.operands[index]);
    llvm::Expected<DType> dtype = convertType(buffer->dtype);
    if (!dtype)
      return dtype.takeError();
    views.emplace_back(buffer->data, *dtype,
                       llvm::ArrayRef<int64_t>(buffer->sizes, buffer->rank));
  }
  return llvm::Error::success();
}

static llvm::Expected<llvm::StringRef>
getKey(const xla::Attributes &attributes) {
  for (int64_t index = 0; index < attributes.size; ++index) {
    xla::String *name = attributes.names[index];
    if (llvm::StringRef(name->data, name->size) != "spec" ||
        attributes.types[index] != xla::Attributes::string)
      continue;
    auto *text = static_cast<xla::String *>(attributes.values[index]);
    return llvm::StringRef(text->data, text->size);
  }
  return makeError("expected the string attribute 'spec', got none");
}

//===----------------------------------------------------------------------===//
// The handler
//===----------------------------------------------------------------------===//

/// Wishes for huge pages under large results. XLA has memory for them mapped
/// anew in each run, and the first touch of 4 KiB pages takes longer than the
/// kernel. Pages that are there already stay as they are.
static void adviseHugePages(llvm::ArrayRef<TensorView> results) {
  constexpr uintptr_t hugePage = uintptr_t(2) << 20;
  for (const TensorView &result : results) {
    auto begin = reinterpret_cast<uintptr_t>(result.data);
    uintptr_t end = llvm::alignDown(begin + result.getSizeInBytes(), hugePage);
    begin = llvm::alignTo(begin, hugePage);
    if (begin < end)
      madvise(reinterpret_cast<void *>(begin), end - begin, MADV_HUGEPAGE);
  }
}

/// Results to which the kernel adds begin as zeros.
static void presetResults(const KernelSignature &signature,
                          llvm::ArrayRef<TensorView> views) {
  for (auto [operand, view] : llvm::zip(signature.arguments, views))
    if (operand.access == KernelOperand::Access::ReadWrite)
      std::memset(view.data, 0, view.getSizeInBytes());
}

static llvm::Error run(const xla::CallFrame &frame) {
  llvm::Expected<llvm::StringRef> key = getKey(frame.attributes);
  if (!key)
    return key.takeError();
  llvm::Expected<Kernel> kernel = Session::get().findKernel(*key);
  if (!kernel)
    return kernel.takeError();
  if (frame.stage != xla::CallFrame::execute)
    return llvm::Error::success();
  llvm::SmallVector<TensorView, 12> views;
  if (llvm::Error error = convertOperands(frame.arguments, views))
    return error;
  if (llvm::Error error = convertOperands(frame.results, views))
    return error;
  adviseHugePages(llvm::ArrayRef(views).drop_front(frame.arguments.size));
  presetResults(kernel->getSignature(), views);
  XLAThreadPool pool(*frame.api, frame.context);
  ThreadPoolScope scope(pool);
  return kernel->call(views);
}

/// Says which interface this is: that of XLA, up to the one declared here.
static llvm::Error describe(const xla::API &api,
                            xla::MetadataExtension &extension) {
  if (api.version.major != xla::kMajorVersion ||
      extension.metadata->structSize < xla::kMetadataSize)
    return makeError("expected version {0} of XLA's interface for custom "
                     "calls, got {1}.{2}",
                     xla::kMajorVersion, api.version.major, api.version.minor);
  xla::Version &version = extension.metadata->version;
  version.major = xla::kMajorVersion;
  version.minor = std::min(api.version.minor, xla::kMinorVersion);
  extension.metadata->traits = 0;
  return llvm::Error::success();
}

/// The function that XLA calls, in every stage.
static xla::Error *handle(xla::CallFrame *frame) {
  xla::Extension *extension = frame->extensions;
  bool isQuery = extension && extension->type == xla::Extension::metadata;
  llvm::Error error =
      isQuery ? describe(*frame->api,
                         *reinterpret_cast<xla::MetadataExtension *>(extension))
              : run(*frame);
  if (!error)
    return nullptr;
  std::string message = "bn_mlir: " + llvm::toString(std::move(error));
  xla::ErrorArguments arguments = {sizeof(arguments), nullptr, message.c_str(),
                                   xla::ErrorArguments::invalidArgument};
  return frame->api->createError(&arguments);
}

void mlir::bn::python::bindXLA(nb::module_ &module) {
  module.def(
      "xla_handler",
      [] { return nb::capsule(reinterpret_cast<void *>(&handle)); },
      "The function that XLA's custom calls run, for "
      "``jax.ffi.register_ffi_target``.",
      nb::sig("def xla_handler() -> object"));
}
