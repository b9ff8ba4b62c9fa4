//===- SelectLoweringStrategy.h - How ops become loops ----------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_COMMON_SELECTLOWERINGSTRATEGY_H
#define BN_LIB_CODEGEN_COMMON_SELECTLOWERINGSTRATEGY_H

#include "bn/Codegen/Common/MachineModel.h"
#include "bn/Dialect/BN/IR/BNOps.h"

namespace mlir::bn {

/// Register tiles in a row that are too few for a loop which can be moved to
/// where cache lines start: rows with fewer are packed (bn-pack-narrow-rows).
inline constexpr int64_t kFewTiles = 4;

/// What is taken to be true of sizes that are not known.
struct SizeAssumption {
  /// The data are more than getMostCachedBytes().
  bool isLarge = false;
  /// Rows are long: getLongRow().
  bool hasLongRows = false;
};

/// Returns the strategy for `op` on `machine`, for a team of `threads` or, if
/// that is 0, of as many as there are.
LoweringStrategyAttr selectLoweringStrategy(IndexedOpInterface op,
                                            const MachineModel &machine,
                                            int64_t threads,
                                            SizeAssumption assumption = {});

/// Returns the machine that `module` is compiled for, with registers of
/// `vectorBits` unless that is 0, and AVX512-BF16 if `avx512BF16`. Fails with a
/// diagnostic when the module's description of it, or an option, makes no
/// sense.
FailureOr<MachineModel> getMachine(ModuleOp module, int64_t vectorBits,
                                   int64_t threads, bool avx512BF16);

/// True where the last dimension is one of the channels.
bool hasContiguousChannels(IndexedOpInterface op);

/// The number of tensors of the data's size that `op` reads, each once, and
/// writes; 0 where it writes none.
int64_t countData(IndexedOpInterface op);

/// Those of them that it reads.
int64_t countReadData(IndexedOpInterface op);

/// True for an op that sums up its data before it goes over them again, where
/// the two can be one loop. (Statistics with a mask read each tile twice.)
bool sweepsTwice(Operation *op);

/// Elements of a row of unknown length that are enough for vectors across one
/// row: fewer where the last vector can be masked and the data stay in the
/// caches.
int64_t getLongRow(const MachineModel &machine, StoreKind stores);

/// True where channels whose rows are `row` elements of `elementBytes` are
/// better off as one long row, over whose elements what there is per channel is
/// spread: that is written once, and read by `rows` rows.
bool paysToSpread(int64_t rows, int64_t row, int64_t elementBytes,
                  StoreKind stores);

/// Bytes of data, inputs and outputs, up to which the stores of `op` go to the
/// caches.
int64_t getMostCachedBytes(IndexedOpInterface op, const MachineModel &machine);

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_COMMON_SELECTLOWERINGSTRATEGY_H
