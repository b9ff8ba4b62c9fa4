// RUN: bn-opt %s --bn-round-to-bf16 --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-round-to-bf16=vector-bits=512 --split-input-file | FileCheck %s --check-prefix=WIDE

// Where NaN may be any: all lanes are 32 bits wide until the last step. A choice
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
//       CHECK:   %[[SINGLE:.*]] = arith.truncf {{.*}} : f64 to f32
//       CHECK:   arith.bitcast %[[SINGLE]] : f32 to i32
//       CHECK:   arith.truncf {{.*}} : f32 to f16
func.func @others(%x: f64, %z: f32) -> (bf16, f16) {
  %y = arith.truncf %x : f64 to bf16
  %w = arith.truncf %z : f32 to f16
  return %y, %w : bf16, f16
}

// -----

// Arithmetic makes NaN quiet: two registers of 256 bits are
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
//       CHECK:   vector.shuffle %[[ROUNDED]], %[[ROUNDED]] [0, 2, 4, 6, {{.*}}] : vector<32xi16>, vector<32xi16>
func.func @sum(%x: vector<32xf32>, %y: vector<32xf32>) -> vector<32xbf16> {
  %0 = arith.addf %x, %y : vector<32xf32>
  %1 = arith.truncf %0 : vector<32xf32> to vector<32xbf16>
  return %1 : vector<32xbf16>
}

// -----

// Less than two registers stay 32 bits wide.
// CHECK-LABEL: func @short(
//       CHECK:   arith.trunci {{.*}} : vector<8xi32> to vector<8xi16>
func.func @short(%x: vector<8xf32>) -> vector<8xbf16> {
  %0 = arith.mulf %x, %x : vector<8xf32>
  %1 = arith.truncf %0 : vector<8xf32> to vector<8xbf16>
  return %1 : vector<8xbf16>
}

// -----

// A choice between what is quiet is quiet, and what was bf16 has nothing in its
// lower half: if there is nothing else, no NaN is rounded up.
// CHECK-LABEL: func @choices(
//       CHECK:   arith.cmpi eq
//       CHECK:   vector.bitcast {{.*}} : vector<16xi16> to vector<16xbf16>
//   CHECK-NOT:   arith.cmp
//       CHECK:   vector.bitcast {{.*}} : vector<16xi16> to vector<16xbf16>
//   CHECK-NOT:   arith.cmp
//       CHECK:   return
func.func @choices(%x: vector<16xf32>, %b: vector<16xbf16>, %c: vector<16xi1>)
    -> (vector<16xbf16>, vector<16xbf16>) {
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %0 = arith.mulf %x, %x fastmath<contract> : vector<16xf32>
  %1 = arith.extf %b : vector<16xbf16> to vector<16xf32>
  %2 = arith.select %c, %0, %1 : vector<16xi1>, vector<16xf32>
  %3 = arith.truncf %2 : vector<16xf32> to vector<16xbf16>
  %4 = arith.divf %1, %1 : vector<16xf32>
  %5 = arith.maximumf %4, %zero : vector<16xf32>
  %6 = arith.truncf %5 : vector<16xf32> to vector<16xbf16>
  return %3, %6 : vector<16xbf16>, vector<16xbf16>
}

// -----

// Arithmetic that LLVM may replace by an operand, or by its negative, whose NaN
// may look like an infinity in the upper half.
// CHECK-LABEL: func @replaced(
//   CHECK-NOT:   vector.shuffle
//       CHECK:   return
func.func @replaced(%x: vector<16xf32>, %y: vector<16xf32>)
    -> (vector<16xbf16>, vector<16xbf16>, vector<16xbf16>) {
  %minus = arith.constant dense<-1.0> : vector<16xf32>
  %zero = arith.constant dense<-0.0> : vector<16xf32>
  %0 = arith.mulf %x, %minus : vector<16xf32>
  %1 = arith.truncf %0 : vector<16xf32> to vector<16xbf16>
  %2 = math.fma %x, %minus, %zero : vector<16xf32>
  %3 = arith.truncf %2 : vector<16xf32> to vector<16xbf16>
  %4 = arith.addf %x, %y fastmath<reassoc,nsz> : vector<16xf32>
  %5 = arith.subf %4, %y fastmath<reassoc,nsz> : vector<16xf32>
  %6 = arith.truncf %5 : vector<16xf32> to vector<16xbf16>
  return %1, %3, %6 : vector<16xbf16>, vector<16xbf16>, vector<16xbf16>
}

// -----

// To f64 by way of f32, which upstream's expansion knows.
// CHECK-LABEL: func @widened(
//       CHECK:   %[[SINGLE:.*]] = arith.extf %{{.*}} : vector<4xbf16> to vector<4xf32>
//       CHECK:   arith.extf %[[SINGLE]] : vector<4xf32> to vector<4xf64>
func.func @widened(%x: vector<4xbf16>) -> vector<4xf64> {
  %y = arith.extf %x : vector<4xbf16> to vector<4xf64>
  return %y : vector<4xf64>
}

// -----

// Upstream's passes leave this one.
// CHECK-LABEL: func @fma(
//       CHECK:   math.fma {{.*}} : f32
//   CHECK-NOT:   arith.truncf
//       CHECK:   return
func.func @fma(%x: bf16) -> bf16 {
  %y = math.fma %x, %x, %x : bf16
  return %y : bf16
}

// -----

// Registers of 512 bits.
// WIDE-LABEL: func @registers(
//       WIDE:   vector.shuffle {{.*}} [0, 1, {{.*}}, 14, 15] : vector<32xf32>, vector<32xf32>
//       WIDE:   vector.shuffle {{.*}} [16, 17, {{.*}}, 30, 31] : vector<32xf32>, vector<32xf32>
//       WIDE:   vector.shuffle {{.*}} [0, 2, 4, 6, {{.*}} : vector<32xi16>, vector<32xi16>
func.func @registers(%x: vector<32xf32>) -> vector<32xbf16> {
  %0 = arith.mulf %x, %x : vector<32xf32>
  %1 = arith.truncf %0 : vector<32xf32> to vector<32xbf16>
  return %1 : vector<32xbf16>
}
