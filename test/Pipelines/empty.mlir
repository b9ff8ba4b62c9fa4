// Data with a size of 0 go all the way down, also next to sizes that are not
// known.

// RUN: bn-opt %s --bn-cpu-pipeline=compile-to=buffer | FileCheck %s
// RUN: bn-opt %s --bn-cpu-pipeline | FileCheck %s --check-prefix=LLVM

// LLVM: llvm.func @training(
// LLVM: llvm.func @inference(

// CHECK-LABEL: func @training
func.func @training(%x: tensor<?x?x0xbf16>, %m0: tensor<?xf64>,
    %v0: tensor<?xf32>, %rm: tensor<?xf32>, %rv: tensor<?xf32>)
    -> (tensor<?x?x0xbf16>, tensor<?xf64>, tensor<?xf32>, tensor<?xf32>,
        tensor<?xf32>) {
  %r:5 = bn.training axis(-2) epsilon(1.0e-3) momentum(0.5)
      ins(%x : tensor<?x?x0xbf16>)
      running(%rm, %rv : tensor<?xf32>, tensor<?xf32>)
      outs(%x, %m0, %v0, %rm, %rv
           : tensor<?x?x0xbf16>, tensor<?xf64>, tensor<?xf32>, tensor<?xf32>,
             tensor<?xf32>)
      -> tensor<?x?x0xbf16>, tensor<?xf64>, tensor<?xf32>, tensor<?xf32>,
         tensor<?xf32>
  return %r#0, %r#1, %r#2, %r#3, %r#4
      : tensor<?x?x0xbf16>, tensor<?xf64>, tensor<?xf32>, tensor<?xf32>,
        tensor<?xf32>
}

// CHECK-LABEL: func @inference
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<65x?x0x?xf32>
//   CHECK-NOT:   scf.forall
//       CHECK:   return %[[X]]
func.func @inference(%x: tensor<65x?x0x?xf32>, %c: tensor<65xf32>)
    -> tensor<65x?x0x?xf32> {
  %y = bn.inference axis(0) epsilon(1.0e-3) ins(%x : tensor<65x?x0x?xf32>)
      statistics(%c, %c : tensor<65xf32>, tensor<65xf32>)
      outs(%x : tensor<65x?x0x?xf32>) -> tensor<65x?x0x?xf32>
  return %y : tensor<65x?x0x?xf32>
}
