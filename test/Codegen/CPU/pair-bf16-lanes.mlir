// Elementwise work on bf16 is done on the halves of 32-bit lanes.

// RUN: bn-opt %s --bn-pair-bf16-lanes --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-pair-bf16-lanes="avx512-bf16" --split-input-file | FileCheck %s --check-prefix=AVX512

// An instruction rounds two registers, and a permutation puts pairs together.
// AVX512-LABEL: func @affine
//       AVX512:   %[[EVEN:.*]] = arith.addf {{.*}} : vector<16xf32>
//       AVX512:   %[[ODD:.*]] = arith.addf {{.*}} : vector<16xf32>
//       AVX512:   %[[BOTH:.*]] = vector.shuffle %[[EVEN]], %[[ODD]] [0, 1, {{.*}}, 30, 31]
//       AVX512:   %[[ROUNDED:.*]] = arith.truncf %[[BOTH]] : vector<32xf32> to vector<32xbf16>
//       AVX512:   vector.shuffle %[[ROUNDED]], %[[ROUNDED]] [0, 16, 1, 17, {{.*}}, 15, 31]

// CHECK-LABEL: func @affine
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: vector<32xbf16>, %[[S:[a-z0-9]+]]: f32
//   CHECK-DAG:   %[[ONE:.*]] = arith.constant dense<1.000000e+00> : vector<16xf32>
// If the number is NaN, it gets one whose lower half is 0: none is rounded up.
//       CHECK:   %[[NAN:.*]] = arith.cmpf uno, %[[S]], %[[S]] : f32
//       CHECK:   %[[QUIET:.*]] = arith.constant 0x7FC00000 : f32
//       CHECK:   %[[S1:.*]] = arith.select %[[NAN]], %[[QUIET]], %[[S]] : f32
//       CHECK:   %[[FACTOR:.*]] = vector.broadcast %[[S1]] : f32 to vector<16xf32>
//       CHECK:   %[[PAIRS:.*]] = vector.bitcast %[[X]] : vector<32xbf16> to vector<16xi32>
//       CHECK:   %[[LOWER:.*]] = arith.shli %[[PAIRS]]
//       CHECK:   %[[UPPER:.*]] = arith.andi %[[PAIRS]]
//   CHECK-DAG:   %[[EVEN:.*]] = arith.bitcast %[[LOWER]] : vector<16xi32> to vector<16xf32>
//   CHECK-DAG:   %[[ODD:.*]] = arith.bitcast %[[UPPER]] : vector<16xi32> to vector<16xf32>
//       CHECK:   %[[EVEN1:.*]] = arith.mulf %[[EVEN]], %[[FACTOR]] fastmath<contract>
//       CHECK:   %[[ODD1:.*]] = arith.mulf %[[ODD]], %[[FACTOR]] fastmath<contract>
//       CHECK:   %[[EVEN2:.*]] = arith.addf %[[EVEN1]], %[[ONE]]
//       CHECK:   %[[ODD2:.*]] = arith.addf %[[ODD1]], %[[ONE]]
//       CHECK:   %[[LOWER:.*]] = arith.bitcast %[[EVEN2]] : vector<16xf32> to vector<16xi32>
//       CHECK:   %[[UPPER:.*]] = arith.bitcast %[[ODD2]] : vector<16xf32> to vector<16xi32>
//       CHECK:   vector.shuffle {{.*}} [0, 33, 2, 35, {{.*}}] : vector<32xi16>, vector<32xi16>
//   CHECK-NOT:   arith.cmpi
//       CHECK:   %[[Y:.*]] = vector.bitcast %{{.*}} : vector<32xi16> to vector<32xbf16>
//   CHECK-NOT:   vector<32xf32>
//       CHECK:   return %[[Y]]
func.func @affine(%x: vector<32xbf16>, %s: f32) -> vector<32xbf16> {
  %one = arith.constant dense<1.0> : vector<32xf32>
  %b = vector.broadcast %s : f32 to vector<32xf32>
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.mulf %0, %b fastmath<contract> : vector<32xf32>
  %2 = arith.addf %1, %one : vector<32xf32>
  %3 = arith.truncf %2 : vector<32xf32> to vector<32xbf16>
  return %3 : vector<32xbf16>
}

// -----

// Values may be used more than once inside; what is widened, outside, too.
// CHECK-LABEL: func @relu
//       CHECK:   arith.cmpf ogt, {{.*}} : vector<16xf32>
//       CHECK:   arith.select {{.*}} : vector<16xi1>, vector<16xf32>
//       CHECK:   vector.bitcast {{.*}} : vector<32xi16> to vector<32xbf16>
//       CHECK:   return
func.func @relu(%x: vector<32xbf16>, %z: vector<32xbf16>)
    -> (vector<32xbf16>, vector<32xf32>) {
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.extf %z : vector<32xbf16> to vector<32xf32>
  %2 = arith.addf %0, %1 : vector<32xf32>
  %3 = arith.cmpf ogt, %2, %zero : vector<32xf32>
  %4 = arith.select %3, %2, %zero : vector<32xi1>, vector<32xf32>
  %5 = arith.truncf %4 : vector<32xf32> to vector<32xbf16>
  return %5, %1 : vector<32xbf16>, vector<32xf32>
}

// -----

// Other vectors would have to be taken apart; what is also needed in order
// would be computed twice; short vectors, scalars and f16 stay.
// CHECK-LABEL: func @others
//   CHECK-NOT:   vector.bitcast
//       CHECK:   return
func.func @others(%x: vector<32xbf16>, %c: vector<32xf32>, %s: vector<8xbf16>,
    %t: bf16, %h: vector<32xf16>)
    -> (vector<32xbf16>, vector<32xbf16>, vector<32xf32>, vector<8xbf16>, bf16,
        vector<32xf16>) {
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.mulf %0, %c : vector<32xf32>
  %2 = arith.truncf %1 : vector<32xf32> to vector<32xbf16>
  %3 = arith.negf %0 : vector<32xf32>
  %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
  %5 = arith.extf %s : vector<8xbf16> to vector<8xf32>
  %6 = arith.negf %5 : vector<8xf32>
  %7 = arith.truncf %6 : vector<8xf32> to vector<8xbf16>
  %8 = arith.extf %t : bf16 to f32
  %9 = arith.negf %8 : f32
  %10 = arith.truncf %9 : f32 to bf16
  %11 = arith.extf %h : vector<32xf16> to vector<32xf32>
  %12 = arith.negf %11 : vector<32xf32>
  %13 = arith.truncf %12 : vector<32xf32> to vector<32xf16>
  return %2, %4, %3, %7, %10, %13
      : vector<32xbf16>, vector<32xbf16>, vector<32xf32>, vector<8xbf16>, bf16,
        vector<32xf16>
}

// -----

// A clamp to a number: what is broadcast has lost the lower half of a NaN.
// CHECK-LABEL: func @clamp
//       CHECK:   arith.select {{.*}} : f32
//       CHECK:   arith.minimumf {{.*}} : vector<16xf32>
//       CHECK:   arith.minimumf {{.*}} : vector<16xf32>
//   CHECK-NOT:   arith.cmp
//       CHECK:   vector.bitcast {{.*}} : vector<32xi16> to vector<32xbf16>
func.func @clamp(%x: vector<32xbf16>, %s: f32) -> vector<32xbf16> {
  %b = vector.broadcast %s : f32 to vector<32xf32>
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.minimumf %0, %b : vector<32xf32>
  %2 = arith.truncf %1 : vector<32xf32> to vector<32xbf16>
  return %2 : vector<32xbf16>
}

// -----

// What is known of no NaN stays 32 bits wide until the last step: the upper half
// of one may be that of an infinity.
// CHECK-LABEL: func @any_nan
//       CHECK:   arith.cmpf uno, %[[EVEN:.*]], %[[EVEN]] : vector<16xf32>
//       CHECK:   %[[EVEN1:.*]] = arith.select
//       CHECK:   arith.cmpf uno, %[[ODD:.*]], %[[ODD]] : vector<16xf32>
//       CHECK:   %[[ODD1:.*]] = arith.select
//       CHECK:   %[[LOW:.*]] = arith.shrui %[[EVEN1]]
//       CHECK:   %[[HIGH:.*]] = arith.andi %[[ODD1]]
//       CHECK:   %[[BOTH:.*]] = arith.ori %[[HIGH]], %[[LOW]]
//       CHECK:   vector.bitcast %[[BOTH]] : vector<16xi32> to vector<32xbf16>
func.func @any_nan(%x: vector<32xbf16>) -> vector<32xbf16> {
  %one = arith.constant dense<1> : vector<32xi32>
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.bitcast %0 : vector<32xf32> to vector<32xi32>
  %2 = arith.ori %1, %one : vector<32xi32>
  %3 = arith.bitcast %2 : vector<32xi32> to vector<32xf32>
  %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
  return %4 : vector<32xbf16>
}

// -----

// Vectors of other numbers whose even and odd elements are known.
// CHECK-LABEL: func @interleaved
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: vector<32xbf16>, %[[A:[a-z0-9]+]]: vector<16xf32>, %[[B:[a-z0-9]+]]: vector<16xf32>
//       CHECK:   arith.addf %{{.*}}, %[[A]] : vector<16xf32>
//       CHECK:   arith.addf %{{.*}}, %[[B]] : vector<16xf32>
// Any NaN may be among them.
//       CHECK:   arith.cmpi eq, {{.*}} : vector<32xi16>
//   CHECK-NOT:   vector.interleave
//       CHECK:   return
func.func @interleaved(%x: vector<32xbf16>, %a: vector<16xf32>,
    %b: vector<16xf32>) -> vector<32xbf16> {
  %c = vector.interleave %a, %b : vector<16xf32> -> vector<32xf32>
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.addf %0, %c : vector<32xf32>
  %2 = arith.truncf %1 : vector<32xf32> to vector<32xbf16>
  return %2 : vector<32xbf16>
}

// -----

// Numbers of other types in between are widened as they are.
// CHECK-LABEL: func @through_f16
//       CHECK:   %[[H:.*]] = arith.truncf {{.*}} : vector<16xf32> to vector<16xf16>
//       CHECK:   arith.truncf {{.*}} : vector<16xf32> to vector<16xf16>
//       CHECK:   arith.extf %[[H]] : vector<16xf16> to vector<16xf32>
func.func @through_f16(%x: vector<32xbf16>) -> vector<32xbf16> {
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.truncf %0 : vector<32xf32> to vector<32xf16>
  %2 = arith.extf %1 : vector<32xf16> to vector<32xf32>
  %3 = arith.truncf %2 : vector<32xf32> to vector<32xbf16>
  return %3 : vector<32xbf16>
}

// -----

// Bits that others need in order are put together of halves in 16-bit lanes.
// CHECK-LABEL: func @saves_bits
//       CHECK:   %[[EVEN:.*]] = arith.cmpf ugt, {{.*}} : vector<16xf32>
//       CHECK:   %[[ODD:.*]] = arith.cmpf ugt, {{.*}} : vector<16xf32>
//   CHECK-DAG:   %[[E:.*]] = arith.extsi %[[EVEN]] : vector<16xi1> to vector<16xi32>
//   CHECK-DAG:   %[[O:.*]] = arith.extsi %[[ODD]] : vector<16xi1> to vector<16xi32>
//   CHECK-DAG:   %[[E16:.*]] = vector.bitcast %[[E]] : vector<16xi32> to vector<32xi16>
//   CHECK-DAG:   %[[O16:.*]] = vector.bitcast %[[O]] : vector<16xi32> to vector<32xi16>
//       CHECK:   %[[LANES:.*]] = vector.shuffle %[[E16]], %[[O16]] [0, 33, 2, 35, {{.*}}]
//       CHECK:   %[[BITS:.*]] = arith.cmpi slt, %[[LANES]], %{{.*}} : vector<32xi16>
//       CHECK:   arith.select %[[EVEN]]
//       CHECK:   arith.select %[[ODD]]
//       CHECK:   vector.bitcast %[[BITS]] : vector<32xi1> to vector<4xi8>

// Masks in registers of their own are in order.
// AVX512-LABEL: func @saves_bits
//       AVX512:   arith.cmpf ugt, {{.*}} : vector<32xf32>
func.func @saves_bits(%x: vector<32xbf16>) -> (vector<32xbf16>, vector<4xi8>) {
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.cmpf ugt, %0, %zero : vector<32xf32>
  %2 = arith.select %1, %0, %zero : vector<32xi1>, vector<32xf32>
  %3 = arith.truncf %2 : vector<32xf32> to vector<32xbf16>
  %4 = vector.bitcast %1 : vector<32xi1> to vector<4xi8>
  return %3, %4 : vector<32xbf16>, vector<4xi8>
}

// -----

// Of bits that are read, each half picks its own.
// CHECK-LABEL: func @reads_bits
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: vector<16xbf16>, %[[B:[a-z0-9]+]]: vector<2xi8>
//       CHECK:   %[[ONE:.*]] = vector.bitcast %[[B]] : vector<2xi8> to vector<1xi16>
//       CHECK:   %[[NUMBER:.*]] = vector.extract %[[ONE]][0]
//       CHECK:   %[[WIDE:.*]] = arith.extui %[[NUMBER]] : i16 to i32
//       CHECK:   %[[ALL:.*]] = vector.broadcast %[[WIDE]] : i32 to vector<8xi32>
//       CHECK:   %[[PLACES:.*]] = arith.constant dense<[1, 4, 16, 64, 256, 1024, 4096, 16384]>
//       CHECK:   %[[OWN:.*]] = arith.andi %[[ALL]], %[[PLACES]]
//       CHECK:   %[[EVEN:.*]] = arith.cmpi ne, %[[OWN]]
//       CHECK:   %[[PLACES:.*]] = arith.constant dense<[2, 8, 32, 128, 512, 2048, 8192, 32768]>
//       CHECK:   %[[OWN:.*]] = arith.andi %[[ALL]], %[[PLACES]]
//       CHECK:   %[[ODD:.*]] = arith.cmpi ne, %[[OWN]]
//       CHECK:   arith.select %[[EVEN]]
//       CHECK:   arith.select %[[ODD]]

// AVX512-LABEL: func @reads_bits
//       AVX512:   arith.select {{.*}} : vector<16xi1>, vector<16xf32>
func.func @reads_bits(%x: vector<16xbf16>, %b: vector<2xi8>) -> vector<16xbf16> {
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %bits = vector.bitcast %b : vector<2xi8> to vector<16xi1>
  %0 = arith.extf %x : vector<16xbf16> to vector<16xf32>
  %1 = arith.select %bits, %0, %zero : vector<16xi1>, vector<16xf32>
  %2 = arith.negf %1 : vector<16xf32>
  %3 = arith.truncf %2 : vector<16xf32> to vector<16xbf16>
  return %3 : vector<16xbf16>
}

// -----

// 32 bits are a lane already.
// CHECK-LABEL: func @reads_more_bits
//       CHECK:   %[[ONE:.*]] = vector.bitcast %{{.*}} : vector<4xi8> to vector<1xi32>
//       CHECK:   %[[NUMBER:.*]] = vector.extract %[[ONE]][0]
//       CHECK:   vector.broadcast %[[NUMBER]] : i32 to vector<16xi32>
//       CHECK:   arith.constant dense<[2, 8, {{.*}}, -2147483648]> : vector<16xi32>
//       CHECK:   arith.select {{.*}} : vector<16xi1>, vector<16xf32>

// AVX512-LABEL: func @reads_more_bits
//       AVX512:   arith.select {{.*}} : vector<32xi1>, vector<32xf32>
func.func @reads_more_bits(%x: vector<32xbf16>, %b: vector<4xi8>)
    -> vector<32xbf16> {
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %bits = vector.bitcast %b : vector<4xi8> to vector<32xi1>
  %0 = arith.extf %x : vector<32xbf16> to vector<32xf32>
  %1 = arith.select %bits, %0, %zero : vector<32xi1>, vector<32xf32>
  %2 = arith.negf %1 : vector<32xf32>
  %3 = arith.truncf %2 : vector<32xf32> to vector<32xbf16>
  return %3 : vector<32xbf16>
}

// -----

// More of them than a lane has are left in order, as all that needs them.
// CHECK-LABEL: func @many_bits
//       CHECK:   arith.cmpf ugt, {{.*}} : vector<64xf32>
func.func @many_bits(%x: vector<64xbf16>) -> (vector<64xbf16>, vector<8xi8>) {
  %zero = arith.constant dense<0.0> : vector<64xf32>
  %0 = arith.extf %x : vector<64xbf16> to vector<64xf32>
  %1 = arith.cmpf ugt, %0, %zero : vector<64xf32>
  %2 = arith.select %1, %0, %zero : vector<64xi1>, vector<64xf32>
  %3 = arith.truncf %2 : vector<64xf32> to vector<64xbf16>
  %4 = vector.bitcast %1 : vector<64xi1> to vector<8xi8>
  return %3, %4 : vector<64xbf16>, vector<8xi8>
}
