// Elementwise ops in front of tiled bn ops are computed tile by tile, and
// others stay.

// RUN: bn-opt %s --bn-tile-producers --canonicalize --split-input-file | \
// RUN:   FileCheck %s

// An addition and a ReLU behind it, with a bias per channel, on the view that
// the bn op has of their result: of slices of slices, too, and in both sweeps.
// CHECK-LABEL: func @chain
//  CHECK-SAME:     %[[A:[a-z0-9]+]]: tensor<8x64x5x6xf32>, %[[B:[a-z0-9]+]]: tensor<64xf32>
//       CHECK:   %[[A3:.*]] = tensor.collapse_shape %[[A]] {{\[}}[0], [1], [2, 3]]
//   CHECK-NOT:   linalg
//       CHECK:   scf.forall (%[[C:.*]]) =
//   CHECK-DAG:     %[[A1:.*]] = tensor.extract_slice %[[A3]][0, %[[C]], 0] [8, 16, 30] [1, 1, 1]
//   CHECK-DAG:     %[[B1:.*]] = tensor.extract_slice %[[B]][%[[C]]] [16] [1]
//       CHECK:     %[[S1:.*]] = linalg.generic {{.*}} ins(%[[A1]], %[[B1]] : tensor<8x16x30xf32>, tensor<16xf32>)
//       CHECK:     %[[R1:.*]] = linalg.map ins(%[[S1]] :
//       CHECK:     scf.for %[[N:[a-z0-9]+]] =
//       CHECK:       %[[A2:.*]] = tensor.extract_slice %[[A1]][%[[N]], 0, 0] [2, 16, 30] [1, 1, 1]
//       CHECK:       %[[S2:.*]] = linalg.generic {{.*}} ins(%[[A2]], %[[B1]] : tensor<2x16x30xf32>, tensor<16xf32>)
//       CHECK:       %[[R2:.*]] = linalg.map ins(%[[S2]] :
//       CHECK:       bn.stats {{.*}} ins(%[[R2]] : tensor<2x16x30xf32>)
//       CHECK:     bn.normalize {{.*}} ins(%[[R1]] : tensor<8x16x30xf32>)
#strategy = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 256, unroll = 2,
    stores = temporal>
#data = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#channel = affine_map<(d0, d1, d2, d3) -> (d1)>
func.func @chain(%a: tensor<8x64x5x6xf32>, %b: tensor<64xf32>,
    %m: tensor<16xf32>, %s0: tensor<16xf64>, %y0: tensor<8x64x30xf32>)
    -> tensor<8x64x30xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %e = tensor.empty() : tensor<8x64x5x6xf32>
  %s = linalg.generic {indexing_maps = [#data, #channel, #data],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%a, %b : tensor<8x64x5x6xf32>, tensor<64xf32>)
      outs(%e : tensor<8x64x5x6xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %sum = arith.addf %x, %y : f32
    linalg.yield %sum : f32
  } -> tensor<8x64x5x6xf32>
  %r = linalg.map ins(%s : tensor<8x64x5x6xf32>) outs(%e : tensor<8x64x5x6xf32>)
    (%x: f32, %o: f32) {
      %zero = arith.constant 0.0 : f32
      %relu = arith.maximumf %x, %zero : f32
      linalg.yield %relu : f32
    }
  %x = tensor.collapse_shape %r [[0], [1], [2, 3]]
      : tensor<8x64x5x6xf32> into tensor<8x64x30xf32>
  %y = scf.forall (%c) = (0) to (64) step (16) shared_outs(%out = %y0)
      -> (tensor<8x64x30xf32>) {
    %xc = tensor.extract_slice %x[0, %c, 0] [8, 16, 30] [1, 1, 1]
        : tensor<8x64x30xf32> to tensor<8x16x30xf32>
    %sums:3 = scf.for %n = %c0 to %c8 step %c2
        iter_args(%p = %s0, %q = %s0, %t = %s0)
        -> (tensor<16xf64>, tensor<16xf64>, tensor<16xf64>) {
      %xn = tensor.extract_slice %xc[%n, 0, 0] [2, 16, 30] [1, 1, 1]
          : tensor<8x16x30xf32> to tensor<2x16x30xf32>
      %next:3 = bn.stats axis(1) {bn.lowering_strategy = #strategy}
          ins(%xn : tensor<2x16x30xf32>)
          outs(%p, %q, %t : tensor<16xf64>, tensor<16xf64>, tensor<16xf64>)
          -> tensor<16xf64>, tensor<16xf64>, tensor<16xf64>
      scf.yield %next#0, %next#1, %next#2
          : tensor<16xf64>, tensor<16xf64>, tensor<16xf64>
    }
    %yc = tensor.extract_slice %out[0, %c, 0] [8, 16, 30] [1, 1, 1]
        : tensor<8x64x30xf32> to tensor<8x16x30xf32>
    %z = bn.normalize axis(1) {bn.lowering_strategy = #strategy}
        ins(%xc : tensor<8x16x30xf32>) mean(%sums#1 : tensor<16xf64>)
        outs(%yc : tensor<8x16x30xf32>) -> tensor<8x16x30xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %z into %out[0, %c, 0] [8, 16, 30] [1, 1, 1]
          : tensor<8x16x30xf32> into tensor<8x64x30xf32>
    }
  }
  return %y : tensor<8x64x30xf32>
}

// -----

// An exponential is computed in the loop of one sweep. It stays in front where
// its result is summed, too; and so does what is needed as a whole, what is
// read where something else is written, and what turns dimensions.
// CHECK-LABEL: func @exponential
//   CHECK-NOT:   linalg
//       CHECK:   scf.forall
//       CHECK:     linalg.exp
//       CHECK:     bn.normalize
// CHECK-LABEL: func @others
//       CHECK:   linalg.exp
//       CHECK:   linalg.abs
//       CHECK:   linalg.ceil
//       CHECK:   linalg.generic
//       CHECK:   scf.forall
//   CHECK-NOT:     linalg
//       CHECK:   return
#strategy = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 0], tile = [0, 0], vector_bits = 256, unroll = 2,
    stores = temporal>
#turned = affine_map<(d0, d1) -> (d1, d0)>
#straight = affine_map<(d0, d1) -> (d0, d1)>
func.func @exponential(%a: tensor<8x4xf32>, %y0: tensor<8x4xf32>)
    -> tensor<8x4xf32> {
  %e = tensor.empty() : tensor<8x4xf32>
  %x = linalg.exp ins(%a : tensor<8x4xf32>) outs(%e : tensor<8x4xf32>)
      -> tensor<8x4xf32>
  %y = scf.forall (%n) = (0) to (8) step (2) shared_outs(%out = %y0)
      -> (tensor<8x4xf32>) {
    %xn = tensor.extract_slice %x[%n, 0] [2, 4] [1, 1]
        : tensor<8x4xf32> to tensor<2x4xf32>
    %yn = tensor.extract_slice %out[%n, 0] [2, 4] [1, 1]
        : tensor<8x4xf32> to tensor<2x4xf32>
    %z = bn.normalize axis(1) {bn.lowering_strategy = #strategy}
        ins(%xn : tensor<2x4xf32>) outs(%yn : tensor<2x4xf32>)
        -> tensor<2x4xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %z into %out[%n, 0] [2, 4] [1, 1]
          : tensor<2x4xf32> into tensor<8x4xf32>
    }
  }
  return %y : tensor<8x4xf32>
}

func.func @others(%a: tensor<8x8xf32>, %s: tensor<8xf64>, %y0: tensor<8x8xf32>)
    -> (tensor<8xf64>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>,
        tensor<8x8xf32>) {
  %e = tensor.empty() : tensor<8x8xf32>
  %exp = linalg.exp ins(%a : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>)
      -> tensor<8x8xf32>
  %abs = linalg.abs ins(%a : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>)
      -> tensor<8x8xf32>
  %ceil = linalg.ceil ins(%a : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>)
      -> tensor<8x8xf32>
  %turned = linalg.generic {indexing_maps = [#turned, #straight],
                            iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%x: f32, %o: f32):
    %n = arith.negf %x : f32
    linalg.yield %n : f32
  } -> tensor<8x8xf32>
  %sum = bn.backward_reduce axis(1) sums(dy) {bn.lowering_strategy = #strategy}
      ins(%exp : tensor<8x8xf32>) outs(%s : tensor<8xf64>) -> tensor<8xf64>
  %y:3 = scf.forall (%n) = (0) to (8) step (2)
      shared_outs(%o1 = %y0, %o2 = %y0, %o3 = %ceil)
      -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
    %expn = tensor.extract_slice %exp[%n, 0] [2, 8] [1, 1]
        : tensor<8x8xf32> to tensor<2x8xf32>
    %absn = tensor.extract_slice %abs[%n, 0] [2, 8] [1, 1]
        : tensor<8x8xf32> to tensor<2x8xf32>
    %turnedn = tensor.extract_slice %turned[%n, 0] [2, 8] [1, 1]
        : tensor<8x8xf32> to tensor<2x8xf32>
    %y1 = tensor.extract_slice %o1[%n, 0] [2, 8] [1, 1]
        : tensor<8x8xf32> to tensor<2x8xf32>
    %y2 = tensor.extract_slice %o2[%n, 0] [2, 8] [1, 1]
        : tensor<8x8xf32> to tensor<2x8xf32>
    %y3 = tensor.extract_slice %o3[%n, 0] [2, 8] [1, 1]
        : tensor<8x8xf32> to tensor<2x8xf32>
    %z1 = bn.normalize axis(1) {bn.lowering_strategy = #strategy}
        ins(%expn : tensor<2x8xf32>) outs(%y1 : tensor<2x8xf32>)
        -> tensor<2x8xf32>
    %z2 = bn.normalize axis(1) {bn.lowering_strategy = #strategy}
        ins(%absn : tensor<2x8xf32>) outs(%y2 : tensor<2x8xf32>)
        -> tensor<2x8xf32>
    %z3 = bn.normalize axis(1) {bn.lowering_strategy = #strategy}
        ins(%turnedn : tensor<2x8xf32>) outs(%y3 : tensor<2x8xf32>)
        -> tensor<2x8xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %z1 into %o1[%n, 0] [2, 8] [1, 1]
          : tensor<2x8xf32> into tensor<8x8xf32>
      tensor.parallel_insert_slice %z2 into %o2[%n, 0] [2, 8] [1, 1]
          : tensor<2x8xf32> into tensor<8x8xf32>
      tensor.parallel_insert_slice %z3 into %o3[%n, 0] [2, 8] [1, 1]
          : tensor<2x8xf32> into tensor<8x8xf32>
    }
  }
  return %sum, %y#0, %y#1, %y#2, %abs
      : tensor<8xf64>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>,
        tensor<8x8xf32>
}
