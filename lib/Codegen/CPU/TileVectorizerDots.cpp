//===- TileVectorizerDots.cpp - Sums of products of bf16 ------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'vector'. AVX512-BF16 multiplies the elements of two registers of bf16
// and adds the products of each pair of neighbours to a lane of f32: one
// instruction in place of two to widen them and two to add them.
//
//===----------------------------------------------------------------------===//

#include "TileVectorizer.h"
#include "WidenBF16Pairs.h"
#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::bn;

/// A widened element of an input that runs along the strip, or a finite number
/// that bf16 can hold.
std::optional<TileVectorizer::Factor> TileVectorizer::matchFactor(Value value) {
  APFloat number(0.0);
  if (matchPattern(value, m_ConstantFloat(&number))) {
    bool isInexact = false;
    number.convert(APFloat::BFloat(), APFloat::rmNearestTiesToEven, &isInexact);
    if (isInexact || !number.isFinite())
      return std::nullopt;
    return Factor{std::nullopt, number};
  }
  Operation *widening = value.getDefiningOp();
  if (!widening || !widensBF16(widening))
    return std::nullopt;
  auto element = dyn_cast<BlockArgument>(widening->getOperand(0));
  if (!element || element.getOwner() != op.getBlock() ||
      element.getArgNumber() >= op.getNumDpsInputs() ||
      !spansStrip(op.getDpsInputOperand(element.getArgNumber())))
    return std::nullopt;
  return Factor{element.getArgNumber(), number};
}

/// The factors of what each result is a sum of; none unless the strategy asks
/// for raw moments (dot products flush what underflows), all are products of
/// elements, or of elements and constants, and the instruction has registers of
/// this size.
SmallVector<TileVectorizer::Product> TileVectorizer::matchDots() {
  LoweringStrategyAttr strategy = getLoweringStrategy(op);
  if (!isSum || op.getNumReductionLoops() == 0 || !strategy ||
      strategy.getMoments() != Moments::Raw ||
      !llvm::is_contained({4, 8, 16}, lanes))
    return {};
  SmallVector<Product> products;
  for (BlockArgument sum : op.getRegionOutputArgs()) {
    Value addend = getAddend(sum);
    std::optional<Factor> lhs = matchFactor(addend),
                          rhs = Factor{std::nullopt,
                                       APFloat(APFloat::BFloat(), 1)};
    if (auto product = addend.getDefiningOp<arith::MulFOp>()) {
      lhs = matchFactor(product.getLhs());
      rhs = matchFactor(product.getRhs());
    }
    if (!lhs || !rhs || (!lhs->input && !rhs->input))
      return {};
    products.push_back({*lhs, *rhs});
  }
  return products;
}

/// True where rows are parallel along strips of `width`, and those that are
/// summed in registers make pairs.
bool TileVectorizer::pairsRows(int64_t width) {
  if (!hasDots(width) || stripIsReduction)
    return false;
  int64_t rows = rowsAtOnce;
  for (unsigned dim : reductionDims) {
    std::optional<int64_t> size = getConstantIntValue(sizes[dim]);
    if (!size || *size > kMaxUnrolled)
      return false;
    rows *= *size;
  }
  return rows > 1;
}

/// Values of `factor` for so many `sums`, two for each.
Value TileVectorizer::getPairs(const Factor &factor, ValueRange inputs,
                               int64_t begin, int64_t sums) {
  if (factor.input)
    return vector::ExtractStridedSliceOp::create(b, loc, inputs[*factor.input],
                                                 begin, 2 * sums, /*stride=*/1);
  auto type = VectorType::get(2 * sums, b.getBF16Type());
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, factor.constant));
}

/// `sum` plus the products of pairs of neighbours in `inputs` from `begin` on.
Value TileVectorizer::dot(const Product &product, ValueRange inputs,
                          int64_t begin, Value sum) {
  int64_t sums = cast<VectorType>(sum.getType()).getDimSize(0);
  return x86vector::DotBF16Op::create(
      b, loc, sum, getPairs(product.first, inputs, begin, sums),
      getPairs(product.second, inputs, begin, sums));
}

/// Sums of one block of 128 bits.
static constexpr int64_t kBlock = 4;

/// In which order sums come from a register of two interleaved rows, of `lanes`
/// sums each: the instructions that interleave within blocks of 128 bits, first
/// their lower halves and then the upper ones, are the fastest. A single
/// register is in order.
static SmallVector<int64_t> getDotOrder(int64_t width, int64_t lanes) {
  if (width % (2 * lanes) != 0)
    return llvm::to_vector(llvm::seq<int64_t>(0, width));
  SmallVector<int64_t> order;
  for (int64_t begin = 0; begin < width; begin += 2 * lanes)
    for (int64_t half : {int64_t(0), kBlock})
      for (int64_t block = 0; block < 2 * lanes; block += 2 * kBlock)
        for (int64_t i = 0; i < kBlock; ++i)
          order.push_back(begin + block + half + i);
  return order;
}

/// The elements of two rows in turns, in the order of getDotOrder; without a
/// second row, with zeros.
Values TileVectorizer::interleave(ValueRange first, ValueRange second) {
  Values pairs(op.getNumDpsInputs());
  for (auto [i, row] : llvm::enumerate(first)) {
    auto type = dyn_cast<VectorType>(row.getType());
    if (!type)
      continue;
    Value other = second.empty()
                      ? arith::ConstantOp::create(b, loc, b.getZeroAttr(type))
                      : second[i];
    SmallVector<int64_t> inTurns;
    for (int64_t place : getDotOrder(type.getDimSize(0), lanes))
      inTurns.append({place, type.getDimSize(0) + place});
    pairs[i] = vector::ShuffleOp::create(b, loc, row, other, inTurns);
  }
  return pairs;
}

/// `running` with the products of `rows`, of `width` elements each, added:
/// those of a pair of rows at a time, which are a short sum.
Values TileVectorizer::dotRows(ArrayRef<Values> rows, ValueRange running,
                               int64_t width) {
  SmallVector<Values> pairs;
  for (; !rows.empty();
       rows = rows.drop_front(std::min<size_t>(rows.size(), 2)))
    pairs.push_back(interleave(rows[0], rows.size() > 1 ? rows[1] : Values()));
  SmallVector<int64_t> inOrder(width);
  for (auto [i, place] : llvm::enumerate(getDotOrder(width, lanes)))
    inOrder[place] = i;
  auto zero = b.getZeroAttr(VectorType::get(lanes, b.getF32Type()));
  auto type = VectorType::get(width, b.getF32Type());
  Values sums;
  for (auto [product, sum] : llvm::zip_equal(dots, running)) {
    Value shortSum = ub::PoisonOp::create(b, loc, type);
    for (int64_t begin = 0; begin < width; begin += lanes) {
      Value part = arith::ConstantOp::create(b, loc, zero);
      for (const Values &pair : pairs)
        part = dot(product, pair, 2 * begin, part);
      shortSum = vector::InsertStridedSliceOp::create(b, loc, part, shortSum,
                                                      begin, /*stride=*/1);
    }
    shortSum = vector::ShuffleOp::create(b, loc, shortSum, shortSum, inOrder);
    sums.push_back(
        arith::AddFOp::create(b, loc, shortSum, broadcast(sum, width)));
  }
  return sums;
}

/// `running` with the products of one step of a strip added; what several
/// registers have in a lane is a short sum.
Values TileVectorizer::dotStrip(ValueRange inputs, ValueRange running,
                                int64_t width) {
  Values elements(inputs), sums;
  if (mask)
    for (Value &value : elements)
      if (isa<VectorType>(value.getType())) {
        Value zero =
            arith::ConstantOp::create(b, loc, b.getZeroAttr(value.getType()));
        value = arith::SelectOp::create(b, loc, mask, value, zero);
      }
  for (auto [product, sum] : llvm::zip_equal(dots, running)) {
    Value shortSum = sum;
    if (width > lanes)
      shortSum =
          arith::ConstantOp::create(b, loc, b.getZeroAttr(sum.getType()));
    for (int64_t begin = 0; begin < width; begin += lanes)
      shortSum = dot(product, elements, begin, shortSum);
    if (width > lanes)
      shortSum = arith::AddFOp::create(b, loc, shortSum, sum);
    sums.push_back(shortSum);
  }
  return sums;
}
