// bn.backward becomes sums, coefficients per channel, and one more sweep over
// the data: only what is asked for.

// RUN: bn-opt %s --bn-decompose --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @all
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x4x30xf32>, %[[X:[a-z0-9]+]]: tensor<8x4x30xf32>, %[[G:[a-z0-9]+]]: tensor<4xf32>, %[[M:[a-z0-9]+]]: tensor<4xf32>, %[[V:[a-z0-9]+]]: tensor<4xf32>, %[[DX0:[a-z0-9]+]]: tensor<8x4x30xf32>, %[[DG0:[a-z0-9]+]]: tensor<4xf32>, %[[DB0:[a-z0-9]+]]: tensor<4xf32>
//   CHECK-DAG:   %[[N:.*]] = arith.constant 2.400000e+02 : f64
//       CHECK:   %[[ZEROS:.*]] = linalg.fill {{.*}} -> tensor<4xf64>
//       CHECK:   %[[S:.*]]:2 = bn.backward_reduce axis(1) ins(%[[DY]], %[[X]] :
//  CHECK-SAME:     mean(%[[M]] : tensor<4xf32>) outs(%[[ZEROS]], %[[ZEROS]] : tensor<4xf64>, tensor<4xf64>)
//       CHECK:   %[[DB:.*]] = linalg.generic {{.*}} ins(%[[S]]#0 : tensor<4xf64>) outs(%[[DB0]] : tensor<4xf32>)
//       CHECK:   %[[DG:.*]] = linalg.generic {{.*}} ins(%[[S]]#1, %[[V]] : tensor<4xf64>, tensor<4xf32>) outs(%[[DG0]] : tensor<4xf32>)
//       CHECK:     math.sqrt
//       CHECK:   %[[WIDE:.*]]:3 = linalg.generic {{.*}} ins(%[[S]]#0, %[[S]]#1, %[[V]], %[[G]] :
//       CHECK:     arith.divf %{{.*}}, %[[N]] : f64
//       CHECK:   %[[C:.*]]:3 = linalg.generic {{.*}} ins(%[[WIDE]]#0, %[[WIDE]]#1, %[[WIDE]]#2 :
//       CHECK:   %[[DX:.*]] = bn.backward_input axis(1) ins(%[[DY]], %[[X]] :
//  CHECK-SAME:     mean(%[[M]] : tensor<4xf32>) coefficients(%[[C]]#0, %[[C]]#1, %[[C]]#2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
//  CHECK-SAME:     outs(%[[DX0]] :
//       CHECK:   return %[[DX]], %[[DG]], %[[DB]]
func.func @all(%dy: tensor<8x4x30xf32>, %x: tensor<8x4x30xf32>,
    %g: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>,
    %dx0: tensor<8x4x30xf32>, %dg0: tensor<4xf32>, %db0: tensor<4xf32>)
    -> (tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>) {
  %r:3 = bn.backward axis(-2) epsilon(1.0e-3) wrt(input, scale, offset)
      ins(%dy, %x : tensor<8x4x30xf32>, tensor<8x4x30xf32>)
      scale(%g : tensor<4xf32>)
      statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0, %dg0, %db0
           : tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>
  return %r#0, %r#1, %r#2 : tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// The gradient of the offset takes the one sum, and no input.
// CHECK-LABEL: func @offset
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x4xf32>
//       CHECK:   bn.backward_reduce axis(1) sums(dy) ins(%[[DY]] : tensor<8x4xf32>) outs(
//   CHECK-NOT:   bn.
//       CHECK:   return
func.func @offset(%dy: tensor<8x4xf32>, %x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<4xf32> {
  %r = bn.backward axis(1) epsilon(1.0) wrt(offset)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%c : tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// With the inverse deviation there is no root.
// CHECK-LABEL: func @scale
//       CHECK:   %[[S:.*]] = bn.backward_reduce axis(1) sums(dy_xmu) ins(
//   CHECK-NOT:   math.sqrt
//       CHECK:   linalg.generic {{.*}} ins(%[[S]],
//   CHECK-NOT:   bn.
//       CHECK:   return
func.func @scale(%dy: tensor<8x4xf32>, %x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<4xf32> {
  %r = bn.backward axis(1) statistics_kind(inverse_std) wrt(scale)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%c : tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// With statistics that are constants, the gradient of the input is
// scale * r * output_grad, and takes no sums.
// CHECK-LABEL: func @frozen
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x4xf32>
//   CHECK-NOT:   bn.backward
//       CHECK:   bn.backward_input axis(1) ins(%[[DY]] : tensor<8x4xf32>) coefficients(%{{.*}} : tensor<4xf32>)
//   CHECK-NOT:   bn.backward
func.func @frozen(%dy: tensor<8x4xf32>, %x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %r = bn.backward axis(1) epsilon(1.0) wrt(input) frozen
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>) scale(%c : tensor<4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%dy : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %r : tensor<8x4xf32>
}

// -----

// A factor that can be applied as it is needs no step between.
// CHECK-LABEL: func @frozen_inverse
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x4xf32>, %{{.*}}: tensor<8x4xf32>, %{{.*}}: tensor<4xf32>, %[[R:[a-z0-9]+]]: tensor<4xf32>
//  CHECK-NEXT:   bn.backward_input axis(1) ins(%[[DY]] : tensor<8x4xf32>) coefficients(%[[R]] : tensor<4xf32>)
//  CHECK-NEXT:   return
func.func @frozen_inverse(%dy: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %r: tensor<4xf32>) -> tensor<8x4xf32> {
  %dx = bn.backward axis(1) statistics_kind(inverse_std) wrt(input) frozen
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %r : tensor<4xf32>, tensor<4xf32>)
      outs(%dy : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}

// -----

// A mean wider than the accumulator is a rounded mean, and a part of c.
// CHECK-LABEL: func @wide_mean
//       CHECK:   %[[C:.*]]:4 = linalg.generic
//       CHECK:     %[[ROUNDED:.*]] = arith.truncf %[[MEAN:.*]] : f64 to f32
//       CHECK:     %[[BACK:.*]] = arith.extf %[[ROUNDED]] : f32 to f64
//       CHECK:     arith.subf %[[MEAN]], %[[BACK]] : f64
//       CHECK:   bn.backward_input {{.*}} mean(%[[C]]#3 : tensor<4xf32>) coefficients(%[[C]]#0, %[[C]]#1, %[[C]]#2 :
func.func @wide_mean(%dy: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %m: tensor<4xf64>) -> tensor<8x4xf32> {
  %dx = bn.backward_input axis(1)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>) mean(%m : tensor<4xf64>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%dy : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}

// -----

// The number of elements is the sum of the weights, each as often as it is
// broadcast: here along 30 positions of a channel.
// CHECK-LABEL: func @mask
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x30xf64>, %[[C:[a-z0-9]+]]: tensor<4xf64>, %[[W:[a-z0-9]+]]: tensor<8x1x1xf64>
//   CHECK-DAG:   %[[REPEATS:.*]] = arith.constant 3.000000e+01 : f64
//       CHECK:   %[[S:.*]]:2 = bn.backward_reduce axis(1) ins(%[[X]], %[[X]] :
//       CHECK:   %[[SUM:.*]] = bn.backward_reduce axis(1) sums(dy) ins(%[[W]] : tensor<8x1x1xf64>) outs(%{{.*}} : tensor<1xf64>)
//       CHECK:   %[[ONE:.*]] = tensor.extract_slice %[[SUM]][0] [1] [1] : tensor<1xf64> to tensor<f64>
//       CHECK:   %[[N:.*]] = linalg.generic {{.*}} ins(%[[ONE]] : tensor<f64>) outs(%{{.*}} : tensor<4xf64>)
//       CHECK:     arith.mulf %{{.*}}, %[[REPEATS]]
//       CHECK:   %[[K:.*]]:3 = linalg.generic {{.*}} ins(%[[S]]#0, %[[S]]#1, %[[C]], %[[N]] :
//       CHECK:   bn.backward_input axis(1)
//  CHECK-SAME:     coefficients(%[[K]]#0, %[[K]]#1, %[[K]]#2 :
//  CHECK-SAME:     mask(%[[W]] : tensor<8x1x1xf64>)
func.func @mask(%x: tensor<8x4x30xf64>, %c: tensor<4xf64>,
    %w: tensor<8x1x1xf64>) -> tensor<8x4x30xf64> {
  %r = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%x, %x : tensor<8x4x30xf64>, tensor<8x4x30xf64>)
      statistics(%c, %c : tensor<4xf64>, tensor<4xf64>)
      mask(%w : tensor<8x1x1xf64>)
      outs(%x : tensor<8x4x30xf64>) -> tensor<8x4x30xf64>
  return %r : tensor<8x4x30xf64>
}
