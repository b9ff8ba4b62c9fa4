//===- VersionDynamicShapes.cpp - Strategies chosen at run time -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'tiled'. Which strategy is best depends on sizes; where they are not
// known, there is a version of the op for each of the few cases that matter.
//
//===----------------------------------------------------------------------===//

#include "SelectLoweringStrategy.h"
#include "bn/Codegen/Common/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::bn {
#define GEN_PASS_DEF_VERSIONDYNAMICSHAPESPASS
#include "bn/Codegen/Common/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Builds the versions of one op.
class Versioner {
public:
  Versioner(RewriterBase &b, IndexedOpInterface op, const MachineModel &machine,
            int64_t threads)
      : b(b), op(op), loc(op.getLoc()), machine(machine), threads(threads),
        data(op.getSpanningOperand().get()),
        type(cast<RankedTensorType>(data.getType())) {}

  void run();

private:
  /// The first of the strategies is for the case that all others are not.
  struct Version {
    SizeAssumption assumption;
    LoweringStrategyAttr strategy;
  };
  void add(SizeAssumption assumption);
  Value createCondition(SizeAssumption assumption);
  ValueRange createVersions(ArrayRef<Version> remaining);

  RewriterBase &b;
  IndexedOpInterface op;
  Location loc;
  const MachineModel &machine;
  int64_t threads;
  Value data;
  RankedTensorType type;
  SmallVector<Version> versions;
};
} // namespace

/// Adds a version unless there is one with the same strategy.
void Versioner::add(SizeAssumption assumption) {
  LoweringStrategyAttr strategy =
      selectLoweringStrategy(op, machine, threads, assumption);
  if (llvm::none_of(versions, [&](const Version &version) {
        return version.strategy == strategy;
      }))
    versions.push_back({assumption, strategy});
}

/// Whether there are so many elements, and such rows, as the assumption says.
Value Versioner::createCondition(SizeAssumption assumption) {
  auto compare = [&](arith::CmpIPredicate predicate, Value x, int64_t y) {
    return b.createOrFold<arith::CmpIOp>(
        loc, predicate, x, arith::ConstantIndexOp::create(b, loc, y));
  };
  Value condition;
  if (assumption.isLarge) {
    Value elements = arith::ConstantIndexOp::create(b, loc, 1);
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      elements = b.createOrFold<arith::MulIOp>(
          loc, elements, b.createOrFold<tensor::DimOp>(loc, data, dim));
    int64_t bytes = countData(op) * type.getElementTypeBitWidth() / 8;
    condition = compare(arith::CmpIPredicate::sgt, elements,
                        getMostCachedBytes(op, machine) / bytes);
  }
  if (!assumption.hasLongRows)
    return condition;
  Value row = b.createOrFold<tensor::DimOp>(loc, data, type.getRank() - 1);
  Value isLong =
      compare(arith::CmpIPredicate::sge, row,
              getLongRow(machine, assumption.isLarge ? StoreKind::NonTemporal
                                                     : StoreKind::Temporal));
  return condition ? b.createOrFold<arith::AndIOp>(loc, condition, isLong)
                   : isLong;
}

/// The results of the last of `remaining` whose assumption holds.
ValueRange Versioner::createVersions(ArrayRef<Version> remaining) {
  auto createOp = [&](const Version &version) {
    Operation *copy = b.clone(*op);
    copy->setAttr(kLoweringStrategyAttrName, version.strategy);
    return copy->getResults();
  };
  if (remaining.size() == 1)
    return createOp(remaining.front());
  Value condition = createCondition(remaining.back().assumption);
  auto choice = scf::IfOp::create(b, loc, op->getResultTypes(), condition,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(b, loc, createOp(remaining.back()));
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, loc, createVersions(remaining.drop_back()));
  return choice.getResults();
}

void Versioner::run() {
  add({});
  add({/*isLarge=*/false, /*hasLongRows=*/true});
  // Where long rows matter, short ones are not written past the caches.
  bool rowsMatter = versions.size() > 1;
  add({/*isLarge=*/true, /*hasLongRows=*/rowsMatter});
  if (versions.size() == 1)
    return;
  b.setInsertionPoint(op);
  b.replaceOp(op, createVersions(versions));
}

namespace {
struct VersionDynamicShapesPass
    : public bn::impl::VersionDynamicShapesPassBase<VersionDynamicShapesPass> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<MachineModel> machine =
        getMachine(getOperation(), vectorBits, threads, avx512BF16);
    if (failed(machine))
      return signalPassFailure();
    SmallVector<IndexedOpInterface> ops;
    getOperation().walk([&](IndexedOpInterface op) {
      auto type =
          dyn_cast<RankedTensorType>(op.getSpanningOperand().get().getType());
      if (type && !type.hasStaticShape() && op->getNumResults() != 0 &&
          isa<TrainingOp, InferenceOp, BackwardOp>(op.getOperation()) &&
          !getLoweringStrategy(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (IndexedOpInterface op : ops)
      Versioner(rewriter, op, *machine, threads).run();
  }
};
} // namespace
