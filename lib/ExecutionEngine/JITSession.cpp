//===- JITSession.cpp - Objects linked into this process --------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A small use of LLVM's ORC: object files in, addresses out. RuntimeDyld does
// the linking, because its listeners for perf and gdb need no run-time library.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "JITSession.h"

#include "bn/ExecutionEngine/OneBlockMemory.h"
#include "bn/Support/Error.h"
#include "llvm/ExecutionEngine/JITEventListener.h"
#include "llvm/ExecutionEngine/Orc/RTDyldObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir::bn;
using namespace llvm::orc;

llvm::Error mlir::bn::defineFunctions(LLJIT &jit, JITDylib &library,
                                      llvm::ArrayRef<NamedFunction> functions) {
  SymbolMap symbols;
  for (const NamedFunction &function : functions)
    symbols[jit.mangleAndIntern(function.name)] = {
        function.address,
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  return library.define(absoluteSymbols(std::move(symbols)));
}

static LLJITBuilderState::ObjectLinkingLayerCreator
getLinkerCreator(bool enablePerf, bool enableGDB) {
  return [=](ExecutionSession &session)
             -> llvm::Expected<std::unique_ptr<ObjectLayer>> {
    auto layer = std::make_unique<RTDyldObjectLinkingLayer>(
        session, [](const llvm::MemoryBuffer &) {
          return std::make_unique<OneBlockMemory>();
        });
    // Both listeners are LLVM's own globals; perf's is null when LLVM was
    // built without it.
    if (enableGDB)
      layer->registerJITEventListener(
          *llvm::JITEventListener::createGDBRegistrationListener());
    if (enablePerf)
      if (auto *listener = llvm::JITEventListener::createPerfJITEventListener())
        layer->registerJITEventListener(*listener);
    return layer;
  };
}

llvm::Expected<std::shared_ptr<JITSession>>
JITSession::create(const TargetOptions &target, bool enablePerf,
                   bool enableGDB) {
  llvm::Triple triple(target.triple);
  llvm::Triple host(llvm::sys::getProcessTriple());
  if (triple.getArch() != host.getArch() || triple.getOS() != host.getOS())
    return makeError("expected the triple of this machine, '{0}', got '{1}'",
                     host.str(), target.triple);

  // Nothing is compiled by ORC, so no threads of its own are wanted.
  auto process = SelfExecutorProcessControl::Create(
      /*SSP=*/nullptr, std::make_unique<InPlaceTaskDispatcher>());
  if (!process)
    return process.takeError();
  llvm::Expected<std::unique_ptr<LLJIT>> jit =
      LLJITBuilder()
          .setExecutorProcessControl(std::move(*process))
          .setJITTargetMachineBuilder(JITTargetMachineBuilder(triple))
          .setObjectLinkingLayerCreator(getLinkerCreator(enablePerf, enableGDB))
          .setPlatformSetUp(setUpInactivePlatform)
          .create();
  if (!jit)
    return jit.takeError();

  std::shared_ptr<JITSession> session(new JITSession());
  session->jit = std::move(*jit);
  session->jit->getExecutionSession().setErrorReporter(
      [self = session.get()](llvm::Error error) {
        self->reportError(std::move(error));
      });
  ExecutionSession &execution = session->jit->getExecutionSession();
  session->openMP = &session->jit->getMainJITDylib();
  session->teams = &execution.createBareJITDylib("teams");
  session->half = &execution.createBareJITDylib("half");
  if (llvm::Error error = defineOpenMPSymbols(*session->jit, *session->openMP))
    return std::move(error);
  if (llvm::Error error = defineTeamSymbols(*session->jit, *session->teams))
    return std::move(error);
  if (llvm::Error error = defineHalfSymbols(*session->jit, *session->half))
    return std::move(error);
  return session;
}

void JITSession::reportError(llvm::Error error) {
  std::lock_guard<std::mutex> lock(messagesMutex);
  messages += (messages.empty() ? "" : "; ") + llvm::toString(std::move(error));
}

llvm::Expected<PackedFunction>
JITSession::link(std::unique_ptr<llvm::MemoryBuffer> object,
                 llvm::StringRef symbol, Threads threads, JITDylib *&library) {
  llvm::Expected<JITDylib &> created =
      jit->createJITDylib("kernel" + std::to_string(numLibraries++));
  if (!created)
    return created.takeError();
  library = &*created;
  // OpenMP before the process, which may hold another OpenMP. It is among the
  // links that each library begins with.
  library->setLinkOrder(
      makeJITDylibSearchOrder({threads == Threads::Pool ? teams : openMP, half,
                               jit->getProcessSymbolsJITDylib().get()}));
  if (llvm::Error error = jit->addObjectFile(*library, std::move(object)))
    return std::move(error);
  llvm::Expected<ExecutorAddr> address = jit->lookup(*library, symbol);
  if (address)
    return address->toPtr<PackedFunction>();

  std::string message = llvm::toString(address.takeError());
  std::lock_guard<std::mutex> lock(messagesMutex);
  if (!messages.empty())
    message = std::exchange(messages, "");
  return makeError("expected compiled code that links, got: {0}", message);
}

void JITSession::remove(JITDylib &library) {
  llvm::consumeError(jit->getExecutionSession().removeJITDylib(library));
}

llvm::Expected<std::shared_ptr<const KernelCode>>
KernelCode::create(std::shared_ptr<JITSession> session,
                   std::unique_ptr<llvm::MemoryBuffer> object,
                   llvm::StringRef symbol, Threads threads,
                   KernelSignature signature, std::string missingFeatures) {
  auto code = std::make_shared<KernelCode>();
  code->missingFeatures = std::move(missingFeatures);
  code->session = std::move(session);
  code->signature = std::move(signature);
  llvm::Expected<PackedFunction> function =
      code->session->link(std::move(object), symbol, threads, code->library);
  if (!function)
    return function.takeError();
  code->function = *function;
  return code;
}

KernelCode::~KernelCode() {
  if (library)
    session->remove(*library);
}
