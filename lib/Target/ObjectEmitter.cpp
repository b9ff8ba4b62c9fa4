//===- ObjectEmitter.cpp - LLVM dialect to machine code ---------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Translation, packed wrappers, optimization and code generation, each a
// function of its own; the callers decide what is printed in between.
//
// Phase: object.
//
//===----------------------------------------------------------------------===//

#include "bn/Target/ObjectEmitter.h"

#include "bn/Support/Error.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Transforms/IPO/Internalize.h"

using namespace mlir;
using namespace mlir::bn;

namespace {

/// Collects LLVM's error messages. Without a handler, LLVM prints an error and
/// ends the process.
class ErrorCollector {
public:
  explicit ErrorCollector(llvm::LLVMContext &context) : context(context) {
    context.setDiagnosticHandlerCallBack(
        [](const llvm::DiagnosticInfo *info, void *self) {
          if (info->getSeverity() != llvm::DS_Error)
            return;
          auto *collector = static_cast<ErrorCollector *>(self);
          llvm::raw_string_ostream os(collector->messages);
          llvm::DiagnosticPrinterRawOStream printer(os);
          os << (collector->messages.empty() ? "" : "\n");
          info->print(printer);
        },
        this);
  }
  ~ErrorCollector() { context.setDiagnosticHandlerCallBack(nullptr); }

  llvm::Error take() {
    if (messages.empty())
      return llvm::Error::success();
    return llvm::createStringError(messages);
  }

private:
  llvm::LLVMContext &context;
  std::string messages;
};

} // namespace

void mlir::bn::registerLLVMIRTranslations(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerOpenMPDialectTranslation(registry);
}

std::string mlir::bn::getPackedName(llvm::StringRef name) {
  return ("bn_packed_" + name).str();
}

llvm::Expected<std::unique_ptr<llvm::Module>>
mlir::bn::translateToLLVMIR(ModuleOp module, llvm::LLVMContext &context,
                            const llvm::TargetMachine &target) {
  // OpenMP's outlining looks at the data layout while it translates.
  Builder builder(module.getContext());
  llvm::DataLayout layout = target.createDataLayout();
  module->setAttr(LLVM::LLVMDialect::getDataLayoutAttrName(),
                  builder.getStringAttr(layout.getStringRepresentation()));
  module->setAttr(LLVM::LLVMDialect::getTargetTripleAttrName(),
                  builder.getStringAttr(target.getTargetTriple().str()));

  llvm::StringRef name = module.getName().value_or("bn");
  ErrorCollector errors(context);
#ifdef NDEBUG
  bool disableVerification = true;
#else
  bool disableVerification = false;
#endif
  std::unique_ptr<llvm::Module> result =
      translateModuleToLLVMIR(module, context, name, disableVerification);
  if (llvm::Error error = errors.take())
    return std::move(error);
  if (!result)
    return makeError(
        "expected a module in the LLVM and OpenMP dialects, got one that does "
        "not translate to LLVM IR");
  return result;
}

llvm::Expected<llvm::Function *>
mlir::bn::addPackedWrapper(llvm::Module &module, llvm::StringRef name,
                           bool internalize) {
  llvm::Function *callee = module.getFunction(("_mlir_ciface_" + name).str());
  if (!callee || callee->isDeclaration())
    return makeError("expected function '{0}' with a C interface, got none",
                     name);

  llvm::LLVMContext &context = module.getContext();
  llvm::IRBuilder<> builder(context);
  llvm::PointerType *pointer = builder.getPtrTy();
  auto *type = llvm::FunctionType::get(builder.getVoidTy(), {pointer}, false);
  auto *wrapper = llvm::Function::Create(
      type, llvm::GlobalValue::ExternalLinkage, getPackedName(name), module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", wrapper));

  int64_t slot = 0;
  auto loadSlot = [&]() -> llvm::Value * {
    return builder.CreateLoad(
        pointer, builder.CreateConstInBoundsGEP1_64(
                     pointer, wrapper->getArg(0), slot++));
  };
  // A single scalar is returned by value; all else through a pointer, which is
  // already the first parameter.
  bool returnsValue = !callee->getReturnType()->isVoidTy();
  llvm::Value *result = returnsValue ? loadSlot() : nullptr;
  llvm::SmallVector<llvm::Value *> operands;
  for (llvm::Argument &argument : callee->args()) {
    llvm::Value *value = loadSlot();
    if (!argument.getType()->isPointerTy())
      value = builder.CreateLoad(argument.getType(), value);
    operands.push_back(value);
  }
  llvm::Value *returned = builder.CreateCall(callee, operands);
  if (returnsValue)
    builder.CreateStore(returned, result);
  builder.CreateRetVoid();

  if (internalize)
    llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
      return &value == wrapper;
    });
  return wrapper;
}

llvm::Error mlir::bn::optimizeLLVMIR(llvm::Module &module,
                                     llvm::TargetMachine &target,
                                     const OptimizationOptions &options) {
  ErrorCollector errors(module.getContext());
  const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::PipelineTuningOptions tuning;
  if (!options.vectorizeAndUnroll)
    tuning.LoopVectorization = tuning.SLPVectorization =
        tuning.LoopInterleaving = tuning.LoopUnrolling = false;
  llvm::LoopAnalysisManager loopAnalyses;
  llvm::FunctionAnalysisManager functionAnalyses;
  llvm::CGSCCAnalysisManager cgsccAnalyses;
  llvm::ModuleAnalysisManager moduleAnalyses;
  llvm::PassBuilder builder(&target, tuning);
  builder.registerModuleAnalyses(moduleAnalyses);
  builder.registerCGSCCAnalyses(cgsccAnalyses);
  builder.registerFunctionAnalyses(functionAnalyses);
  builder.registerLoopAnalyses(loopAnalyses);
  builder.crossRegisterProxies(loopAnalyses, functionAnalyses, cgsccAnalyses,
                               moduleAnalyses);
  builder
      .buildPerModuleDefaultPipeline(levels[std::min(options.level, 3u)])
      .run(module, moduleAnalyses);
  return errors.take();
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
mlir::bn::emitCode(llvm::Module &module, llvm::TargetMachine &target,
                   llvm::CodeGenFileType fileType) {
  ErrorCollector errors(module.getContext());
  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream os(code);
  llvm::legacy::PassManager passes;
  if (target.addPassesToEmitFile(passes, os, /*DwoOut=*/nullptr, fileType,
                                 /*DisableVerify=*/true))
    return makeError("expected a target that makes object files, got '{0}'",
                     target.getTargetTriple().str());
  passes.run(module);
  if (llvm::Error error = errors.take())
    return std::move(error);
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(code), module.getModuleIdentifier(),
      /*RequiresNullTerminator=*/false);
}

std::string mlir::bn::printLLVMIR(const llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os, /*AAW=*/nullptr);
  return text;
}
