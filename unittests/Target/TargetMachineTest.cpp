//===- TargetMachineTest.cpp - Targets that exist, and others ---*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The host by default, other machines by name, and a message for every name
// that LLVM does not know.
//
//===----------------------------------------------------------------------===//

#include "bn/Target/TargetMachine.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include "gtest/gtest.h"

using namespace mlir::bn;

namespace {

std::string getError(const TargetOptions &options) {
  auto target = createTargetMachine(options);
  return target ? "" : llvm::toString(target.takeError());
}

TargetOptions get(std::string triple, std::string cpu = "",
                  std::string features = "") {
  return {std::move(triple), std::move(cpu), std::move(features), 3};
}

TEST(TargetMachineTest, Host) {
  auto target = createTargetMachine();
  ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
  EXPECT_EQ((*target)->getTargetCPU(), llvm::sys::getHostCPUName());
  EXPECT_EQ((*target)->getTargetFeatureString(),
            resolveTargetOptions({}).features);
  TargetOptions native;
  native.cpu = "native";
  EXPECT_EQ(resolveTargetOptions(native).cpu, llvm::sys::getHostCPUName());
}

TEST(TargetMachineTest, OtherMachines) {
  for (const char *triple : {"x86_64-linux-gnu", "aarch64-linux-gnu",
                             "riscv64-linux-gnu", "x86_64-unknown-linux-gnu"})
    EXPECT_EQ(getError(get(triple)), "") << triple;
  EXPECT_EQ(getError(get("x86_64-linux-gnu", "znver3", "+avx2,-fma")), "");
  EXPECT_EQ(getError(get("aarch64-linux-gnu", "neoverse-v1")), "");
}

TEST(TargetMachineTest, VectorBits) {
  auto getBits = [](const TargetOptions &options) {
    return getVectorBits(*llvm::cantFail(createTargetMachine(options)));
  };
  EXPECT_EQ(getBits(get("x86_64-linux-gnu", "x86-64")), 128u);
  EXPECT_EQ(getBits(get("x86_64-linux-gnu", "znver3")), 256u);
  EXPECT_EQ(getBits(get("x86_64-linux-gnu", "znver4")), 512u);
  EXPECT_EQ(getBits(get("aarch64-linux-gnu")), 128u);
}

TEST(TargetMachineTest, AVX512BF16) {
  auto has = [](TargetOptions options) {
    return hasAVX512BF16(*llvm::cantFail(createTargetMachine(options)));
  };
  EXPECT_TRUE(has(get("x86_64-linux-gnu", "znver4")));
  EXPECT_TRUE(has(get("x86_64-linux-gnu", "x86-64-v4", "+avx512bf16")));
  EXPECT_FALSE(has(get("x86_64-linux-gnu", "x86-64-v4")));
  EXPECT_FALSE(has(get("aarch64-linux-gnu")));
}

TEST(TargetMachineTest, FeaturesMissingHere) {
  auto find = [](TargetOptions options) {
    return getFeaturesMissingHere(
        *llvm::cantFail(createTargetMachine(options)));
  };
  EXPECT_TRUE(find({}).empty());
  EXPECT_TRUE(find(get("aarch64-linux-gnu", "", "+sve2")).empty());
  if (!llvm::Triple(llvm::sys::getProcessTriple()).isX86())
    GTEST_SKIP() << "of x86";
  EXPECT_TRUE(find(get("x86_64-linux-gnu", "x86-64")).empty());
  // What a virtual machine hides and no loop needs.
  EXPECT_TRUE(find(get("x86_64-linux-gnu", "x86-64", "+pku,+sgx")).empty());
  EXPECT_TRUE(
      find(get("x86_64-linux-gnu", "x86-64", "+sse-unaligned-mem")).empty());
  // Loops have instructions of FMA4 where there is nothing newer.
  if (!llvm::sys::getHostCPUFeatures().lookup("fma4")) {
    EXPECT_TRUE(
        llvm::is_contained(find(get("x86_64-linux-gnu", "bdver2")), "fma4"));
  }
  if (llvm::sys::getHostCPUFeatures().lookup("avx10.2"))
    GTEST_SKIP() << "no feature is known that this processor has not";
  EXPECT_TRUE(llvm::is_contained(
      find(get("x86_64-linux-gnu", "x86-64-v3", "+avx10.2")), "avx10.2"));
}

TEST(TargetMachineTest, ErrorNames) {
  EXPECT_EQ(getError(get("x86_64-linux-gnu", "foo")),
            "expected a CPU of x86_64, got 'foo'");
  EXPECT_EQ(getError(get("aarch64-linux-gnu", "znver3")),
            "expected a CPU of aarch64, got 'znver3'");
  EXPECT_EQ(getError(get("foo-linux-gnu")),
            "expected the triple of a target of LLVM, got 'foo-linux-gnu'");
  EXPECT_EQ(getError(get("x86_64-linux-gnu", "znver3", "+avx2,+foo")),
            "expected features of x86_64, each with '+' or '-', got '+foo'");
  EXPECT_EQ(getError(get("x86_64-linux-gnu", "znver3", "avx2")),
            "expected features of x86_64, each with '+' or '-', got 'avx2'");
}

// LLVM ends the process for these.
TEST(TargetMachineTest, ErrorWidth) {
  EXPECT_EQ(getError(get("x86_64-linux-gnu", "i386")),
            "expected a CPU of x86_64, got 'i386'");
  EXPECT_EQ(getError(get("riscv64-linux-gnu", "generic-rv32")),
            "expected a CPU of riscv64, got 'generic-rv32'");
}

TEST(TargetMachineTest, ErrorOptLevel) {
  TargetOptions options;
  options.optLevel = 4;
  EXPECT_EQ(getError(options),
            "expected an optimization level from 0 to 3, got 4");
}

} // namespace
