// A training op whose strategy is 'slab' becomes a loop over channel groups;
// its tiles keep the strategy, without what has been obeyed.

// RUN: bn-opt %s --bn-tile-slabs --split-input-file | FileCheck %s

// CHECK-LABEL: func @slab
//       CHECK:   scf.forall (%{{.*}}) = (0) to (64) step (2)
//       CHECK:     bn.training axis(1) epsilon(1.000000e+00)
//  CHECK-SAME:       <slab, threads = 2, parallel = [0, 0, 0], tile = [1, 0, 0],
//  CHECK-SAME:       ins(%{{[^ ]+}} : tensor<8x2x784xf32>)
// The size of the team goes with the loop.
//       CHECK:   } {bn.threads = 2 : i64}
func.func @slab(%x: tensor<8x64x784xf32>, %c: tensor<64xf32>)
    -> tensor<8x64x784xf32> {
  %y, %m, %v = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 2,
       parallel = [0, 2, 0], tile = [1, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x64x784xf32>)
      outs(%x, %c, %c : tensor<8x64x784xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x64x784xf32>, tensor<64xf32>, tensor<64xf32>
  return %y : tensor<8x64x784xf32>
}

// -----

// `-p`: at most p pieces; the last one is smaller.
// CHECK-LABEL: func @pieces
//       CHECK:   scf.forall (%{{.*}}) = (0) to (10) step (3)
//       CHECK:     affine.min
//       CHECK:     bn.training {{.*}} ins(%{{[^ ]+}} : tensor<8x?xf32>)
func.func @pieces(%x: tensor<8x10xf32>, %c: tensor<10xf32>) -> tensor<8x10xf32> {
  %y, %m, %v = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
       parallel = [0, -4], tile = [0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x10xf32>)
      outs(%x, %c, %c : tensor<8x10xf32>, tensor<10xf32>, tensor<10xf32>)
      -> tensor<8x10xf32>, tensor<10xf32>, tensor<10xf32>
  return %y : tensor<8x10xf32>
}

// -----

// Only slabs; and only where the output is used: the statistics alone are a
// reduction.
// CHECK-LABEL: func @others
//   CHECK-NOT:   scf.forall
//       CHECK:   return
func.func @others(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> (tensor<8x4xf32>, tensor<4xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [-4, 0], tile = [0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  %z, %n, %w = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
       parallel = [0, 1], tile = [0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return %y, %n : tensor<8x4xf32>, tensor<4xf32>
}

// -----

// Of gradients the same: not where there are sums alone, nor where there is
// nothing to sum.
// CHECK-LABEL: func @gradients
//       CHECK:   scf.forall (%{{.*}}) = (0) to (64) step (2)
//       CHECK:     bn.backward axis(1) epsilon(1.000000e+00) wrt(input, scale)
//  CHECK-SAME:       ins(%{{[^ ]+}}, %{{[^ ]+}} : tensor<8x2x784xf32>, tensor<8x2x784xf32>)
//   CHECK-NOT:   scf.forall (
//       CHECK:   bn.backward axis(1) epsilon(1.000000e+00) wrt(offset)
//       CHECK:   bn.backward axis(1) epsilon(1.000000e+00) wrt(input) frozen
#slab = #bn.lowering_strategy<slab, threads = 2, parallel = [0, 2, 0],
    tile = [1, 0, 0], vector_bits = 256, unroll = 4, stores = temporal>
func.func @gradients(%x: tensor<8x64x784xf32>, %c: tensor<64xf32>)
    -> (tensor<8x64x784xf32>, tensor<64xf32>, tensor<64xf32>,
        tensor<8x64x784xf32>) {
  %a:2 = bn.backward axis(1) epsilon(1.0) wrt(input, scale)
      {bn.lowering_strategy = #slab}
      ins(%x, %x : tensor<8x64x784xf32>, tensor<8x64x784xf32>)
      statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%x, %c : tensor<8x64x784xf32>, tensor<64xf32>)
      -> tensor<8x64x784xf32>, tensor<64xf32>
  %b = bn.backward axis(1) epsilon(1.0) wrt(offset)
      {bn.lowering_strategy = #slab}
      ins(%x, %x : tensor<8x64x784xf32>, tensor<8x64x784xf32>)
      statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%c : tensor<64xf32>) -> tensor<64xf32>
  %d = bn.backward axis(1) epsilon(1.0) wrt(input) frozen
      {bn.lowering_strategy = #slab}
      ins(%x, %x : tensor<8x64x784xf32>, tensor<8x64x784xf32>)
      statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%x : tensor<8x64x784xf32>) -> tensor<8x64x784xf32>
  return %a#0, %a#1, %b, %d : tensor<8x64x784xf32>, tensor<64xf32>,
      tensor<64xf32>, tensor<8x64x784xf32>
}
