//===- ThreadPoolTest.cpp - Whose threads run a kernel ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels of specs run on the pool that is chosen, in as many parts as it has
// threads or as the spec says. unittests/Integration/BitsTest.cpp compares
// results.
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/ThreadPool.h"
#include "TestUtils.h"

#include <thread>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

/// Does all itself, and remembers in how many parts.
class CountingPool final : public ThreadPool {
public:
  int64_t getMinBytes() override { return minBytes; }
  int64_t getNumThreads() override { return 7; }
  void forEach(int64_t count, llvm::function_ref<void(int64_t)> work) override {
    counts.push_back(count);
    for (int64_t i = 0; i < count; ++i)
      work(i);
  }

  int64_t minBytes = 0;
  std::vector<int64_t> counts;
};

constexpr int64_t kSize = 1 << 20;

struct ThreadPoolTest : testing::Test {
  Kernel compile(int64_t threads) {
    BatchNormSpec spec;
    spec.kind = BatchNormSpec::Kind::Inference;
    spec.shape = {kSize / 64, 64};
    spec.axis = {1};
    spec.threads = threads;
    auto kernel = compiler->compile(spec);
    EXPECT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
    return std::move(*kernel);
  }

  /// Calls a kernel in which 1 becomes 3.
  void call(const Kernel &kernel) {
    std::vector<float> x(kSize, 1), y(kSize), one(64, 1), zero(64, 0),
        two(64, 2);
    TensorView input(x.data(), DType::F32, {kSize / 64, 64});
    TensorView output(y.data(), DType::F32, {kSize / 64, 64});
    auto view = [](std::vector<float> &data) {
      return TensorView(data.data(), DType::F32, {64});
    };
    EXPECT_EQ(getText(kernel({input, view(one), view(two), view(zero),
                              view(one), output})),
              "");
    EXPECT_EQ(
        llvm::count_if(y, [](float v) { return v > 2.99f && v < 3.001f; }),
        kSize);
  }

  std::unique_ptr<Compiler> compiler = createCompiler();
  CountingPool pool;
};

TEST_F(ThreadPoolTest, Number) {
  ThreadPoolScope scope(pool);
  call(compile(0));
  call(compile(3));
  call(compile(1)); // needs none
  EXPECT_EQ(pool.counts, (std::vector<int64_t>{7, 3}));
}

TEST_F(ThreadPoolTest, SmallData) {
  Kernel kernel = compile(0);
  ThreadPoolScope scope(pool);
  pool.minBytes = 4 * kSize + 1;
  call(kernel);
  EXPECT_EQ(pool.counts.size(), 0u);
  pool.minBytes = 4 * kSize;
  call(kernel);
  EXPECT_EQ(pool.counts.size(), 1u);
}

TEST_F(ThreadPoolTest, Scopes) {
  Kernel kernel = compile(0);
  CountingPool inner;
  ThreadPoolScope scope(pool);
  {
    ThreadPoolScope scope(inner);
    EXPECT_EQ(&getThreadPool(), &inner);
    call(kernel);
    // Of another thread it is not.
    std::thread([&] {
      EXPECT_EQ(&getThreadPool(), &getOpenMPThreadPool());
      call(kernel);
    }).join();
  }
  EXPECT_EQ(inner.counts.size(), 1u);
  EXPECT_EQ(pool.counts.size(), 0u);
  call(kernel);
  EXPECT_EQ(pool.counts.size(), 1u);
}

TEST_F(ThreadPoolTest, OpenMP) {
  EXPECT_GE(getOpenMPThreadPool().getNumThreads(), 1);
  std::vector<std::atomic<int>> calls(5);
  getOpenMPThreadPool().forEach(5, [&](int64_t i) { ++calls[i]; });
  for (std::atomic<int> &count : calls)
    EXPECT_EQ(count, 1);
  call(compile(5));
}

// There may be fewer threads than parts, as here: the library has none for a
// team in a team.
TEST_F(ThreadPoolTest, TeamInTeam) {
  std::vector<std::atomic<int>> calls(6);
  getOpenMPThreadPool().forEach(2, [&](int64_t i) {
    getOpenMPThreadPool().forEach(3, [&](int64_t j) { ++calls[3 * i + j]; });
  });
  for (std::atomic<int> &count : calls)
    EXPECT_EQ(count, 1);
}

// These may use what only the library of OpenMP has.
TEST_F(ThreadPoolTest, Modules) {
  ThreadPoolScope scope(pool);
  auto kernel = compileText(*compiler, R"mlir(
    func.func @sum(%x: memref<4xi32>) {
      %one = arith.constant 1 : i32
      %zero = arith.constant 0 : index
      omp.parallel {
        omp.barrier
        omp.single {
          memref.store %one, %x[%zero] : memref<4xi32>
          omp.terminator
        }
        omp.terminator
      }
      return
    })mlir");
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  int32_t x[4] = {};
  EXPECT_EQ(getText((*kernel)({{x, DType::I32, {4}}})), "");
  EXPECT_EQ(x[0], 1);
  EXPECT_EQ(pool.counts.size(), 0u);
}

} // namespace
