//===- MachineModel.h - What strategies need to know ------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef BN_CODEGEN_COMMON_MACHINEMODEL_H
#define BN_CODEGEN_COMMON_MACHINEMODEL_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::bn {

/// Registers of at least so many bits have masks that cost nothing.
inline constexpr int64_t kMaskedBits = 512;

/// What a few cores may expect of a last-level cache. Larger ones belong to
/// some dozens of cores, of which a virtual machine sees a few and the others
/// are busy, too (docs/Rationale.md).
inline constexpr int64_t kMostL3Bytes = 48 << 20;

/// Sizes of the machine that code is generated for.
struct MachineModel {
  int64_t l1Bytes = 32 << 10;
  int64_t l2Bytes = 512 << 10;
  int64_t l3Bytes = 16 << 20;
  int64_t vectorBits = 128;
  /// It has the instructions AVX512-BF16.
  bool avx512BF16 = false;
  /// Threads that run at a time.
  int64_t cores = 1;

  /// True where one instruction multiplies and adds up pairs of bf16 in a
  /// register.
  bool hasDots() const {
    return avx512BF16 && vectorBits >= 128 && vectorBits <= 512;
  }

  /// True where the last-level cache is so large that it is one of dozens of
  /// cores, and far from each: what fits the L2 cache should stay in it. Where
  /// it is near, what fills much of it is swept in the order of memory, since
  /// others may use it, too, as are some gradients past it; and rows are asked
  /// for further ahead.
  bool hasFarL3() const { return l3Bytes >= kMostL3Bytes; }

  /// True where the L1 cache has at most 32 KiB: what is read and written past
  /// it takes the place of what is needed again, and what several short rows
  /// need, past the last-level cache, has room only if it may fill all.
  bool hasSmallL1() const { return l1Bytes <= 32 << 10; }

  /// The machine that this process runs on. Of a last-level cache, what a few
  /// cores may expect: at most kMostL3Bytes.
  static MachineModel getHost();

  /// The host, overridden by the `dlti.target_system_spec` of `module`, if it
  /// has one. Fails with a diagnostic on entries that are not positive
  /// integers.
  static FailureOr<MachineModel> get(ModuleOp module);
};

} // namespace mlir::bn

#endif // BN_CODEGEN_COMMON_MACHINEMODEL_H
