// A marked loop gets a version that writes past the caches, for aligned
// addresses; a fence orders the writes.

// RUN: bn-opt %s --bn-nontemporal-stores --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @row
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x1024xf32>, %[[Y:[a-z0-9]+]]: memref<8x1024xf32>
//       CHECK:   scf.forall (%[[R:.*]]) in (8)
// The address of the first element that the loop writes.
//   CHECK-DAG:     %[[START:.*]] = memref.extract_aligned_pointer_as_index %[[Y]]
//       CHECK:     %[[ADDRESS:.*]] = arith.addi %[[START]]
//       CHECK:     %[[REST:.*]] = arith.andi %[[ADDRESS]], %c31
//       CHECK:     %[[ALIGNED:.*]] = arith.cmpi eq, %[[REST]], %c0
//       CHECK:     scf.if %[[ALIGNED]] {
//       CHECK:       scf.for
//       CHECK:         vector.store %{{.*}}, %[[Y]][%[[R]], %{{.*}}] {alignment = 32 : i64, nontemporal = true}
//       CHECK:     } else {
//       CHECK:       scf.for
//       CHECK:         vector.transfer_write
//       CHECK:     llvm.fence seq_cst
//       CHECK:   }
//   CHECK-NOT:   bn.nontemporal
func.func @row(%x: memref<8x1024xf32>, %y: memref<8x1024xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c1024 = arith.constant 1024 : index
  %p = arith.constant 0.0 : f32
  scf.forall (%r) in (8) {
    scf.for %i = %c0 to %c1024 step %c32 {
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
          : memref<8x1024xf32>, vector<32xf32>
      vector.transfer_write %v, %y[%r, %i] {in_bounds = [true]}
          : vector<32xf32>, memref<8x1024xf32>
    } {bn.nontemporal = 32 : i64}
  }
  return
}

// -----

// Not in a parallel loop: the fence is at the end of the function.
// CHECK-LABEL: func @single
//       CHECK:   vector.store {{.*}} nontemporal = true
//       CHECK:   llvm.fence seq_cst
//  CHECK-NEXT:   return
func.func @single(%x: memref<64xf32>, %y: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c64 step %c8 {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<64xf32>, vector<8xf32>
    vector.transfer_write %v, %y[%i] {in_bounds = [true]}
        : vector<8xf32>, memref<64xf32>
  } {bn.nontemporal = 32 : i64}
  return
}

// -----

// Vectors that are no multiple of the alignment, strided rows, and loops that
// write nothing stay; the mark goes.
// CHECK-LABEL: func @others
//   CHECK-NOT:   nontemporal
//   CHECK-NOT:   llvm.fence
//       CHECK:   return
func.func @others(%x: memref<64xf32>, %y: memref<64xf32, strided<[2]>>,
    %z: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c64 step %c8 {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<64xf32>, vector<8xf32>
    vector.transfer_write %v, %y[%i] {in_bounds = [true]}
        : vector<8xf32>, memref<64xf32, strided<[2]>>
  } {bn.nontemporal = 32 : i64}
  scf.for %i = %c0 to %c64 step %c4 {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<64xf32>, vector<4xf32>
    vector.transfer_write %v, %z[%i] {in_bounds = [true]}
        : vector<4xf32>, memref<64xf32>
  } {bn.nontemporal = 32 : i64}
  return
}
