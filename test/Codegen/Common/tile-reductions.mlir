// Structural ops are tiled as their strategy says; ops without one stay.

// RUN: bn-opt %s --bn-tile-reductions --canonicalize --cse --split-input-file | FileCheck %s

// One partial result per piece, tiles in the piece, merges in order.
// CHECK-LABEL: func @row_blocks
//  CHECK-SAME:     %{{[a-z0-9]+}}: tensor<1024x128xf32>, %[[C:[a-z0-9]+]]: tensor<128xf64>
//       CHECK:   %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<4x128xf64>
//       CHECK:   scf.forall {{.*}} = (0) to (1024) step (256) shared_outs(%{{.*}} = %[[ZERO]],
//       CHECK:     scf.for %{{.*}} = %c0 to %c256 step %c64
//       CHECK:       scf.for %{{.*}} = %c0 to %c128 step %c32
//       CHECK:         bn.stats axis(1)
//  CHECK-SAME:           parallel = [0, 0], tile = [0, 0]
//  CHECK-SAME:           ins(%{{[^ ]+}} : tensor<64x32xf32>)
//       CHECK:     scf.forall.in_parallel
//       CHECK:   scf.for %{{.*}} = %c0 to %c4 step %c1 iter_args(%[[N:.*]] = %[[C]], %[[M:.*]] = %[[C]], %[[S:.*]] = %[[C]])
//       CHECK:     bn.merge_stats {{.*}} outs(%[[N]], %[[M]], %[[S]] :
func.func @row_blocks(%x: tensor<1024x128xf32>, %c: tensor<128xf64>)
    -> tensor<128xf64> {
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [-4, 0], tile = [64, 32], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<1024x128xf32>)
      outs(%c, %c, %c : tensor<128xf64>, tensor<128xf64>, tensor<128xf64>)
      -> tensor<128xf64>, tensor<128xf64>, tensor<128xf64>
  return %m : tensor<128xf64>
}

// -----

// One thread: tiles only.
// CHECK-LABEL: func @single
//   CHECK-NOT:   scf.forall
//       CHECK:   scf.for
//       CHECK:     bn.stats axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<1x4x100xf32>)
func.func @single(%x: tensor<8x4x100xf32>, %c: tensor<4xf64>) -> tensor<4xf64> {
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<single, threads = 1,
       parallel = [0, 0, 0], tile = [1, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x4x100xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %m : tensor<4xf64>
}

// -----

// A normalization is cut in pieces of its data.
// CHECK-LABEL: func @sweep
//       CHECK:   scf.forall (%{{.*}}, %{{.*}}) = (0, 0) to (8, 64) step (1, 16)
//       CHECK:     bn.normalize axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<1x16x784xf32>) mean(%{{[^ ]+}} : tensor<16xf32>)
//       CHECK:   } {bn.threads = 5 : i64}
func.func @sweep(%x: tensor<8x64x784xf32>, %m: tensor<64xf32>)
    -> tensor<8x64x784xf32> {
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 5,
       parallel = [-8, -4, 0], tile = [0, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x64x784xf32>) mean(%m : tensor<64xf32>)
      outs(%x : tensor<8x64x784xf32>) -> tensor<8x64x784xf32>
  return %y : tensor<8x64x784xf32>
}

// -----

// An empty dimension makes no piece of size 0.
// CHECK-LABEL: func @dynamic
//       CHECK:   affine.max
//       CHECK:   scf.forall
//       CHECK:     bn.stats axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<?x?xf32>)
//       CHECK:   bn.merge_stats
func.func @dynamic(%x: tensor<?x?xf32>, %c: tensor<?xf64>) -> tensor<?xf64> {
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [-4, 0], tile = [0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<?x?xf32>)
      outs(%c, %c, %c : tensor<?xf64>, tensor<?xf64>, tensor<?xf64>)
      -> tensor<?xf64>, tensor<?xf64>, tensor<?xf64>
  return %m : tensor<?xf64>
}

// -----

// CHECK-LABEL: func @no_strategy
//   CHECK-NOT:   scf.for
//       CHECK:   return
func.func @no_strategy(%x: tensor<8x4xf32>, %c: tensor<4xf64>)
    -> (tensor<4xf64>, tensor<8x4xf32>) {
  %n, %m, %s = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %m, %y : tensor<4xf64>, tensor<8x4xf32>
}
