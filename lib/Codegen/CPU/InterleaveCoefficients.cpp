//===- InterleaveCoefficients.cpp - For pairs of bf16 in a lane -----------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'. Of two bf16 in a 32-bit lane, the even and the odd ones are
// worked on apart, which takes fewer instructions than to widen them in order.
// So the numbers that belong to them are stored in that order, too, once for
// all rows.
//
//===----------------------------------------------------------------------===//

#include "BF16Chain.h"
#include "WidenBF16Pairs.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include <map>

namespace mlir::bn {
#define GEN_PASS_DEF_INTERLEAVECOEFFICIENTSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Fewer rows than these do not pay for a copy, and a copy has room in the
/// stack (and in the L1 cache, where it takes the place of what it is made of).
static constexpr int64_t kLeastRows = 8, kMostBytes = 8 << 10;

namespace {
/// The places in a row that one read takes its vectors from.
struct Strips {
  int64_t begin, end, width;
  bool operator<(const Strips &other) const {
    return std::tie(begin, end, width) <
           std::tie(other.begin, other.end, other.width);
  }
};

struct InterleaveCoefficientsPass
    : public bn::impl::InterleaveCoefficientsPassBase<
          InterleaveCoefficientsPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  void interleave(vector::TransferReadOp read);

  /// The copies of buffers in front of loops, and what they hold.
  std::map<std::pair<Operation *, void *>, Value> copies;
  std::map<std::pair<void *, Strips>, bool> isCopied;
};
} // namespace

/// The loop over `strips` whose induction variable is where `read` reads; null
/// for a single strip.
static scf::ForOp getStripLoop(vector::TransferReadOp read) {
  auto iv = dyn_cast<BlockArgument>(read.getIndices().front());
  auto loop = iv ? dyn_cast<scf::ForOp>(iv.getOwner()->getParentOp()) : nullptr;
  return loop && iv == loop.getInductionVar() ? loop : nullptr;
}

/// Null unless all of them are whole vectors at places that are known.
static std::optional<Strips> getStrips(vector::TransferReadOp read) {
  int64_t width = read.getVectorType().getNumElements();
  if (std::optional<int64_t> begin =
          getConstantIntValue(read.getIndices().front()))
    return Strips{*begin, *begin + width, width};
  scf::ForOp loop = getStripLoop(read);
  if (!loop)
    return std::nullopt;
  std::optional<int64_t> begin = getConstantIntValue(loop.getLowerBound()),
                         end = getConstantIntValue(loop.getUpperBound()),
                         step = getConstantIntValue(loop.getStep());
  if (!begin || !end || step != width || (*end - *begin) % width != 0)
    return std::nullopt;
  return Strips{*begin, *end, width};
}

/// True when nothing in `loop` but reads has to do with `buffer` or a view of
/// it.
static bool isOnlyRead(Value buffer, Operation *loop) {
  return llvm::all_of(buffer.getUsers(), [&](Operation *user) {
    if (isa<ViewLikeOpInterface>(user))
      return isOnlyRead(user->getResult(0), loop);
    if (user->getNumResults() != 0 &&
        !isa<VectorType>(user->getResult(0).getType()))
      return isa<memref::LoadOp>(user);
    return !loop->isProperAncestor(user) || isa<vector::TransferReadOp>(user);
  });
}

/// The outermost loop around the strips of `read` in which its buffer, which
/// comes from outside, is only read; null if there is none, if it has few rows,
/// or if vectors in it are to be moved.
static Operation *getRows(vector::TransferReadOp read) {
  Value view = read.getBase();
  Value buffer = memref::skipViewLikeOps(cast<MemrefValue>(view));
  if (!isa_and_nonnull<memref::AllocOp, memref::AllocaOp>(
          buffer.getDefiningOp()))
    return nullptr;
  Operation *rows = nullptr, *strips = getStripLoop(read);
  for (Operation *loop = read->getParentOp();
       isa<scf::ForOp, scf::ForallOp>(loop) &&
       !loop->isAncestor(view.getDefiningOp()) && isOnlyRead(buffer, loop);
       loop = loop->getParentOp())
    if (loop != strips)
      rows = loop;
  if (auto loop = dyn_cast_or_null<scf::ForOp>(rows))
    if (std::optional<APInt> count = loop.getStaticTripCount();
        count && count->slt(kLeastRows))
      return nullptr;
  bool moves = rows && rows->walk([](scf::ForOp loop) {
                             return loop->hasAttr(kNontemporalAttrName)
                                        ? WalkResult::interrupt()
                                        : WalkResult::advance();
                           })
                           .wasInterrupted();
  return moves ? nullptr : rows;
}

/// True for whole vectors of f32 from a buffer of a row that loops only read.
static bool isCoefficients(Operation *op) {
  auto read = dyn_cast<vector::TransferReadOp>(op);
  if (!read || read.getMask() || read.hasOutOfBoundsDim() ||
      !read.getVectorType().getElementType().isF32())
    return false;
  auto type = dyn_cast<MemRefType>(read.getShapedType());
  return type && type.getRank() == 1 && type.hasStaticShape() &&
         type.getLayout().isIdentity() &&
         type.getNumElements() * 4 <= kMostBytes && getStrips(read) &&
         getRows(read);
}

/// `index + by`.
static Value createSum(OpBuilder &b, Location loc, Value index, int64_t by) {
  return arith::AddIOp::create(b, loc, index,
                               arith::ConstantIndexOp::create(b, loc, by));
}

/// Copies `strips` of `source`.
static void createCopy(OpBuilder &b, Location loc, Value source, Value copy,
                       Strips strips) {
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  auto type = VectorType::get(strips.width, b.getF32Type());
  scf::ForOp::create(
      b, loc, index(strips.begin), index(strips.end), index(strips.width),
      ValueRange(), [&](OpBuilder &b, Location loc, Value at, ValueRange) {
        Value numbers = vector::TransferReadOp::create(b, loc, type, source, at,
                                                       /*padding=*/std::nullopt,
                                                       ArrayRef<bool>{true});
        auto halves = vector::DeinterleaveOp::create(
            b, loc, createShortNaN(b, loc, numbers));
        vector::TransferWriteOp::create(b, loc, halves.getRes1(), copy, at,
                                        ArrayRef<bool>{true});
        vector::TransferWriteOp::create(b, loc, halves.getRes2(), copy,
                                        createSum(b, loc, at, strips.width / 2),
                                        ArrayRef<bool>{true});
        scf::YieldOp::create(b, loc);
      });
}

/// Reads the vectors of `read` from a copy, which is made if there is none.
void InterleaveCoefficientsPass::interleave(vector::TransferReadOp read) {
  Location loc = read.getLoc();
  Operation *rows = getRows(read);
  Strips strips = *getStrips(read);
  OpBuilder b(rows);
  Value source = read.getBase();
  Value &copy = copies[{rows, source.getAsOpaquePointer()}];
  if (!copy)
    copy = memref::AllocOp::create(b, loc, cast<MemRefType>(source.getType()),
                                   b.getI64IntegerAttr(kCacheLineBytes));
  bool &done = isCopied[{copy.getAsOpaquePointer(), strips}];
  if (!done)
    createCopy(b, loc, source, copy, strips);
  done = true;

  b.setInsertionPoint(read);
  auto type = VectorType::get(strips.width / 2, b.getF32Type());
  auto readHalf = [&](Value at) -> Value {
    return vector::TransferReadOp::create(b, loc, type, copy, at,
                                          /*padding=*/std::nullopt,
                                          ArrayRef<bool>{true});
  };
  Value at = read.getIndices().front();
  Value even = readHalf(at);
  Value odd = readHalf(createSum(b, loc, at, strips.width / 2));
  auto both = vector::InterleaveOp::create(b, loc, even, odd);
  both->setAttr(kShortNaNAttrName, b.getUnitAttr());
  read.replaceAllUsesWith(both.getResult());
  read.erase();
}

void InterleaveCoefficientsPass::runOnOperation() {
  copies.clear();
  isCopied.clear();
  SmallVector<arith::TruncFOp> ends;
  getOperation().walk([&](arith::TruncFOp op) { ends.push_back(op); });
  for (arith::TruncFOp end : ends) {
    SetVector<Operation *> ops;
    auto isLeaf = [](Operation *op) {
      return isSplat(op) || widensBF16(op) || isa<vector::InterleaveOp>(op) ||
             isCoefficients(op);
    };
    auto type = dyn_cast<VectorType>(end.getType());
    if (!type || type.getNumElements() % 2 != 0 ||
        !collectBF16Chain(end, isLeaf, ops))
      continue;
    for (Operation *op : ops)
      if (auto read = dyn_cast<vector::TransferReadOp>(op))
        interleave(read);
  }
}
