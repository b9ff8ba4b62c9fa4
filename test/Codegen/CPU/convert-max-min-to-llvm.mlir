// Maxima and minima are the target's own where the sign of a zero does not
// matter. Others, narrow types, and vectors that LLVM has not, are left to
// upstream's passes.

// RUN: bn-opt %s --bn-convert-max-min-to-llvm | FileCheck %s

// CHECK-LABEL: func @relu(
//  CHECK-SAME:     %[[Y:.*]]: vector<8xf32>)
//       CHECK:   %[[ZERO:.*]] = arith.constant
//       CHECK:   %[[Z:.*]] = llvm.intr.maximum(%[[Y]], %[[ZERO]]) {fastmathFlags = #llvm.fastmath<nsz>} : (vector<8xf32>, vector<8xf32>) -> vector<8xf32>
//       CHECK:   return %[[Z]]
func.func @relu(%y: vector<8xf32>) -> vector<8xf32> {
  %zero = arith.constant dense<0.0> : vector<8xf32>
  %z = arith.maximumf %y, %zero fastmath<nsz> : vector<8xf32>
  return %z : vector<8xf32>
}

// CHECK-LABEL: func @number(
//       CHECK:   llvm.intr.minimum(%{{.*}}, %{{.*}}) {fastmathFlags = #llvm.fastmath<nnan, nsz>} : (f64, f64) -> f64
func.func @number(%x: f64, %y: f64) -> f64 {
  %z = arith.minimumf %x, %y fastmath<nnan, nsz> : f64
  return %z : f64
}

// CHECK-LABEL: func @others(
//   CHECK-NOT:   llvm.intr
//       CHECK:   arith.maximumf %{{.*}} : vector<8xbf16>
//       CHECK:   arith.maximumf %{{.*}} : vector<2x8xf32>
//       CHECK:   arith.maxnumf %{{.*}} : f32
//       CHECK:   arith.maximumf %{{.*}} : f32
func.func @others(%x: vector<8xbf16>, %y: vector<2x8xf32>, %z: f32)
    -> (vector<8xbf16>, vector<2x8xf32>, f32, f32) {
  %0 = arith.maximumf %x, %x fastmath<nsz> : vector<8xbf16>
  %1 = arith.maximumf %y, %y fastmath<nsz> : vector<2x8xf32>
  %2 = arith.maxnumf %z, %z fastmath<nsz> : f32
  %3 = arith.maximumf %z, %2 : f32
  return %0, %1, %2, %3 : vector<8xbf16>, vector<2x8xf32>, f32, f32
}
