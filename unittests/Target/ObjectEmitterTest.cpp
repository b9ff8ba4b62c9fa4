//===- ObjectEmitterTest.cpp - From LLVM dialect to objects -----*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Object files of several machines, the shape of packed wrappers, and errors of
// LLVM that must not end the process.
//
//===----------------------------------------------------------------------===//

#include "bn/Target/ObjectEmitter.h"
#include "bn/Target/TargetMachine.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::bn;

namespace {

constexpr llvm::StringLiteral twice = R"mlir(
  llvm.func @_mlir_ciface_twice(%x: f32, %p: !llvm.ptr) -> f32 {
    %0 = llvm.fadd %x, %x : f32
    llvm.store %0, %p : f32, !llvm.ptr
    llvm.return %0 : f32
  }
  llvm.func @unused() { llvm.return })mlir";

struct ObjectEmitterTest : testing::Test {
  ObjectEmitterTest() {
    registerLLVMIRTranslations(registry);
    registry.insert<LLVM::LLVMDialect>();
    context.appendDialectRegistry(registry);
  }

  std::unique_ptr<llvm::Module> translate(llvm::StringRef text,
                                          const TargetOptions &options = {}) {
    target = llvm::cantFail(createTargetMachine(options));
    auto module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(bool(module));
    return llvm::cantFail(translateToLLVMIR(*module, llvmContext, *target));
  }

  DialectRegistry registry;
  MLIRContext context{MLIRContext::Threading::DISABLED};
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::TargetMachine> target;
};

TEST_F(ObjectEmitterTest, Objects) {
  std::pair<const char *, unsigned> machines[] = {
      {"x86_64-linux-gnu", llvm::ELF::EM_X86_64},
      {"aarch64-linux-gnu", llvm::ELF::EM_AARCH64},
      {"riscv64-linux-gnu", llvm::ELF::EM_RISCV}};
  for (auto [triple, machine] : machines) {
    TargetOptions options;
    options.triple = triple;
    auto module = translate(twice, options);
    EXPECT_EQ(getPackedName("twice"), "bn_packed_twice");
    llvm::cantFail(addPackedWrapper(*module, "twice", /*internalize=*/true));
    EXPECT_FALSE(bool(optimizeLLVMIR(*module, *target)));
    // Everything is inlined into the one function that is visible.
    EXPECT_EQ(module->getFunctionList().size(), 1u) << printLLVMIR(*module);
    auto object = llvm::cantFail(emitCode(*module, *target));
    auto file = llvm::cantFail(
        llvm::object::ObjectFile::createELFObjectFile(*object));
    EXPECT_EQ(
        llvm::cast<llvm::object::ELFObjectFileBase>(*file).getEMachine(),
        machine);
  }
}

TEST_F(ObjectEmitterTest, Assembly) {
  auto module = translate(twice);
  auto text = llvm::cantFail(
      emitCode(*module, *target, llvm::CodeGenFileType::AssemblyFile));
  EXPECT_TRUE(text->getBuffer().contains("_mlir_ciface_twice:"));
}

TEST_F(ObjectEmitterTest, PackedWrapper) {
  auto module = translate(twice);
  llvm::Function *wrapper =
      llvm::cantFail(addPackedWrapper(*module, "twice", false));
  // The result's slot comes first, then x (by value) and p.
  EXPECT_EQ(wrapper->arg_size(), 1u);
  EXPECT_FALSE(wrapper->hasLocalLinkage());
  EXPECT_FALSE(module->getFunction("unused")->hasLocalLinkage());
}

TEST_F(ObjectEmitterTest, ErrorNoInterface) {
  auto module = translate(twice);
  auto wrapper = addPackedWrapper(*module, "unused", false);
  ASSERT_FALSE(bool(wrapper));
  EXPECT_EQ(llvm::toString(wrapper.takeError()),
            "expected function 'unused' with a C interface, got none");
}

TEST_F(ObjectEmitterTest, ErrorInlineAssembly) {
  auto module = translate(R"mlir(
    llvm.func @f() {
      llvm.inline_asm has_side_effects "no such instruction", "" : () -> ()
      llvm.return
    })mlir");
  auto object = emitCode(*module, *target);
  ASSERT_FALSE(bool(object));
  EXPECT_NE(llvm::toString(object.takeError()).find("instruction"),
            std::string::npos);
}

} // namespace
