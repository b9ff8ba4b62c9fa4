//===- Utils.cpp - Building blocks for lowering bn ops --------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "bn/Dialect/BN/Utils/Utils.h"
#include "bn/Dialect/BN/IR/BNOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace mlir::bn;

/// A tile that is at most this long gets buffers of this static size, which can
/// live on the stack, also where its own size is dynamic.
static constexpr int64_t kSmallTile = 256;

linalg::GenericOp mlir::bn::createGeneric(OpBuilder &builder, Operation *from,
                                          ValueRange ins, ValueRange outs,
                                          ArrayRef<AffineMap> maps,
                                          ArrayRef<utils::IteratorType> kinds,
                                          BodyBuilder body) {
  auto generic = linalg::GenericOp::create(
      builder, from->getLoc(), TypeRange(outs), ins, outs, maps, kinds,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(nested, loc, body(nested, loc, arguments));
      });
  copyLoweringStrategy(from, generic);
  return generic;
}

linalg::GenericOp mlir::bn::createElementwise(OpBuilder &builder,
                                              Operation *from, ValueRange ins,
                                              ValueRange outs,
                                              BodyBuilder body) {
  int64_t rank = cast<ShapedType>(outs[0].getType()).getRank();
  SmallVector<AffineMap> maps(
      ins.size() + outs.size(),
      AffineMap::getMultiDimIdentityMap(rank, builder.getContext()));
  SmallVector<utils::IteratorType> kinds(rank, utils::IteratorType::parallel);
  return createGeneric(builder, from, ins, outs, maps, kinds, body);
}

Value mlir::bn::convertFloat(OpBuilder &builder, Location loc, Value value,
                             Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  unsigned to = type.getIntOrFloatBitWidth();
  if (from < to)
    return arith::ExtFOp::create(builder, loc, type, value);
  if (from > to) {
    // Directly from f64 to bf16 would be a call of a library function.
    if (from == 64 && type.isBF16())
      value =
          arith::TruncFOp::create(builder, loc, builder.getF32Type(), value);
    return arith::TruncFOp::create(builder, loc, type, value);
  }
  assert(value.getType() == type && "no conversion between f16 and bf16");
  return value;
}

Value mlir::bn::convertTensor(OpBuilder &builder, Operation *op, Value from,
                              Value out) {
  // A generic that only yields its input would be folded away, and with it the
  // destination.
  if (getElementTypeOrSelf(from.getType()) ==
      getElementTypeOrSelf(out.getType())) {
    auto copy = linalg::CopyOp::create(builder, op->getLoc(), from, out);
    copyLoweringStrategy(op, copy);
    return copy.getResult(0);
  }
  auto body = [](OpBuilder &b, Location loc,
                 ValueRange args) -> SmallVector<Value> {
    return {convertFloat(b, loc, args[0], args[1].getType())};
  };
  return createElementwise(builder, op, from, out, body).getResult(0);
}

Value mlir::bn::floatConstant(OpBuilder &builder, Location loc, double value,
                              Type type) {
  return arith::ConstantOp::create(builder, loc,
                                   builder.getFloatAttr(type, value));
}

/// Static size that dimension `dim` of `source` cannot exceed, if there is a
/// small one.
static std::optional<int64_t> getSmallBound(Value source, int64_t dim) {
  FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, {source, dim}, /*stopCondition=*/nullptr,
      /*closedUB=*/true);
  if (failed(bound) || *bound > kSmallTile)
    return std::nullopt;
  return *bound;
}

Value mlir::bn::createEmptyLike(OpBuilder &builder, Location loc, Value source,
                                ArrayRef<int64_t> dims, Type element) {
  SmallVector<OpFoldResult> sizes, room;
  for (int64_t dim : dims) {
    sizes.push_back(tensor::getMixedSize(builder, loc, source, dim));
    room.push_back(sizes.back());
    if (!isa<Value>(sizes.back()))
      continue;
    if (std::optional<int64_t> bound = getSmallBound(source, dim))
      room.back() = builder.getIndexAttr(*bound);
  }
  Value empty = tensor::EmptyOp::create(builder, loc, room, element);
  if (room == sizes)
    return empty;
  SmallVector<OpFoldResult> zeros(dims.size(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(dims.size(), builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc, empty, zeros, sizes,
                                        ones);
}

Value mlir::bn::createZerosLike(OpBuilder &builder, Location loc, Value source,
                                ArrayRef<int64_t> dims, Type element) {
  Value empty = createEmptyLike(builder, loc, source, dims, element);
  Value zero = floatConstant(builder, loc, 0.0, element);
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

Value mlir::bn::getViewedTensor(Value tensor) {
  while (Operation *op = tensor.getDefiningOp()) {
    if (!isa<tensor::ExtractSliceOp, tensor::CastOp, tensor::CollapseShapeOp,
             tensor::ExpandShapeOp>(op))
      break;
    tensor = op->getOperand(0);
  }
  return tensor;
}

std::optional<int64_t>
mlir::bn::countReducedElements(ShapedType type,
                               ArrayRef<utils::IteratorType> kinds) {
  int64_t elements = 1;
  for (auto [size, kind] : llvm::zip_equal(type.getShape(), kinds)) {
    if (kind != utils::IteratorType::reduction)
      continue;
    if (ShapedType::isDynamic(size))
      return std::nullopt;
    elements *= size;
  }
  return elements;
}

bool mlir::bn::isZeroFilled(Value value) {
  auto fill = value.getDefiningOp<linalg::FillOp>();
  return fill && matchPattern(fill.value(), m_AnyZeroFloat());
}

Value mlir::bn::skipZeroFill(Value value) {
  return isZeroFilled(value) ? value.getDefiningOp<linalg::FillOp>().output()
                             : value;
}

ValueRange mlir::bn::mergePartialResults(OpBuilder &builder, Operation *op,
                                         ValueRange partial,
                                         ValueRange running) {
  if (isa<StatsOp>(op))
    return MergeStatsOp::create(builder, op->getLoc(), TypeRange(running),
                                partial[0], partial[1], partial[2], running)
        .getResults();
  assert(isa<BackwardReduceOp>(op) && "no other op has partial results");
  auto body = [&](OpBuilder &nested, Location loc,
                  ValueRange args) -> SmallVector<Value> {
    SmallVector<Value> sums;
    for (auto [part, sum] : llvm::zip_equal(args.take_front(partial.size()),
                                            args.drop_front(partial.size())))
      sums.push_back(arith::AddFOp::create(nested, loc, part, sum));
    return sums;
  };
  return createElementwise(builder, op, partial, running, body).getResults();
}

bool mlir::bn::isCheap(Block &code) {
  return llvm::all_of(code, [](Operation &scalar) {
    return !isa<math::MathDialect>(scalar.getDialect()) ||
           isa<math::AbsFOp, math::CopySignOp, math::FmaOp>(scalar);
  });
}

bool mlir::bn::hasWholeLines(ShapedType data, LoweringStrategyAttr strategy) {
  int64_t last = data.getRank() - 1, bits = data.getElementTypeBitWidth();
  if (last < 0 || data.isDynamicDim(last))
    return false;
  int64_t size = data.getDimSize(last);
  int64_t lanes = strategy.getVectorBits() /
                  getAccumulatorType(data.getElementType()).getWidth();
  return size * bits % (8 * kCacheLineBytes) == 0 &&
         size >= std::max<int64_t>(strategy.getUnroll(), 2) * lanes;
}

void mlir::bn::copyLoweringStrategy(Operation *from, Operation *to) {
  if (Attribute strategy = from->getAttr(kLoweringStrategyAttrName))
    to->setAttr(kLoweringStrategyAttrName, strategy);
}
