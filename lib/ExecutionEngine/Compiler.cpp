//===- Compiler.cpp - From a spec or a module to a kernel -------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finds a kernel in memory, else on disk, else compiles it. A key says all that
// the code depends on: the spec or the module's text, and what is the same for
// all kernels of one compiler (target, versions, options, this machine).
//
// Phase: all, from input to object.
//
//===----------------------------------------------------------------------===//

#include "bn/ExecutionEngine/Compiler.h"

#include "FunctionSignature.h"
#include "JITSession.h"
#include "Lowering.h"
#include "MemoryCache.h"
#include "ModuleCopy.h"
#include "bn/Codegen/Common/MachineModel.h"
#include "bn/Dialect/BN/IR/BNDialect.h"
#include "bn/ExecutionEngine/KernelCache.h"
#include "bn/InitAllDialects.h"
#include "bn/Support/Error.h"
#include "bn/Target/ObjectEmitter.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::bn;

using CodeOrError = llvm::Expected<std::shared_ptr<const KernelCode>>;
using ObjectOrError = llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>;
using ModuleCallback = llvm::function_ref<llvm::Error(ModuleOp)>;
/// Gets a module, the name of its function, and the number of threads.
using TextCallback = llvm::function_ref<llvm::Expected<std::string>(
    ModuleOp, llvm::StringRef, int64_t)>;

namespace {
/// A kernel that is looked for, and how to make it.
struct Request {
  std::string key, entry;
  Threads threads;
  llvm::function_ref<KernelSignature()> getSignature;
  llvm::function_ref<ObjectOrError()> compile;
};
} // namespace

struct Compiler::Impl {
  explicit Impl(CompilerOptions options)
      : options(std::move(options)),
        memoryCache(this->options.memoryCacheEntries) {}

  /// Returns the code of a kernel, which is made if it is not known.
  CodeOrError get(Request request);
  CodeOrError load(const Request &request);
  /// Calls `callback` with the module of `spec`, or a copy of `module`, in a
  /// context of its own: nothing to lock, nothing left behind, and passes may
  /// load dialects. Errors get the diagnostics' text.
  llvm::Error onModule(const BatchNormSpec &spec, ModuleCallback callback);
  llvm::Error onModule(ModuleOp module, ModuleCallback callback);

  llvm::Expected<std::string> getText(const BatchNormSpec &spec,
                                      TextCallback callback);
  llvm::Expected<std::string> getText(ModuleOp module, llvm::StringRef entry,
                                      TextCallback callback);

  /// Fills in the options of the compiler where `spec` leaves them to it.
  BatchNormSpec resolve(const BatchNormSpec &spec) const;

  /// Resolved when the compiler was made.
  CompilerOptions options;
  DialectRegistry registry;
  std::shared_ptr<JITSession> session;
  std::optional<KernelCache> diskCache;
  MemoryCache memoryCache;
  /// The features that this machine lacks to run kernels.
  std::string missingFeatures;
  /// The part that the keys of all kernels have in common.
  std::string commonKey;
  std::atomic<int64_t> memoryHits = 0, diskHits = 0, diskRejected = 0,
                       compiled = 0;
};

//===----------------------------------------------------------------------===//
// Creation
//===----------------------------------------------------------------------===//

static std::string getCommonKey(const CompilerOptions &options) {
  bool unwinds = options.enablePerf || options.enableGDB;
  // Strategies are chosen for this machine, and folders can be shared.
  MachineModel machine = MachineModel::getHost();
  return llvm::formatv("\n{0}\n{1} {2} {3} O{4}{5}\n{6} {7} {8} {9}",
                       KernelCache::getVersionKey(), options.target.triple,
                       options.target.cpu, options.target.features,
                       options.target.optLevel, unwinds ? " unwind" : "",
                       machine.l1Bytes, machine.l2Bytes, machine.l3Bytes,
                       machine.vectorBits)
      .str();
}

Compiler::Compiler(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Compiler::~Compiler() = default;

llvm::Expected<std::unique_ptr<Compiler>>
Compiler::create(CompilerOptions options) {
  if (options.threads < 0 || options.threads > kMaxThreads)
    return makeError("expected 'threads' to be from 0 to {0}, got {1}",
                     kMaxThreads, options.threads);
  // An error of the target should not wait for the first kernel.
  auto target = createTargetMachine(options.target);
  if (!target)
    return target.takeError();
  options.target = resolveTargetOptions(options.target);
  std::vector<std::string> missingFeatures = getFeaturesMissingHere(**target);
  auto session =
      JITSession::create(options.target, options.enablePerf, options.enableGDB);
  if (!session)
    return session.takeError();

  auto impl = std::make_unique<Impl>(std::move(options));
  impl->session = std::move(*session);
  impl->missingFeatures = llvm::join(missingFeatures, ", ");
  if (impl->options.useDiskCache) {
    auto cache = KernelCache::open(impl->options.cacheDir);
    if (!cache)
      return cache.takeError();
    impl->diskCache = std::move(*cache);
  }
  registerAllDialects(impl->registry);
  registerLLVMIRTranslations(impl->registry);
  impl->commonKey = getCommonKey(impl->options);
  return std::unique_ptr<Compiler>(new Compiler(std::move(impl)));
}

//===----------------------------------------------------------------------===//
// Caches
//===----------------------------------------------------------------------===//

CodeOrError Compiler::Impl::load(const Request &request) {
  bool usesDisk = diskCache && options.dumpDir.empty();
  auto link = [&](std::unique_ptr<llvm::MemoryBuffer> object) {
    return KernelCode::create(session, std::move(object),
                              getPackedName(request.entry), request.threads,
                              request.getSignature(), missingFeatures);
  };
  if (usesDisk) {
    KernelCache::Lookup lookup;
    if (auto object = diskCache->load(request.key, lookup)) {
      auto code = link(std::move(object));
      if (code) {
        ++diskHits;
        return code;
      }
      // What does not link here is as good as damaged.
      llvm::consumeError(code.takeError());
      lookup = KernelCache::Lookup::Rejected;
    }
    diskRejected += lookup == KernelCache::Lookup::Rejected;
  }
  ObjectOrError object = request.compile();
  if (!object)
    return object.takeError();
  ++compiled;
  if (usesDisk)
    if (llvm::Error error =
            diskCache->store(request.key, (*object)->getBuffer()))
      return std::move(error);
  return link(std::move(*object));
}

CodeOrError Compiler::Impl::get(Request request) {
  request.key += commonKey;
  if (!options.dumpDir.empty())
    return load(request);
  std::shared_ptr<MemoryCache::Entry> slot = memoryCache.find(request.key);
  // Whoever comes second waits here for the first.
  std::lock_guard<std::mutex> lock(slot->mutex);
  if (slot->code) {
    ++memoryHits;
    return slot->code;
  }
  CodeOrError code = load(request);
  if (code)
    slot->code = *code;
  return code;
}

CompilerStatistics Compiler::getStatistics() const {
  CompilerStatistics statistics;
  statistics.memoryHits = impl->memoryHits;
  statistics.diskHits = impl->diskHits;
  statistics.diskRejected = impl->diskRejected;
  statistics.compiled = impl->compiled;
  return statistics;
}

void Compiler::clearMemoryCache() { impl->memoryCache.clear(); }

//===----------------------------------------------------------------------===//
// Specs
//===----------------------------------------------------------------------===//

llvm::Error Compiler::Impl::onModule(const BatchNormSpec &spec,
                                     ModuleCallback callback) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  DiagnosticText diagnostics(context);
  auto module = spec.buildModule(context);
  if (!module)
    return diagnostics.addTo(module.takeError());
  if (llvm::Error error = callback(**module))
    return diagnostics.addTo(std::move(error));
  return llvm::Error::success();
}

BatchNormSpec Compiler::Impl::resolve(const BatchNormSpec &spec) const {
  BatchNormSpec resolved = spec;
  if (resolved.threads == 0)
    resolved.threads = options.threads;
  return resolved;
}

llvm::Expected<Kernel> Compiler::compile(const BatchNormSpec &spec) {
  if (llvm::Error error = spec.verify())
    return std::move(error);
  BatchNormSpec resolved = impl->resolve(spec);
  auto compile = [&]() -> ObjectOrError {
    std::unique_ptr<llvm::MemoryBuffer> object;
    llvm::Error error = impl->onModule(resolved, [&](ModuleOp module) {
      return compileToCode(module, BatchNormSpec::functionName, impl->options,
                           resolved.threads)
          .moveInto(object);
    });
    if (error)
      return std::move(error);
    return object;
  };
  auto getSignature = [&] { return resolved.getSignature(); };
  CodeOrError code =
      impl->get({"spec " + resolved.getKey(), BatchNormSpec::functionName.str(),
                 Threads::Pool, getSignature, compile});
  if (!code)
    return code.takeError();
  return Kernel(std::move(*code));
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

llvm::Error Compiler::Impl::onModule(ModuleOp module, ModuleCallback callback) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  DiagnosticText diagnostics(context);
  OwningOpRef<ModuleOp> copy = copyModule(module, context);
  if (!copy)
    return diagnostics.addTo(
        makeError("expected a module that can be copied, got an error"));
  if (llvm::Error error = callback(*copy))
    return diagnostics.addTo(std::move(error));
  return llvm::Error::success();
}

llvm::Expected<Kernel> Compiler::compile(ModuleOp module,
                                         llvm::StringRef entry) {
  auto function = findFunction(module, entry);
  if (!function)
    return function.takeError();
  auto signature = getFunctionSignature(*function);
  if (!signature)
    return signature.takeError();
  std::string name = function->getName().str();
  auto compile = [&]() -> ObjectOrError {
    std::unique_ptr<llvm::MemoryBuffer> object;
    llvm::Error error = impl->onModule(module, [&](ModuleOp copy) {
      return compileToCode(copy, name, impl->options, impl->options.threads)
          .moveInto(object);
    });
    if (error)
      return std::move(error);
    return object;
  };
  auto copySignature = [&] { return *signature; };
  std::string key =
      llvm::formatv("module {0} function {1} threads {2}", hashModule(module),
                    name, impl->options.threads);
  // They may use all of OpenMP.
  CodeOrError code =
      impl->get({key, name, Threads::OpenMP, copySignature, compile});
  if (!code)
    return code.takeError();
  return Kernel(std::move(*code));
}

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

llvm::Expected<std::string> Compiler::Impl::getText(const BatchNormSpec &spec,
                                                    TextCallback callback) {
  std::string text;
  llvm::Error error = onModule(spec, [&](ModuleOp module) {
    return callback(module, BatchNormSpec::functionName, resolve(spec).threads)
        .moveInto(text);
  });
  if (error)
    return std::move(error);
  return text;
}

llvm::Expected<std::string> Compiler::Impl::getText(ModuleOp module,
                                                    llvm::StringRef entry,
                                                    TextCallback callback) {
  auto function = findFunction(module, entry);
  if (!function)
    return function.takeError();
  std::string text;
  llvm::Error error = onModule(module, [&](ModuleOp copy) {
    return callback(copy, function->getName(), options.threads).moveInto(text);
  });
  if (error)
    return std::move(error);
  return text;
}

/// Each text of a spec or of a function, as a callback of getText.
static auto getIROf(Phase phase, const CompilerOptions &options) {
  return [=](ModuleOp module, llvm::StringRef entry, int64_t threads) {
    return lowerToPhase(module, entry, phase, options, threads);
  };
}

static auto getStrategyOf(const CompilerOptions &options) {
  return [=](ModuleOp module, llvm::StringRef entry, int64_t threads) {
    return selectStrategies(module, entry, options, threads);
  };
}

static auto getAssemblyOf(CompilerOptions options) {
  options.dumpDir.clear();
  return [=](ModuleOp module, llvm::StringRef entry,
             int64_t threads) -> llvm::Expected<std::string> {
    auto assembly = compileToCode(module, entry, options, threads,
                                  llvm::CodeGenFileType::AssemblyFile);
    if (!assembly)
      return assembly.takeError();
    return (*assembly)->getBuffer().str();
  };
}

llvm::Expected<std::string> Compiler::getIR(const BatchNormSpec &spec,
                                            Phase phase) {
  return impl->getText(spec, getIROf(phase, impl->options));
}
llvm::Expected<std::string>
Compiler::getIR(ModuleOp module, llvm::StringRef entry, Phase phase) {
  return impl->getText(module, entry, getIROf(phase, impl->options));
}

llvm::Expected<std::string> Compiler::getStrategy(const BatchNormSpec &spec) {
  return impl->getText(spec, getStrategyOf(impl->options));
}
llvm::Expected<std::string> Compiler::getStrategy(ModuleOp module,
                                                  llvm::StringRef entry) {
  return impl->getText(module, entry, getStrategyOf(impl->options));
}

llvm::Expected<std::string> Compiler::getAssembly(const BatchNormSpec &spec) {
  return impl->getText(spec, getAssemblyOf(impl->options));
}
llvm::Expected<std::string> Compiler::getAssembly(ModuleOp module,
                                                  llvm::StringRef entry) {
  return impl->getText(module, entry, getAssemblyOf(impl->options));
}
