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

/// Loop over the iterations of `forall`, shared among the team.
static omp::LoopNestOp createLoop(RewriterBase &b, scf::ForallOp forall) {
  Location loc = forall.getLoc();
  omp::LoopNestOperands bounds;
  bounds.loopLowerBounds = forall.getLowerBound(b);
  bounds.loopUpperBounds = forall.getUpperBound(b);
  bounds.loopSteps = forall.getStep(b);
  bounds.collapseNumLoops = b.getI64IntegerAttr(forall.getRank());
  auto workshare = omp::WsloopOp::create(b, loc, omp::WsloopOperands());
  b.createBlock(&workshare.getRegion());
  auto nest = omp::LoopNestOp::create(b, loc, bounds);
  SmallVector<Type> types(forall.getRank(), b.getIndexType());
  SmallVector<Location> locations(forall.getRank(), loc);
  Block *body = b.createBlock(&nest.getRegion(), {}, types, locations);
  b.setInsertionPointToEnd(body);
  omp::YieldOp::create(b, loc);
  return nest;
}

/// Moves buffers of static size in `nest` to the start of the team's code: one
/// per thread serves all iterations, and the loop does not grow the stack.
static void hoistStackBuffers(omp::LoopNestOp nest, omp::ParallelOp team) {
  Block *start = &team.getRegion().front();
  nest.walk([&](memref::AllocaOp alloca) {
    if (alloca.getDynamicSizes().empty() && alloca.getSymbolOperands().empty())
      alloca->moveBefore(start, start->begin());
  });
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
  hoistStackBuffers(nest, team);
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
  }
};
} // namespace
