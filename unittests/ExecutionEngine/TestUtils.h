//===- TestUtils.h - What the tests of the JIT share ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (tests).
//
//===----------------------------------------------------------------------===//

#ifndef BN_UNITTESTS_EXECUTIONENGINE_TESTUTILS_H
#define BN_UNITTESTS_EXECUTIONENGINE_TESTUTILS_H

#include "bn/ExecutionEngine/Compiler.h"
#include "bn/InitAllDialects.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include "gtest/gtest.h"

namespace mlir::bn::test {

/// A fresh folder that goes away with the object.
struct TemporaryDirectory {
  TemporaryDirectory() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("bn-test", path));
  }
  ~TemporaryDirectory() { llvm::sys::fs::remove_directories(path); }
  TemporaryDirectory(const TemporaryDirectory &) = delete;

  std::string str() const { return path.str().str(); }

  /// Returns the paths of all files in it whose name ends with `suffix`.
  std::vector<std::string> getFiles(llvm::StringRef suffix = "") const {
    std::vector<std::string> files;
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(path, error), end;
         it != end && !error; it.increment(error))
      if (llvm::StringRef(it->path()).ends_with(suffix))
        files.push_back(it->path());
    llvm::sort(files);
    return files;
  }

  llvm::SmallString<128> path;
};

/// Returns the text of an error, "" for success.
inline std::string getText(llvm::Error error) {
  return llvm::toString(std::move(error));
}
template <typename T>
std::string getText(llvm::Expected<T> value) {
  return value ? "" : llvm::toString(value.takeError());
}

/// Returns a compiler that keeps nothing on disk.
inline std::unique_ptr<Compiler> createCompiler() {
  CompilerOptions options;
  options.useDiskCache = false;
  auto compiler = Compiler::create(options);
  EXPECT_TRUE(bool(compiler)) << llvm::toString(compiler.takeError());
  return std::move(*compiler);
}

/// A module parsed from text, with the dialects of the pipeline.
struct ParsedModule {
  using Threading = MLIRContext::Threading;
  explicit ParsedModule(llvm::StringRef text,
                        Threading threading = Threading::DISABLED)
      : context(threading) {
    DialectRegistry registry;
    bn::registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    module = parseSourceString<ModuleOp>(text, &context, "test.mlir");
    EXPECT_TRUE(bool(module));
  }
  ModuleOp get() { return *module; }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

/// y[i] = x[i] + 1.
inline constexpr llvm::StringLiteral addOne = R"mlir(
  func.func @add_one(%x: memref<?xf32>, %y: memref<?xf32>) {
    %one = arith.constant 1.0 : f32
    linalg.map ins(%x : memref<?xf32>) outs(%y : memref<?xf32>)
      (%in: f32, %out: f32) {
        %sum = arith.addf %in, %one : f32
        linalg.yield %sum : f32
      }
    return
  })mlir";

/// Compiles function `entry` of `text`.
inline llvm::Expected<Kernel> compileText(Compiler &compiler,
                                          llvm::StringRef text,
                                          llvm::StringRef entry = "") {
  ParsedModule module(text);
  return compiler.compile(module.get(), entry);
}

/// Expects that `kernel` is the one of `addOne`.
inline void expectAddsOne(const Kernel &kernel) {
  float x[] = {1, 2, 3}, y[] = {0, 0, 0};
  EXPECT_EQ(getText(kernel({{x, DType::F32, {3}}, {y, DType::F32, {3}}})), "");
  EXPECT_EQ(y[0], 2);
  EXPECT_EQ(y[2], 4);
}

} // namespace mlir::bn::test

#endif // BN_UNITTESTS_EXECUTIONENGINE_TESTUTILS_H
