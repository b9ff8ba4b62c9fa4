// With a mask, too, nothing of the size of the data is allocated or copied, and
// no op is left to scalar loops: what is allocated has one entry per channel,
// or, of a mask that has to be repeated, per element of one channel.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=vector threads=2" | FileCheck %s --check-prefix=VECTOR --implicit-check-not=linalg.generic
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" --canonicalize | FileCheck %s --implicit-check-not="memref.alloc({{.*}}memref<{{[0-9?]+}}x{{[0-9?]+}}x{{.*}}f32" --implicit-check-not="memref.copy {{.*}}memref<8x"

// VECTOR-LABEL: func @pixels
// CHECK-LABEL: func @pixels
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x64x28x28xf32>, %[[W:[a-z0-9]+]]: memref<8x1x28x28xf32>
//   CHECK-NOT:   memref.alloc(
//       CHECK:   scf.forall
//       CHECK:   return %[[X]]
func.func @pixels(%x: tensor<8x64x28x28xf32>, %w: tensor<8x1x28x28xf32>,
    %m0: tensor<64xf32>, %v0: tensor<64xf32>)
    -> (tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x64x28x28xf32>) mask(%w : tensor<8x1x28x28xf32>)
      outs(%x, %m0, %v0
           : tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
  return %y, %m, %v
      : tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
}

// VECTOR-LABEL: func @tokens
// CHECK-LABEL: func @tokens
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<32x200x100xf32>
//       CHECK:   scf.forall
//       CHECK:   scf.forall
//       CHECK:   return %[[X]]
func.func @tokens(%x: tensor<32x200x100xf32>, %w: tensor<32x200x1xf32>,
    %m0: tensor<100xf32>, %v0: tensor<100xf32>)
    -> (tensor<32x200x100xf32>, tensor<100xf32>, tensor<100xf32>) {
  %y, %m, %v = bn.training axis(2) epsilon(1.0e-3)
      ins(%x : tensor<32x200x100xf32>) mask(%w : tensor<32x200x1xf32>)
      outs(%x, %m0, %v0
           : tensor<32x200x100xf32>, tensor<100xf32>, tensor<100xf32>)
      -> tensor<32x200x100xf32>, tensor<100xf32>, tensor<100xf32>
  return %y, %m, %v
      : tensor<32x200x100xf32>, tensor<100xf32>, tensor<100xf32>
}

// VECTOR-LABEL: func @samples
// CHECK-LABEL: func @samples
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x28x28x64xbf16>
//       CHECK:   memref.alloc() {{.*}} : memref<8x28x28xf32>
//       CHECK:   scf.forall
//       CHECK:   return %[[X]]
func.func @samples(%x: tensor<8x28x28x64xbf16>, %w: tensor<8x1x1x1xf32>,
    %m0: tensor<64xf32>, %v0: tensor<64xf32>)
    -> (tensor<8x28x28x64xbf16>, tensor<64xf32>, tensor<64xf32>) {
  %y, %m, %v = bn.training axis(3) epsilon(1.0e-3)
      ins(%x : tensor<8x28x28x64xbf16>) mask(%w : tensor<8x1x1x1xf32>)
      outs(%x, %m0, %v0
           : tensor<8x28x28x64xbf16>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x28x28x64xbf16>, tensor<64xf32>, tensor<64xf32>
  return %y, %m, %v
      : tensor<8x28x28x64xbf16>, tensor<64xf32>, tensor<64xf32>
}

// VECTOR-LABEL: func @channels
// CHECK-LABEL: func @channels
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<?x28x28x64xf16>
//       CHECK:   scf.forall
//       CHECK:   return %[[X]]
func.func @channels(%x: tensor<?x28x28x64xf16>, %w: tensor<?x1x1x64xf32>,
    %m0: tensor<64xf32>, %v0: tensor<64xf32>)
    -> (tensor<?x28x28x64xf16>, tensor<64xf32>, tensor<64xf32>) {
  %y, %m, %v = bn.training axis(3) epsilon(1.0e-3)
      ins(%x : tensor<?x28x28x64xf16>) mask(%w : tensor<?x1x1x64xf32>)
      outs(%x, %m0, %v0
           : tensor<?x28x28x64xf16>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<?x28x28x64xf16>, tensor<64xf32>, tensor<64xf32>
  return %y, %m, %v
      : tensor<?x28x28x64xf16>, tensor<64xf32>, tensor<64xf32>
}
