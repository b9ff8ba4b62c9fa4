//===- TargetMachine.cpp - The machine to compile for -----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Resolves what is left to the host, asks LLVM whether it knows the triple, the
// CPU and the features, and only then creates the target machine.
//
// Phase: object.
//
//===----------------------------------------------------------------------===//

#include "bn/Target/TargetMachine.h"

#include "bn/Support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

using namespace mlir::bn;

/// Makes LLVM's targets known, each group once: the host's is enough for the
/// JIT, and all of them take longer. Where LLVM is linked statically, as in the
/// wheel, there is no other: the rest is more than half of it.
static void initializeTargets(const llvm::Triple &triple) {
  static std::once_flag nativeOnce, allOnce;
  if (triple.getArch() == llvm::Triple(llvm::sys::getProcessTriple()).getArch())
    std::call_once(nativeOnce, [] {
      llvm::InitializeNativeTarget();
      llvm::InitializeNativeTargetAsmPrinter();
      llvm::InitializeNativeTargetAsmParser(); // inline assembly
    });
  else
    std::call_once(allOnce, [] {
#ifndef BN_STATIC_LLVM
      llvm::InitializeAllTargets();
      llvm::InitializeAllTargetMCs();
      llvm::InitializeAllAsmPrinters();
      llvm::InitializeAllAsmParsers();
#endif
    });
}

/// Returns the features found on this machine, sorted, so that they can be a
/// part of a cache key.
static std::string getHostFeatures() {
  std::vector<std::string> features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(features);
  return llvm::join(features, ",");
}

TargetOptions mlir::bn::resolveTargetOptions(const TargetOptions &options) {
  TargetOptions result = options;
  if (result.triple.empty())
    result.triple = llvm::sys::getProcessTriple();
  result.triple = llvm::Triple::normalize(result.triple);
  bool isHost = llvm::Triple(result.triple).getArch() ==
                llvm::Triple(llvm::sys::getProcessTriple()).getArch();
  if (result.cpu == "native" || (result.cpu.empty() && isHost)) {
    result.cpu = llvm::sys::getHostCPUName().str();
    std::string features = getHostFeatures();
    if (!result.features.empty())
      features += "," + result.features;
    result.features = std::move(features);
  } else if (result.cpu.empty()) {
    llvm::Triple::ArchType arch = llvm::Triple(result.triple).getArch();
    result.cpu = arch == llvm::Triple::riscv64   ? "generic-rv64"
                 : arch == llvm::Triple::riscv32 ? "generic-rv32"
                                                 : "generic";
  }
  return result;
}

/// LLVM only warns about names that it does not know, and ends the process when
/// a 32-bit CPU is asked for 64-bit code; so both are checked before.
static llvm::Error verifySubtarget(const llvm::Target &target,
                                   const llvm::Triple &triple,
                                   const TargetOptions &options) {
  std::unique_ptr<llvm::MCSubtargetInfo> known(
      target.createMCSubtargetInfo(triple, "", ""));
  if (!known)
    return makeError("expected the triple of a target that makes code, got "
                     "'{0}'",
                     options.triple);
  auto badCPU = [&] {
    return makeError("expected a CPU of {0}, got '{1}'", triple.getArchName(),
                     options.cpu);
  };
  if (!known->isCPUStringValid(options.cpu))
    return badCPU();

  llvm::SubtargetFeatures features(options.features);
  for (const std::string &feature : features.getFeatures()) {
    llvm::StringRef name = llvm::StringRef(feature).drop_front();
    if (!llvm::SubtargetFeatures::hasFlag(feature) ||
        llvm::none_of(known->getAllProcessorFeatures(),
                      [&](const auto &entry) { return name == entry.Key; }))
      return makeError(
          "expected features of {0}, each with '+' or '-', got '{1}'",
          triple.getArchName(), feature);
  }

  std::unique_ptr<llvm::MCSubtargetInfo> wanted(
      target.createMCSubtargetInfo(triple, options.cpu, options.features));
  bool hasModes = triple.isX86() || triple.isRISCV();
  if (hasModes && triple.isArch64Bit() && !wanted->checkFeatures("+64bit"))
    return badCPU();
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
mlir::bn::createTargetMachine(const TargetOptions &options) {
  if (options.optLevel > 3)
    return makeError("expected an optimization level from 0 to 3, got {0}",
                     options.optLevel);
  TargetOptions resolved = resolveTargetOptions(options);
  llvm::Triple triple(resolved.triple);
  initializeTargets(triple);

  std::string message;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return makeError("expected the triple of a target of LLVM, got '{0}'",
                     options.triple);
  if (llvm::Error error = verifySubtarget(*target, triple, resolved))
    return std::move(error);

  auto level = static_cast<llvm::CodeGenOptLevel>(options.optLevel);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, resolved.cpu, resolved.features, llvm::TargetOptions(),
      llvm::Reloc::PIC_, /*CM=*/std::nullopt, level));
  if (!machine)
    return makeError("expected the triple of a target that makes code, got "
                     "'{0}'",
                     resolved.triple);
  return machine;
}

unsigned mlir::bn::getVectorBits(const llvm::TargetMachine &target) {
  // RISC-V's and SVE's registers have no fixed width; 128 bits fit all.
  if (!target.getTargetTriple().isX86())
    return 128;
  const llvm::MCSubtargetInfo &subtarget = *target.getMCSubtargetInfo();
  if (subtarget.checkFeatures("+avx512f"))
    return 512;
  return subtarget.checkFeatures("+avx") ? 256 : 128;
}

bool mlir::bn::hasAVX512BF16(const llvm::TargetMachine &target) {
  return target.getTargetTriple().isX86() &&
         target.getMCSubtargetInfo()->checkFeatures("+avx512bf16,+avx512vl");
}

/// True for features whose instructions LLVM makes of loops over numbers. What
/// else a CPU has, such as keys for memory, a virtual machine may hide, and all
/// runs the same.
static bool isForComputing(llvm::StringRef feature) {
  static constexpr llvm::StringLiteral others[] = {
      "ssse3", "fma", "fma4", "xop", "tbm", "f16c", "gfni", "bmi", "bmi2",
      "lzcnt", "popcnt", "movbe",
      // APX
      "egpr", "push2pop2", "ppx", "ndd", "ccmp", "nf", "cf", "zu"};
  bool isSSE =
      feature.starts_with("sse") && feature != "sse-unaligned-mem"; // no code
  return isSSE || feature.starts_with("avx") ||
         llvm::is_contained(others, feature);
}

std::vector<std::string>
mlir::bn::getFeaturesMissingHere(const llvm::TargetMachine &target) {
  std::vector<std::string> missing;
  // Of other architectures the host's features do not say what it lacks.
  if (!target.getTargetTriple().isX86())
    return missing;
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (const llvm::SubtargetFeatureKV &feature :
       target.getMCSubtargetInfo()->getEnabledProcessorFeatures())
    if (isForComputing(feature.Key) && !host.lookup(feature.Key))
      missing.push_back(feature.Key);
  llvm::sort(missing);
  return missing;
}
