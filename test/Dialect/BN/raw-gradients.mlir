// Sums of dy * x in the place of dy * (x - mean), where the strategy wants raw
// moments.

// RUN: bn-opt %s --bn-decompose --split-input-file | FileCheck %s --check-prefix=STEPS
// RUN: bn-opt %s --bn-decompose --convert-bn-to-linalg --split-input-file | FileCheck %s

#raw = #bn.lowering_strategy<row_blocks, threads = 0, parallel = [0, 0], tile = [0, 0], vector_bits = 512, unroll = 4, stores = temporal, moments = raw>

// The pivot is 0 where the mean is within three deviations of it.
// STEPS-LABEL: func @raw
//       STEPS:   arith.mulf %{{.*}}, %{{.*}} : f64
//       STEPS:   %[[FAR:.*]] = arith.cmpf ogt
//       STEPS:   arith.select %[[FAR]], %{{.*}}, %{{.*}} : f32
//       STEPS:   bn.backward_reduce
//  STEPS-SAME:     mean(%{{.*}} : tensor<32xf32>) pivot(%{{.*}} : tensor<32xf32>)

// Both sums of elements as they are, and where the second is in doubt sums about
// the pivot; what that changes is taken off in f64.
// CHECK-LABEL: func @raw
//       CHECK:   %[[RAW:.*]]:2 = linalg.generic
//       CHECK:     %[[DY:.*]] = arith.extf %{{.*}} : bf16 to f32
//       CHECK:     %[[X:.*]] = arith.extf %{{.*}} : bf16 to f32
//       CHECK:     arith.mulf %[[X]], %[[DY]]
//   CHECK-NOT:     arith.subf
//       CHECK:     linalg.yield
//       CHECK:   scf.if
//       CHECK:   } else {
//       CHECK:     arith.subf
//       CHECK:   }
func.func @raw(%dy: tensor<4096x32xbf16>, %x: tensor<4096x32xbf16>,
    %m: tensor<32xf32>, %v: tensor<32xf32>, %g: tensor<32xf32>)
    -> (tensor<4096x32xbf16>, tensor<32xf32>, tensor<32xf32>) {
  %r:3 = bn.backward axis(1) epsilon(1.0) wrt(input, scale, offset)
      {bn.lowering_strategy = #raw}
      ins(%dy, %x : tensor<4096x32xbf16>, tensor<4096x32xbf16>)
      statistics(%m, %v : tensor<32xf32>, tensor<32xf32>)
      outs(%dy, %g, %g : tensor<4096x32xbf16>, tensor<32xf32>, tensor<32xf32>)
      -> tensor<4096x32xbf16>, tensor<32xf32>, tensor<32xf32>
  return %r#0, %r#1, %r#2
      : tensor<4096x32xbf16>, tensor<32xf32>, tensor<32xf32>
}
