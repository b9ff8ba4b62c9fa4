//===- Registers16Bit.h - Registers of 512 bits of f16 or bf16 --*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_LIB_CODEGEN_CPU_REGISTERS16BIT_H
#define BN_LIB_CODEGEN_CPU_REGISTERS16BIT_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::bn {

/// Numbers of 16 bits in a register of 512.
inline constexpr int32_t kLanes16Bit = 32;

/// True for a vector of f16 or bf16 that fills such registers.
inline bool isWholeRegisters(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector && vector.getRank() == 1 && !vector.isScalable() &&
         (vector.getElementType().isBF16() ||
          vector.getElementType().isF16()) &&
         vector.getDimSize(0) % kLanes16Bit == 0;
}

/// `size` elements of `vector` from `begin`.
inline Value extract(OpBuilder &b, Location loc, Value vector, int32_t begin,
                     int32_t size) {
  auto indices = llvm::to_vector(llvm::seq<int32_t>(begin, begin + size));
  return LLVM::ShuffleVectorOp::create(b, loc, vector, vector, indices);
}

} // namespace mlir::bn

#endif // BN_LIB_CODEGEN_CPU_REGISTERS16BIT_H
