//===- CompilerTest.cpp - Caches, threads and errors ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What is compiled once, what is found again, what happens to damaged files and
// unusable folders, and that the diagnostics reach whoever called.
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

#include "llvm/ExecutionEngine/JITEventListener.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <thread>

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::test;

namespace {

std::unique_ptr<Compiler> createCached(const TemporaryDirectory &directory) {
  CompilerOptions options;
  options.cacheDir = directory.str();
  auto compiler = Compiler::create(options);
  EXPECT_TRUE(bool(compiler)) << llvm::toString(compiler.takeError());
  return std::move(*compiler);
}

void compileAddOne(Compiler &compiler) {
  auto kernel = compileText(compiler, addOne);
  ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
  expectAddsOne(*kernel);
}

/// Returns a function that does nothing.
std::string getEmptyFunction(const llvm::Twine &name) {
  return ("func.func @" + name + "(%x: memref<2xf32>) { return }").str();
}

std::string readFile(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  return file ? (*file)->getBuffer().str() : "";
}

void writeFile(const std::string &path, llvm::StringRef contents) {
  std::error_code error;
  llvm::raw_fd_ostream(path, error) << contents;
  ASSERT_FALSE(error);
}

/// Sets a variable of the environment until the end of the scope; null unsets.
struct ScopedVariable {
  ScopedVariable(const char *name, const char *value) : name(name) {
    if (const char *old = std::getenv(name))
      saved = old;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~ScopedVariable() {
    saved ? setenv(name, saved->c_str(), 1) : unsetenv(name);
  }
  const char *name;
  std::optional<std::string> saved;
};

TEST(CompilerTest, MemoryCache) {
  auto compiler = createCompiler();
  compileAddOne(*compiler);
  compileAddOne(*compiler);
  EXPECT_EQ(compiler->getStatistics().compiled, 1);
  EXPECT_EQ(compiler->getStatistics().memoryHits, 1);
  compiler->clearMemoryCache();
  compileAddOne(*compiler);
  EXPECT_EQ(compiler->getStatistics().compiled, 2);
}

TEST(CompilerTest, MemoryCacheDropsTheLeastRecentlyUsed) {
  CompilerOptions options;
  options.useDiskCache = false;
  options.memoryCacheEntries = 2;
  auto compiler = llvm::cantFail(Compiler::create(options));
  for (const char *name : {"a", "b", "a", "c", "a", "b"})
    EXPECT_EQ(getText(compileText(*compiler, getEmptyFunction(name))), "");
  EXPECT_EQ(compiler->getStatistics().memoryHits, 2); // a, a
  EXPECT_EQ(compiler->getStatistics().compiled, 4);   // a, b, c, b
}

TEST(CompilerTest, DiskCache) {
  TemporaryDirectory directory;
  compileAddOne(*createCached(directory));
  EXPECT_EQ(directory.getFiles().size(), 1u);
  auto compiler = createCached(directory);
  compileAddOne(*compiler);
  EXPECT_EQ(compiler->getStatistics().compiled, 0);
  EXPECT_EQ(compiler->getStatistics().diskHits, 1);
}

// Another function, other options: other keys.
TEST(CompilerTest, DiskCacheKeys) {
  TemporaryDirectory directory;
  compileAddOne(*createCached(directory));
  auto compiler = createCached(directory);
  EXPECT_EQ(getText(compileText(*compiler, getEmptyFunction("f"))), "");
  EXPECT_EQ(compiler->getStatistics().diskHits, 0);

  auto expectMiss = [&](llvm::function_ref<void(CompilerOptions &)> change) {
    CompilerOptions options;
    options.cacheDir = directory.str();
    change(options);
    auto compiler = llvm::cantFail(Compiler::create(options));
    compileAddOne(*compiler);
    EXPECT_EQ(compiler->getStatistics().compiled, 1);
  };
  expectMiss([](CompilerOptions &options) { options.threads = 1; });
  expectMiss([](CompilerOptions &options) { options.target.optLevel = 1; });
  expectMiss([](CompilerOptions &options) { options.target.cpu = "generic"; });
}

TEST(CompilerTest, DamagedFilesAreRebuilt) {
  TemporaryDirectory directory;
  compileAddOne(*createCached(directory));
  std::vector<std::string> files = directory.getFiles();
  ASSERT_EQ(files.size(), 1u);
  const std::string good = readFile(files[0]);
  std::string flipped = good;
  flipped[good.size() / 2] ^= 1;
  for (std::string bad :
       {std::string(), std::string("somebody else's file"),
        good.substr(0, good.size() - 1), good.substr(0, 40), good.substr(0, 8),
        good + "x", flipped}) {
    writeFile(files[0], bad);
    auto compiler = createCached(directory);
    compileAddOne(*compiler);
    EXPECT_EQ(compiler->getStatistics().diskRejected, 1);
    EXPECT_EQ(compiler->getStatistics().compiled, 1);
    EXPECT_EQ(readFile(files[0]), good);
  }
}

TEST(CompilerTest, DiskCacheOff) {
  TemporaryDirectory directory;
  CompilerOptions options;
  options.cacheDir = directory.str();
  options.useDiskCache = false;
  compileAddOne(*llvm::cantFail(Compiler::create(options)));
  EXPECT_TRUE(directory.getFiles().empty());
}

TEST(CompilerTest, CacheFolderOfTheEnvironment) {
  TemporaryDirectory directory;
  ScopedVariable variable("BN_CACHE_DIR", directory.str().c_str());
  compileAddOne(*llvm::cantFail(Compiler::create({})));
  EXPECT_EQ(directory.getFiles(".bnk").size(), 1u);
}

// A file in the place of a folder cannot be written to, not even by root.
TEST(CompilerTest, ErrorCacheFolder) {
  TemporaryDirectory directory;
  std::string path = directory.str() + "/file";
  writeFile(path, "");
  CompilerOptions options;
  options.cacheDir = path + "/cache";
  EXPECT_EQ(getText(Compiler::create(options)),
            "expected a cache folder that can be written to, got '" + path +
                "/cache': Not a directory");
  options.cacheDir = "";
  ScopedVariable variable("BN_CACHE_DIR", (path + "/env").c_str());
  EXPECT_EQ(getText(Compiler::create(options)),
            "expected a cache folder that can be written to, got '" + path +
                "/env': Not a directory");
}

// A folder that vanishes later is only an error for who has asked for it.
TEST(CompilerTest, ErrorCacheFolderLater) {
  TemporaryDirectory directory;
  CompilerOptions options;
  options.cacheDir = directory.str() + "/cache";
  auto compiler = llvm::cantFail(Compiler::create(options));
  llvm::sys::fs::remove(options.cacheDir);
  std::string text = getText(compileText(*compiler, addOne));
  EXPECT_EQ(text.find("expected to write a kernel to the cache folder, got '" +
                      options.cacheDir + "/"),
            0u)
      << text;
}

// Nobody asked for the user's folder, so that it is unusable is no error.
TEST(CompilerTest, UnusableDefaultCacheFolder) {
  TemporaryDirectory directory;
  std::string path = directory.str() + "/file";
  writeFile(path, "");
  ScopedVariable unset("BN_CACHE_DIR", nullptr);
  ScopedVariable variable("XDG_CACHE_HOME", path.c_str());
  auto compiler = Compiler::create({});
  ASSERT_TRUE(bool(compiler)) << llvm::toString(compiler.takeError());
  compileAddOne(**compiler);
}

TEST(CompilerTest, ThreadsShareOneCompilation) {
  auto compiler = createCompiler();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { compileAddOne(*compiler); });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(compiler->getStatistics().compiled, 1);
  EXPECT_EQ(compiler->getStatistics().memoryHits, 3);
}

// Threads that compile different functions of one module do not meet.
TEST(CompilerTest, ThreadsShareOneContext) {
  auto compiler = createCompiler();
  ParsedModule module(getEmptyFunction("a") + getEmptyFunction("b"),
                      MLIRContext::Threading::ENABLED);
  std::vector<std::thread> threads;
  for (const char *name : {"a", "b", "a", "b"})
    threads.emplace_back([&, name] {
      EXPECT_EQ(getText(compiler->compile(module.get(), name)), "");
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(compiler->getStatistics().compiled, 2);
}

TEST(CompilerTest, ErrorHasTheDiagnostics) {
  auto compiler = createCompiler();
  ParsedModule module("func.func @f(%x: memref<2xf32>) {\n"
                      "  %0 = builtin.unrealized_conversion_cast %x"
                      " : memref<2xf32> to vector<3xf32>\n"
                      "  vector.print %0 : vector<3xf32>\n"
                      "  return\n}");
  std::string text = getText(compiler->compile(module.get(), "f"));
  EXPECT_EQ(text.find("loc(\"test.mlir\":"), 0u) << text;
  EXPECT_NE(text.find("): error: "), std::string::npos) << text;
  EXPECT_NE(text.find("unrealized_conversion_cast"), std::string::npos) << text;
  // An error is not remembered as a kernel.
  EXPECT_NE(getText(compiler->compile(module.get(), "f")), "");
  EXPECT_EQ(compiler->getStatistics().memoryHits, 0);
}

TEST(CompilerTest, ErrorMissingSymbol) {
  auto compiler = createCompiler();
  std::string text = getText(compileText(
      *compiler, "func.func private @nowhere()\n"
                 "func.func @f() { call @nowhere() : () -> () return }"));
  EXPECT_EQ(text.find("expected compiled code that links, got: "), 0u) << text;
  EXPECT_NE(text.find("nowhere"), std::string::npos) << text;
}

TEST(CompilerTest, ErrorOptions) {
  auto getError = [](llvm::function_ref<void(CompilerOptions &)> change) {
    CompilerOptions options;
    options.useDiskCache = false;
    change(options);
    return getText(Compiler::create(options));
  };
  EXPECT_EQ(getError([](auto &options) { options.threads = -1; }),
            "expected 'threads' to be from 0 to 1024, got -1");
  std::string text =
      getError([](auto &options) { options.target.cpu = "foo"; });
  EXPECT_EQ(text.find("expected a CPU of "), 0u) << text;
  bool isX86 = llvm::Triple(resolveTargetOptions({}).triple).isX86();
  std::string other = isX86 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  text = getError([&](auto &options) { options.target.triple = other; });
  EXPECT_EQ(text.find("expected the triple of this machine, "), 0u) << text;
}

TEST(CompilerTest, Dumps) {
  TemporaryDirectory directory;
  CompilerOptions options;
  options.useDiskCache = false;
  options.dumpDir = directory.str() + "/a/b";
  compileAddOne(*llvm::cantFail(Compiler::create(options)));
  for (const char *name :
       {"00-input.mlir", "01-bn.mlir", "02-tiled.mlir", "03-linalg.mlir",
        "04-vector.mlir", "05-buffer.mlir", "06-llvm.mlir", "07-llvm.ll",
        "08-kernel.s"})
    EXPECT_NE(readFile(options.dumpDir + "/" + name).find("add_one"),
              std::string::npos)
        << name;

  options.dumpDir = directory.str() + "/file";
  writeFile(options.dumpDir, "");
  auto compiler = llvm::cantFail(Compiler::create(options));
  std::string text = getText(compileText(*compiler, addOne));
  EXPECT_EQ(text.find("expected a dump folder that can be written to, got '" +
                      options.dumpDir),
            0u)
      << text;
}

// gdb's listener keeps a list in the process; perf's writes a file.
TEST(CompilerTest, Listeners) {
  TemporaryDirectory directory;
  ScopedVariable variable("JITDUMPDIR", directory.str().c_str());
  CompilerOptions options;
  options.useDiskCache = false;
  options.enableGDB = true;
  options.enablePerf = true;
  compileAddOne(*llvm::cantFail(Compiler::create(options)));
  bool hasDump = false;
  std::error_code error;
  for (llvm::sys::fs::recursive_directory_iterator it(directory.path, error),
       end;
       it != end && !error; it.increment(error))
    hasDump |= llvm::StringRef(it->path()).ends_with(".dump");
  bool hasPerf = llvm::JITEventListener::createPerfJITEventListener();
  EXPECT_EQ(hasDump, hasPerf);
}

// Several processes fill one folder at the same time: this program runs the
// test below four times.
TEST(CompilerTest, ProcessesShareOneFolder) {
  TemporaryDirectory directory;
  llvm::SmallString<128> program;
  if (llvm::sys::fs::real_path("/proc/self/exe", program))
    GTEST_SKIP() << "this system has no /proc to find the program in";
  ScopedVariable variable("BN_CACHE_DIR", directory.str().c_str());
  std::vector<llvm::sys::ProcessInfo> processes;
  for (int i = 0; i < 4; ++i)
    processes.push_back(llvm::sys::ExecuteNoWait(
        program, {program, "--gtest_filter=CompilerTest.FillCacheFolder"},
        std::nullopt, {}));
  for (const llvm::sys::ProcessInfo &process : processes)
    EXPECT_EQ(llvm::sys::Wait(process, std::nullopt).ReturnCode, 0);
  EXPECT_EQ(directory.getFiles(".bnk").size(), 8u);
  EXPECT_EQ(directory.getFiles().size(), 8u); // no temporary file is left
}

TEST(CompilerTest, FillCacheFolder) {
  TemporaryDirectory own;
  CompilerOptions options;
  if (!std::getenv("BN_CACHE_DIR"))
    options.cacheDir = own.str();
  auto compiler = llvm::cantFail(Compiler::create(options));
  for (int i = 0; i < 8; ++i) {
    auto kernel =
        compileText(*compiler, getEmptyFunction("f" + llvm::Twine(i)));
    ASSERT_TRUE(bool(kernel)) << llvm::toString(kernel.takeError());
    float x[2] = {};
    EXPECT_EQ(getText(kernel->call({{x, DType::F32, {2}}})), "");
  }
}

} // namespace
