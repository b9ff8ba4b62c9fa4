// After phase 'bn', ops are simplified and on the view with the fewest
// dimensions; data have not moved.

// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline=compile-to=bn | FileCheck %s --implicit-check-not=scf. --implicit-check-not=linalg.

// CHECK-LABEL: func @nchw
//       CHECK:   %[[X:.*]] = tensor.collapse_shape %{{.*}} {{\[}}[0], [1], [2, 3]]
//       CHECK:   %[[Y:.*]] = tensor.collapse_shape %{{.*}} {{\[}}[0], [1], [2, 3]]
//       CHECK:   %[[R:.*]]:5 = bn.training axis(1)
//  CHECK-SAME:     ins(%[[X]] : tensor<24x64x784xf32>)
//  CHECK-SAME:     outs(%[[Y]],
//       CHECK:   tensor.expand_shape %[[R]]#0

// CHECK-LABEL: func @nhwc
//       CHECK:   bn.training axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<6272x100xf32>)

// CHECK-LABEL: func @inference
//       CHECK:   bn.inference axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<8x64x784xbf16>)

// CHECK-LABEL: func @dynamic
//       CHECK:   bn.training axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<?x?x?xf32>)
