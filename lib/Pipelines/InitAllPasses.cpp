//===- InitAllPasses.cpp - Passes and pipelines of bn-mlir ----------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "bn/InitAllPasses.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Codegen/Common/Passes.h"
#include "bn/Conversion/Passes.h"
#include "bn/Dialect/BN/Transforms/Passes.h"
#include "bn/Pipelines/CPUPipeline.h"

void mlir::bn::registerAllPasses() {
  registerBNTransformsPasses();
  registerBNCodegenCommonPasses();
  registerBNCodegenCPUPasses();
  registerBNConversionPasses();
  registerCPUPipeline();
}
