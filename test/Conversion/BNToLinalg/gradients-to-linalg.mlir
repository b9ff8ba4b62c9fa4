// The steps of the gradients as linalg: the arithmetic of docs/Numerics.md.

// RUN: bn-opt %s --convert-bn-to-linalg --canonicalize --split-input-file | FileCheck %s --implicit-check-not="= bn."

// Sums of 80 elements are scaled down by 128, which is exact: the scaled
// difference is one multiply-add.
//   CHECK-DAG: #[[$DATA:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
//   CHECK-DAG: #[[$CHANNEL:.*]] = affine_map<(d0, d1, d2) -> (d1)>
// CHECK-LABEL: func @sums
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x4x10xf32>, %[[X:[a-z0-9]+]]: tensor<8x4x10xf32>, %[[M:[a-z0-9]+]]: tensor<4xf32>, %[[S0:[a-z0-9]+]]: tensor<4xf64>, %[[T0:[a-z0-9]+]]: tensor<4xf64>
//   CHECK-DAG:   %[[SCALE:.*]] = arith.constant 1.28{{0*}}e+02 : f64
//   CHECK-DAG:   %[[DOWN:.*]] = arith.constant 7.8125{{0*}}e-03 : f32
//       CHECK:   %[[Q:.*]]:2 = linalg.generic {indexing_maps = [#[[$DATA]], #[[$DATA]], #[[$CHANNEL]], #[[$CHANNEL]], #[[$CHANNEL]]], iterator_types = ["reduction", "parallel", "reduction"]} ins(%[[DY]], %[[X]], %[[M]] :
//  CHECK-NEXT:   ^bb0(%[[IDY:[^:]+]]: f32, %[[IX:[^:]+]]: f32, %[[IM:[^:]+]]: f32, %[[S:[^:]+]]: f32, %[[T:[^:]+]]: f32):
//  CHECK-NEXT:     %[[A:.*]] = arith.mulf %[[IDY]], %[[DOWN]] fastmath<contract>
//  CHECK-NEXT:     %[[NEXTS:.*]] = arith.addf %[[A]], %[[S]] fastmath<contract>
//  CHECK-NEXT:     %[[SX:.*]] = arith.mulf %[[IX]], %[[DOWN]] fastmath<contract>
//  CHECK-NEXT:     %[[SM:.*]] = arith.mulf %[[IM]], %[[DOWN]] fastmath<contract>
//  CHECK-NEXT:     %[[D:.*]] = arith.subf %[[SX]], %[[SM]] fastmath<contract>
//  CHECK-NEXT:     %[[P:.*]] = arith.mulf %[[D]], %[[IDY]] fastmath<contract>
//  CHECK-NEXT:     %[[NEXTT:.*]] = arith.addf %[[P]], %[[T]] fastmath<contract>
//  CHECK-NEXT:     linalg.yield %[[NEXTS]], %[[NEXTT]]
// Added to what there is, in f64.
//       CHECK:   linalg.generic {{.*}} ins(%[[Q]]#0, %[[Q]]#1 : tensor<4xf32>, tensor<4xf32>) outs(%[[S0]], %[[T0]] :
//       CHECK:     %[[WIDE:.*]] = arith.extf
//       CHECK:     arith.mulf %[[WIDE]], %[[SCALE]]
func.func @sums(%dy: tensor<8x4x10xf32>, %x: tensor<8x4x10xf32>,
    %m: tensor<4xf32>, %s: tensor<4xf64>, %t: tensor<4xf64>)
    -> (tensor<4xf64>, tensor<4xf64>) {
  %r:2 = bn.backward_reduce axis(1)
      ins(%dy, %x : tensor<8x4x10xf32>, tensor<8x4x10xf32>)
      mean(%m : tensor<4xf32>) outs(%s, %t : tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>
  return %r#0, %r#1 : tensor<4xf64>, tensor<4xf64>
}

// -----

// One sum reads one tensor.
// CHECK-LABEL: func @sum_dy
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x4xbf16>
//       CHECK:   linalg.generic {{.*}} ins(%[[DY]] : tensor<8x4xbf16>) outs(%{{[^,]*}} : tensor<4xf32>)
//       CHECK:     arith.extf %{{.*}} : bf16 to f32
//       CHECK:   linalg.generic {{.*}} outs(%{{.*}} : tensor<4xf64>)
func.func @sum_dy(%dy: tensor<8x4xbf16>, %s: tensor<4xf64>) -> tensor<4xf64> {
  %r = bn.backward_reduce axis(1) sums(dy) ins(%dy : tensor<8x4xbf16>)
      outs(%s : tensor<4xf64>) -> tensor<4xf64>
  return %r : tensor<4xf64>
}

// -----

// What the rounded mean has lost is taken off again, which takes sum(dy).
// CHECK-LABEL: func @wide_mean
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x4xf32>, %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[M:[a-z0-9]+]]: tensor<4xf64>, %[[T:[a-z0-9]+]]: tensor<4xf64>
//       CHECK:   %[[ROUNDED:.*]] = linalg.generic {{.*}} ins(%[[M]] :
//       CHECK:     arith.truncf
//       CHECK:   %[[Q:.*]]:2 = linalg.generic {{.*}} ins(%[[DY]], %[[X]], %[[ROUNDED]] :
//       CHECK:   linalg.generic {{.*}} ins(%[[Q]]#0, %[[Q]]#1, %[[M]], %[[ROUNDED]] : {{.*}}) outs(%[[T]] : tensor<4xf64>)
//       CHECK:     %[[REST:.*]] = arith.subf
//       CHECK:     arith.mulf %[[REST]],
func.func @wide_mean(%dy: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %m: tensor<4xf64>, %t: tensor<4xf64>) -> tensor<4xf64> {
  %r = bn.backward_reduce axis(1) sums(dy_xmu)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>) mean(%m : tensor<4xf64>)
      outs(%t : tensor<4xf64>) -> tensor<4xf64>
  return %r : tensor<4xf64>
}

// -----

// a * dy + (b * (x - m) + c)
// CHECK-LABEL: func @input_grad
//       CHECK:   linalg.generic {{.*}}["parallel", "parallel"]}
//  CHECK-NEXT:   ^bb0(%[[DY:[^:]+]]: f16, %[[X:[^:]+]]: f16, %[[M:[^:]+]]: f32, %[[A:[^:]+]]: f32, %[[B:[^:]+]]: f32, %[[C:[^:]+]]: f32,
//  CHECK-NEXT:     %[[WDY:.*]] = arith.extf %[[DY]]
//  CHECK-NEXT:     %[[WX:.*]] = arith.extf %[[X]]
//  CHECK-NEXT:     %[[D:.*]] = arith.subf %[[WX]], %[[M]] : f32
//       CHECK:     arith.mulf %[[A]], %[[WDY]]
//       CHECK:     arith.mulf %[[B]], %[[D]]
//       CHECK:     arith.truncf {{.*}} : f32 to f16
func.func @input_grad(%dy: tensor<8x4xf16>, %x: tensor<8x4xf16>,
    %c: tensor<4xf32>) -> tensor<8x4xf16> {
  %dx = bn.backward_input axis(1)
      ins(%dy, %x : tensor<8x4xf16>, tensor<8x4xf16>) mean(%c : tensor<4xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%dy : tensor<8x4xf16>) -> tensor<8x4xf16>
  return %dx : tensor<8x4xf16>
}

// -----

// Of an element of weight 0 the second term is left out by a choice: it may be
// NaN.
// CHECK-LABEL: func @input_grad_mask
//  CHECK-SAME:     %[[W4:[a-z0-9]+]]: tensor<8x1xf16>
//       CHECK:   %[[W:.*]] = tensor.extract_slice %[[W4]][0, 0] [8, 1] [1, 1] : tensor<8x1xf16> to tensor<8xf16>
//       CHECK:   linalg.generic {{.*}}["parallel", "parallel"]} ins({{.*}}, %[[W]] :
//       CHECK:     %[[WIDE:.*]] = arith.extf %{{.*}} : f16 to f32
//       CHECK:     %[[REST:.*]] = arith.mulf %[[WIDE]], %{{.*}} : f32
//       CHECK:     %[[IS_OUT:.*]] = arith.cmpf oeq, %[[WIDE]], %{{.*}} : f32
//       CHECK:     arith.select %[[IS_OUT]], %{{.*}}, %[[REST]] : f32
func.func @input_grad_mask(%w: tensor<8x1xf16>, %x: tensor<8x4xf32>,
    %c: tensor<4xf32>) -> tensor<8x4xf32> {
  %dx = bn.backward_input axis(1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      mask(%w : tensor<8x1xf16>) outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}
