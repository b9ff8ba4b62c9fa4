// Maxima and minima are the target's own, whatever the sign of a zero; narrow
// types, and vectors that LLVM has not, are left to upstream's passes.

// RUN: bn-opt %s --bn-convert-max-min-to-llvm | FileCheck %s

// CHECK-LABEL: func @relu(
//  CHECK-SAME:     %[[Y:.*]]: vector<8xf32>)
//       CHECK:   %[[ZERO:.*]] = arith.constant
//       CHECK:   %[[Z:.*]] = llvm.intr.maximum(%[[Y]], %[[ZERO]]) {fastmathFlags = #llvm.fastmath<nsz>} : (vector<8xf32>, vector<8xf32>) -> vector<8xf32>
//       CHECK:   return %[[Z]]
func.func @relu(%y: vector<8xf32>) -> vector<8xf32> {
  %zero = arith.constant dense<0.0> : vector<8xf32>
  %z = arith.maximumf %y, %zero : vector<8xf32>
  return %z : vector<8xf32>
}

// CHECK-LABEL: func @number(
//       CHECK:   llvm.intr.minimum(%{{.*}}, %{{.*}}) {{.*}} : (f64, f64) -> f64
func.func @number(%x: f64, %y: f64) -> f64 {
  %z = arith.minimumf %x, %y : f64
  return %z : f64
}

// CHECK-LABEL: func @others(
//   CHECK-NOT:   llvm.intr
//       CHECK:   arith.maximumf %{{.*}} : vector<8xbf16>
//       CHECK:   arith.maximumf %{{.*}} : vector<2x8xf32>
//       CHECK:   arith.maxnumf %{{.*}} : f32
func.func @others(%x: vector<8xbf16>, %y: vector<2x8xf32>, %z: f32)
    -> (vector<8xbf16>, vector<2x8xf32>, f32) {
  %0 = arith.maximumf %x, %x : vector<8xbf16>
  %1 = arith.maximumf %y, %y : vector<2x8xf32>
  %2 = arith.maxnumf %z, %z : f32
  return %0, %1, %2 : vector<8xbf16>, vector<2x8xf32>, f32
}
