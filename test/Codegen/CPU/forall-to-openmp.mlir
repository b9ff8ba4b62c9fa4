// A parallel loop on buffers becomes one team with one shared loop.

// RUN: bn-opt %s --bn-forall-to-openmp --split-input-file | FileCheck %s

// CHECK-LABEL: func @loop
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<64xf32>
//       CHECK:   omp.parallel {
// One stack buffer per thread serves all of its iterations.
//       CHECK:     %[[A:.*]] = memref.alloca() : memref<4xf64>
// Threads meet once, where the team ends.
//       CHECK:     omp.wsloop nowait {
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

// -----

// Around the team a sequential loop: its buffers are the function's, those of
// the team the team's. What is no loop may stay.
// CHECK-LABEL: func @sequential
//   CHECK-DAG:   memref.alloca() : memref<3xf64>
//   CHECK-DAG:   memref.alloca() : memref<5xf64>
//       CHECK:   scf.for
//   CHECK-NOT:     memref.alloca() : memref<3xf64>
//   CHECK-NOT:     memref.alloca() : memref<5xf64>
//       CHECK:     scf.if
//       CHECK:     omp.parallel
//  CHECK-NEXT:       memref.alloca() : memref<7xf64>
//       CHECK:       omp.wsloop
//   CHECK-NOT:       memref.alloca()
//       CHECK:   scf.if
//  CHECK-NEXT:     memref.alloca() : memref<9xf64>
func.func @sequential(%x: memref<64xf64>, %n: index, %c: i1) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %n step %one {
    %a = memref.alloca() : memref<3xf64>
    %u = memref.load %a[%zero] : memref<3xf64>
    scf.if %c {
      %b = memref.alloca() : memref<5xf64>
      memref.store %u, %b[%zero] : memref<5xf64>
      scf.forall (%j) in (64) {
        scf.for %k = %zero to %n step %one {
          %d = memref.alloca() : memref<7xf64>
          %v = memref.load %d[%zero] : memref<7xf64>
          memref.store %v, %x[%j] : memref<64xf64>
        }
      }
    }
  }
  scf.if %c {
    %e = memref.alloca() : memref<9xf64>
    %w = memref.load %e[%zero] : memref<9xf64>
    memref.store %w, %x[%zero] : memref<64xf64>
  }
  return
}

// -----

// A scope ends in each iteration, and so does the code of scf.parallel.
// CHECK-LABEL: func @scopes
//   CHECK-NOT:   memref.alloca()
//       CHECK:   memref.alloca_scope
//  CHECK-NEXT:     memref.alloca() : memref<3xf64>
//       CHECK:   scf.parallel
//  CHECK-NEXT:     memref.alloca() : memref<5xf64>
//       CHECK:     scf.for
func.func @scopes(%x: memref<64xf64>, %n: index) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %n step %one {
    memref.alloca_scope {
      %a = memref.alloca() : memref<3xf64>
      %u = memref.load %a[%zero] : memref<3xf64>
      memref.store %u, %x[%zero] : memref<64xf64>
    }
  }
  scf.parallel (%j) = (%zero) to (%n) step (%one) {
    scf.for %k = %zero to %n step %one {
      %b = memref.alloca() : memref<5xf64>
      %v = memref.load %b[%zero] : memref<5xf64>
      memref.store %v, %x[%j] : memref<64xf64>
    }
  }
  return
}
