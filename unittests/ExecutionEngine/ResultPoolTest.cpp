//===- ResultPoolTest.cpp - Memory that is used again -----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Blocks are aligned, come back for their own size class only, and are given
// back to the system when there are too many, or when the pool dies.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/ResultPool.h"

#include "gtest/gtest.h"

#include <cstring>
#include <thread>
#include <vector>

using namespace mlir::bn;

namespace {

constexpr size_t kMiB = size_t(1) << 20;

uintptr_t getAddress(const ResultPool::Block *block) {
  return reinterpret_cast<uintptr_t>(ResultPool::getData(block));
}

TEST(ResultPoolTest, Alignment) {
  ResultPool pool;
  for (size_t size : {size_t(0), size_t(1), size_t(65), size_t(1000), kMiB,
                      2 * kMiB, 3 * kMiB + 1}) {
    ResultPool::Block *block = pool.allocate(size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(getAddress(block) % ResultPool::alignment, 0u) << size;
    if (size >= 2 * kMiB) {
      EXPECT_EQ(getAddress(block) % (2 * kMiB), 0u) << size;
    }
    std::memset(ResultPool::getData(block), 1, size);
    ResultPool::release(block);
  }
}

TEST(ResultPoolTest, Reuse) {
  ResultPool pool;
  for (size_t size : {size_t(100), 5 * kMiB}) {
    ResultPool::Block *first = pool.allocate(size);
    ResultPool::Block *second = pool.allocate(size);
    EXPECT_NE(getAddress(first), getAddress(second));
    uintptr_t address = getAddress(first);
    ResultPool::release(first);
    ResultPool::Block *larger = pool.allocate(2 * size);
    EXPECT_NE(getAddress(larger), address);
    ResultPool::Block *third = pool.allocate(size);
    EXPECT_EQ(getAddress(third), address);
    for (ResultPool::Block *block : {second, larger, third})
      ResultPool::release(block);
  }
  EXPECT_EQ(pool.getStatistics().reused, 2);
  EXPECT_EQ(pool.getStatistics().usedBytes, 0);
  EXPECT_GT(pool.getStatistics().keptBytes, 0);
  pool.clear();
  EXPECT_EQ(pool.getStatistics().keptBytes, 0);
}

TEST(ResultPoolTest, Limit) {
  ResultPool pool(3 * kMiB);
  std::vector<ResultPool::Block *> blocks;
  for (int i = 0; i < 5; ++i)
    blocks.push_back(pool.allocate(kMiB));
  for (ResultPool::Block *block : blocks)
    ResultPool::release(block);
  EXPECT_EQ(pool.getStatistics().keptBytes, int64_t(3 * kMiB));
  ResultPool::release(pool.allocate(64 * kMiB));
  EXPECT_EQ(pool.getStatistics().keptBytes, int64_t(3 * kMiB));
  pool.setLimit(kMiB);
  EXPECT_EQ(pool.getStatistics().keptBytes, int64_t(kMiB));
  EXPECT_EQ(pool.getLimit(), int64_t(kMiB));
  pool.setLimit(-1);
  EXPECT_GT(pool.getLimit(), int64_t(kMiB));
}

TEST(ResultPoolTest, TooMuch) {
  ResultPool pool;
  EXPECT_EQ(pool.allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(pool.allocate(SIZE_MAX / 4), nullptr);
  EXPECT_EQ(pool.getStatistics().usedBytes, 0);
}

TEST(ResultPoolTest, BlocksOutliveThePool) {
  ResultPool::Block *block;
  {
    ResultPool pool;
    block = pool.allocate(4 * kMiB);
  }
  std::memset(ResultPool::getData(block), 1, 4 * kMiB);
  ResultPool::release(block);
}

TEST(ResultPoolTest, Threads) {
  ResultPool pool(kMiB);
  std::vector<std::thread> threads;
  for (unsigned char id = 0; id < 4; ++id)
    threads.emplace_back([&pool, id] {
      for (int i = 0; i < 500; ++i) {
        size_t size = 64 << (i % 12);
        ResultPool::Block *block = pool.allocate(size);
        auto *data = static_cast<unsigned char *>(ResultPool::getData(block));
        std::memset(data, id, size);
        EXPECT_EQ(data[0], id);
        EXPECT_EQ(data[size - 1], id);
        ResultPool::release(block);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(pool.getStatistics().usedBytes, 0);
}

} // namespace
