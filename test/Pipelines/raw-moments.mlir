// Statistics of bf16 by dot products, and what is summed again where those are
// not exact enough, without a copy of either.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer avx512-bf16=true vector-bits=512" | FileCheck %s --check-prefix=BUFFER
// RUN: bn-opt %s --bn-cpu-pipeline="avx512-bf16=true vector-bits=512" | FileCheck %s

// BUFFER-LABEL: func @training(
//       BUFFER:   scf.forall
//       BUFFER:     x86vector.avx512.dot
//       BUFFER:     scf.if %{{[0-9]+}} {
//  BUFFER-NEXT:     } else {
//   BUFFER-NOT:       memref.copy
//       BUFFER:       arith.subf
//   BUFFER-NOT:       memref.copy
//       BUFFER:       arith.cmpf one,
//       BUFFER:   scf.forall

// CHECK-LABEL: llvm.func @training(
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
func.func @training(%x: tensor<4096x512xbf16>, %o: tensor<4096x512xbf16>,
    %c: tensor<512xf32>, %d: tensor<512xf32>)
    -> (tensor<4096x512xbf16>, tensor<512xf32>, tensor<512xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0)
      ins(%x : tensor<4096x512xbf16>)
      outs(%o, %c, %d : tensor<4096x512xbf16>, tensor<512xf32>, tensor<512xf32>)
      -> tensor<4096x512xbf16>, tensor<512xf32>, tensor<512xf32>
  return %y, %m, %v : tensor<4096x512xbf16>, tensor<512xf32>, tensor<512xf32>
}
