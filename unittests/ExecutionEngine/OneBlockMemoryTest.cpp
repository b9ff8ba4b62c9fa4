//===- OneBlockMemoryTest.cpp - How often memory is asked for ---*- C++ -*-===//
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

#include "bn/ExecutionEngine/OneBlockMemory.h"
#include "bn/Target/ObjectEmitter.h"
#include "bn/Target/TargetMachine.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/ExecutionEngine/RuntimeDyld.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/SourceMgr.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace mlir::bn;

namespace {
struct CountingMapper : llvm::SectionMemoryManager::MemoryMapper {
  llvm::sys::MemoryBlock
  allocateMappedMemory(llvm::SectionMemoryManager::AllocationPurpose,
                       size_t size, const llvm::sys::MemoryBlock *near,
                       unsigned flags, std::error_code &error) override {
    ++numBlocks;
    return llvm::sys::Memory::allocateMappedMemory(size, near, flags, error);
  }
  std::error_code protectMappedMemory(const llvm::sys::MemoryBlock &block,
                                      unsigned flags) override {
    return llvm::sys::Memory::protectMappedMemory(block, flags);
  }
  std::error_code releaseMappedMemory(llvm::sys::MemoryBlock &block) override {
    return llvm::sys::Memory::releaseMappedMemory(block);
  }
  int numBlocks = 0;
};
} // namespace

// Both functions are looked for in the process. The calls need stubs, and those
// the addresses of what they lead to.
static constexpr const char *kCode = R"(
  declare double @cos(double)
  declare double @sin(double)
  define double @f(double %x) {
    %c = call double @cos(double %x)
    %s = call double @sin(double %c)
    ret double %s
  })";

TEST(OneBlockMemoryTest, CodeAndAddressesAreOneBlock) {
  ASSERT_FALSE(llvm::sys::DynamicLibrary::LoadLibraryPermanently(nullptr));
  auto target = llvm::cantFail(createTargetMachine());
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseAssemblyString(kCode, diagnostic, context);
  ASSERT_TRUE(module) << diagnostic.getMessage().str();
  module->setTargetTriple(target->getTargetTriple());
  module->setDataLayout(target->createDataLayout());
  auto code = llvm::cantFail(emitCode(*module, *target));
  auto object = llvm::cantFail(
      llvm::object::ObjectFile::createObjectFile(code->getMemBufferRef()));

  CountingMapper mapper;
  {
    OneBlockMemory memory(&mapper);
    llvm::RuntimeDyld linker(memory, memory);
    linker.loadObject(*object);
    linker.finalizeWithMemoryManagerLocking();
    ASSERT_FALSE(linker.hasError()) << linker.getErrorString().str();
    auto f = reinterpret_cast<double (*)(double)>(
        linker.getSymbol("f").getAddress());
    EXPECT_DOUBLE_EQ(f(0.0), std::sin(1.0));
  }
  EXPECT_EQ(mapper.numBlocks, 1);
}
