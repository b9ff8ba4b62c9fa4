//===- KernelTest.cpp - Calls of plain functions ----------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Any function with tensor, memref and scalar arguments can be called, results
// included, from many threads; and every argument that does not fit is refused
// with its own message.
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

#include <thread>

using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

struct KernelTest : testing::Test {
  Kernel compile(llvm::StringRef text, llvm::StringRef entry = "") {
    auto kernel = compileText(*compiler, text, entry);
    EXPECT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
    return std::move(*kernel);
  }

  std::unique_ptr<Compiler> compiler = createCompiler();
};

TEST_F(KernelTest, Memrefs) { expectAddsOne(compile(addOne)); }

TEST_F(KernelTest, TensorsAndResults) {
  Kernel kernel = compile(R"mlir(
    func.func @f(%x: tensor<?x2xf32>, %s: f32, %n: index)
        -> (tensor<?x2xf32>, i32, tensor<2xf64>, f16, tensor<i1>) {
      %0 = linalg.fill ins(%s : f32) outs(%x : tensor<?x2xf32>)
          -> tensor<?x2xf32>
      %1 = arith.index_cast %n : index to i32
      %2 = arith.constant dense<[1.5, 2.5]> : tensor<2xf64>
      %3 = arith.truncf %s : f32 to f16
      %4 = arith.constant dense<true> : tensor<i1>
      return %0, %1, %2, %3, %4
          : tensor<?x2xf32>, i32, tensor<2xf64>, f16, tensor<i1>
    })mlir");
  const KernelSignature &signature = kernel.getSignature();
  ASSERT_EQ(signature.arguments.size(), 3u);
  EXPECT_EQ(signature.arguments[0].shape, (DimVector{-1, 2}));
  EXPECT_TRUE(signature.arguments[1].isScalar);
  EXPECT_EQ(signature.arguments[2].dtype, DType::I64);
  ASSERT_EQ(signature.results.size(), 5u);
  EXPECT_EQ(signature.results[4].dtype, DType::I1);

  float x[6] = {}, s = 3;
  int64_t n = 7;
  auto results = kernel.callWithResults({{x, DType::F32, {3, 2}},
                                         {&s, DType::F32, {}},
                                         {&n, DType::I64, {}}});
  ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
  auto views = results->getViews();
  ASSERT_EQ(views.size(), 5u);
  EXPECT_EQ(views[0].shape, (DimVector{3, 2}));
  EXPECT_EQ(views[0].strides, (DimVector{2, 1}));
  EXPECT_EQ(static_cast<float *>(views[0].data)[5], 3);
  EXPECT_EQ(*static_cast<int32_t *>(views[1].data), 7);
  EXPECT_EQ(static_cast<double *>(views[2].data)[1], 2.5);
  EXPECT_EQ(*static_cast<uint16_t *>(views[3].data), 0x4200);
  EXPECT_EQ(*static_cast<uint8_t *>(views[4].data), 1);
  EXPECT_EQ(getText(kernel({})),
            "expected a function without results, got 5: use callWithResults");
}

TEST_F(KernelTest, OneScalarResult) {
  Kernel kernel = compile("func.func @f(%x: bf16) -> bf16 { return %x : bf16}");
  uint16_t x = 0x3f80;
  auto results = kernel.callWithResults({{&x, DType::BF16, {}}});
  ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
  EXPECT_EQ(*static_cast<uint16_t *>(results->getViews()[0].data), x);
}

// Whether a returned argument is copied is up to the pipeline; it must not be
// freed under the caller, and nothing twice.
TEST_F(KernelTest, ReturnedArgument) {
  Kernel kernel = compile(R"mlir(
    func.func @f(%x: memref<2xf32>) -> (memref<2xf32>, memref<2xf32>) {
      return %x, %x : memref<2xf32>, memref<2xf32>
    })mlir");
  float x[2] = {1, 2};
  auto results = kernel.callWithResults({{x, DType::F32, {2}}});
  ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
  for (const TensorView &view : results->getViews())
    EXPECT_EQ(static_cast<float *>(view.data)[1], 2);
}

TEST_F(KernelTest, FastCall) {
  Kernel kernel = compile(addOne);
  float x[2] = {1, 2};
  int64_t descriptor[5];
  writeMemRefDescriptor({x, DType::F32, {2}}, descriptor);
  void *slots[] = {descriptor, descriptor};
  kernel.invoke(slots);
  EXPECT_EQ(x[1], 3);
}

// The code lives as long as a handle, and goes with the last one.
TEST_F(KernelTest, Lifetime) {
  Kernel kernel = compile(addOne);
  Kernel other = kernel.share();
  compiler.reset();
  { Kernel moved = std::move(kernel); }
  expectAddsOne(other);
}

TEST_F(KernelTest, ManyThreadsCall) {
  Kernel kernel = compile(addOne);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int repeat = 0; repeat < 100; ++repeat)
        expectAddsOne(kernel);
    });
  for (std::thread &thread : threads)
    thread.join();
}

TEST_F(KernelTest, ErrorFunction) {
  auto getError = [&](llvm::StringRef text, llvm::StringRef entry = "") {
    return getText(compileText(*compiler, text, entry));
  };
  EXPECT_EQ(getError("func.func @f() { return } func.func @g() { return }"),
            "expected the name of one of the public functions 'f', 'g', got "
            "none");
  EXPECT_EQ(getError("func.func private @f()"),
            "expected a module with a public function, got none");
  EXPECT_EQ(getError("func.func private @f()", "f"),
            "expected function 'f' to have a body, got a declaration");
  EXPECT_EQ(getError("func.func @f() { return }", "g"),
            "expected function 'g' in the module, got 'f'");
  EXPECT_EQ(getError("llvm.func @f()", "f"),
            "expected 'f' to be a func.func, got llvm.func");
  EXPECT_EQ(getError("func.func @f(%x: tensor<*xf32>) { return }"),
            "expected argument 0 of function 'f' to be a ranked tensor, a "
            "contiguous memref or a scalar, of i1, i8, i32, i64, index, bf16, "
            "f16, f32 or f64, got tensor<*xf32>");
  EXPECT_NE(getError("func.func @f(%x: memref<2xf32, strided<[2]>>) {return}"),
            "");
  EXPECT_NE(getError("func.func @f(%x: memref<2xf32, 1>) { return }"), "");
  EXPECT_NE(getError("func.func @f(%x: complex<f32>) { return }"), "");
  EXPECT_NE(getError("func.func @f(%x: i16) { return }"), "");
}

TEST_F(KernelTest, ErrorArguments) {
  Kernel kernel = compile(R"mlir(
    func.func @f(%x: memref<2x?xf32>, %y: memref<2x?xf32>, %s: f32) {
      return
    })mlir");
  float x[8] = {}, y[8] = {}, s = 0;
  TensorView good(x, DType::F32, {2, 4}), out(y, DType::F32, {2, 4});
  TensorView scalar(&s, DType::F32, {});
  auto getError = [&](const TensorView &view) {
    return getText(kernel({view, out, scalar}));
  };
  EXPECT_EQ(getError(good), "");
  EXPECT_EQ(getError({x, DType::F32, {2, 4}, {4, 1}}), "");
  EXPECT_EQ(getText(kernel({good})), "expected 3 arguments, got 1");
  EXPECT_EQ(getText(kernel({good, out, scalar, scalar})),
            "expected 3 arguments, got 4");
  EXPECT_EQ(getError({x, DType::I32, {2, 4}}),
            "expected argument 0 to have element type f32, got i32");
  EXPECT_EQ(getError({x, DType::F32, {8}}),
            "expected argument 0 to have rank 2, got 1");
  EXPECT_EQ(getError({x, DType::F32, {4, 2}}),
            "expected argument 0 to have shape (2, ?), got (4, 2)");
  EXPECT_EQ(getError({x, DType::F32, {2, -1}}),
            "expected argument 0 to have shape (2, ?), got (2, -1)");
  EXPECT_EQ(getError({x, DType::F32, {2, int64_t(1) << 61}}),
            "expected argument 0 to have less than 2^63 bytes, got shape "
            "(2, 2305843009213693952)");
  EXPECT_EQ(getError({nullptr, DType::F32, {2, 4}}),
            "expected argument 0 to have data, got a null pointer");
  EXPECT_EQ(getError({x, DType::F32, {2, 4}, {1, 2}}),
            "expected argument 0 to be contiguous in C order with strides "
            "(4, 1), got (1, 2)");
  EXPECT_EQ(getError({x, DType::F32, {2, 4}, {1}}),
            "expected argument 0 to have 2 strides or none, got 1");
  char *odd = reinterpret_cast<char *>(x) + 2;
  EXPECT_EQ(getError({odd, DType::F32, {2, 2}})
                .find("expected argument 0 to be aligned to 4 bytes, got "),
            0u);
  EXPECT_EQ(getText(kernel({good, out, good})),
            "expected argument 2 to have rank 0, got 2");
}

// Strides of dimensions of size 1, and all of an empty array, do not matter.
TEST_F(KernelTest, HarmlessStridesAndPointers) {
  Kernel kernel = compile("func.func @f(%x: memref<?x?xf32>) { return }");
  float x[4] = {};
  EXPECT_EQ(getText(kernel({{x, DType::F32, {1, 4}, {77, 1}}})), "");
  EXPECT_EQ(getText(kernel({{x, DType::F32, {4, 1}, {1, 77}}})), "");
  EXPECT_EQ(getText(kernel({{nullptr, DType::F32, {0, 4}, {7, 7}}})), "");
}

// Of a plain function's memrefs nothing is known, so they may be the same, but
// not overlap in part.
TEST_F(KernelTest, ErrorOverlap) {
  Kernel kernel = compile(addOne);
  float x[4] = {1, 2, 3, 4};
  auto getError = [&](int64_t first, int64_t second, int64_t size) {
    return getText(kernel(
        {{x + first, DType::F32, {2}}, {x + second, DType::F32, {size}}}));
  };
  EXPECT_EQ(getError(0, 2, 2), "");
  EXPECT_EQ(getError(0, 0, 2), "");
  EXPECT_EQ(getError(0, 1, 2),
            "expected argument 1 not to overlap argument 0, or to be exactly "
            "in place, got 4 common bytes");
  EXPECT_EQ(getError(0, 0, 3),
            "expected argument 1 not to overlap argument 0, or to be exactly "
            "in place, got 8 common bytes");
}

} // namespace
