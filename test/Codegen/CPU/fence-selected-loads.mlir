// A vector that is loaded is selected from behind a fence, so that LLVM makes no
// masked load of the two.

// RUN: bn-opt %s --bn-fence-selected-loads | FileCheck %s

// CHECK-LABEL: func @relu_grad(
//       CHECK:   %[[DY:.*]] = llvm.load
//       CHECK:   %[[E:.*]] = llvm.call_intrinsic "llvm.arithmetic.fence"(%[[DY]]) : (vector<16xf32>) -> vector<16xf32>
//       CHECK:   llvm.select %{{.*}}, %[[E]], %{{.*}} : vector<16xi1>, vector<16xf32>
func.func @relu_grad(%p: !llvm.ptr, %passes: vector<16xi1>) -> vector<16xf32> {
  %zero = llvm.mlir.zero : vector<16xf32>
  %dy = llvm.load %p : !llvm.ptr -> vector<16xf32>
  %g = llvm.select %passes, %dy, %zero : vector<16xi1>, vector<16xf32>
  return %g : vector<16xf32>
}

// One instruction loads and widens.
// CHECK-LABEL: func @widened(
//       CHECK:   %[[X:.*]] = llvm.fpext
//       CHECK:   %[[E:.*]] = llvm.call_intrinsic "llvm.arithmetic.fence"(%[[X]])
//       CHECK:   llvm.select %{{.*}}, %{{.*}}, %[[E]] : vector<16xi1>, vector<16xf32>
func.func @widened(%p: !llvm.ptr, %drops: vector<16xi1>) -> vector<16xf32> {
  %zero = llvm.mlir.zero : vector<16xf32>
  %h = llvm.load %p : !llvm.ptr -> vector<16xf16>
  %dy = llvm.fpext %h : vector<16xf16> to vector<16xf32>
  %g = llvm.select %drops, %zero, %dy : vector<16xi1>, vector<16xf32>
  return %g : vector<16xf32>
}

// Numbers on their own, and what has been computed, stay as they are.
// CHECK-LABEL: func @others(
//   CHECK-NOT:   fence
func.func @others(%p: !llvm.ptr, %q: i1, %passes: vector<16xi1>,
    %x: vector<16xf32>) -> (f32, vector<16xf32>) {
  %zero = llvm.mlir.constant(0.0 : f32) : f32
  %dy = llvm.load %p : !llvm.ptr -> f32
  %s = llvm.select %q, %dy, %zero : i1, f32
  %zeros = llvm.mlir.zero : vector<16xf32>
  %y = llvm.fmul %x, %x : vector<16xf32>
  %g = llvm.select %passes, %y, %zeros : vector<16xi1>, vector<16xf32>
  return %s, %g : f32, vector<16xf32>
}
