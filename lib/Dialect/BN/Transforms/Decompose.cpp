//===- Decompose.cpp - User-level ops to structural ones ------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. The decompositions themselves are the ops' own
// AggregatedOpInterface; here is how far to go, and what to say where there is
// none.
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/Dialect/BN/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include "llvm/ADT/SetVector.h"

namespace mlir::bn {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "bn/Dialect/BN/Transforms/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// True when there is a way from `op` to linalg.
static bool hasLowering(Operation *op) {
  return getNumGroups(op) == 1 &&
         llvm::none_of(op->getOperandTypes(), llvm::IsaPred<MemRefType>);
}

/// Says why `op` has no lowering.
static LogicalResult reportUnsupported(Operation *op) {
  if (getNumGroups(op) != 1)
    return op->emitOpError("expected 'groups' to be 1, got ")
           << getNumGroups(op) << ": bn-expand-groups makes a loop of them";
  return op->emitOpError("expected operands to be tensors, got memrefs: lower "
                         "before bufferization");
}

/// Structural ops whose next step is linalg are as far as this pass goes.
static bool isDone(Operation *op) {
  if (auto normalize = dyn_cast<NormalizeOp>(op))
    return normalize.hasCoefficients();
  if (auto input = dyn_cast<BackwardInputOp>(op))
    return input.hasCoefficients();
  return !isa<TrainingOp, InferenceOp, BackwardOp>(op);
}

LogicalResult mlir::bn::decomposeToStructural(RewriterBase &rewriter,
                                              Operation *op) {
  // A set, as an op can be behind several of the values.
  llvm::SmallSetVector<Operation *, 4> worklist;
  worklist.insert(op);
  while (!worklist.empty()) {
    Operation *next = worklist.pop_back_val();
    if (!hasLowering(next))
      return reportUnsupported(next);
    if (isDone(next))
      continue;
    rewriter.setInsertionPoint(next);
    FailureOr<SmallVector<Value>> values =
        cast<linalg::AggregatedOpInterface>(next).decomposeOperation(rewriter);
    if (failed(values))
      return reportUnsupported(next);
    for (Value value : *values)
      if (Operation *made = value.getDefiningOp()) // maybe one of two versions
        made->walk([&](IndexedOpInterface part) { worklist.insert(part); });
    rewriter.replaceOp(next, *values);
  }
  return success();
}

LogicalResult mlir::bn::decomposeToStructural(func::FuncOp function) {
  SmallVector<Operation *> ops;
  function.walk([&](IndexedOpInterface op) { ops.push_back(op); });
  IRRewriter rewriter(function.getContext());
  for (Operation *op : ops)
    if (failed(decomposeToStructural(rewriter, op)))
      return failure();
  return success();
}

namespace {
struct DecomposePass : public bn::impl::DecomposePassBase<DecomposePass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(decomposeToStructural(getOperation())))
      signalPassFailure();
  }
};
} // namespace
