// Options that make no sense, with sizes that are not known.

// RUN: not bn-opt %s --bn-version-dynamic-shapes=vector-bits=3 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not bn-opt %s --bn-version-dynamic-shapes=threads=-5 2>&1 | FileCheck %s --check-prefix=THREADS
// BITS: error: expected 'vector_bits' to be a power of two from 64 to 4096, got 3
// THREADS: error: expected 'threads' to be 0 to 1024, got -5

func.func @f(%x: tensor<?x8xf32>, %m: tensor<8xf32>) -> tensor<?x8xf32> {
  %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<?x8xf32>)
      statistics(%m, %m : tensor<8xf32>, tensor<8xf32>)
      outs(%x : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
