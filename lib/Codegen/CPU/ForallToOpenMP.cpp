//===- ForallToOpenMP.cpp - Parallel loops to OpenMP ----------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'llvm'. docs/Rationale.md says what upstream's way through scf.parallel
// loses.
//
//===----------------------------------------------------------------------===//

#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::bn {
#define GEN_PASS_DEF_FORALLTOOPENMPPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// omp.parallel around where the loop will be; its team has the size that the
/// loop asks for.
static omp::ParallelOp createTeam(RewriterBase &b, scf::ForallOp forall) {
  omp::ParallelOperands clauses;
  if (auto threads = forall->getAttrOfType<IntegerAttr>(kThreadsAttrName))
    clauses.numThreads = arith::ConstantOp::create(
        b, forall.getLoc(), b.getI32IntegerAttr(threads.getInt()));
  auto team = omp::ParallelOp::create(b, forall.getLoc(), clauses);
  b.createBlock(&team.getRegion());
  omp::TerminatorOp::create(b, forall.getLoc());
  return team;
}

/// Loop over the iterations of `forall`, shared among the team. Its threads
/// meet at the end of the team, which comes next, and not before.
static omp::LoopNestOp createLoop(RewriterBase &b, scf::ForallOp forall) {
  Location loc = forall.getLoc();
  omp::LoopNestOperands bounds;
  bounds.loopLowerBounds = forall.getLowerBound(b);
  bounds.loopUpperBounds = forall.getUpperBound(b);
  bounds.loopSteps = forall.getStep(b);
  bounds.collapseNumLoops = b.getI64IntegerAttr(forall.getRank());
  omp::WsloopOperands clauses;
  clauses.nowait = b.getUnitAttr();
  auto workshare = omp::WsloopOp::create(b, loc, clauses);
  b.createBlock(&workshare.getRegion());
  auto nest = omp::LoopNestOp::create(b, loc, bounds);
  SmallVector<Type> types(forall.getRank(), b.getIndexType());
  SmallVector<Location> locations(forall.getRank(), loc);
  Block *body = b.createBlock(&nest.getRegion(), {}, types, locations);
  b.setInsertionPointToEnd(body);
  omp::YieldOp::create(b, loc);
  return nest;
}

/// True where iterations of `op` run one after the other in its thread: such a
/// loop frees no stack buffers, though some are automatic allocation scopes.
static bool isSequentialLoop(Operation *op) {
  // What is left of these in a team stays on its thread.
  if (isa<scf::ForallOp>(op))
    return op->getParentOfType<omp::ParallelOp>() != nullptr;
  return isa<scf::ForOp, scf::WhileOp, affine::AffineForOp, omp::LoopNestOp>(
      op);
}

/// Moves a stack buffer of static size out of the loops that it is in, to the
/// start of the code of its thread: of the team, or of the function. One serves
/// all iterations, and the loops do not grow the stack.
static void hoistStackBuffer(memref::AllocaOp alloca) {
  if (!alloca.getDynamicSizes().empty() || !alloca.getSymbolOperands().empty())
    return;
  bool isInLoop = false;
  Region *region = alloca->getParentRegion();
  for (Operation *parent; (parent = region->getParentOp());
       region = parent->getParentRegion()) {
    bool isLoop = isSequentialLoop(parent);
    if (!isLoop && parent->hasTrait<OpTrait::AutomaticAllocationScope>())
      break;
    isInLoop |= isLoop;
  }
  if (isInLoop)
    alloca->moveBefore(&region->front(), region->front().begin());
}

static void lowerForall(RewriterBase &b, scf::ForallOp forall) {
  b.setInsertionPoint(forall);
  omp::ParallelOp team = createTeam(b, forall);
  b.setInsertionPointToStart(&team.getRegion().front());
  omp::LoopNestOp nest = createLoop(b, forall);
  Block *body = &nest.getRegion().front();
  b.eraseOp(forall.getTerminator());
  b.inlineBlockBefore(forall.getBody(), body->getTerminator(),
                      body->getArguments());
  b.eraseOp(forall);
}

namespace {
struct ForallToOpenMPPass
    : public bn::impl::ForallToOpenMPPassBase<ForallToOpenMPPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<scf::ForallOp> loops;
    // Outer loops only: a team inside a team would have one thread.
    getOperation().walk<WalkOrder::PreOrder>([&](scf::ForallOp forall) {
      if (!forall.getOutputs().empty())
        return WalkResult::advance();
      loops.push_back(forall);
      return WalkResult::skip();
    });
    IRRewriter rewriter(&getContext());
    for (scf::ForallOp forall : loops)
      lowerForall(rewriter, forall);
    // Behind the loops: which of them are sequential is known now.
    getOperation().walk(hoistStackBuffer);
  }
};
} // namespace
