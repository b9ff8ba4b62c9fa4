// Options out of range.

// RUN: not bn-opt %s --bn-vectorize-tiles=vector-bits=100 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not bn-opt %s --bn-vectorize-tiles=unroll=0 2>&1 | FileCheck %s --check-prefix=UNROLL

// BITS: error: expected 'vector_bits' to be a power of two from 64 to 4096, got 100
// UNROLL: error: expected 'unroll' to be a power of two from 1 to 64, got 0
func.func @nothing() {
  return
}
