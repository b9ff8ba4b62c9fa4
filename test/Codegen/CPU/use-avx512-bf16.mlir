// Vectors of bf16 that fill registers of 512 bits are rounded two registers of
// f32 at a time.

// RUN: bn-opt %s --bn-use-avx512-bf16 | FileCheck %s

// The second operand gives the lower half.
// CHECK-LABEL: func @round(
//  CHECK-SAME:     %[[X:.*]]: vector<64xf32>
//       CHECK:   %[[A:.*]] = llvm.shufflevector %[[X]], %[[X]] [0, 1, {{.*}} 15]
//       CHECK:   %[[B:.*]] = llvm.shufflevector %[[X]], %[[X]] [16, 17, {{.*}} 31]
//       CHECK:   %[[Y:.*]] = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%[[B]], %[[A]]) : {{.*}} -> vector<32xbf16>
//       CHECK:   llvm.shufflevector %[[X]], %[[X]] [32,
//       CHECK:   %[[Z:.*]] = llvm.call_intrinsic
//       CHECK:   %[[R:.*]] = llvm.shufflevector %[[Y]], %[[Z]] [0, 1, {{.*}} 63]
//       CHECK:   return %[[R]]
func.func @round(%x: vector<64xf32>) -> vector<64xbf16> {
  %y = llvm.fptrunc %x : vector<64xf32> to vector<64xbf16>
  return %y : vector<64xbf16>
}

// LLVM has an instruction for these.
// CHECK-LABEL: func @others(
//       CHECK:   llvm.fptrunc %{{.*}} : vector<16xf32> to vector<16xbf16>
//       CHECK:   llvm.fptrunc %{{.*}} : f32 to bf16
//       CHECK:   llvm.fptrunc %{{.*}} : vector<32xf32> to vector<32xf16>
func.func @others(%x: vector<16xf32>, %s: f32, %h: vector<32xf32>)
    -> (vector<16xbf16>, bf16, vector<32xf16>) {
  %y = llvm.fptrunc %x : vector<16xf32> to vector<16xbf16>
  %t = llvm.fptrunc %s : f32 to bf16
  %g = llvm.fptrunc %h : vector<32xf32> to vector<32xf16>
  return %y, %t, %g : vector<16xbf16>, bf16, vector<32xf16>
}

// CHECK-LABEL: func @from_f64(
//       CHECK:   %[[S:.*]] = llvm.fptrunc %{{.*}} : f64 to f32
//       CHECK:   llvm.fptrunc %[[S]] : f32 to bf16
func.func @from_f64(%x: f64) -> bf16 {
  %y = llvm.fptrunc %x : f64 to bf16
  return %y : bf16
}

// CHECK-LABEL: func @vectors_from_f64(
//       CHECK:   llvm.fptrunc %{{.*}} : vector<32xf64> to vector<32xf32>
//       CHECK:   llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
func.func @vectors_from_f64(%x: vector<32xf64>) -> vector<32xbf16> {
  %y = llvm.fptrunc %x : vector<32xf64> to vector<32xbf16>
  return %y : vector<32xbf16>
}
