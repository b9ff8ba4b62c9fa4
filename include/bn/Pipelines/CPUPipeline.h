//===- CPUPipeline.h - From bn ops to the LLVM dialect ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_PIPELINES_CPUPIPELINE_H
#define BN_PIPELINES_CPUPIPELINE_H

#include "bn/Pipelines/Phase.h"

#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;

namespace bn {

/// Reads the name of a phase; says which there are where it is none of them.
struct PhaseParser : public llvm::cl::parser<Phase> {
  using llvm::cl::parser<Phase>::parser;

  /// Returns true on error.
  bool parse(llvm::cl::Option &option, StringRef name, StringRef text,
             Phase &phase);

  static void print(raw_ostream &os, Phase phase) {
    os << stringifyPhase(phase);
  }
};

/// Options of `bn-cpu-pipeline`.
struct CPUPipelineOptions : public PassPipelineOptions<CPUPipelineOptions> {
  Option<Phase, PhaseParser> compileTo{*this, "compile-to",
                                       llvm::cl::desc("Phase to stop after"),
                                       llvm::cl::init(Phase::LLVM),
                                       llvm::cl::ValuesClass({
#define BN_PHASE(enumerator, name, description)                                \
  clEnumValN(Phase::enumerator, name, description),
#include "bn/Pipelines/Phases.def"
                                       })};
  Option<int64_t> threads{
      *this, "threads",
      llvm::cl::desc("Size of the OpenMP team, 0 = what the runtime gives; "
                     "results do not depend on it"),
      llvm::cl::init(0)};
  Option<int64_t> vectorBits{
      *this, "vector-bits",
      llvm::cl::desc(
          "Width of a vector register in bits, 0 = that of the machine"),
      llvm::cl::init(0)};
  Option<bool> avx512BF16{
      *this, "avx512-bf16",
      llvm::cl::desc(
          "The target has the instructions AVX512-BF16: bf16 is "
          "rounded and summed up by them, and 16-bit data are written past the "
          "caches by inline assembly"),
      llvm::cl::init(false)};
};

// One function per phase; the comment says which dialects may be there before
// and after (func, arith and scf may be there at any time).

/// bn, tensor -> bn, tensor.
void buildBNPhase(OpPassManager &pm, const CPUPipelineOptions &options);
/// The beginning of phase 'tiled': every op gets a strategy.
void buildStrategySelection(OpPassManager &pm,
                            const CPUPipelineOptions &options);
/// bn, tensor -> bn, tensor, linalg, affine, math.
void buildTiledPhase(OpPassManager &pm, const CPUPipelineOptions &options);
/// bn, tensor, linalg, affine, math -> tensor, linalg, affine, math.
void buildLinalgPhase(OpPassManager &pm, const CPUPipelineOptions &options);
/// tensor, linalg, affine, math -> tensor, vector, x86vector, affine, math, ub.
void buildVectorPhase(OpPassManager &pm, const CPUPipelineOptions &options);
/// tensor, vector, x86vector, affine, math, ub
///   -> memref, vector, x86vector, affine, math, ub.
void buildBufferPhase(OpPassManager &pm, const CPUPipelineOptions &options);
/// memref, vector, x86vector, affine, math, ub -> llvm, omp.
void buildLLVMPhase(OpPassManager &pm, const CPUPipelineOptions &options);

/// Adds what leads from the end of the phase before `phase` to its end.
void buildPhase(OpPassManager &pm, Phase phase,
                const CPUPipelineOptions &options);

/// All phases up to `options.compileTo`, in order, on a `builtin.module`.
void buildCPUPipeline(OpPassManager &pm, const CPUPipelineOptions &options);

/// Registers `bn-cpu-pipeline`.
void registerCPUPipeline();

} // namespace bn
} // namespace mlir

#endif // BN_PIPELINES_CPUPIPELINE_H
