//===- ResultPool.h - Memory of results that is used again ------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The first touch of fresh memory takes several times as long as a kernel that
// fills it: the system maps and clears every page. The pool therefore keeps the
// blocks of results that have died, in classes of similar size, and hands them
// out again. Large blocks are aligned to, and ask for, huge pages. No MLIR
// header is needed.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#ifndef BN_EXECUTIONENGINE_RESULTPOOL_H
#define BN_EXECUTIONENGINE_RESULTPOOL_H

#include <cstddef>
#include <cstdint>
#include <memory>

namespace mlir::bn {

/// How much memory a pool holds, and how often it helped.
struct ResultPoolStatistics {
  /// Bytes of the blocks that are kept for later.
  int64_t keptBytes = 0;
  /// Bytes of the blocks that are in use.
  int64_t usedBytes = 0;
  /// Allocations that were given a kept block.
  int64_t reused = 0;
  /// Allocations that were given fresh memory.
  int64_t fresh = 0;
};

/// All members may be called from any number of threads. Blocks may outlive the
/// pool's owner: each holds on to the pool's state.
class ResultPool {
public:
  struct Block;

  /// Every block begins at a multiple of this many bytes.
  static constexpr size_t alignment = 64;

  /// `limit`: kept bytes, beyond which the oldest blocks are given back to the
  /// system; negative for an eighth of the machine's memory.
  explicit ResultPool(int64_t limit = -1);
  ~ResultPool();
  ResultPool(const ResultPool &) = delete;
  ResultPool &operator=(const ResultPool &) = delete;

  /// Returns a block of at least `size` bytes with any contents, or null when
  /// the system has no memory.
  Block *allocate(size_t size);

  static void *getData(const Block *block);

  /// Takes back a block of any pool.
  static void release(Block *block);

  /// Gives all kept blocks back to the system.
  void clear();

  int64_t getLimit() const;
  void setLimit(int64_t limit);
  ResultPoolStatistics getStatistics() const;

private:
  struct State;
  std::shared_ptr<State> state;
};

} // namespace mlir::bn

#endif // BN_EXECUTIONENGINE_RESULTPOOL_H
