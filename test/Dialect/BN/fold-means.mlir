// Inside the caches, sweeps over 16-bit data do without the subtraction of a mean
// where all means are at most 16 deviations from 0; there are two versions.

// RUN: bn-opt %s --bn-decompose --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func @inference
//   CHECK-DAG:   %[[MOST:.*]] = arith.constant 2.560000e+02 : f64
//   CHECK-DAG:   %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
//   CHECK-DAG:   %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
//       CHECK:   %[[C:.*]]:5 = linalg.generic
//   CHECK-DAG:     %[[BOUND:.*]] = arith.mulf %[[V:.*]], %[[MOST]]
//   CHECK-DAG:     %[[SQUARE:.*]] = arith.mulf %[[M:.*]], %[[M]]
//       CHECK:     %[[FAR:.*]] = arith.cmpf ogt, %[[SQUARE]], %[[BOUND]]
//       CHECK:     %[[HUGE:.*]] = arith.ori
//       CHECK:     %[[DOUBT:.*]] = arith.ori %[[FAR]], %[[HUGE]]
//       CHECK:     %[[DIFFERENCE:.*]] = arith.subf %[[OFFSET:.*]], %[[PART:.*]] : f64
//       CHECK:     %[[FOLDED:.*]] = arith.truncf %[[DIFFERENCE]]
//       CHECK:     %[[FLAG:.*]] = arith.select %[[DOUBT]], %[[ONE]], %[[ZERO]]
//       CHECK:     linalg.yield %{{.*}}, %{{.*}}, %{{.*}}, %[[FOLDED]], %[[FLAG]]
//       CHECK:   %[[DOUBTS:.*]] = linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%[[C]]#4 :
//       CHECK:   %[[NONE:.*]] = arith.cmpf oeq
//       CHECK:   scf.if %[[NONE]]
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = {{.*}}} ins(%{{.*}}) scale(%[[C]]#1 : {{.*}}) offset(%[[C]]#3 :
//       CHECK:       arith.maximumf
//       CHECK:   else
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = {{.*}}} ins(%{{.*}}) mean(%[[C]]#0 : {{.*}}) scale(%[[C]]#1 : {{.*}}) offset(%[[C]]#2 :
//       CHECK:       arith.maximumf
func.func @inference(%x: tensor<50x512xbf16>, %m: tensor<512xf32>,
    %v: tensor<512xf32>, %b: tensor<512xf32>) -> tensor<50x512xbf16> {
  %y = bn.inference axis(1) epsilon(1.0e-3)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 2,
       parallel = [-8, 0], tile = [0, 0], vector_bits = 512, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<50x512xbf16>) offset(%b : tensor<512xf32>)
      statistics(%m, %v : tensor<512xf32>, tensor<512xf32>)
      outs(%x : tensor<50x512xbf16>) epilogue {
      ^bb0(%r: f32):
        %zero = arith.constant 0.0 : f32
        %t = arith.maximumf %r, %zero : f32
        bn.yield %t : f32
      } -> tensor<50x512xbf16>
  return %y : tensor<50x512xbf16>
}

// Past the caches, of f32, and in pipelined loops there is one.
// CHECK-LABEL: func @one_version
//   CHECK-NOT:   scf.if
//       CHECK:   return
func.func @one_version(%x: tensor<50x512xbf16>, %z: tensor<50x512xf32>,
    %p: tensor<8x4x64xbf16>, %m: tensor<512xf32>, %v: tensor<512xf32>,
    %c: tensor<4xf32>)
    -> (tensor<50x512xbf16>, tensor<50x512xf32>, tensor<8x4x64xbf16>) {
  %y = bn.inference axis(1) epsilon(1.0e-3)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 2,
       parallel = [-8, 0], tile = [0, 0], vector_bits = 512, unroll = 4,
       stores = nontemporal>}
      ins(%x : tensor<50x512xbf16>)
      statistics(%m, %v : tensor<512xf32>, tensor<512xf32>)
      outs(%x : tensor<50x512xbf16>) -> tensor<50x512xbf16>
  %w = bn.inference axis(1) epsilon(1.0e-3)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 2,
       parallel = [-8, 0], tile = [0, 0], vector_bits = 512, unroll = 4,
       stores = temporal>}
      ins(%z : tensor<50x512xf32>)
      statistics(%m, %v : tensor<512xf32>, tensor<512xf32>)
      outs(%z : tensor<50x512xf32>) -> tensor<50x512xf32>
  %q, %n, %u = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 2, parallel = [0, 2, 0], tile = [1, 1, 0], vector_bits = 512,
       unroll = 4, stores = temporal>}
      ins(%p : tensor<8x4x64xbf16>)
      outs(%p, %c, %c : tensor<8x4x64xbf16>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4x64xbf16>, tensor<4xf32>, tensor<4xf32>
  return %y, %w, %q
      : tensor<50x512xbf16>, tensor<50x512xf32>, tensor<8x4x64xbf16>
}

// -----

#rows = #bn.lowering_strategy<row_blocks, threads = 2, parallel = [-4, 0],
    tile = [64, 0], vector_bits = 512, unroll = 4, stores = temporal>

// Gradients: c holds b * mean. The second statistic is that which was given.
// CHECK-LABEL: func @gradients
//  CHECK-SAME:     %[[M:[a-z0-9]+]]: tensor<512xf32>, %[[R:[a-z0-9]+]]: tensor<512xf32>
//   CHECK-DAG:   %[[MOST:.*]] = arith.constant 2.560000e+02 : f64
//   CHECK-DAG:   %[[ZERO:.*]] = arith.constant 0.000000e+00 : f64
//   CHECK-DAG:   %[[ONE:.*]] = arith.constant 1.000000e+00 : f64
//   CHECK-DAG:   %[[LARGE:.*]] = arith.constant 1.267{{.*}}E+30 : f64
//   CHECK-DAG:   %[[INF:.*]] = arith.constant 0x7FF0000000000000 : f64
//       CHECK:   %[[K:.*]]:5 = linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %[[R]], %[[M]] :
//       CHECK:     %[[MEAN:.*]] = arith.extf
//       CHECK:     %[[INVERSE:.*]] = arith.extf
//       CHECK:     %[[PART:.*]] = arith.mulf %[[SLOPE:.*]], %[[MEAN]]
//       CHECK:     %[[FOLDED:.*]] = arith.subf %[[C:.*]], %[[PART]]
//       CHECK:     %[[SIZE:.*]] = math.absf %[[PART]]
//   CHECK-DAG:     %[[ABOVE:.*]] = arith.cmpf ogt, %[[SIZE]], %[[LARGE]]
//   CHECK-DAG:     %[[FINITE:.*]] = arith.cmpf olt, %[[SIZE]], %[[INF]]
//       CHECK:     %[[HUGE:.*]] = arith.andi %[[ABOVE]], %[[FINITE]]
//       CHECK:     %[[SQUARE:.*]] = arith.mulf %[[MEAN]], %[[MEAN]]
//       CHECK:     %[[INVERSES:.*]] = arith.mulf %[[INVERSE]], %[[INVERSE]]
//       CHECK:     %[[VARIANCES:.*]] = arith.mulf %[[SQUARE]], %[[INVERSES]]
//       CHECK:     %[[FAR:.*]] = arith.cmpf ogt, %[[VARIANCES]], %[[MOST]]
//       CHECK:     %[[DOUBT:.*]] = arith.ori %[[HUGE]], %[[FAR]]
//       CHECK:     %[[FLAG:.*]] = arith.select %[[DOUBT]], %[[ONE]], %[[ZERO]]
//       CHECK:     linalg.yield %{{.*}}, %[[SLOPE]], %[[C]], %[[FOLDED]], %[[FLAG]]
//       CHECK:   linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%[[K]]#4 :
//       CHECK:   %[[NONE:.*]] = arith.cmpf oeq
//       CHECK:   scf.if %[[NONE]]
//       CHECK:     %[[R32:.*]]:3 = linalg.generic {{.*}} ins(%[[K]]#0, %[[K]]#1, %[[K]]#3 :
//   CHECK-NOT:     mean(
//       CHECK:     bn.backward_input {{.*}} coefficients(%[[R32]]#0, %[[R32]]#1, %[[R32]]#2 :
//       CHECK:   else
//       CHECK:     %[[R32:.*]]:3 = linalg.generic {{.*}} ins(%[[K]]#0, %[[K]]#1, %[[K]]#2 :
//       CHECK:     bn.backward_input {{.*}} mean(%[[M]] : {{.*}} coefficients(%[[R32]]#0, %[[R32]]#1, %[[R32]]#2 :
func.func @gradients(%m: tensor<512xf32>, %r: tensor<512xf32>,
    %dy: tensor<4096x512xbf16>, %x: tensor<4096x512xbf16>)
    -> tensor<4096x512xbf16> {
  %dx = bn.backward axis(1) statistics_kind(inverse_std) wrt(input)
      {bn.lowering_strategy = #rows}
      ins(%dy, %x : tensor<4096x512xbf16>, tensor<4096x512xbf16>)
      statistics(%m, %r : tensor<512xf32>, tensor<512xf32>)
      outs(%dy : tensor<4096x512xbf16>) -> tensor<4096x512xbf16>
  return %dx : tensor<4096x512xbf16>
}

// Frozen gradients subtract nothing.
// CHECK-LABEL: func @frozen
//   CHECK-NOT:   scf.if
//       CHECK:   return
func.func @frozen(%m: tensor<512xf32>, %v: tensor<512xf32>,
    %dy: tensor<4096x512xbf16>, %x: tensor<4096x512xbf16>)
    -> tensor<4096x512xbf16> {
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input) frozen
      {bn.lowering_strategy = #rows}
      ins(%dy, %x : tensor<4096x512xbf16>, tensor<4096x512xbf16>)
      statistics(%m, %v : tensor<512xf32>, tensor<512xf32>)
      outs(%dy : tensor<4096x512xbf16>) -> tensor<4096x512xbf16>
  return %dx : tensor<4096x512xbf16>
}
