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

// Gradients of both tensors: their sums, and again about the means where these
// are far from 0.
// BUFFER-LABEL: func @backward(
//       BUFFER:   scf.forall
//       BUFFER:     x86vector.avx512.dot
//       BUFFER:     scf.if %{{[0-9]+}} {
//  BUFFER-NEXT:     } else {
//   BUFFER-NOT:       memref.copy
//       BUFFER:       arith.subf
//       BUFFER:   scf.forall

// CHECK-LABEL: llvm.func @backward(
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
func.func @backward(%dy: tensor<4096x512xbf16>, %x: tensor<4096x512xbf16>,
    %m: tensor<512xf32>, %v: tensor<512xf32>, %c: tensor<512xf32>,
    %d: tensor<512xf32>)
    -> (tensor<4096x512xbf16>, tensor<512xf32>, tensor<512xf32>) {
  %r:3 = bn.backward axis(1) epsilon(1.0) wrt(input, scale, offset)
      ins(%dy, %x : tensor<4096x512xbf16>, tensor<4096x512xbf16>)
      statistics(%m, %v : tensor<512xf32>, tensor<512xf32>)
      outs(%dy, %c, %d : tensor<4096x512xbf16>, tensor<512xf32>,
                         tensor<512xf32>)
      -> tensor<4096x512xbf16>, tensor<512xf32>, tensor<512xf32>
  return %r#0, %r#1, %r#2
      : tensor<4096x512xbf16>, tensor<512xf32>, tensor<512xf32>
}
