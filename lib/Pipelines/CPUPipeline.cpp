//===- CPUPipeline.cpp - From bn ops to the LLVM dialect ------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The table of contents of the compiler: one function per phase, each pass one
// line.
//
//===----------------------------------------------------------------------===//

#include "bn/Pipelines/CPUPipeline.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Conversion/Passes.h"
#include "bn/Dialect/BN/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/Transforms/RequestCWrappers.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::bn;

/// Buffers up to this size live on the stack: the statistics of one tile, what
/// is spread over a row of several channels, 3 KiB of 16-bit data, in f32, and
/// copies of coefficients.
static constexpr unsigned kStackBytes = 8 << 10;

bool PhaseParser::parse(llvm::cl::Option &option, StringRef, StringRef text,
                        Phase &phase) {
  std::optional<Phase> known = symbolizePhase(text);
  if (!known)
    return option.error(
        "expected one of the phases " +
        llvm::join(llvm::map_range(getAllPhases(), stringifyPhase), ", ") +
        ", got '" + text + "'");
  phase = *known;
  return false;
}

static void addCleanup(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createCSEPass());
}

void mlir::bn::buildBNPhase(OpPassManager &pm, const CPUPipelineOptions &) {
  // Buffers are not passed between functions.
  pm.addPass(createInlinerPass());
  pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createFoldInferencePass());
  // Arithmetic on whole tensors, where the input has some.
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createFuseEpiloguesPass());
  pm.addNestedPass<func::FuncOp>(createFuseProloguesPass());
  pm.addNestedPass<func::FuncOp>(createExpandGroupsPass());
  pm.addNestedPass<func::FuncOp>(createCollapseDimensionsPass());
}

void mlir::bn::buildStrategySelection(OpPassManager &pm,
                                      const CPUPipelineOptions &options) {
  VersionDynamicShapesPassOptions version;
  version.threads = options.threads;
  version.vectorBits = options.vectorBits;
  version.avx512BF16 = options.avx512BF16;
  pm.addPass(createVersionDynamicShapesPass(version));
  SelectLoweringStrategyPassOptions strategy;
  strategy.threads = options.threads;
  strategy.vectorBits = options.vectorBits;
  strategy.avx512BF16 = options.avx512BF16;
  pm.addPass(createSelectLoweringStrategyPass(strategy));
}

void mlir::bn::buildTiledPhase(OpPassManager &pm,
                               const CPUPipelineOptions &options) {
  buildStrategySelection(pm, options);
  pm.addNestedPass<func::FuncOp>(createTileSlabsPass());
  pm.addNestedPass<func::FuncOp>(createDecomposePass());
  pm.addNestedPass<func::FuncOp>(createPackNarrowRowsPass());
  pm.addNestedPass<func::FuncOp>(createPipelineSlabsPass());
  pm.addNestedPass<func::FuncOp>(createTileReductionsPass());
  pm.addNestedPass<func::FuncOp>(createTileProducersPass());
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createFuseSiblingLoopsPass());
}

void mlir::bn::buildLinalgPhase(OpPassManager &pm, const CPUPipelineOptions &) {
  pm.addNestedPass<func::FuncOp>(createConvertBNToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createInlineProducersPass());
  pm.addNestedPass<func::FuncOp>(createFlattenShortRowsPass());
  pm.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
  addCleanup(pm);
}

void mlir::bn::buildVectorPhase(OpPassManager &pm,
                                const CPUPipelineOptions &options) {
  VectorizeTilesPassOptions vectorize;
  if (options.vectorBits != 0)
    vectorize.vectorBits = options.vectorBits;
  vectorize.avx512BF16 = options.avx512BF16;
  pm.addNestedPass<func::FuncOp>(createVectorizeTilesPass(vectorize));
  pm.addNestedPass<func::FuncOp>(createFuseSiblingLoopsPass());
  // No CSE: it would merge the uninitialized tensors that bufferization is to
  // give buffers of their own.
  pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
}

void mlir::bn::buildBufferPhase(OpPassManager &pm,
                                const CPUPipelineOptions &options) {
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  bufferize.bufferAlignment = 64;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  // CSE first: it shows which copies are from a view to itself.
  pm.addNestedPass<func::FuncOp>(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createHoistYieldedViewsPass());
  pm.addNestedPass<func::FuncOp>(createFoldReshapedBuffersPass());
  pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createLowerStridedCopiesPass());
  // Copies, and what the vectorizer left: for instance ops with linalg.index.
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addNestedPass<func::FuncOp>(createPrefetchRowsPass());
  NontemporalStoresPassOptions stores;
  stores.versionBF16 = !options.avx512BF16;
  pm.addNestedPass<func::FuncOp>(createNontemporalStoresPass(stores));
  // Behind that: vectors which it moves stay as they are. And in front of
  // bn-pack-bits, whose bits it knows by their buffer.
  if (!options.avx512BF16) {
    InterleaveCoefficientsPassOptions copies;
    copies.maxBytes = kStackBytes;
    pm.addNestedPass<func::FuncOp>(createInterleaveCoefficientsPass(copies));
  }
  pm.addNestedPass<func::FuncOp>(createPackBitsPass());
  bufferization::PromoteBuffersToStackPassOptions toStack;
  toStack.maxAllocSizeInBytes = kStackBytes;
  toStack.maxRankOfAllocatedMemRef = 0;
  pm.addNestedPass<func::FuncOp>(bufferization::createBufferLoopHoistingPass());
  pm.addNestedPass<func::FuncOp>(
      bufferization::createPromoteBuffersToStackPass(toStack));
  pm.addNestedPass<func::FuncOp>(createDeallocateBuffersPass());
}

/// What the input computes in bf16: each op rounds its result, for which LLVM
/// would call library functions.
static void addArithmeticInF32(OpPassManager &pm) {
  math::MathExtendToSupportedTypesOptions functions;
  functions.extraTypeStrs = {"f16"};
  pm.addNestedPass<func::FuncOp>(
      math::createMathExtendToSupportedTypes(functions));
  arith::ArithEmulateUnsupportedFloatsOptions emulate;
  emulate.sourceTypeStrs = {"bf16"};
  pm.addNestedPass<func::FuncOp>(
      arith::createArithEmulateUnsupportedFloats(emulate));
}

void mlir::bn::buildLLVMPhase(OpPassManager &pm,
                              const CPUPipelineOptions &options) {
  pm.addNestedPass<func::FuncOp>(createForallToOpenMPPass());
  // scf.parallel, where the input has some.
  ConvertSCFToOpenMPPassOptions openMP;
  openMP.numThreads = options.threads;
  pm.addPass(createConvertSCFToOpenMPPass(openMP));
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  if (!options.avx512BF16)
    addArithmeticInF32(pm);
  pm.addNestedPass<func::FuncOp>(createPairBF16LanesPass({options.avx512BF16}));
  if (!options.avx512BF16) {
    RoundToBF16PassOptions round;
    if (options.vectorBits != 0)
      round.vectorBits = options.vectorBits;
    pm.addNestedPass<func::FuncOp>(createRoundToBF16Pass(round));
  }
  // Behind the rounding, which knows what maxima make of NaN, and in front of
  // arith-expand.
  pm.addNestedPass<func::FuncOp>(createConvertMaxMinToLLVMPass());
  // What is left of bf16: what widens it.
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = !options.avx512BF16;
  pm.addNestedPass<func::FuncOp>(arith::createArithExpandOpsPass(expand));
  // Transfers to buffers whose last stride is not 1: partial results whose
  // pieces are the last dimension.
  pm.addNestedPass<func::FuncOp>(createConvertVectorToSCFPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addNestedPass<func::FuncOp>(LLVM::createLLVMRequestCWrappersPass());
  // The interface-based conversion leaves transfers alone; this lowers them.
  ConvertVectorToLLVMPassOptions vector;
  vector.x86Vector = options.avx512BF16;
  pm.addPass(createConvertVectorToLLVMPass(vector));
  pm.addPass(createLowerAffinePass()); // strides of strided transfers
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createFenceSelectedLoadsPass());
  // Stores of f16, too: processors with AVX512-FP16 have AVX512-BF16, and on
  // others it is as good as what LLVM makes of them.
  if (options.avx512BF16) {
    pm.addPass(createUseAVX512BF16Pass());
    pm.addPass(createStream16BitRegistersPass());
  } else {
    pm.addPass(createMoveBF16AsIntegersPass());
  }
}

void mlir::bn::buildPhase(OpPassManager &pm, Phase phase,
                          const CPUPipelineOptions &options) {
  switch (phase) {
  case Phase::Input:
    return;
  case Phase::BN:
    return buildBNPhase(pm, options);
  case Phase::Tiled:
    return buildTiledPhase(pm, options);
  case Phase::Linalg:
    return buildLinalgPhase(pm, options);
  case Phase::Vector:
    return buildVectorPhase(pm, options);
  case Phase::Buffer:
    return buildBufferPhase(pm, options);
  case Phase::LLVM:
    return buildLLVMPhase(pm, options);
  }
}

void mlir::bn::buildCPUPipeline(OpPassManager &pm,
                                const CPUPipelineOptions &options) {
  for (Phase phase : getAllPhases())
    if (phase <= options.compileTo)
      buildPhase(pm, phase, options);
}

void mlir::bn::registerCPUPipeline() {
  PassPipelineRegistration<CPUPipelineOptions>(
      "bn-cpu-pipeline",
      "Lower bn ops to the LLVM dialect for a CPU, or part of the way",
      buildCPUPipeline);
}
