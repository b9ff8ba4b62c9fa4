// Without instructions for bf16, rows inside the caches whose elements have
// numbers of their own are worked on in pairs, of which LLVM sees integers; with
// them in order. So are their bits.

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

// Bits that are saved are put together of halves, or are in a register of masks.
// LLVM-LABEL: llvm.func @saves_bits
//   LLVM-NOT:   llvm.fpext {{.*}} : vector<32xbf16>
//       LLVM:   llvm.load {{.*}} -> vector<32xi16>
//   LLVM-NOT:   llvm.fpext {{.*}} : vector<32xbf16>
// LLVM-COUNT-2: llvm.fcmp "ogt" {{.*}} : vector<16xf32>
//       LLVM:   %[[BITS:.*]] = llvm.icmp "slt" {{.*}} : vector<32xi16>
//       LLVM:   llvm.store {{.*}} : vector<32xi16>
//       LLVM:   llvm.bitcast %[[BITS]] : vector<32xi1> to vector<4xi8>

// AVX512-LABEL: llvm.func @saves_bits
//       AVX512:   %[[BITS:.*]] = llvm.fcmp "ogt" {{.*}} : vector<64xf32>
//       AVX512:   llvm.store {{.*}} : vector<64xbf16>
//       AVX512:   llvm.bitcast %[[BITS]] : vector<64xi1> to vector<8xi8>
func.func @saves_bits(%x: tensor<400x128xbf16>, %s: tensor<128xf32>,
    %o: tensor<128xf32>, %m: tensor<128xf32>, %v: tensor<128xf32>,
    %y0: tensor<400x128xbf16>, %bytes: memref<6400xi8>)
    -> tensor<400x128xbf16> {
  %bits = bn.view_bits %bytes : memref<6400xi8> to memref<400x128xi8>
  %b0 = bufferization.to_tensor %bits restrict writable
      : memref<400x128xi8> to tensor<400x128xi8>
  %y, %b = bn.inference axis(1) epsilon(1.0e-3)
      ins(%x : tensor<400x128xbf16>) scale(%s : tensor<128xf32>)
      offset(%o : tensor<128xf32>)
      statistics(%m, %v : tensor<128xf32>, tensor<128xf32>)
      outs(%y0, %b0 : tensor<400x128xbf16>, tensor<400x128xi8>)
      epilogue {
    ^bb0(%e: f32):
      %zero = arith.constant 0.0 : f32
      %passes = arith.cmpf ogt, %e, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      %relu = arith.select %passes, %e, %zero : f32
      bn.yield %relu, %bit : f32, i8
    } -> tensor<400x128xbf16>, tensor<400x128xi8>
  bufferization.materialize_in_destination %b in restrict writable %bits
      : (tensor<400x128xi8>, memref<400x128xi8>) -> ()
  return %y : tensor<400x128xbf16>
}
