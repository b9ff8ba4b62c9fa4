// After phase 'linalg' no bn op is left; inside the tiles there is only linalg.

// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline=compile-to=linalg | FileCheck %s --implicit-check-not="= bn."

// The two passes of the statistics over the same tile, and the sweep.
// CHECK-LABEL: func @nchw
//       CHECK:   scf.forall
//       CHECK:     scf.for
//       CHECK:       %[[MEAN:.*]] = linalg.generic {{.*}}["reduction", "parallel", "reduction"]} ins(%[[T:[^ ]+]] :
//       CHECK:       linalg.generic {{.*}}["reduction", "parallel", "reduction"]} ins(%[[T]], %[[MEAN]] :
//       CHECK:     linalg.generic {{.*}}["parallel", "parallel", "parallel"]} {{.*}} outs(%{{[^ ]+}} : tensor<8x1x784xf32>)

// CHECK-LABEL: func @nhwc
//       CHECK:   linalg.generic {{.*}}["reduction", "parallel"]}
//       CHECK:   linalg.generic {{.*}}["parallel", "parallel"]}

// Converted at load and store, computed in f32.
// CHECK-LABEL: func @inference
//       CHECK:   scf.forall
//       CHECK:     linalg.generic
//  CHECK-NEXT:     ^bb0(%[[X:[^:]+]]: bf16, %[[M:[^:]+]]: f32
//       CHECK:       %[[WIDE:.*]] = arith.extf %[[X]] : bf16 to f32
//       CHECK:       arith.subf %[[WIDE]], %[[M]]
//       CHECK:       arith.truncf {{.*}} : f32 to bf16

// CHECK-LABEL: func @dynamic
//       CHECK:   linalg.generic
