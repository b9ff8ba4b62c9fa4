//===- TileSlices.h - Tiles of operands -------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_DIALECT_BN_TRANSFORMS_TILESLICES_H
#define BN_LIB_DIALECT_BN_TRANSFORMS_TILESLICES_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace mlir::bn {

using OFRs = SmallVector<OpFoldResult>;

/// A tile of an operand.
struct Tile {
  OFRs offsets, sizes;
};

/// The part of an operand with map `map` that a tile of the iteration space
/// touches.
Tile projectTile(OpBuilder &b, AffineMap map, ArrayRef<OpFoldResult> offsets,
                 ArrayRef<OpFoldResult> sizes);

/// The slice of the tensor `source` that `tile` is; null on buffers.
Value extractTile(OpBuilder &b, Location loc, Value source, const Tile &tile);

/// Gives the ops that reduce their PartialReductionOpInterface.
void attachPartialReductionModels(MLIRContext *context);

} // namespace mlir::bn

#endif // BN_LIB_DIALECT_BN_TRANSFORMS_TILESLICES_H
