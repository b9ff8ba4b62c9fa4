//===- BNOps.h - Operations of the bn dialect -------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_DIALECT_BN_IR_BNOPS_H
#define BN_DIALECT_BN_IR_BNOPS_H

#include "bn/Dialect/BN/IR/BNDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include "bn/Dialect/BN/IR/BNInterfaces.h.inc"

#define GET_OP_CLASSES
#include "bn/Dialect/BN/IR/BNOps.h.inc"

namespace mlir::bn {

/// `axis` as sorted, non-negative dimensions of a value of rank `rank`.
SmallVector<int64_t> normalizeAxis(ArrayRef<int64_t> axis, int64_t rank);

/// Map of an operand with one entry per channel, for data of rank `rank`.
AffineMap getChannelMap(int64_t rank, ArrayRef<int64_t> axis,
                        MLIRContext *context);

/// Floating-point type in which elements of type `element` are summed inside
/// one tile: f64 for f64, else f32.
FloatType getAccumulatorType(Type element);

/// How many parts with statistics of their own the batch of `op` is cut in; 1
/// for an op that cannot cut it.
int64_t getNumGroups(Operation *op);

/// True when `op` may stand in an epilogue or a prologue: it is elementwise, on
/// scalars, and free of memory effects.
bool isLegalInScalarCode(Operation *op);

/// Copies the scalar code of `from`, if there is some, to the empty region that
/// `to` has then. The inputs of the code are up to the caller.
void cloneScalarCode(ScalarCodeOpInterface from, ScalarCodeOpInterface to);

/// Puts the same op with an empty region for scalar code, or with none, in the
/// place of `op`. On tensors it has a result for each of its outs, of which
/// `op` may have got more than it has results.
ScalarCodeOpInterface recreateWithScalarCode(RewriterBase &rewriter,
                                             ScalarCodeOpInterface op,
                                             bool hasCode);

/// What the scalar code of `op` makes of `element` and of one element of each
/// of its inputs, in the types of its block: all that it yields. Without code,
/// `element`.
SmallVector<Value> inlineScalarCode(OpBuilder &builder,
                                    ScalarCodeOpInterface op, Value element,
                                    ValueRange inputs);

} // namespace mlir::bn

#endif // BN_DIALECT_BN_IR_BNOPS_H
