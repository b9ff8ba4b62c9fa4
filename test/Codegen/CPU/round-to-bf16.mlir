// RUN: bn-opt %s --bn-round-to-bf16 --split-input-file | FileCheck %s

// What may be any NaN: all lanes are 32 bits wide until the last step. A choice
// between narrower ones would be made element by element on x86.

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

// -----

// The results of arithmetic, whose NaN are quiet: two registers of 256 bits are
// rounded together, those with even and with odd places in 16-bit lanes, and
// then put in order.
// CHECK-LABEL: func @sum(
//       CHECK:   %[[SUM:.*]] = arith.addf
//       CHECK:   %[[A:.*]] = vector.shuffle %[[SUM]], %[[SUM]] [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]
//       CHECK:   %[[B:.*]] = vector.shuffle %[[SUM]], %[[SUM]] [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31]
//       CHECK:   %[[EVEN:.*]] = arith.bitcast %[[A]] : vector<16xf32> to vector<16xi32>
//       CHECK:   %[[ODD:.*]] = arith.bitcast %[[B]] : vector<16xf32> to vector<16xi32>
//       CHECK:   arith.shrui %[[EVEN]]
//       CHECK:   %[[KEPT:.*]] = vector.shuffle {{.*}} [0, 33, 2, 35, {{.*}}] : vector<32xi16>, vector<32xi16>
//       CHECK:   arith.shli %[[ODD]]
//       CHECK:   %[[CUT:.*]] = vector.shuffle {{.*}} [0, 33, 2, 35, {{.*}}] : vector<32xi16>, vector<32xi16>
//       CHECK:   arith.xori %[[KEPT]]
//       CHECK:   %[[ISEVEN:.*]] = arith.andi
//       CHECK:   %[[SIGNED:.*]] = arith.ori %[[KEPT]]
//       CHECK:   %[[ONES:.*]] = arith.cmpi eq, %[[SIGNED]]
//       CHECK:   %[[NONE:.*]] = arith.extsi %[[ONES]]
//       CHECK:   %[[LESS:.*]] = arith.ori %[[ISEVEN]], %[[NONE]]
//       CHECK:   %[[MOST:.*]] = arith.maxui %[[CUT]], %[[LESS]]
//       CHECK:   %[[REST:.*]] = arith.subi %[[MOST]], %[[LESS]]
//       CHECK:   %[[ONE:.*]] = arith.shrui %[[REST]]
//       CHECK:   %[[ROUNDED:.*]] = arith.addi %[[KEPT]], %[[ONE]]
//       CHECK:   %[[BYTES:.*]] = vector.bitcast %[[ROUNDED]] : vector<32xi16> to vector<64xi8>
//       CHECK:   vector.shuffle %[[BYTES]], %[[BYTES]] [0, 1, 4, 5, 8, 9, {{.*}}] : vector<64xi8>, vector<64xi8>
func.func @sum(%x: vector<32xf32>, %y: vector<32xf32>) -> vector<32xbf16> {
  %0 = arith.addf %x, %y : vector<32xf32>
  %1 = arith.truncf %0 : vector<32xf32> to vector<32xbf16>
  return %1 : vector<32xbf16>
}

// -----

// Less than two registers are one unit, a choice between what is quiet is
// quiet, and an odd number of elements stays 32 bits wide.
// CHECK-LABEL: func @others_of_arithmetic(
//       CHECK:   vector.bitcast {{.*}} : vector<8xi8> to vector<4xbf16>
//       CHECK:   arith.trunci {{.*}} : vector<3xi32> to vector<3xi16>
func.func @others_of_arithmetic(%x: vector<4xf32>, %y: vector<3xf32>,
    %b: vector<4xbf16>, %c: vector<4xi1>) -> (vector<4xbf16>, vector<3xbf16>) {
  %0 = arith.mulf %x, %x : vector<4xf32>
  %1 = arith.extf %b : vector<4xbf16> to vector<4xf32>
  %2 = arith.select %c, %0, %1 : vector<4xi1>, vector<4xf32>
  %3 = arith.truncf %2 : vector<4xf32> to vector<4xbf16>
  %4 = arith.subf %y, %y : vector<3xf32>
  %5 = arith.truncf %4 : vector<3xf32> to vector<3xbf16>
  return %3, %5 : vector<4xbf16>, vector<3xbf16>
}
