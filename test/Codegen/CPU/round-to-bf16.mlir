// RUN: bn-opt %s --bn-round-to-bf16 --split-input-file | FileCheck %s

// All lanes are 32 bits wide until the last step: a choice between narrower
// ones would be made element by element on x86.

// CHECK-LABEL: func @vector(
//  CHECK-SAME:     %[[X:.*]]: vector<8xf32>
//       CHECK:   %[[BITS:.*]] = arith.bitcast %[[X]] : vector<8xf32> to vector<8xi32>
//       CHECK:   %[[SHIFTED:.*]] = arith.shrui %[[BITS]]
//       CHECK:   %[[ODD:.*]] = arith.andi %[[SHIFTED]]
//       CHECK:   %[[HALF:.*]] = arith.addi %[[ODD]]
//       CHECK:   %[[SUM:.*]] = arith.addi %[[BITS]], %[[HALF]]
//       CHECK:   %[[QUIET:.*]] = arith.ori %[[BITS]]
//       CHECK:   %[[NAN:.*]] = arith.cmpf uno, %[[X]], %[[X]]
//       CHECK:   %[[KEPT:.*]] = arith.select %[[NAN]], %[[QUIET]], %[[SUM]] : vector<8xi1>, vector<8xi32>
//       CHECK:   %[[HIGH:.*]] = arith.shrui %[[KEPT]]
//       CHECK:   %[[NARROW:.*]] = arith.trunci %[[HIGH]] : vector<8xi32> to vector<8xi16>
//       CHECK:   arith.bitcast %[[NARROW]] : vector<8xi16> to vector<8xbf16>
func.func @vector(%x: vector<8xf32>) -> vector<8xbf16> {
  %y = arith.truncf %x : vector<8xf32> to vector<8xbf16>
  return %y : vector<8xbf16>
}

// -----

// CHECK-LABEL: func @scalar(
//   CHECK-NOT:   arith.truncf
//       CHECK:   arith.bitcast {{.*}} : i16 to bf16
func.func @scalar(%x: f32) -> bf16 {
  %y = arith.truncf %x : f32 to bf16
  return %y : bf16
}

// -----

// CHECK-LABEL: func @others(
//       CHECK:   arith.truncf {{.*}} : f64 to bf16
//       CHECK:   arith.truncf {{.*}} : f32 to f16
func.func @others(%x: f64, %z: f32) -> (bf16, f16) {
  %y = arith.truncf %x : f64 to bf16
  %w = arith.truncf %z : f32 to f16
  return %y, %w : bf16, f16
}
