// Constant statistics are computed away; the subtraction of the mean is folded
// only where it cannot cancel.

// RUN: bn-opt %s --bn-fold-inference --canonicalize --split-input-file | FileCheck %s --check-prefixes=CHECK,DEFAULT
// RUN: bn-opt %s --bn-fold-inference=any-mean --canonicalize --split-input-file | FileCheck %s --check-prefixes=CHECK,ANY

// a = scale / sqrt(variance + epsilon), b = offset - mean * a:
//   4 / sqrt(15 + 1) = 1,  7 - 2 * 1 = 5;  3 / sqrt(3 + 1) = 1.5,
//   1 - -2 * 1.5 = 4.
// CHECK-LABEL: func @small_mean
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x2xf32>, %[[Y0:[a-z0-9]+]]: tensor<8x2xf32>
//   CHECK-DAG:   %[[A:.*]] = arith.constant dense<[1.0{{0*}}e+00, 1.5{{0*}}e+00]> : tensor<2xf32>
//   CHECK-DAG:   %[[B:.*]] = arith.constant dense<[5.0{{0*}}e+00, 4.0{{0*}}e+00]> : tensor<2xf32>
//       CHECK:   bn.normalize axis(1) ins(%[[X]] : tensor<8x2xf32>)
//  CHECK-SAME:     scale(%[[A]] : tensor<2xf32>) offset(%[[B]] : tensor<2xf32>)
//  CHECK-SAME:     outs(%[[Y0]] : tensor<8x2xf32>) -> tensor<8x2xf32>
func.func @small_mean(%x: tensor<8x2xf32>, %y0: tensor<8x2xf32>)
    -> tensor<8x2xf32> {
  %scale = arith.constant dense<[4.0, 3.0]> : tensor<2xf32>
  %offset = arith.constant dense<[7.0, 1.0]> : tensor<2xf32>
  %mean = arith.constant dense<[2.0, -2.0]> : tensor<2xf32>
  %variance = arith.constant dense<[15.0, 3.0]> : tensor<2xf64>
  %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x2xf32>)
      scale(%scale : tensor<2xf32>) offset(%offset : tensor<2xf32>)
      statistics(%mean, %variance : tensor<2xf32>, tensor<2xf64>)
      outs(%y0 : tensor<8x2xf32>) -> tensor<8x2xf32>
  return %y : tensor<8x2xf32>
}

// -----

// One mean is above its standard deviation: x * a and mean * a could cancel,
// so the mean is subtracted first. With any-mean, it is folded all the same.
// CHECK-LABEL: func @large_mean
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x2xf32>
// DEFAULT-DAG:   %[[A:.*]] = arith.constant dense<5.0{{0*}}e-01> : tensor<2xf32>
// DEFAULT-DAG:   %[[M:.*]] = arith.constant dense<[1.0{{0*}}e+00, 3.0{{0*}}e+00]> : tensor<2xf32>
//     DEFAULT:   bn.normalize axis(1) ins(%[[X]] : tensor<8x2xf32>)
// DEFAULT-SAME:    mean(%[[M]] : tensor<2xf32>) scale(%[[A]] : tensor<2xf32>) outs(
//     ANY-DAG:   %[[A:.*]] = arith.constant dense<5.0{{0*}}e-01> : tensor<2xf32>
//     ANY-DAG:   %[[B:.*]] = arith.constant dense<[-5.0{{0*}}e-01, -1.5{{0*}}e+00]> : tensor<2xf32>
//         ANY:   bn.normalize axis(1) ins(%[[X]] : tensor<8x2xf32>)
//    ANY-SAME:     scale(%[[A]] : tensor<2xf32>) offset(%[[B]] : tensor<2xf32>) outs(
func.func @large_mean(%x: tensor<8x2xf32>, %y0: tensor<8x2xf32>)
    -> tensor<8x2xf32> {
  %mean = arith.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %variance = arith.constant dense<4.0> : tensor<2xf32>
  %y = bn.inference axis(1) epsilon(0.0) ins(%x : tensor<8x2xf32>)
      statistics(%mean, %variance : tensor<2xf32>, tensor<2xf32>)
      outs(%y0 : tensor<8x2xf32>) -> tensor<8x2xf32>
  return %y : tensor<8x2xf32>
}

// -----

// A deviation of 0: (x - 0) * Inf is not x * Inf - 0 * Inf, which is NaN.
// CHECK-LABEL: func @no_deviation
//   CHECK-DAG:   %[[A:.*]] = arith.constant dense<0x7F800000> : tensor<2xf32>
//   CHECK-DAG:   %[[M:.*]] = arith.constant dense<[1.0{{0*}}e+00, 0.0{{0*}}e+00]> : tensor<2xf32>
//       CHECK:   bn.normalize axis(1)
//  CHECK-SAME:     mean(%[[M]] : tensor<2xf32>) scale(%[[A]] : tensor<2xf32>) outs(
func.func @no_deviation(%x: tensor<8x2xf32>) -> tensor<8x2xf32> {
  %mean = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %variance = arith.constant dense<0.0> : tensor<2xf32>
  %y = bn.inference axis(1) epsilon(0.0) ins(%x : tensor<8x2xf32>)
      statistics(%mean, %variance : tensor<2xf32>, tensor<2xf32>)
      outs(%x : tensor<8x2xf32>) -> tensor<8x2xf32>
  return %y : tensor<8x2xf32>
}

// -----

// The coefficients of bf16 data are f32, the type in which they are applied,
// and are rounded once.
// CHECK-LABEL: func @narrow_data
//   CHECK-DAG:   arith.constant dense<1.1{{0*[0-9]*}}e+00> : tensor<2xf32>
//       CHECK:   bn.normalize axis(1)
//  CHECK-SAME:     scale(%{{[^ ]+}} : tensor<2xf32>) outs(
func.func @narrow_data(%x: tensor<8x2xbf16>) -> tensor<8x2xbf16> {
  %scale = arith.constant dense<1.1> : tensor<2xf64>
  %mean = arith.constant dense<0.0> : tensor<2xbf16>
  %variance = arith.constant dense<1.0> : tensor<2xbf16>
  %y = bn.inference axis(1) epsilon(0.0) ins(%x : tensor<8x2xbf16>)
      scale(%scale : tensor<2xf64>)
      statistics(%mean, %variance : tensor<2xbf16>, tensor<2xbf16>)
      outs(%x : tensor<8x2xbf16>) -> tensor<8x2xbf16>
  return %y : tensor<8x2xbf16>
}

// -----

// What is not constant is left for the run.
// CHECK-LABEL: func @variable_scale
//       CHECK:   bn.inference
func.func @variable_scale(%x: tensor<8x2xf32>, %scale: tensor<2xf32>)
    -> tensor<8x2xf32> {
  %c = arith.constant dense<1.0> : tensor<2xf32>
  %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x2xf32>)
      scale(%scale : tensor<2xf32>)
      statistics(%c, %c : tensor<2xf32>, tensor<2xf32>)
      outs(%x : tensor<8x2xf32>) -> tensor<8x2xf32>
  return %y : tensor<8x2xf32>
}

// -----

// CHECK-LABEL: func @variable_mean
//       CHECK:   bn.inference
func.func @variable_mean(%x: tensor<8x2xf32>, %mean: tensor<2xf32>)
    -> tensor<8x2xf32> {
  %c = arith.constant dense<1.0> : tensor<2xf32>
  %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x2xf32>)
      statistics(%mean, %c : tensor<2xf32>, tensor<2xf32>)
      outs(%x : tensor<8x2xf32>) -> tensor<8x2xf32>
  return %y : tensor<8x2xf32>
}

// -----

// A constant that does not say how many channels there are.
// CHECK-LABEL: func @dynamic_mean_type
//       CHECK:   bn.inference
func.func @dynamic_mean_type(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c = arith.constant dense<1.0> : tensor<2xf32>
  %d = tensor.cast %c : tensor<2xf32> to tensor<?xf32>
  %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<?x?xf32>)
      statistics(%d, %d : tensor<?xf32>, tensor<?xf32>)
      outs(%x : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// The epilogue stays.
// CHECK-LABEL: func @epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x2xf32>, %[[R:[a-z0-9]+]]: tensor<8x2xf32>
//       CHECK:   bn.normalize axis(1) ins(%[[X]] : {{.*}} epilogue(%[[R]] : tensor<8x2xf32>) {
//       CHECK:     arith.addf
//       CHECK:     bn.yield
func.func @epilogue(%x: tensor<8x2xf32>, %r: tensor<8x2xf32>)
    -> tensor<8x2xf32> {
  %c = arith.constant dense<1.0> : tensor<2xf32>
  %z = bn.inference axis(1) epsilon(3.0) ins(%x : tensor<8x2xf32>)
      statistics(%c, %c : tensor<2xf32>, tensor<2xf32>)
      outs(%x : tensor<8x2xf32>) epilogue(%r : tensor<8x2xf32>) {
    ^bb0(%y: f32, %e: f32):
      %s = arith.addf %y, %e : f32
      bn.yield %s : f32
    } -> tensor<8x2xf32>
  return %z : tensor<8x2xf32>
}
