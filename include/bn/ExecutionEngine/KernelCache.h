//===- KernelCache.h - Compiled objects on disk -----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A folder of object files, one per key. A file begins with a header that
// repeats the key and holds a checksum, so that a truncated, damaged or foreign
// file is a miss and is then replaced. Files are written under a temporary name
// and renamed: any number of processes may use one folder.
//
// The folder is the one asked for, else the environment's BN_CACHE_DIR, else
// `bn-mlir` in the user's cache folder ($XDG_CACHE_HOME or ~/.cache). The first
// two are explicit: not being able to write there is an error. Without them, a
// folder that cannot be used only means that nothing is kept.
//
// Phase: object.
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_KERNELCACHE_H
#define BN_EXECUTIONENGINE_KERNELCACHE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>

namespace mlir::bn {

class KernelCache {
public:
  enum class Lookup { Hit, Miss, Rejected };

  /// Opens the folder, and makes it when it does not exist.
  static llvm::Expected<KernelCache> open(llvm::StringRef directory = "");

  /// Returns the object stored under `key`, or null. `result` tells a missing
  /// file from one that had to be rejected.
  std::unique_ptr<llvm::MemoryBuffer> load(llvm::StringRef key,
                                           Lookup &result) const;

  /// Stores an object. Fails only in an explicit folder.
  llvm::Error store(llvm::StringRef key, llvm::StringRef object) const;

  /// Returns the path of the file of `key`.
  std::string getPath(llvm::StringRef key) const;

  /// Returns the folder; empty when there is none that can be used.
  llvm::StringRef getDirectory() const { return directory; }

  /// Returns what tells this build of bn-mlir and its LLVM from others: their
  /// versions, and size and time of the file that this code was loaded from. A
  /// compiler that was built anew does not take the old one's objects.
  static std::string getVersionKey();

private:
  KernelCache(std::string directory, bool isExplicit)
      : directory(std::move(directory)), isExplicit(isExplicit) {}

  std::string directory;
  bool isExplicit;
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_KERNELCACHE_H
