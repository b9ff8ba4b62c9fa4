// Without instructions for bf16, rows inside the caches whose elements have
// numbers of their own are worked on in pairs, of which LLVM sees integers; with
// them in order.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2 vector-bits=256" | FileCheck %s
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=llvm threads=2 vector-bits=256" | FileCheck %s --check-prefix=LLVM
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=llvm threads=2 vector-bits=128" | FileCheck %s --check-prefix=NARROW
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=llvm threads=2 vector-bits=512 avx512-bf16" | FileCheck %s --check-prefix=AVX512

// CHECK-LABEL: func @inference
// CHECK-COUNT-2: vector.deinterleave
//       CHECK:   scf.forall
// CHECK-COUNT-2: vector.interleave {{.*}} {bn.short_nan} : vector<16xf32> -> vector<32xf32>

// LLVM-LABEL: llvm.func @inference
//   LLVM-NOT:   -> vector<32xbf16>
//       LLVM:   llvm.load {{.*}} -> vector<32xi16>
//   LLVM-NOT:   llvm.fptrunc {{.*}} to vector<{{[0-9]+}}xbf16>
//       LLVM:   llvm.store {{.*}} : vector<32xi16>

// NARROW-LABEL: llvm.func @inference
//       NARROW:   llvm.store {{.*}} : vector<16xi16>

// AVX512-LABEL: llvm.func @inference
//   AVX512-NOT:   deinterleave
//       AVX512:   llvm.load {{.*}} -> vector<64xbf16>
//   AVX512-NOT:   deinterleave
//       AVX512:   llvm.store {{.*}} : vector<64xbf16>
func.func @inference(%x: tensor<400x128xbf16>, %s: tensor<128xf32>,
    %o: tensor<128xf32>, %m: tensor<128xf32>, %v: tensor<128xf32>)
    -> tensor<400x128xbf16> {
  %empty = tensor.empty() : tensor<400x128xbf16>
  %y = bn.inference axis(1) epsilon(1.0e-3)
      ins(%x : tensor<400x128xbf16>) scale(%s : tensor<128xf32>)
      offset(%o : tensor<128xf32>)
      statistics(%m, %v : tensor<128xf32>, tensor<128xf32>)
      outs(%empty : tensor<400x128xbf16>) -> tensor<400x128xbf16>
  return %y : tensor<400x128xbf16>
}
