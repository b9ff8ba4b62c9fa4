//===- Utils.h - Building blocks for lowering bn ops ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_UTILS_UTILS_H
#define BN_DIALECT_BN_UTILS_UTILS_H

#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/Builders.h"

namespace mlir::bn {

/// Body of a `linalg.generic`: one value per block argument in, one per result
/// out.
using BodyBuilder = function_ref<SmallVector<Value>(
    OpBuilder &, Location, ValueRange blockArguments)>;

/// `linalg.generic` on `ins` and `outs` with one map per operand; carries the
/// lowering strategy of `from`.
linalg::GenericOp createGeneric(OpBuilder &builder, Operation *from,
                                ValueRange ins, ValueRange outs,
                                ArrayRef<AffineMap> maps,
                                ArrayRef<utils::IteratorType> kinds,
                                BodyBuilder body);

/// `createGeneric` where all operands have one shape and each result depends on
/// the entries at its own index only.
linalg::GenericOp createElementwise(OpBuilder &builder, Operation *from,
                                    ValueRange ins, ValueRange outs,
                                    BodyBuilder body);

/// Converts a float to the float type `type`, whichever is wider.
Value convertFloat(OpBuilder &builder, Location loc, Value value, Type type);

/// The entries of `from` in `out`, converted to its element type. Carries the
/// lowering strategy of `op`.
Value convertTensor(OpBuilder &builder, Operation *op, Value from, Value out);

/// Float constant of type `type`.
Value floatConstant(OpBuilder &builder, Location loc, double value, Type type);

/// Uninitialized tensor with the sizes of dimensions `dims` of `source`.
Value createEmptyLike(OpBuilder &builder, Location loc, Value source,
                      ArrayRef<int64_t> dims, Type element);

/// The same, filled with zeros.
Value createZerosLike(OpBuilder &builder, Location loc, Value source,
                      ArrayRef<int64_t> dims, Type element);

/// The tensor that `tensor` is a slice, a cast or another shape of.
Value getViewedTensor(Value tensor);

/// How many elements of `type` make one result, the dimensions of which are of
/// `kinds`; nothing where a size is not known.
std::optional<int64_t>
countReducedElements(ShapedType type, ArrayRef<utils::IteratorType> kinds);

/// True where `value` is a tensor that is filled with zeros.
bool isZeroFilled(Value value);

/// What is filled with zeros to make `value`; else `value` itself.
Value skipZeroFill(Value value);

/// The mean of each channel of `input` in the type of its accumulators, in one
/// pass. Carries the lowering strategy of `from`.
Value createMean(OpBuilder &builder, Operation *from, Value input,
                 ArrayRef<int64_t> axis);

/// Merges partial results of `op`, a bn.stats or a bn.backward_reduce, into
/// those in `running`.
ValueRange mergePartialResults(OpBuilder &builder, Operation *op,
                               ValueRange partial, ValueRange running);

/// True for scalar code that takes no longer than to read what it is given.
bool isCheap(Block &code);

/// True for data whose rows can be written past the caches as they are, with
/// the register tiles of `strategy` or tiles of half their width: they are
/// whole cache lines, and more than one such tile, so that there is a loop over
/// them.
bool hasWholeLines(ShapedType data, LoweringStrategyAttr strategy);

/// Copies the lowering strategy of `from` to `to`, if there is one.
void copyLoweringStrategy(Operation *from, Operation *to);

} // namespace mlir::bn

#endif // BN_DIALECT_BN_UTILS_UTILS_H
