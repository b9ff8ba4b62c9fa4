//===- BitAccess.h - Reads and writes of bits -------------------*- C++ -*-===//
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

#ifndef BN_LIB_CODEGEN_CPU_BITACCESS_H
#define BN_LIB_CODEGEN_CPU_BITACCESS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::bn {

/// The number of bits in a byte.
inline constexpr int64_t kByteBits = 8;

/// True for a buffer that a `bn.view_bits` makes of bytes, or a view of it.
bool isOfBits(Value buffer);

/// Creates accesses to vectors of bits in `memory`, a buffer of bytes of rank 1.
/// They are whole bytes, with a mask of bytes or none, or in one byte. `bit` is
/// the number of the first bit.
struct BitAccess {
  /// Returns a vector of `lanes` elements of i1.
  Value createRead(int64_t lanes, Value bit, Value mask);
  void createWrite(Value bits, Value bit, Value mask);

  OpBuilder &b;
  Location loc;
  Value memory;

private:
  Value createByteRead(int64_t count, Value bit, Value mask);
  void createByteWrite(Value bytes, Value bit, Value mask);
  Value createShift(Value bit);
  Value createPartialRead(int64_t lanes, Value bit);
  void createPartialWrite(Value bits, Value bit);
};

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_BITACCESS_H
