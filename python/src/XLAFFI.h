//===- XLAFFI.h - What XLA passes to a custom call --------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of XLA's binary interface for custom calls (its "FFI") that a
// handler on the CPU needs, so that building does not need jaxlib, which has
// the header of all of it. Within a major version XLA only adds fields; every
// struct begins with the size that its maker knows. test_jax_processes.py
// compares the layouts with jaxlib's header.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_XLAFFI_H
#define BN_PYTHON_XLAFFI_H

#include <cstddef>
#include <cstdint>

namespace mlir::bn::xla {

/// The version of the interface that is declared here.
constexpr int kMajorVersion = 0;
constexpr int kMinorVersion = 3;

struct Error;
struct Context;

/// Structs may be followed by others that tell more.
struct Extension {
  static constexpr int32_t metadata = 1;

  size_t structSize;
  int32_t type;
  Extension *next;
};

struct Version {
  size_t structSize;
  Extension *extensions;
  int major, minor;
};

struct ErrorArguments {
  static constexpr int32_t invalidArgument = 3;

  size_t structSize;
  Extension *extensions;
  const char *message;
  int32_t code;
};

struct DestroyArguments {
  size_t structSize;
  Extension *extensions;
  Error *error;
};

/// A task for one of XLA's threads.
struct ScheduleArguments {
  size_t structSize;
  Extension *extensions;
  Context *context;
  void (*task)(void *data);
  void *data;
};

struct NumThreadsArguments {
  size_t structSize;
  Extension *extensions;
  Context *context;
  int64_t *count;
};

/// What XLA offers to handlers.
struct API {
  size_t structSize;
  Extension *extensions;
  Version version;
  const void *internal;
  Error *(*createError)(ErrorArguments *arguments);
  void *getMessage;
  void (*destroyError)(DestroyArguments *arguments);
  void *others[8];
  Error *(*schedule)(ScheduleArguments *arguments);
  Error *(*getNumThreads)(NumThreadsArguments *arguments);
  // More functions follow.
};

enum class ElementType : int32_t {
  Pred = 1,
  S8 = 2,
  S32 = 4,
  S64 = 5,
  F16 = 10,
  F32 = 11,
  F64 = 12,
  BF16 = 16
};

/// An array in C order.
struct Buffer {
  size_t structSize;
  Extension *extensions;
  ElementType dtype;
  void *data;
  int64_t rank;
  int64_t *sizes;
};

struct String {
  const char *data;
  size_t size;
};

/// Arguments or results: `types` says what each pointer points to.
struct Operands {
  static constexpr int32_t buffer = 1;

  size_t structSize;
  Extension *extensions;
  int64_t size;
  int32_t *types;
  void **operands;
};

struct Attributes {
  static constexpr int32_t string = 4;

  size_t structSize;
  Extension *extensions;
  int64_t size;
  int32_t *types;
  String **names;
  void **values;
};

/// A call of a handler, which returns an error or null.
struct CallFrame {
  static constexpr int32_t execute = 3;

  size_t structSize;
  Extension *extensions;
  const API *api;
  Context *context;
  int32_t stage;
  Operands arguments;
  Operands results;
  Attributes attributes;
  // What asynchronous handlers need follows.
};

/// What XLA asks of a handler, by an extension of a call, when it is
/// registered.
struct Metadata {
  size_t structSize;
  Version version;
  uint32_t traits;
  // The type of a handler's state follows.
};

/// XLA counts the bytes of a struct up to the end of its last field.
constexpr size_t kMetadataSize =
    offsetof(Metadata, traits) + sizeof(Metadata::traits);

struct MetadataExtension {
  Extension extension;
  Metadata *metadata;
};

} // namespace mlir::bn::xla

#endif // BN_PYTHON_XLAFFI_H
