// Statistics of raw moments: sums of x and x^2, and, of a tile of which those
// are not exact enough in some channel, sums about the means of such channels.

// RUN: bn-opt %s --convert-bn-to-linalg --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func @raw
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<50x4x196xbf16>
//   CHECK-DAG:   %[[SCALE:.*]] = arith.constant 6.10351563E-5 : f32
//       CHECK:   %[[RAW:.*]]:2 = linalg.generic {{.*}} iterator_types = ["reduction", "parallel", "reduction"]}
//  CHECK-SAME:     ins(%[[X]] :
//       CHECK:     %[[WIDE:.*]] = arith.extf
//       CHECK:     arith.mulf %[[WIDE]], %[[SCALE]]
//       CHECK:     arith.mulf %[[WIDE]], %[[WIDE]]
// The pivot is 0 or the mean.
//       CHECK:   %[[PIVOTS:.*]]:2 = linalg.generic {{.*}} ins(%[[RAW]]#0, %[[RAW]]#1 :
// CHECK-COUNT-3:     arith.cmpf
// CHECK-COUNT-2:     arith.select
//       CHECK:   %[[DOUBTS:.*]] = linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%[[PIVOTS]]#1 :
//       CHECK:   %[[DOUBT:.*]] = tensor.extract %[[DOUBTS]][]
//       CHECK:   %[[EXACT:.*]] = arith.cmpf oeq, %[[DOUBT]],
//       CHECK:   %[[SUMS:.*]]:2 = scf.if %[[EXACT]]
//       CHECK:     scf.yield %[[RAW]]#0, %[[RAW]]#1
//       CHECK:   else
//       CHECK:     %[[AGAIN:.*]]:2 = linalg.generic {{.*}} ins(%[[X]], %[[PIVOTS]]#0 :
//       CHECK:       arith.subf
//       CHECK:     %[[CHOSEN:.*]]:2 = linalg.generic {{.*}} ins(%[[AGAIN]]#0, %[[AGAIN]]#1, %[[PIVOTS]]#1 : {{.*}} outs(%[[RAW]]#0, %[[RAW]]#1 :
//       CHECK:     scf.yield %[[CHOSEN]]#0, %[[CHOSEN]]#1
//       CHECK:   linalg.generic {{.*}} ins(%[[PIVOTS]]#0, %[[SUMS]]#0, %[[SUMS]]#1 :
func.func @raw(%x: tensor<50x4x196xbf16>, %n: tensor<4xf64>, %m: tensor<4xf64>,
    %s: tensor<4xf64>) -> (tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %r:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 2,
       parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512, unroll = 4,
       stores = temporal, moments = raw>}
      ins(%x : tensor<50x4x196xbf16>)
      outs(%n, %m, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#0, %r#1, %r#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
}

// A pivot that is given, and weights, are for central moments.
// CHECK-LABEL: func @central
//   CHECK-NOT:   scf.if
//       CHECK:   return
func.func @central(%x: tensor<50x4x196xbf16>, %w: tensor<50x1x196xf32>,
    %p: tensor<4xf64>, %n: tensor<4xf64>, %m: tensor<4xf64>, %s: tensor<4xf64>)
    -> (tensor<4xf64>, tensor<4xf64>) {
  %r:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 2,
       parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512, unroll = 4,
       stores = temporal, moments = raw>}
      ins(%x : tensor<50x4x196xbf16>) pivot(%p : tensor<4xf64>)
      outs(%n, %m, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %q:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 2,
       parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512, unroll = 4,
       stores = temporal, moments = raw>}
      ins(%x : tensor<50x4x196xbf16>) mask(%w : tensor<50x1x196xf32>)
      outs(%n, %m, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#1, %q#1 : tensor<4xf64>, tensor<4xf64>
}
