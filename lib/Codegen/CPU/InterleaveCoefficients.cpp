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
#include "BitAccess.h"
#include "bn/Codegen/CPU/Passes.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::bn {
#define GEN_PASS_DEF_INTERLEAVECOEFFICIENTSPASS
#include "bn/Codegen/CPU/Passes.h.inc"
} // namespace mlir::bn

using namespace mlir;
using namespace mlir::bn;

/// Fewer rows than these do not pay for a copy.
static constexpr int64_t kLeastRows = 8;

namespace {
/// The places in a row that one read takes its vectors from.
struct Strips {
  int64_t begin, end, width;
  bool operator==(const Strips &other) const {
    return begin == other.begin && end == other.end && width == other.width;
  }
  bool isApartFrom(const Strips &other) const {
    return end <= other.begin || other.end <= begin;
  }
};

/// A copy of a buffer in front of loops, and what it holds.
struct Copy {
  Value buffer;
  SmallVector<Strips> strips;
};

/// Whole vectors of f32 from a buffer of a row that loops only read.
struct Coefficients {
  Strips strips;
  /// The outermost of these loops.
  Operation *rows;
};

struct InterleaveCoefficientsPass
    : public bn::impl::InterleaveCoefficientsPassBase<
          InterleaveCoefficientsPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  std::optional<Coefficients> getCoefficients(Operation *op);
  Value getCopy(vector::TransferReadOp read);
  void interleave(vector::TransferReadOp read,
                  const SetVector<Operation *> &chain, Operation *end);

  DenseMap<Operation *, std::optional<Coefficients>> coefficients;
  DenseMap<std::pair<Operation *, Value>, SmallVector<Copy>> copies;
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

/// True when ops in `loop` only read `buffer` and its views. What might make
/// another name for one of them counts as a write, wherever it is.
static bool isOnlyRead(Value buffer, Operation *loop) {
  return llvm::all_of(buffer.getUsers(), [&](Operation *user) {
    if (isa<ViewLikeOpInterface>(user))
      return isOnlyRead(user->getResult(0), loop);
    if (isa<vector::TransferReadOp, memref::LoadOp, memref::PrefetchOp>(user))
      return true;
    bool isKnown = isa<vector::TransferWriteOp, memref::StoreOp,
                       memref::DeallocOp, linalg::LinalgOp>(user);
    return isKnown && !loop->isProperAncestor(user);
  });
}

/// How often `loop` runs its body at least, for each thread: kLeastRows where
/// that is not known.
static int64_t getLeastIterations(Operation *loop) {
  if (isa<scf::ForallOp>(loop))
    return 1;
  std::optional<APInt> known = cast<scf::ForOp>(loop).getStaticTripCount();
  return known ? known->getLimitedValue(kLeastRows) : kLeastRows;
}

/// True when both branches read of `view`, as the versions of a loop do: then
/// it may be read in front of `branches`.
static bool areVersions(scf::IfOp branches, Value view) {
  return llvm::all_of(branches->getRegions(), [&](Region &branch) {
    return llvm::any_of(view.getUsers(), [&](Operation *user) {
      return isa<vector::TransferReadOp>(user) &&
             branch.isAncestor(user->getParentRegion());
    });
  });
}

/// The outermost loop around the strips of `read` in which its buffer, which
/// comes from outside, is only read; null if there is none or if it has few
/// rows. Loops around a condition under which alone it is read do not count.
static Operation *getRows(vector::TransferReadOp read) {
  Value view = read.getBase();
  Value buffer = memref::skipViewLikeOps(cast<MemrefValue>(view));
  if (!isa_and_nonnull<memref::AllocOp, memref::AllocaOp>(
          buffer.getDefiningOp()))
    return nullptr;
  Operation *rows = nullptr, *strips = getStripLoop(read);
  int64_t count = 1;
  for (Operation *loop = read->getParentOp();
       isa<scf::ForOp, scf::ForallOp, scf::IfOp>(loop) &&
       !loop->isAncestor(view.getDefiningOp()) && isOnlyRead(buffer, loop);
       loop = loop->getParentOp()) {
    if (rows && loop == strips)
      return nullptr;
    auto branches = dyn_cast<scf::IfOp>(loop);
    if (branches && !areVersions(branches, view))
      break;
    if (branches || loop == strips)
      continue;
    rows = loop;
    count = std::min(count * getLeastIterations(loop), kLeastRows);
  }
  return count < kLeastRows ? nullptr : rows;
}

/// What `op` is as a read of coefficients, if it is one.
std::optional<Coefficients>
InterleaveCoefficientsPass::getCoefficients(Operation *op) {
  auto [entry, isNew] = coefficients.try_emplace(op);
  auto read = dyn_cast<vector::TransferReadOp>(op);
  if (!isNew || !read || read.getMask() || read.hasOutOfBoundsDim() ||
      !read.getVectorType().getElementType().isF32() ||
      !read.getPermutationMap().isMinorIdentity())
    return entry->second;
  auto type = dyn_cast<MemRefType>(read.getShapedType());
  if (!type || type.getRank() != 1 || !type.hasStaticShape() ||
      !type.isLastDimUnitStride() ||
      type.getNumElements() * int64_t(sizeof(float)) > maxBytes)
    return entry->second;
  std::optional<Strips> strips = getStrips(read);
  if (Operation *rows = strips ? getRows(read) : nullptr)
    entry->second = Coefficients{*strips, rows};
  return entry->second;
}

/// The place `by` elements behind `at`.
static Value createPlace(OpBuilder &b, Location loc, Value at, int64_t by) {
  return b.createOrFold<arith::AddIOp>(
      loc, at, arith::ConstantIndexOp::create(b, loc, by));
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
        vector::TransferWriteOp::create(
            b, loc, halves.getRes2(), copy,
            createPlace(b, loc, at, strips.width / 2), ArrayRef<bool>{true});
        scf::YieldOp::create(b, loc);
      });
}

/// The copy that has the strips of `read`, which is made if there is none.
Value InterleaveCoefficientsPass::getCopy(vector::TransferReadOp read) {
  Location loc = read.getLoc();
  Strips strips = getCoefficients(read)->strips;
  Operation *rows = getCoefficients(read)->rows;
  Value source = read.getBase();
  SmallVector<Copy> &made = copies[{rows, source}];
  for (Copy &copy : made)
    if (llvm::is_contained(copy.strips, strips))
      return copy.buffer;
  auto copy = llvm::find_if(made, [&](Copy &copy) {
    return llvm::all_of(copy.strips, [&](const Strips &other) {
      return strips.isApartFrom(other);
    });
  });
  OpBuilder b(rows);
  if (copy == made.end()) {
    ArrayRef<int64_t> shape = cast<MemRefType>(source.getType()).getShape();
    Value buffer =
        memref::AllocOp::create(b, loc, MemRefType::get(shape, b.getF32Type()),
                                b.getI64IntegerAttr(kCacheLineBytes));
    made.push_back({buffer, {}});
    copy = std::prev(made.end());
  }
  createCopy(b, loc, source, copy->buffer, strips);
  copy->strips.push_back(strips);
  return copy->buffer;
}

/// Gives the `chain` to `end` the vectors of `read` from a copy.
void InterleaveCoefficientsPass::interleave(vector::TransferReadOp read,
                                            const SetVector<Operation *> &chain,
                                            Operation *end) {
  Location loc = read.getLoc();
  Value copy = getCopy(read);
  OpBuilder b(read);
  int64_t half = read.getVectorType().getNumElements() / 2;
  auto readHalf = [&](Value at) -> Value {
    return vector::TransferReadOp::create(
        b, loc, VectorType::get(half, b.getF32Type()), copy, at,
        /*padding=*/std::nullopt, ArrayRef<bool>{true});
  };
  Value at = read.getIndices().front();
  Value even = readHalf(at), odd = readHalf(createPlace(b, loc, at, half));
  auto both = vector::InterleaveOp::create(b, loc, even, odd);
  both->setAttr(kShortNaNAttrName, b.getUnitAttr());
  read.getResult().replaceUsesWithIf(both.getResult(), [&](OpOperand &use) {
    return use.getOwner() == end || chain.contains(use.getOwner());
  });
}

/// True for a comparison that makes bits of what is read of a `bn.view_bits`,
/// which bn-pack-bits makes a leaf.
static bool readsBits(Operation *op) {
  auto compare = dyn_cast<arith::CmpIOp>(op);
  auto read = compare ? compare.getLhs().getDefiningOp<vector::TransferReadOp>()
                      : vector::TransferReadOp();
  return read && compare.getPredicate() == arith::CmpIPredicate::ne &&
         matchPattern(compare.getRhs(), m_Zero()) && isOfBits(read.getBase()) &&
         makesPairedBits(op);
}

void InterleaveCoefficientsPass::runOnOperation() {
  coefficients.clear();
  copies.clear();
  SmallVector<arith::TruncFOp> ends;
  getOperation().walk([&](arith::TruncFOp op) { ends.push_back(op); });
  SetVector<Operation *> reads;
  for (arith::TruncFOp end : ends) {
    SetVector<Operation *> chain;
    auto isLeaf = [&](Operation *op) {
      return isLeafOfBF16Chain(op) || readsBits(op) || getCoefficients(op);
    };
    if (!collectBF16Chain(end, isLeaf, chain))
      continue;
    for (Operation *op : chain)
      if (auto read = dyn_cast<vector::TransferReadOp>(op)) {
        interleave(read, chain, end);
        reads.insert(read);
      }
  }
  for (Operation *read : reads)
    if (read->use_empty())
      read->erase();
}
