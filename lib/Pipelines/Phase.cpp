//===- Phase.cpp - The phases of compilation ------------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "bn/Pipelines/Phase.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir::bn;

llvm::ArrayRef<Phase> mlir::bn::getAllPhases() {
  static constexpr Phase phases[] = {
#define BN_PHASE(enumerator, name, description) Phase::enumerator,
#include "bn/Pipelines/Phases.def"
  };
  return phases;
}

llvm::StringRef mlir::bn::stringifyPhase(Phase phase) {
  switch (phase) {
#define BN_PHASE(enumerator, name, description)                                \
  case Phase::enumerator:                                                      \
    return name;
#include "bn/Pipelines/Phases.def"
  }
  llvm_unreachable("unknown phase");
}

std::optional<Phase> mlir::bn::symbolizePhase(llvm::StringRef name) {
  for (Phase phase : getAllPhases())
    if (stringifyPhase(phase) == name)
      return phase;
  return std::nullopt;
}
