//===- MemoryCache.h - Compiled kernels in memory ---------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the execution engine: the most recently used kernels by key. An
// entry is made before its code, so that all who want it lock the same one.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_EXECUTIONENGINE_MEMORYCACHE_H
#define BN_LIB_EXECUTIONENGINE_MEMORYCACHE_H

#include "JITSession.h"
#include "llvm/ADT/StringMap.h"

#include <list>

namespace mlir::bn {

class MemoryCache {
public:
  struct Entry {
    std::mutex mutex;
    /// Null until it is compiled, and after an error.
    std::shared_ptr<const KernelCode> code;
  };

  explicit MemoryCache(size_t capacity) : capacity(capacity) {}

  /// Returns the entry of `key`, a new one if there is none, and makes it the
  /// most recently used.
  std::shared_ptr<Entry> find(llvm::StringRef key) {
    std::lock_guard<std::mutex> lock(mutex);
    if (capacity == 0)
      return std::make_shared<Entry>();
    auto known = positions.find(key);
    if (known != positions.end()) {
      entries.splice(entries.begin(), entries, known->second);
      return entries.front().second;
    }
    entries.emplace_front(key.str(), std::make_shared<Entry>());
    positions[key] = entries.begin();
    if (entries.size() > capacity) {
      positions.erase(entries.back().first);
      entries.pop_back();
    }
    return entries.front().second;
  }

  void clear() {
    std::lock_guard<std::mutex> lock(mutex);
    entries.clear();
    positions.clear();
  }

private:
  using List = std::list<std::pair<std::string, std::shared_ptr<Entry>>>;

  const size_t capacity;
  std::mutex mutex;
  /// The most recently used one first.
  List entries;
  llvm::StringMap<List::iterator> positions;
};

} // namespace mlir::bn

#endif // BN_LIB_EXECUTIONENGINE_MEMORYCACHE_H
