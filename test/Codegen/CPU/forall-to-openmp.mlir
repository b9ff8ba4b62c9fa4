// A parallel loop on buffers becomes one team with one shared loop.

// RUN: bn-opt %s --bn-forall-to-openmp --split-input-file | FileCheck %s

// CHECK-LABEL: func @loop
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<64xf32>
//       CHECK:   omp.parallel {
// One stack buffer per thread serves all of its iterations.
//       CHECK:     %[[A:.*]] = memref.alloca() : memref<4xf64>
//       CHECK:     omp.wsloop {
//  CHECK-NEXT:       omp.loop_nest (%[[I:.*]]) : index = (%{{.*}}) to (%{{.*}}) step (%{{.*}}) {
//   CHECK-NOT:         memref.alloca() : memref<4xf64>
//       CHECK:         memref.store %{{.*}}, %[[X]][%[[I]]]
// A buffer of dynamic size stays where its size is known.
//       CHECK:         memref.alloca(%[[I]])
//       CHECK:         omp.yield
//       CHECK:     omp.terminator
func.func @loop(%x: memref<64xf32>) {
  %one = arith.constant 1.0 : f32
  scf.forall (%i) in (64) {
    %a = memref.alloca() : memref<4xf64>
    memref.store %one, %x[%i] : memref<64xf32>
    %b = memref.alloca(%i) : memref<?xf64>
    memref.copy %a, %b : memref<4xf64> to memref<?xf64>
  }
  return
}

// -----

// The size of the team.
// CHECK-LABEL: func @threads
//       CHECK:   %[[N:.*]] = arith.constant 3 : i32
//       CHECK:   omp.parallel num_threads(%[[N]] : i32)
func.func @threads(%x: memref<64xf32>) {
  %one = arith.constant 1.0 : f32
  scf.forall (%i) in (64) {
    memref.store %one, %x[%i] : memref<64xf32>
  } {bn.threads = 3 : i64}
  return
}

// -----

// Two dimensions are shared as one; a loop inside stays on its thread.
// CHECK-LABEL: func @nest
//       CHECK:   omp.parallel
//       CHECK:     omp.loop_nest (%{{.*}}, %{{.*}}) : index = (%{{.*}}, %{{.*}}) to (%{{.*}}, %{{.*}}) step (%{{.*}}, %{{.*}}) collapse(2)
//   CHECK-NOT:     omp.parallel
//       CHECK:     scf.forall
//       CHECK:   return
func.func @nest(%x: memref<4x8x2xf32>) {
  %one = arith.constant 1.0 : f32
  scf.forall (%i, %j) in (4, 8) {
    scf.forall (%k) in (2) {
      memref.store %one, %x[%i, %j, %k] : memref<4x8x2xf32>
    }
  }
  return
}

// -----

// On tensors, it is too early.
// CHECK-LABEL: func @tensors
//       CHECK:   scf.forall
func.func @tensors(%x: tensor<64xf32>) -> tensor<64xf32> {
  %y = scf.forall (%i) in (64) shared_outs(%o = %x) -> tensor<64xf32> {
    %s = tensor.extract_slice %o[%i] [1] [1] : tensor<64xf32> to tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %s into %o[%i] [1] [1]
          : tensor<1xf32> into tensor<64xf32>
    }
  }
  return %y : tensor<64xf32>
}
