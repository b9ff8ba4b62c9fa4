//===- LookAhead.h - Values of iterations to come ---------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase 'buffer'.
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_LOOKAHEAD_H
#define BN_LIB_CODEGEN_CPU_LOOKAHEAD_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::bn {

/// Whether `value` changes from row to row while all loops in `rows` stand
/// still; nothing when that cannot be told, or the value not be computed ahead.
std::optional<bool> movesWith(scf::ForOp rows, Value value);

/// Computes values of one loop as they will be some iterations later.
class LookAhead {
public:
  /// The induction variable is `distance` steps later, or in the last
  /// iteration.
  LookAhead(RewriterBase &b, scf::ForOp rows, int64_t distance);

  /// `value`, of which movesWith() knows, in that iteration. It is computed
  /// where `value` is, or outside of the loops that it does not depend on.
  Value get(Value value);

private:
  RewriterBase &b;
  scf::ForOp rows;
  IRMapping later;
};

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_LOOKAHEAD_H
