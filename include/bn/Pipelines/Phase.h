//===- Phase.h - The phases of compilation ----------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_PIPELINES_PHASE_H
#define BN_PIPELINES_PHASE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace mlir::bn {

/// A point in compilation, named after what has been done.
enum class Phase {
#define BN_PHASE(enumerator, name, description) enumerator,
#include "bn/Pipelines/Phases.def"
};

/// All phases, in order.
llvm::ArrayRef<Phase> getAllPhases();

/// Name as in `--compile-to`: "bn", "tiled", ...
llvm::StringRef stringifyPhase(Phase phase);

/// Phase of that name.
std::optional<Phase> symbolizePhase(llvm::StringRef name);

} // namespace mlir::bn

#endif // BN_PIPELINES_PHASE_H
