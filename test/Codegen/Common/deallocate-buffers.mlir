// A buffer is freed at the end of the block that allocates it, unless it leaves
// the block: what is returned is the caller's.

// RUN: bn-opt %s --bn-deallocate-buffers --split-input-file | FileCheck %s

// CHECK-LABEL: func @local
//       CHECK:   %[[A:.*]] = memref.alloc() : memref<4xf32>
//       CHECK:   memref.copy %[[A]]
//  CHECK-NEXT:   memref.dealloc %[[A]]
//  CHECK-NEXT:   return
func.func @local(%x: memref<4xf32>) {
  %a = memref.alloc() : memref<4xf32>
  memref.copy %a, %x : memref<4xf32> to memref<4xf32>
  return
}

// -----

// One per iteration.
// CHECK-LABEL: func @loop
//       CHECK:   scf.forall
//       CHECK:     %[[A:.*]] = memref.alloc(
//       CHECK:     memref.dealloc %[[A]]
//       CHECK:   }
//   CHECK-NOT:   memref.dealloc
func.func @loop(%x: memref<?xf32>) {
  scf.forall (%i) in (8) {
    %a = memref.alloc(%i) : memref<?xf32>
    memref.copy %x, %a : memref<?xf32> to memref<?xf32>
  }
  return
}

// -----

// A view is the buffer.
// CHECK-LABEL: func @returned
//   CHECK-NOT:   memref.dealloc
//       CHECK:   return
func.func @returned(%x: memref<4x4xf32>)
    -> (memref<4x4xf32>, memref<16xf32>) {
  %a = memref.alloc() : memref<4x4xf32>
  %b = memref.collapse_shape %a [[0, 1]] : memref<4x4xf32> into memref<16xf32>
  return %x, %b : memref<4x4xf32>, memref<16xf32>
}

// -----

// An argument that is returned is not copied, nor freed.
// CHECK-LABEL: func @argument
//  CHECK-NEXT:   return %{{.*}} : memref<4xf32>
func.func @argument(%x: memref<4xf32>) -> memref<4xf32> {
  return %x : memref<4xf32>
}

// -----

// The loop's result is the buffer, too, and dies with the function.
// CHECK-LABEL: func @carried
//       CHECK:   %[[A:.*]] = memref.alloc()
//       CHECK:   scf.for
//       CHECK:   memref.copy
//       CHECK:   memref.dealloc %[[A]]
func.func @carried(%x: memref<4xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.alloc() : memref<4xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%b = %a) -> memref<4xf32> {
    scf.yield %b : memref<4xf32>
  }
  memref.copy %r, %x : memref<4xf32> to memref<4xf32>
  return
}

// -----

// Used in another block, called with, freed by hand: not ours to free.
// CHECK-LABEL: func @others
//       CHECK:   cf.cond_br
//   CHECK-NOT:   memref.dealloc
//       CHECK:   memref.dealloc %{{.*}} : memref<2xf32>
//   CHECK-NOT:   memref.dealloc
//       CHECK: }
func.func private @callee(memref<3xf32>)
func.func @others(%x: memref<4xf32>, %which: i1) {
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<3xf32>
  func.call @callee(%b) : (memref<3xf32>) -> ()
  cf.cond_br %which, ^one, ^two
^one:
  memref.copy %a, %x : memref<4xf32> to memref<4xf32>
  return
^two:
  %c = memref.alloc() : memref<2xf32>
  memref.dealloc %c : memref<2xf32>
  return
}
