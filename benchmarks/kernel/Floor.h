//===- Floor.h - What memory allows -----------------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The yardstick of every measurement: loops that move the bytes a batch
// normalization has to move at least, once, and compute next to nothing.
// Inference and training read a tensor and write one; backward, and forward
// with an addend, read two and write one. Backward through an epilogue has the
// same floor, though it also reads the output of a ReLU and writes the gradient
// of an addend. Each loop exists with ordinary stores and with stores past the
// caches; the faster of the two is the floor of the moment.
//
// The interface is C, so that benchmarks in other languages use the very same
// loops (libbn-floor.so).
//
//===----------------------------------------------------------------------===//

#ifndef BN_BENCHMARKS_KERNEL_FLOOR_H
#define BN_BENCHMARKS_KERNEL_FLOOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Reads `bytes` bytes of `first`, and of `second` unless it is null, and
/// writes as many to `output`, in equal contiguous pieces on `threads` threads
/// of the OpenMP runtime. Whole vectors are moved: addresses and the room
/// behind them must be multiples of 64 bytes.
__attribute__((visibility("default"))) void
bnFloor(void *output, const void *first, const void *second, int64_t bytes,
        int32_t threads, int32_t streaming);

/// Returns the seconds of one call of bnFloor: the median of `samples` times,
/// each of `batch` calls, after a call that is not measured.
__attribute__((visibility("default"))) double
bnFloorBlock(void *output, const void *first, const void *second, int64_t bytes,
             int32_t threads, int32_t streaming, int32_t samples,
             int32_t batch);

#ifdef __cplusplus
}
#endif

#endif // BN_BENCHMARKS_KERNEL_FLOOR_H
