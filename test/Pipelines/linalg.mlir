// After phase 'linalg' no bn op is left; inside the tiles there is only linalg.

// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline="compile-to=linalg threads=2" | FileCheck %s --implicit-check-not="= bn."

// The pivot is the mean so far; one loop has the sums about it for one channel,
// and the sweep over the channel before.
// CHECK-LABEL: func @nchw
//       CHECK:   scf.forall
//       CHECK:     scf.for %{{.*}} = %c0 to %c31
//       CHECK:       scf.for %{{.*}} = %c0 to %c24 step %c8 iter_args(%{{[^,]*}}, %{{[^,]*}}, %[[M:.*]] = %{{.*}}, %{{.*}} = %{{.*}})
//       CHECK:         linalg.generic {{.*}}["parallel", "parallel", "parallel"]} {{.*}} outs(%{{[^ ]+}} : tensor<8x1x784xf32>)
//       CHECK:         %[[PIVOT:.*]] = linalg.generic {{.*}} ins(%[[M]] :
//       CHECK:         linalg.generic {{.*}}["reduction", "parallel", "reduction"]} ins(%{{[^ ]+}}, %[[PIVOT]] :
//       CHECK:     } {bn.pipelined}

// CHECK-LABEL: func @nhwc
//       CHECK:   linalg.generic {{.*}}["reduction", "reduction", "parallel"]} {{.*}}tensor<4x?x100xf32>
//       CHECK:   linalg.generic {{.*}}["parallel", "parallel"]}

// Converted at load and store, computed in f32. Where all means are near 0 they
// are part of the offset.
// CHECK-LABEL: func @inference
//       CHECK:   scf.if
//       CHECK:     scf.forall
//       CHECK:       %[[NEAR:.*]] = arith.extf %{{.*}} : bf16 to f32
//  CHECK-NEXT:       arith.mulf %[[NEAR]],
//       CHECK:   else
//       CHECK:     scf.forall
//       CHECK:     linalg.generic
//  CHECK-NEXT:     ^bb0(%[[X:[^:]+]]: bf16, %[[M:[^:]+]]: f32
//       CHECK:       %[[WIDE:.*]] = arith.extf %[[X]] : bf16 to f32
//       CHECK:       arith.subf %[[WIDE]], %[[M]]
//       CHECK:       arith.truncf {{.*}} : f32 to bf16

// CHECK-LABEL: func @dynamic
//       CHECK:   linalg.generic
