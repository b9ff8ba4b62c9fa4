// Elementwise ops behind a batch norm, of which the project knows no name, run
// as a part of it: with and without their fusion, results are the same up to
// rounding. The functions compute x * (a + b * x + c * x^2), where it is above
// -1, of the normalized x.

// REQUIRES: numpy
// RUN: rm -rf %t && mkdir %t
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=bn" | FileCheck %s
// RUN: bn-runner %s --entry=polynomial --input=random:1:8x16x30x30 \
// RUN:   --input=random:2:8x16x30x30 --input=zeros:8x16x30x30 \
// RUN:   --output=%t/fused.npy
// RUN: bn-runner %s --entry=apart --input=random:1:8x16x30x30 \
// RUN:   --input=random:2:8x16x30x30 --input=zeros:8x16x30x30 \
// RUN:   --input=zeros:8x16x30x30 --output=%t/y.npy --output=%t/apart.npy
// RUN: %python -c "import sys, numpy as np; a, b, y = [np.load(f) \
// RUN:   for f in sys.argv[1:]]; assert a.std() > 0.5 and y.std() > 0.9; \
// RUN:   np.testing.assert_allclose(a, b, atol=2e-6)" \
// RUN:   %t/fused.npy %t/apart.npy %t/y.npy

// CHECK-LABEL: func @polynomial
//   CHECK-NOT:   linalg
//       CHECK:   bn.training {{.*}} epilogue(%{{.*}} : tensor<8x16x900xf32>) {
//       CHECK:     arith.cmpf
//       CHECK:     bn.yield
//   CHECK-NOT:   linalg
//       CHECK:   return
// CHECK-LABEL: func @apart
//   CHECK-NOT:   epilogue
//       CHECK:   linalg.generic
func.func @polynomial(%x: tensor<8x16x30x30xf32>, %r: tensor<8x16x30x30xf32>,
    %z0: tensor<8x16x30x30xf32>) -> tensor<8x16x30x30xf32> {
  %c0 = tensor.empty() : tensor<16xf32>
  %c1 = tensor.empty() : tensor<16xf32>
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x16x30x30xf32>)
      outs(%z0, %c0, %c1
           : tensor<8x16x30x30xf32>, tensor<16xf32>, tensor<16xf32>)
      -> tensor<8x16x30x30xf32>, tensor<16xf32>, tensor<16xf32>
  %z = func.call @consumer(%y, %r)
      : (tensor<8x16x30x30xf32>, tensor<8x16x30x30xf32>)
      -> tensor<8x16x30x30xf32>
  return %z : tensor<8x16x30x30xf32>
}

// The normalized data are a result, too, so they are written.
func.func @apart(%x: tensor<8x16x30x30xf32>, %r: tensor<8x16x30x30xf32>,
    %y0: tensor<8x16x30x30xf32>, %z0: tensor<8x16x30x30xf32>)
    -> (tensor<8x16x30x30xf32>, tensor<8x16x30x30xf32>) {
  %c0 = tensor.empty() : tensor<16xf32>
  %c1 = tensor.empty() : tensor<16xf32>
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x16x30x30xf32>)
      outs(%y0, %c0, %c1
           : tensor<8x16x30x30xf32>, tensor<16xf32>, tensor<16xf32>)
      -> tensor<8x16x30x30xf32>, tensor<16xf32>, tensor<16xf32>
  %z = func.call @consumer(%y, %r)
      : (tensor<8x16x30x30xf32>, tensor<8x16x30x30xf32>)
      -> tensor<8x16x30x30xf32>
  return %y, %z : tensor<8x16x30x30xf32>, tensor<8x16x30x30xf32>
}

func.func private @consumer(%y: tensor<8x16x30x30xf32>,
    %r: tensor<8x16x30x30xf32>) -> tensor<8x16x30x30xf32> {
  %a = arith.constant dense<0.5> : tensor<8x16x30x30xf32>
  %b = arith.constant dense<0.197> : tensor<8x16x30x30xf32>
  %c = arith.constant dense<-0.01> : tensor<8x16x30x30xf32>
  %low = arith.constant dense<-1.0> : tensor<8x16x30x30xf32>
  %cy = arith.mulf %c, %y : tensor<8x16x30x30xf32>
  %bcy = arith.addf %b, %cy : tensor<8x16x30x30xf32>
  %q = arith.mulf %bcy, %y : tensor<8x16x30x30xf32>
  %s = arith.addf %a, %q : tensor<8x16x30x30xf32>
  %p = arith.mulf %y, %s : tensor<8x16x30x30xf32>
  %above = arith.cmpf ogt, %y, %low : tensor<8x16x30x30xf32>
  %k = arith.select %above, %p, %low
      : tensor<8x16x30x30xi1>, tensor<8x16x30x30xf32>
  %z = arith.addf %k, %r : tensor<8x16x30x30xf32>
  return %z : tensor<8x16x30x30xf32>
}
