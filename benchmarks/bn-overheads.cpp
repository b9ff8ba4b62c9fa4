//===- bn-overheads.cpp - Cost of compiling and of calling ----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prints, as medians, what it costs to get a kernel from nothing, from the disk
// cache and from memory, and what a call costs on a tensor of 256 elements: all
// checks included, without them, and a plain loop that does the same
// arithmetic.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/Compiler.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>
#include <vector>

using namespace mlir::bn;

static llvm::ExitOnError check("bn-overheads: error: ");

/// Median over `rounds` of the seconds that one of `count` calls takes.
template <typename Body>
static double measure(int rounds, int count, Body body) {
  std::vector<double> seconds;
  for (int round = 0; round < rounds; ++round) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i)
      body();
    std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    seconds.push_back(spent.count() / count);
  }
  std::nth_element(seconds.begin(), seconds.begin() + rounds / 2,
                   seconds.end());
  return seconds[rounds / 2];
}

static void report(llvm::StringRef what, double seconds, double unit,
                   const char *name) {
  llvm::outs() << llvm::formatv("{0,-44}", what)
               << llvm::format("%9.3f %s\n", seconds / unit, name);
}

static BatchNormSpec getSpec(BatchNormSpec::Kind kind, DimVector shape,
                             int64_t axis) {
  BatchNormSpec spec;
  spec.kind = kind;
  spec.shape = shape;
  spec.axis = {axis};
  spec.hasRunningStats = false;
  return spec;
}

static void measureCompilation(llvm::StringRef cacheDir) {
  using Kind = BatchNormSpec::Kind;
  struct Case {
    const char *name;
    BatchNormSpec spec;
  };
  Case cases[] = {
      {"training 32x64x56x56", getSpec(Kind::Training, {32, 64, 56, 56}, 1)},
      {"training 32x56x56x64", getSpec(Kind::Training, {32, 56, 56, 64}, 3)},
      {"training ?x?x?x? axis 1", getSpec(Kind::Training, {-1, -1, -1, -1}, 1)},
      {"inference 32x64x56x56", getSpec(Kind::Inference, {32, 64, 56, 56}, 1)},
  };
  for (Case &c : cases) {
    CompilerOptions options;
    options.useDiskCache = false;
    auto compile = [&](const CompilerOptions &compilerOptions) {
      auto compiler = check(Compiler::create(compilerOptions));
      (void)check(compiler->compile(c.spec));
    };
    report(std::string(c.name) + ", nothing cached",
           measure(15, 1, [&] { compile(options); }), 1e-3, "ms");
    options.useDiskCache = true;
    options.cacheDir = cacheDir.str();
    compile(options);
    report(std::string(c.name) + ", from disk",
           measure(31, 1, [&] { compile(options); }), 1e-3, "ms");
  }
}

/// Training on 1x16x4x4 in plain C++, one pass of each kind.
static void trainPlainly(const float *x, const float *g, const float *b,
                         float *y, float *mean, float *variance) {
  for (int c = 0; c < 16; ++c) {
    float sum = 0, squares = 0;
    for (int i = 0; i < 16; ++i)
      sum += x[c * 16 + i];
    mean[c] = sum / 16;
    for (int i = 0; i < 16; ++i)
      squares += (x[c * 16 + i] - mean[c]) * (x[c * 16 + i] - mean[c]);
    variance[c] = squares / 16;
    float a = g[c] / std::sqrt(variance[c] + 1e-3f);
    for (int i = 0; i < 16; ++i)
      y[c * 16 + i] = (x[c * 16 + i] - mean[c]) * a + b[c];
  }
}

static void measureCalls() {
  auto compiler = check(Compiler::create());
  BatchNormSpec spec =
      getSpec(BatchNormSpec::Kind::Training, {1, 16, 4, 4}, 1);
  report("the same spec again, from memory",
         measure(31, 100, [&] { (void)check(compiler->compile(spec)); }), 1e-6,
         "us");
  Kernel kernel = check(compiler->compile(spec));
  std::vector<float> x(256), g(16, 1.0f), b(16), y(256), mean(16), variance(16);
  for (int i = 0; i < 256; ++i)
    x[i] = static_cast<float>(i % 7);
  auto view = [](std::vector<float> &data, llvm::ArrayRef<int64_t> shape) {
    return TensorView(data.data(), DType::F32, shape);
  };
  std::vector<TensorView> views = {
      view(x, {1, 16, 4, 4}), view(g, {16}),    view(b, {16}),
      view(y, {1, 16, 4, 4}), view(mean, {16}), view(variance, {16})};
  report("call on 1x16x4x4, checked",
         measure(31, 10000, [&] { check(kernel(views)); }), 1e-6, "us");

  std::vector<std::vector<int64_t>> descriptors;
  std::vector<void *> slots;
  for (const TensorView &v : views) {
    descriptors.emplace_back(getMemRefDescriptorWords(v.getRank()));
    writeMemRefDescriptor(v, descriptors.back().data());
  }
  for (auto &descriptor : descriptors)
    slots.push_back(descriptor.data());
  report("call on 1x16x4x4, unchecked",
         measure(31, 10000, [&] { kernel.invoke(slots.data()); }), 1e-6, "us");
  report("plain C++ loops on 1x16x4x4", measure(31, 10000, [&] {
           trainPlainly(x.data(), g.data(), b.data(), y.data(), mean.data(),
                        variance.data());
         }),
         1e-6, "us");
}

int main() {
  llvm::SmallString<128> cacheDir;
  check(llvm::errorCodeToError(
      llvm::sys::fs::createUniqueDirectory("bn-overheads", cacheDir)));
  measureCompilation(cacheDir);
  measureCalls();
  (void)llvm::sys::fs::remove_directories(cacheDir);
  return 0;
}
