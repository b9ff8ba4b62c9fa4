// What the pipeline refuses, with one message each. (Ops that have no lowering
// are in Dialect/BN/invalid-decompose.mlir; here they are large enough to be
// tiled in parallel first.)

// RUN: not bn-opt %s --bn-cpu-pipeline=compile-to=assembly 2>&1 | FileCheck %s --check-prefix=PHASE
// RUN: not bn-opt %s --bn-cpu-pipeline=threads=many 2>&1 | FileCheck %s --check-prefix=THREADS
// RUN: not bn-opt %s --bn-cpu-pipeline=jobs=2 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline=threads=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline=vector-bits=100 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: bn-opt %s --bn-cpu-pipeline --verify-diagnostics --split-input-file

// PHASE: for the --compile-to option: expected one of the phases input, bn, tiled, linalg, vector, buffer, llvm, got 'assembly'
// THREADS: for the --threads option: 'many' value invalid
// OPTION: no such option jobs
// NEGATIVE: expected 'threads' to be 0 to 1024, got -1
// BITS: expected 'vector_bits' to be a power of two from 64 to 4096, got 100

func.func @buffers(%x: memref<64x64x64xf32>, %c: memref<64xf32>) {
  // expected-error @below {{expected operands to be tensors, got memrefs: lower before bufferization}}
  bn.training axis(1) epsilon(1.0) ins(%x : memref<64x64x64xf32>)
      outs(%x, %c, %c : memref<64x64x64xf32>, memref<64xf32>, memref<64xf32>)
  return
}

// -----

// A strategy by hand that cannot be obeyed: a slab has whole reductions.
func.func @strategy(%x: tensor<64x64x64xf32>, %c: tensor<64xf32>)
    -> tensor<64x64x64xf32> {
  // expected-error @below {{tiling parallel dimensions is not supported with partial reduction tiling strategies}}
  // expected-error @below {{expected a strategy that the op can be tiled with, got #bn.lowering_strategy<slab}}
  %y, %m, %v = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
       parallel = [8, 1, 0], tile = [0, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<64x64x64xf32>)
      outs(%x, %c, %c : tensor<64x64x64xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<64x64x64xf32>, tensor<64xf32>, tensor<64xf32>
  return %y : tensor<64x64x64xf32>
}
