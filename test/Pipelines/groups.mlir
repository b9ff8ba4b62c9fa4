// Groups work in the caller's memory: nothing of the size of the data is
// allocated or copied, with any layout, static and dynamic, in place or not. (A
// copy of a buffer to itself is erased later.)

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" --canonicalize | FileCheck %s --implicit-check-not="memref.alloc({{.*}}memref<{{[0-9?]+}}x{{[0-9?]+}}x{{.*}}f32" --implicit-check-not="memref.copy {{.*}}x{{[0-9?]+}}xf32" --implicit-check-not="memref.alloc({{.*}}memref<?x?x?"

// CHECK-LABEL: func @nchw
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x64x28x28xf32>, %[[Y:[a-z0-9]+]]: memref<8x64x28x28xf32>
//   CHECK-NOT:   memref.alloc(
//       CHECK:   scf.for
//       CHECK:     scf.forall
//       CHECK:   return %[[Y]], %{{.*}}, %{{.*}}
func.func @nchw(%x: tensor<8x64x28x28xf32>, %y0: tensor<8x64x28x28xf32>,
    %m0: tensor<2x64xf32>, %v0: tensor<2x64xf32>)
    -> (tensor<8x64x28x28xf32>, tensor<2x64xf32>, tensor<2x64xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) groups(2)
      ins(%x : tensor<8x64x28x28xf32>)
      outs(%y0, %m0, %v0
           : tensor<8x64x28x28xf32>, tensor<2x64xf32>, tensor<2x64xf32>)
      -> tensor<8x64x28x28xf32>, tensor<2x64xf32>, tensor<2x64xf32>
  return %y, %m, %v
      : tensor<8x64x28x28xf32>, tensor<2x64xf32>, tensor<2x64xf32>
}

// CHECK-LABEL: func @nhwc_in_place
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x28x28x64xf32>
//       CHECK:   scf.for
//       CHECK:     scf.forall
//       CHECK:     scf.forall
//       CHECK:   return %[[X]], %{{.*}}, %{{.*}}
func.func @nhwc_in_place(%x: tensor<8x28x28x64xf32>, %m0: tensor<2x64xf32>,
    %v0: tensor<2x64xf32>)
    -> (tensor<8x28x28x64xf32>, tensor<2x64xf32>, tensor<2x64xf32>) {
  %y, %m, %v = bn.training axis(3) epsilon(1.0e-3) groups(2)
      ins(%x : tensor<8x28x28x64xf32>)
      outs(%x, %m0, %v0
           : tensor<8x28x28x64xf32>, tensor<2x64xf32>, tensor<2x64xf32>)
      -> tensor<8x28x28x64xf32>, tensor<2x64xf32>, tensor<2x64xf32>
  return %y, %m, %v
      : tensor<8x28x28x64xf32>, tensor<2x64xf32>, tensor<2x64xf32>
}

// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<?x?x?x?xf32>, %[[Y:[a-z0-9]+]]: memref<?x?x?x?xf32>
//       CHECK:   scf.for
//       CHECK:     scf.forall
//       CHECK:   return %[[Y]], %{{.*}}, %{{.*}}
func.func @dynamic(%x: tensor<?x?x?x?xf32>, %y0: tensor<?x?x?x?xf32>,
    %m0: tensor<2x?xf32>, %v0: tensor<2x?xf32>)
    -> (tensor<?x?x?x?xf32>, tensor<2x?xf32>, tensor<2x?xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) groups(2)
      ins(%x : tensor<?x?x?x?xf32>)
      outs(%y0, %m0, %v0 : tensor<?x?x?x?xf32>, tensor<2x?xf32>,
           tensor<2x?xf32>)
      -> tensor<?x?x?x?xf32>, tensor<2x?xf32>, tensor<2x?xf32>
  return %y, %m, %v
      : tensor<?x?x?x?xf32>, tensor<2x?xf32>, tensor<2x?xf32>
}

// Small groups: one thread each, with its statistics on its stack.
// CHECK-LABEL: func @small
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<1024x64xf32>
//   CHECK-NOT:   memref.alloc(
//       CHECK:   scf.forall
//   CHECK-NOT:   scf.forall
//   CHECK-NOT:   memref.alloc(
//       CHECK:   {bn.threads = 2 : i64}
//       CHECK:   return %[[X]], %{{.*}}, %{{.*}}
func.func @small(%x: tensor<1024x64xf32>, %m0: tensor<8x64xf32>,
    %v0: tensor<8x64xf32>)
    -> (tensor<1024x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) groups(8)
      ins(%x : tensor<1024x64xf32>)
      outs(%x, %m0, %v0
           : tensor<1024x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>)
      -> tensor<1024x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>
  return %y, %m, %v
      : tensor<1024x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>
}

// Gradients, whose sums over the groups are per channel.
// CHECK-LABEL: func @gradients
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: memref<8x28x28x64xf32>, %[[X:[a-z0-9]+]]: memref<8x28x28x64xf32>
//       CHECK:   scf.for
//       CHECK:     scf.forall
//       CHECK:   return %[[DY]], %{{.*}}, %{{.*}}
func.func @gradients(%dy: tensor<8x28x28x64xf32>, %x: tensor<8x28x28x64xf32>,
    %m: tensor<2x64xf32>, %v: tensor<2x64xf32>, %g0: tensor<64xf32>,
    %b0: tensor<64xf32>)
    -> (tensor<8x28x28x64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %dx, %g, %b = bn.backward axis(3) epsilon(1.0e-3) wrt(input, scale, offset)
      groups(2) ins(%dy, %x : tensor<8x28x28x64xf32>, tensor<8x28x28x64xf32>)
      statistics(%m, %v : tensor<2x64xf32>, tensor<2x64xf32>)
      outs(%dy, %g0, %b0
           : tensor<8x28x28x64xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x28x28x64xf32>, tensor<64xf32>, tensor<64xf32>
  return %dx, %g, %b
      : tensor<8x28x28x64xf32>, tensor<64xf32>, tensor<64xf32>
}

// CHECK-LABEL: func @gradients_of_small
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: memref<1024x64xf32>, %[[X:[a-z0-9]+]]: memref<1024x64xf32>, {{.*}}, %[[DX:[a-z0-9]+]]: memref<1024x64xf32>
//       CHECK:   scf.forall
//   CHECK-NOT:   scf.forall
//       CHECK:   {bn.threads = 2 : i64}
//       CHECK:   return %[[DX]], %{{.*}}
func.func @gradients_of_small(%dy: tensor<1024x64xf32>, %x: tensor<1024x64xf32>,
    %m: tensor<8x64xf32>, %v: tensor<8x64xf32>, %dx0: tensor<1024x64xf32>,
    %g0: tensor<64xf32>) -> (tensor<1024x64xf32>, tensor<64xf32>) {
  %dx, %g = bn.backward axis(1) epsilon(1.0e-3) wrt(input, scale) groups(8)
      ins(%dy, %x : tensor<1024x64xf32>, tensor<1024x64xf32>)
      statistics(%m, %v : tensor<8x64xf32>, tensor<8x64xf32>)
      outs(%dx0, %g0 : tensor<1024x64xf32>, tensor<64xf32>)
      -> tensor<1024x64xf32>, tensor<64xf32>
  return %dx, %g : tensor<1024x64xf32>, tensor<64xf32>
}
