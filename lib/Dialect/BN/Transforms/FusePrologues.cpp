//===- FusePrologues.cpp - Elementwise producers into the op --------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'bn'. What makes the gradient of the output, or an input of a prologue,
// becomes scalar code in front of what is there, one op after the other: with
// several only where one makes what scalar code cannot take, as a comparison
// does. What others need is not computed twice: it is a result of the op then.
//
//===----------------------------------------------------------------------===//

#include "ElementwiseFuser.h"
#include "bn/Dialect/BN/Transforms/Passes.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::bn {
#define GEN_PASS_DEF_FUSEPROLOGUESPASS
#include "bn/Dialect/BN/Transforms/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

namespace {
/// Makes the elementwise op that makes `made`, a tensor that the prologue of an
/// op takes elements of, a part of that prologue.
class PrologueFuser : private ElementwiseFuser {
public:
  PrologueFuser(RewriterBase &b, PrologueOpInterface op, Value made)
      : ElementwiseFuser(b, op, op.getOutputGrad()), made(made) {}

  /// Finds the op, and what has to be fused with it; false when it must stay.
  bool collect();
  /// Moves the op in front of what else needs `made`; false when that is not
  /// possible.
  bool prepare();
  /// Returns the op with its prologue, which may be a new one.
  PrologueOpInterface fuse();

private:
  bool canFuse(Operation *candidate);
  bool collectOthers();
  bool hasData();
  Value getDestination();
  void addNormalizedGradient();
  void replaceArguments(Value element);
  unsigned chooseData(Value element);

  Value made;
  /// Uses of `made` that the normalized gradient, a result, takes over.
  SmallVector<OpOperand *> others;
};
} // namespace

//===----------------------------------------------------------------------===//
// What is fused
//===----------------------------------------------------------------------===//

/// True when `code` may be in the prologue of `op`: one with sums and a sweep
/// computes it twice.
static bool mayCompute(Operation *op, Block &code) {
  auto backward = dyn_cast<BackwardOp>(op);
  bool once = !backward || !backward.writesData() || backward.isElementwise();
  return once || isCheap(code);
}

bool PrologueFuser::canFuse(Operation *candidate) {
  return isFusable(candidate) &&
         mayCompute(op, *cast<linalg::LinalgOp>(candidate).getBlock());
}

/// True when the scalar code of `op` takes elements of `use`.
static bool isTakenByCode(PrologueOpInterface op, OpOperand &use) {
  if (use.getOwner() != op)
    return false;
  OperandRange codeInputs = op.getCodeInputs();
  unsigned first = codeInputs.getBeginOperandIndex(),
           i = use.getOperandNumber();
  return &use == &op.getOutputGradMutable() ||
         (i >= first && i < first + codeInputs.size());
}

/// Finds what else needs `made`; false when there is something, and what the
/// prologue yields cannot be a result for it, or would take a sweep of its own.
bool PrologueFuser::collectOthers() {
  auto prologue = cast<PrologueOpInterface>(op.getOperation());
  for (OpOperand &use : made.getUses())
    if (!isTakenByCode(prologue, use) && !isa<tensor::DimOp>(use.getOwner()))
      others.push_back(&use);
  auto backward = dyn_cast<BackwardOp>(op.getOperation());
  if (others.empty() || !backward)
    return others.empty();
  if (backward.wants(Gradient::normalized) &&
      backward.getOuts()[backward.getPlace(Gradient::normalized)].getType() !=
          type)
    return false;
  return backward.writesData() && !op.hasScalarCode() && made == data;
}

/// True when there is a tensor that can be `output_grad`.
bool PrologueFuser::hasData() {
  auto isData = [&](Value value) {
    return value != made && value.getType() == type;
  };
  return made != data || llvm::any_of(inputs, isData) ||
         llvm::any_of(op.getCodeInputs(), isData);
}

bool PrologueFuser::collect() {
  if (!canFuse(made.getDefiningOp()) || !collectOthers())
    return false;
  cluster.insert(made.getDefiningOp());
  while (!collectInputs()) {
    auto *next = llvm::find_if(rejected, [&](Value value) {
      return canFuse(value.getDefiningOp()) && !isUsedOutside(value);
    });
    if (next == rejected.end())
      return false;
    cluster.insert(next->getDefiningOp());
  }
  sortCluster();
  return hasData();
}

bool PrologueFuser::prepare() {
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.omitBlockArguments = true;
  if (!others.empty() &&
      failed(getBackwardSlice(op.getOperation(), &slice, options)))
    return false;
  Operation *first = op;
  for (OpOperand *use : others) {
    Operation *user = op->getBlock()->findAncestorOpInBlock(*use->getOwner());
    if (user == op || slice.contains(user))
      return false;
    if (user && user->isBeforeInBlock(first))
      first = user;
  }
  if (first == op)
    return true;
  if (failed(moveOperationDependencies(b, op, first)))
    return false;
  b.moveOpBefore(op, first);
  return true;
}

//===----------------------------------------------------------------------===//
// The prologue
//===----------------------------------------------------------------------===//

/// Where the normalized gradient goes: to where `made` was to be, unless that
/// is memory that the op uses in another way.
Value PrologueFuser::getDestination() {
  auto producer = cast<linalg::LinalgOp>(made.getDefiningOp());
  Value init = producer.getDpsInits().front();
  bool isUsed = llvm::is_contained(producer.getDpsInputs(), init) ||
                llvm::is_contained(op.getOuts(), init) || isInside(init);
  if (!isUsed)
    return init;
  SmallVector<int64_t> all =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return createEmptyLike(b, op.getLoc(), init, all, type.getElementType());
}

/// Gives the op the result that `others` take, which startCode completes.
void PrologueFuser::addNormalizedGradient() {
  auto backward = cast<BackwardOp>(op.getOperation());
  if (backward.wants(Gradient::normalized))
    return;
  b.setInsertionPoint(op);
  Value destination = getDestination();
  b.modifyOpInPlace(op, [&]() {
    op.getOutsMutable().append(destination);
    backward.setWrt(backward.getWrt() | Gradient::normalized);
  });
}

/// The place among the inputs of the one that is to be `output_grad`. Any of
/// the type will do: it is the one with the fewest ops between it and
/// `element`, which is the gradient, and not what decides where that passes.
unsigned PrologueFuser::chooseData(Value element) {
  Block &block = op.getScalarCode();
  auto isData = [&](unsigned place) {
    return op.getCodeInputs()[place].getType() == type;
  };
  SetVector<Value> seen;
  seen.insert(element);
  for (unsigned i = 0; i < seen.size(); ++i) {
    Value value = seen[i];
    if (value.getParentBlock() != &block)
      continue;
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument)
      seen.insert_range(value.getDefiningOp()->getOperands());
    else if (isData(argument.getArgNumber() - 1))
      return argument.getArgNumber() - 1;
  }
  auto places = llvm::seq<unsigned>(0, op.getCodeInputs().size());
  return *llvm::find_if(places, isData);
}

/// Puts `element` in the place of the elements of `made`.
void PrologueFuser::replaceArguments(Value element) {
  Block &block = op.getScalarCode();
  auto erase = [&](unsigned place, Value other) {
    b.replaceAllUsesWith(block.getArgument(place + 1), other);
    block.eraseArgument(place + 1);
    op.getCodeInputsMutable().erase(place);
  };
  for (unsigned i = op.getCodeInputs().size(); i-- > 0;)
    if (op.getCodeInputs()[i] == made)
      erase(i, element);
  if (made != data)
    return;
  b.replaceAllUsesWith(block.getArgument(0), element);
  unsigned place = chooseData(element);
  auto prologue = cast<PrologueOpInterface>(op.getOperation());
  prologue.getOutputGradMutable().set(op.getCodeInputs()[place]);
  erase(place, block.getArgument(0));
}

PrologueOpInterface PrologueFuser::fuse() {
  OpBuilder::InsertionGuard guard(b);
  if (!others.empty())
    addNormalizedGradient();
  startCode();
  b.startOpModification(op);
  b.setInsertionPointToStart(&op.getScalarCode());
  elements.map(data, op.getScalarCode().getArgument(0));
  copyCluster();
  replaceArguments(getElement(made));
  b.finalizeOpModification(op);

  if (!others.empty()) {
    auto backward = cast<BackwardOp>(op.getOperation());
    Value result = backward.getResult(backward.getPlace(Gradient::normalized));
    for (OpOperand *use : others)
      b.modifyOpInPlace(use->getOwner(), [&]() { use->set(result); });
  }
  // Sizes.
  for (Operation *fused : llvm::reverse(cluster))
    b.replaceAllUsesWith(fused->getResult(0),
                         cast<linalg::LinalgOp>(fused).getDpsInits().front());
  eraseCluster();
  return cast<PrologueOpInterface>(op.getOperation());
}

//===----------------------------------------------------------------------===//
// Normalized elements
//===----------------------------------------------------------------------===//

/// True for an op that normalizes, the channels of which are those of `op`, and
/// whose result only the prologue of `op` takes elements of.
static bool isRecomputable(PrologueOpInterface op, Operation *normalize) {
  if (!isa_and_nonnull<InferenceOp, NormalizeOp>(normalize) ||
      normalize->getBlock() != op->getBlock() ||
      normalize->getNumResults() != 1)
    return false;
  auto epilogue = cast<ScalarCodeOpInterface>(normalize);
  if (epilogue.hasScalarCode() && !mayCompute(op, epilogue.getScalarCode()))
    return false;
  Value made = normalize->getResult(0);
  int64_t rank = cast<ShapedType>(made.getType()).getRank();
  return made.getType() == op.getOutputGrad().getType() &&
         made != op.getOutputGrad() &&
         normalizeAxis(epilogue.getAxis(), rank) ==
             normalizeAxis(op.getAxis(), rank) &&
         llvm::all_of(made.getUses(), [&](OpOperand &use) {
           return isTakenByCode(op, use) || isa<tensor::DimOp>(use.getOwner());
         });
}

/// Makes the elementwise op on channels' coefficients that `normalize` stands
/// for, which is then fused like any other: what a prologue takes is computed
/// again, not read.
static void expandNormalization(RewriterBase &b, Operation *normalize) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(normalize);
  while (normalize && isa<InferenceOp, NormalizeOp>(normalize)) {
    normalize->removeAttr(kLoweringStrategyAttrName); // of one version
    FailureOr<SmallVector<Value>> values =
        cast<linalg::AggregatedOpInterface>(normalize).decomposeOperation(b);
    if (failed(values))
      return;
    b.replaceOp(normalize, *values);
    normalize = values->front().getDefiningOp();
  }
}

FailureOr<PrologueOpInterface> mlir::bn::fusePrologue(RewriterBase &rewriter,
                                                      PrologueOpInterface op) {
  if (op->getNumResults() == 0)
    return failure();
  // Inputs may be the same: one that is expanded is another one from then on.
  for (unsigned i = 0, count = op.getCodeInputs().size(); i < count; ++i) {
    Operation *maker = op.getCodeInputs()[i].getDefiningOp();
    if (isRecomputable(op, maker))
      expandNormalization(rewriter, maker);
  }
  SmallVector<Value> taken = {op.getOutputGrad()};
  llvm::append_range(taken, op.getCodeInputs());
  for (Value made : taken) {
    PrologueFuser fuser(rewriter, op, made);
    if (fuser.collect() && fuser.prepare())
      return fuser.fuse();
  }
  return failure();
}

namespace {
struct FuseProloguesPass
    : public bn::impl::FuseProloguesPassBase<FuseProloguesPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<PrologueOpInterface> ops;
    getOperation().walk([&](PrologueOpInterface op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (PrologueOpInterface op : ops)
      for (FailureOr<PrologueOpInterface> next = op;
           succeeded(next = fusePrologue(rewriter, *next));)
        ++numFused;
  }
};
} // namespace
