// An op whose input is its out works in place, under every schedule: nothing of
// the size of the data is allocated or copied, and the result is the caller's
// buffer.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" --canonicalize | FileCheck %s --implicit-check-not="memref.alloc({{.*}}memref<8x" --implicit-check-not="memref.alloc({{.*}}memref<6272x" --implicit-check-not="memref.copy {{.*}}memref<8x" --implicit-check-not="memref.copy {{.*}}memref<6272x"

// CHECK-LABEL: func @slab
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x64x28x28xf32>
//       CHECK:   scf.forall
//       CHECK:   return %[[X]], %{{.*}}, %{{.*}}
func.func @slab(%x: tensor<8x64x28x28xf32>, %m0: tensor<64xf32>,
    %v0: tensor<64xf32>)
    -> (tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x64x28x28xf32>)
      outs(%x, %m0, %v0
           : tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
  return %y, %m, %v
      : tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
}

// CHECK-LABEL: func @row_blocks
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x28x28x64xf32>
//       CHECK:   scf.forall
//       CHECK:   scf.forall
//       CHECK:   return %[[X]]
func.func @row_blocks(%x: tensor<8x28x28x64xf32>, %m0: tensor<64xf32>,
    %v0: tensor<64xf32>)
    -> (tensor<8x28x28x64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %y, %m, %v = bn.training axis(3) epsilon(1.0e-3)
      ins(%x : tensor<8x28x28x64xf32>)
      outs(%x, %m0, %v0
           : tensor<8x28x28x64xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x28x28x64xf32>, tensor<64xf32>, tensor<64xf32>
  return %y, %m, %v
      : tensor<8x28x28x64xf32>, tensor<64xf32>, tensor<64xf32>
}

// CHECK-LABEL: func @sweep
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x64x28x28xf32>
//       CHECK:   return %[[X]]
func.func @sweep(%x: tensor<8x64x28x28xf32>, %m: tensor<64xf32>,
    %v: tensor<64xf32>) -> tensor<8x64x28x28xf32> {
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x64x28x28xf32>)
      statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
      outs(%x : tensor<8x64x28x28xf32>) -> tensor<8x64x28x28xf32>
  return %y : tensor<8x64x28x28xf32>
}

// CHECK-LABEL: func @single
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4x4xf32>
//   CHECK-NOT:   scf.forall
//       CHECK:   return %[[X]]
func.func @single(%x: tensor<8x4x4xf32>, %m0: tensor<4xf32>,
    %v0: tensor<4xf32>) -> (tensor<8x4x4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4x4xf32>)
      outs(%x, %m0, %v0 : tensor<8x4x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4x4xf32>, tensor<4xf32>, tensor<4xf32>
  return %y, %m, %v : tensor<8x4x4xf32>, tensor<4xf32>, tensor<4xf32>
}

// The running statistics are updated where they are.
// CHECK-LABEL: func @running
//  CHECK-SAME:     %[[RM:[a-z0-9]+]]: memref<64xf32>, %[[RV:[a-z0-9]+]]: memref<64xf32>
//   CHECK-NOT:   memref.alloc(
//       CHECK:   return %[[RM]], %[[RV]], %{{.*}}
func.func @running(%rm: tensor<64xf32>, %rv: tensor<64xf32>,
    %x: tensor<8x64x784xf32>, %m0: tensor<64xf32>, %v0: tensor<64xf32>)
    -> (tensor<64xf32>, tensor<64xf32>, tensor<8x64x784xf32>) {
  %r:5 = bn.training axis(1) epsilon(1.0e-3) momentum(0.75)
      ins(%x : tensor<8x64x784xf32>)
      running(%rm, %rv : tensor<64xf32>, tensor<64xf32>)
      outs(%x, %m0, %v0, %rm, %rv
           : tensor<8x64x784xf32>, tensor<64xf32>, tensor<64xf32>,
             tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x64x784xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>,
         tensor<64xf32>
  return %r#3, %r#4, %r#0
      : tensor<64xf32>, tensor<64xf32>, tensor<8x64x784xf32>
}

// The gradient of the input takes the memory of that of the output.
// CHECK-LABEL: func @gradients_slab
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: memref<8x64x28x28xf32>
//       CHECK:   return %[[DY]]
func.func @gradients_slab(%dy: tensor<8x64x28x28xf32>,
    %x: tensor<8x64x28x28xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>)
    -> tensor<8x64x28x28xf32> {
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dy, %x : tensor<8x64x28x28xf32>, tensor<8x64x28x28xf32>)
      statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
      outs(%dy : tensor<8x64x28x28xf32>) -> tensor<8x64x28x28xf32>
  return %dx : tensor<8x64x28x28xf32>
}

// CHECK-LABEL: func @gradients_rows
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: memref<8x28x28x64xf32>
//       CHECK:   return %[[DY]]
func.func @gradients_rows(%dy: tensor<8x28x28x64xf32>,
    %x: tensor<8x28x28x64xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>)
    -> tensor<8x28x28x64xf32> {
  %dx = bn.backward axis(3) epsilon(1.0e-3) wrt(input)
      ins(%dy, %x : tensor<8x28x28x64xf32>, tensor<8x28x28x64xf32>)
      statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
      outs(%dy : tensor<8x28x28x64xf32>) -> tensor<8x28x28x64xf32>
  return %dx : tensor<8x28x28x64xf32>
}

// CHECK-LABEL: func @gradients_frozen
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: memref<8x28x28x64xf32>
//       CHECK:   return %[[DY]], %{{.*}}
func.func @gradients_frozen(%dy: tensor<8x28x28x64xf32>,
    %x: tensor<8x28x28x64xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>,
    %dg: tensor<64xf32>) -> (tensor<8x28x28x64xf32>, tensor<64xf32>) {
  %r:2 = bn.backward axis(3) epsilon(1.0e-3) wrt(input, scale) frozen
      ins(%dy, %x : tensor<8x28x28x64xf32>, tensor<8x28x28x64xf32>)
      statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
      outs(%dy, %dg : tensor<8x28x28x64xf32>, tensor<64xf32>)
      -> tensor<8x28x28x64xf32>, tensor<64xf32>
  return %r#0, %r#1 : tensor<8x28x28x64xf32>, tensor<64xf32>
}
