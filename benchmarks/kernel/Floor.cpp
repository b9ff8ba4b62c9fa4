//===- Floor.cpp - What memory allows -------------------------------------===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Built for the host's widest vectors, whatever the rest is built for.
//
//===----------------------------------------------------------------------===//

#include "Floor.h"

#include "Timing.h"

#include <algorithm>

namespace {

#if defined(__AVX512F__)
constexpr int64_t kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int64_t kVectorBytes = 32;
#else
constexpr int64_t kVectorBytes = 16;
#endif
typedef long long Vector __attribute__((vector_size(kVectorBytes)));

/// Threads share no cache line.
constexpr int64_t kLineBytes = 64;
constexpr int64_t kVectorsPerLine = kLineBytes / kVectorBytes;
/// Lines per iteration: enough loads in flight.
constexpr int64_t kUnroll = 4;

/// The arithmetic only keeps the compiler from calling memcpy instead.
template <bool hasSecond>
Vector combine(const Vector *first, const Vector *second) {
  return hasSecond ? *first ^ *second : ~*first;
}

template <bool streaming> void store(Vector value, Vector *address) {
  if (streaming)
    __builtin_nontemporal_store(value, address);
  else
    *address = value;
}

template <bool streaming, bool hasSecond>
void movePiece(Vector *output, const Vector *first, const Vector *second,
               int64_t count) {
  constexpr int64_t step = kUnroll * kVectorsPerLine;
  int64_t i = 0;
  for (; i + step <= count; i += step) {
    Vector values[step];
#pragma clang loop unroll(full)
    for (int64_t j = 0; j < step; ++j)
      values[j] = combine<hasSecond>(first + i + j, second + i + j);
#pragma clang loop unroll(full)
    for (int64_t j = 0; j < step; ++j)
      store<streaming>(values[j], output + i + j);
  }
#pragma clang loop unroll(disable) vectorize(disable)
  for (; i < count; ++i)
    store<streaming>(combine<hasSecond>(first + i, second + i), output + i);
}

template <bool streaming, bool hasSecond>
void moveAll(Vector *output, const Vector *first, const Vector *second,
             int64_t bytes, int threads) {
  int64_t lines = (bytes + kLineBytes - 1) / kLineBytes;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int piece = 0; piece < threads; ++piece) {
    int64_t begin = lines * piece / threads * kVectorsPerLine;
    int64_t end = lines * (piece + 1) / threads * kVectorsPerLine;
    movePiece<streaming, hasSecond>(output + begin, first + begin,
                                    hasSecond ? second + begin : nullptr,
                                    end - begin);
  }
}

} // namespace

void bnFloor(void *output, const void *first, const void *second, int64_t bytes,
             int32_t threads, int32_t streaming) {
  auto *out = static_cast<Vector *>(output);
  auto *a = static_cast<const Vector *>(first);
  auto *b = static_cast<const Vector *>(second);
  auto *move = b ? (streaming ? moveAll<true, true> : moveAll<false, true>)
                 : (streaming ? moveAll<true, false> : moveAll<false, false>);
  move(out, a, b, bytes, std::max(threads, 1));
}

double bnFloorBlock(void *output, const void *first, const void *second,
                    int64_t bytes, int32_t threads, int32_t streaming,
                    int32_t samples, int32_t batch) {
  return mlir::bn::bench::measureBlock({samples, batch}, [&] {
    bnFloor(output, first, second, bytes, threads, streaming);
  });
}
