//===- TileVectorizer.h - One linalg op to vector loops ---------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_TILEVECTORIZER_H
#define BN_LIB_CODEGEN_CPU_TILEVECTORIZER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::bn {

using Values = SmallVector<Value>;

/// Part of the contiguous dimension that is walked `width` elements at a time;
/// less than one such step where it is masked.
struct Strip {
  int64_t width;
  OpFoldResult begin, end;
  bool isMasked = false;
};

/// Emits the loops of one op, in front of it. bn-vectorize-tiles says what they
/// are, and which ops have them.
class TileVectorizer {
public:
  TileVectorizer(RewriterBase &b, linalg::LinalgOp op, int64_t vectorBits,
                 int64_t unroll, bool avx512BF16);

  /// The values of the results of the op.
  Values run();

private:
  /// Longest dimension that is summed in registers, without a loop.
  static constexpr int64_t kMaxUnrolled = 8;
  /// Fewer elements than these are left one by one.
  static constexpr int64_t kLeastLanes = 4;

  using Body = function_ref<Values(ValueRange carried)>;

  // Loops.
  Values emitLoop(unsigned dim, OpFoldResult begin, OpFoldResult end,
                  int64_t step, ValueRange init, Body body,
                  bool isMasked = false);
  Values emitStrip(const Strip &strip, ValueRange init, Body body);
  Values emitNest(ArrayRef<unsigned> dims, ValueRange init, Body body);
  Values emitUnrolled(ArrayRef<unsigned> dims, ValueRange init, Body body);
  Values emitRows(ArrayRef<unsigned> dims, int64_t atOnce, ValueRange init,
                  Body body);
  SmallVector<int64_t> selectWidths();
  void cutIntoStrips(ArrayRef<int64_t> widths);
  void splitReductionDims();
  Value getDestination(Value init);

  // One point (or vector of points) of the iteration space.
  bool dependsOn(OpOperand *operand, ArrayRef<unsigned> dims);
  bool spansStrip(OpOperand *operand);
  bool hasMasks();
  int64_t getJam(unsigned dim);
  Value read(OpOperand *operand, Value source, int64_t width);
  Value readInit(OpOperand *init, Value tensor, int64_t width);
  Value write(OpOperand *init, Value value, Value tensor, int64_t width);
  Value broadcast(Value value, int64_t width);
  Values keepMasked(ValueRange before, Values after);
  bool mayMixLanes(int64_t width);
  Value widenOutOfOrder(Value pairs);
  Values emitBody(ValueRange inputs, ValueRange accumulators, int64_t width);
  Values readInputs(ArrayRef<unsigned> notOn, ValueRange known, int64_t width,
                    ValueRange carried = {});

  // Sums of products of bf16.
  struct Factor {
    /// The number of an input, else a constant.
    std::optional<unsigned> input;
    APFloat constant;
  };
  using Product = std::pair<Factor, Factor>;
  std::optional<Factor> matchFactor(Value value);
  SmallVector<Product> matchDots();
  bool hasDots(int64_t width) { return !dots.empty() && width > 1; }
  bool pairsRows(int64_t width);
  Value getPairs(const Factor &factor, ValueRange inputs, int64_t begin,
                 int64_t sums);
  Value dot(const Product &product, ValueRange inputs, int64_t begin,
            Value sum);
  Values interleave(ValueRange first, ValueRange second);
  Values dotRows(ArrayRef<Values> rows, ValueRange running, int64_t width);
  Values dotStrip(ValueRange inputs, ValueRange running, int64_t width);

  // The two shapes of work.
  Values sweepStrips(ValueRange tensors);
  /// What is added to `sum`, of an op whose results are sums.
  static Value getAddend(BlockArgument sum);
  SmallVector<unsigned> getChainedSquares();
  void swapChains(ArrayRef<unsigned> squares, Values &state);
  Values endChains(ArrayRef<unsigned> squares, Values state);
  Values sumRowsInChains(ArrayRef<unsigned> squares, Values known,
                         ValueRange tensors);
  void markPrefetch(ValueRange results);
  Values sweepJammed(const Strip &strip, ValueRange known,
                     ArrayRef<Values> perRow, ValueRange tensors);
  Values sweepRows(Values known, ValueRange tensors);
  void forRowsAtOnce(ArrayRef<unsigned> dims, function_ref<void()> body);
  Values sumStrip(Values known, int64_t width, ValueRange start,
                  ValueRange tensors);
  Values sweepStrip(const Strip &strip, ValueRange known, ValueRange tensors);
  bool isOneStep(const Strip &strip);
  int64_t getSumWidth(const Strip &strip);
  Values addPoints(const Strip &strip, ValueRange perNest, ValueRange running);
  Values reduceStrip(const Strip &strip, ValueRange perNest,
                     ValueRange running);
  Values reduceStrips(ValueRange tensors);

  RewriterBase &b;
  Location loc;
  linalg::LinalgOp op;
  int64_t vectorBits, unroll;
  bool avx512BF16;
  /// Elements of a register; of one of bf16 where dot products add up a strip.
  int64_t lanes;
  SmallVector<OpFoldResult> sizes;
  std::optional<unsigned> stripDim;
  SmallVector<Strip> strips;
  SmallVector<unsigned> outerDims, reductionDims;
  /// Of a reduction across strips: the dimensions that are walked outside of
  /// the strips, in memory order.
  SmallVector<unsigned> rowDims;
  /// Of a sweep whose rows share what they read: the dimension of the rows.
  SmallVector<unsigned> jammedDims;
  /// Rows that are summed apart before they are added to longer sums, or that
  /// share what they read.
  int64_t rowsAtOnce = 1;
  /// isSum: every result is a sum, so that parts may be summed apart.
  bool stripIsReduction = false, isSum = false, sumLanes = false;
  /// The factors of what each result is a sum of, where these are dot products.
  SmallVector<Product> dots;
  /// Alignment to mark loops over vectors with for non-temporal stores, or 0.
  int64_t nontemporal = 0;
  /// Current index of each dimension; null where no loop is open.
  Values indices;
  /// Of the current strip, if it is masked.
  Value mask;
};

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_TILEVECTORIZER_H
