//===- TileVectorizerChains.cpp - Sums of rows that are added one by one --===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'vector'. Where each row is written, too, rows are added to sums in
// memory one by one: squares with a common spacing would all be rounded the same
// way (docs/Numerics.md). So those of some rows are summed apart.
//
//===----------------------------------------------------------------------===//

#include "TileVectorizer.h"
#include "bn/Dialect/BN/Utils/Utils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::bn;

/// Most rows of which squares are summed apart.
static constexpr int64_t kChainRows = 18;

Value TileVectorizer::getAddend(BlockArgument sum) {
  auto addition = cast<arith::AddFOp>(*sum.user_begin());
  return addition.getLhs() == sum ? addition.getRhs() : addition.getLhs();
}

/// The numbers of the inits that start from zeros and are sums of squares, of
/// more rows than a chain has.
SmallVector<unsigned> TileVectorizer::getChainedSquares() {
  SmallVector<unsigned> found;
  std::optional<int64_t> size = getConstantIntValue(sizes[rowDims.back()]);
  if (size && *size <= kChainRows)
    return found;
  for (auto [i, sum] : llvm::enumerate(op.getRegionOutputArgs())) {
    if (!isSum || !isZeroFilled(op.getDpsInits()[i]))
      continue;
    auto product = getAddend(sum).getDefiningOp<arith::MulFOp>();
    if (product && product.getLhs() == product.getRhs())
      found.push_back(i);
  }
  return found;
}

/// Lets chains and sums of squares change places. `state` is that of the inits,
/// followed by the chains.
void TileVectorizer::swapChains(ArrayRef<unsigned> squares, Values &state) {
  for (auto [i, number] : llvm::enumerate(squares))
    std::swap(state[number], state[op.getNumDpsInits() + i]);
}

/// Adds chains to the sums of squares, and starts them anew. `state` is as in
/// swapChains.
Values TileVectorizer::endChains(ArrayRef<unsigned> squares, Values state) {
  for (const Strip &strip : strips)
    state = emitStrip(strip, state, [&](ValueRange carried) {
      Values next(carried);
      for (auto [i, number] : llvm::enumerate(squares)) {
        OpOperand *init = op.getDpsInitOperand(number);
        Value &sum = next[number], &chain = next[op.getNumDpsInits() + i];
        Value addend = read(init, chain, strip.width);
        Value added =
            arith::AddFOp::create(b, loc, read(init, sum, strip.width), addend);
        sum = write(init, added, sum, strip.width);
        Value zero =
            arith::ConstantOp::create(b, loc, b.getZeroAttr(addend.getType()));
        chain = write(init, zero, chain, strip.width);
      }
      return next;
    });
  return state;
}

/// Rows are added to sums in memory one by one; but their squares to chains of
/// about as many rows each.
Values TileVectorizer::sumRowsInChains(ArrayRef<unsigned> squares, Values known,
                                       ValueRange tensors) {
  size_t numInits = tensors.size();
  std::optional<int64_t> size = getConstantIntValue(sizes[rowDims.back()]);
  int64_t chainRows = kChainRows;
  if (size)
    chainRows = llvm::divideCeil(*size, llvm::divideCeil(*size, kChainRows));
  Values state(tensors);
  for (unsigned number : squares)
    state.push_back(getDestination(op.getDpsInits()[number]));
  state = emitRows(rowDims, /*atOnce=*/1, state, [&](ValueRange running) {
    Values next(running);
    swapChains(squares, next);
    Values sums = sweepRows(known, ValueRange(next).take_front(numInits));
    llvm::copy(sums, next.begin());
    swapChains(squares, next);
    Value place = arith::RemUIOp::create(
        b, loc, indices[rowDims.back()],
        arith::ConstantIndexOp::create(b, loc, chainRows));
    Value ends = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::eq, place,
        arith::ConstantIndexOp::create(b, loc, chainRows - 1));
    auto branch = scf::IfOp::create(b, loc, TypeRange(ValueRange(next)), ends,
                                    /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, loc, endChains(squares, next));
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, loc, next);
    return Values(branch.getResults());
  });
  if (!size || *size % chainRows != 0)
    state = endChains(squares, state);
  state.resize(numInits);
  return state;
}
