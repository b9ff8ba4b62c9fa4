//===- ResultPool.cpp - Memory of results that is used again ----*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A block is handed out only for its own size class; four classes per power of
// two waste at most a fifth, and of a large block nothing that is not touched.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/ResultPool.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstdlib>
#include <list>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace mlir::bn;

/// From here on blocks are mapped one by one, aligned to huge pages.
static constexpr size_t kHugePage = size_t(2) << 20;

namespace mlir::bn {

struct ResultPool::Block {
  void *data = nullptr;
  size_t capacity = 0;
  std::shared_ptr<State> state;
  /// Where this block is in the list of kept ones.
  std::list<Block *>::iterator position;
};

struct ResultPool::State {
  mutable std::mutex mutex;
  int64_t limit = 0;
  ResultPoolStatistics statistics;
  /// Kept blocks, the one that died last at the end.
  std::list<Block *> kept;
  std::map<size_t, std::vector<Block *>> keptByCapacity;
};

} // namespace mlir::bn

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Rounds up to one of four steps per power of two, 64 bytes at least.
static size_t getClassSize(size_t size) {
  size = std::max(size, ResultPool::alignment);
  if (size <= 4 * ResultPool::alignment)
    return llvm::alignTo(size, ResultPool::alignment);
  return llvm::alignTo(size, llvm::bit_floor(size - 1) / 4);
}

/// Maps `size` bytes at a multiple of the size of huge pages, and asks for
/// those: they cut the number of page faults by 512.
static void *mapHuge(size_t size) {
  size_t reserved = size + kHugePage;
  if (reserved < size)
    return nullptr;
  void *mapped = mmap(nullptr, reserved, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    return nullptr;
  auto begin = reinterpret_cast<uintptr_t>(mapped);
  uintptr_t aligned = llvm::alignTo(begin, kHugePage);
  if (aligned != begin)
    munmap(mapped, aligned - begin);
  if (uintptr_t rest = begin + reserved - (aligned + size))
    munmap(reinterpret_cast<void *>(aligned + size), rest);
  void *data = reinterpret_cast<void *>(aligned);
  madvise(data, size, MADV_HUGEPAGE); // a wish: nothing is lost without
  return data;
}

static void *allocateMemory(size_t capacity) {
  if (capacity >= kHugePage)
    return mapHuge(capacity);
  return std::aligned_alloc(ResultPool::alignment, capacity);
}

static void freeMemory(void *data, size_t capacity) {
  if (capacity >= kHugePage)
    munmap(data, capacity);
  else
    std::free(data);
}

static int64_t getDefaultLimit() {
  int64_t pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
  return pages > 0 && bytes > 0 ? pages / 8 * bytes : int64_t(1) << 30;
}

//===----------------------------------------------------------------------===//
// ResultPool
//===----------------------------------------------------------------------===//

ResultPool::ResultPool(int64_t limit) : state(std::make_shared<State>()) {
  state->limit = limit < 0 ? getDefaultLimit() : limit;
}

ResultPool::~ResultPool() {
  setLimit(0); // blocks that are still in use are not kept when they die
}

ResultPool::Block *ResultPool::allocate(size_t size) {
  size_t capacity = size > SIZE_MAX / 2 ? 0 : getClassSize(size);
  if (capacity == 0)
    return nullptr;
  if (capacity >= kHugePage)
    capacity = llvm::alignTo(capacity, kHugePage);
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    auto known = state->keptByCapacity.find(capacity);
    if (known != state->keptByCapacity.end() && !known->second.empty()) {
      Block *block = known->second.back();
      known->second.pop_back();
      state->kept.erase(block->position);
      block->state = state;
      state->statistics.keptBytes -= capacity;
      state->statistics.usedBytes += capacity;
      ++state->statistics.reused;
      return block;
    }
  }
  void *data = allocateMemory(capacity);
  if (!data)
    return nullptr;
  auto *block = new Block{data, capacity, state, {}};
  std::lock_guard<std::mutex> lock(state->mutex);
  state->statistics.usedBytes += capacity;
  ++state->statistics.fresh;
  return block;
}

void *ResultPool::getData(const Block *block) { return block->data; }

static void destroy(ResultPool::Block *block) {
  freeMemory(block->data, block->capacity);
  delete block;
}

/// Takes the oldest kept blocks out of `state` until its limit is met.
template <typename State>
static std::vector<ResultPool::Block *> takeSurplus(State &state) {
  std::vector<ResultPool::Block *> surplus;
  while (state.statistics.keptBytes > state.limit) {
    ResultPool::Block *oldest = state.kept.front();
    state.kept.pop_front();
    auto &same = state.keptByCapacity[oldest->capacity];
    same.erase(std::find(same.begin(), same.end(), oldest));
    state.statistics.keptBytes -= oldest->capacity;
    surplus.push_back(oldest);
  }
  return surplus;
}

void ResultPool::release(Block *block) {
  // A kept block does not keep its pool alive.
  std::shared_ptr<State> state = std::move(block->state);
  std::vector<Block *> surplus;
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    auto size = static_cast<int64_t>(block->capacity);
    state->statistics.usedBytes -= size;
    if (size > state->limit) {
      surplus.push_back(block);
    } else {
      block->position = state->kept.insert(state->kept.end(), block);
      state->keptByCapacity[block->capacity].push_back(block);
      state->statistics.keptBytes += size;
      surplus = takeSurplus(*state);
    }
  }
  // Unmapping takes long, and needs no lock.
  std::for_each(surplus.begin(), surplus.end(), destroy);
}

void ResultPool::clear() {
  std::vector<Block *> all;
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    all.assign(state->kept.begin(), state->kept.end());
    state->kept.clear();
    state->keptByCapacity.clear();
    state->statistics.keptBytes = 0;
  }
  std::for_each(all.begin(), all.end(), destroy);
}

int64_t ResultPool::getLimit() const {
  std::lock_guard<std::mutex> lock(state->mutex);
  return state->limit;
}

void ResultPool::setLimit(int64_t limit) {
  std::vector<Block *> surplus;
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    state->limit = limit < 0 ? getDefaultLimit() : limit;
    surplus = takeSurplus(*state);
  }
  std::for_each(surplus.begin(), surplus.end(), destroy);
}

ResultPoolStatistics ResultPool::getStatistics() const {
  std::lock_guard<std::mutex> lock(state->mutex);
  return state->statistics;
}
