// A marked loop writes past the caches where lines start; a fence orders the
// writes.

// RUN: bn-opt %s --bn-nontemporal-stores --canonicalize --split-input-file | FileCheck %s

// Elementwise: the loop is moved to the first line of each row.
// CHECK-LABEL: func @row
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x1000xf32>, %[[Y:[a-z0-9]+]]: memref<8x1000xf32>, %[[C:[a-z0-9]+]]: memref<8xf32>
//       CHECK:   scf.forall (%[[R:.*]]) in (8)
//       CHECK:     %[[S:.*]] = memref.load %[[C]][%[[R]]]
// The address of the first element that the loop writes.
//       CHECK:     %[[START:.*]] = memref.extract_aligned_pointer_as_index %[[Y]]
//       CHECK:     %[[ADDRESS:.*]] = arith.addi %[[START]]
// Elements up to the next line; all of them where the address is odd.
//       CHECK:     arith.andi %[[ADDRESS]], %c3
//       CHECK:     %[[MINUS:.*]] = arith.subi %c0, %[[ADDRESS]]
//       CHECK:     %[[BYTES:.*]] = arith.andi %[[MINUS]], %c63
//       CHECK:     arith.divui %[[BYTES]], %c4
//       CHECK:     %[[HEAD:.*]] = arith.select
//       CHECK:     %[[REST:.*]] = arith.subi %c992, %[[HEAD]]
//       CHECK:     %[[ITERATIONS:.*]] = arith.divui %[[REST]], %c32
//       CHECK:     %[[MAIN:.*]] = arith.muli %[[ITERATIONS]], %c32
//       CHECK:     %[[LINES:.*]] = arith.divui %[[REST]], %c16
//       CHECK:     %[[WHOLE:.*]] = arith.muli %[[LINES]], %c16
// Single elements, at both ends.
//       CHECK:     %[[SINGLES:.*]] = arith.andi %[[HEAD]], %c7
//       CHECK:     scf.for %[[I:.*]] = %c0 to %{{.*}} step %c1 {
//       CHECK:       %[[BEHIND:.*]] = arith.select {{.*}}, %c0, %c984
//       CHECK:       %[[AT:.*]] = arith.addi %[[I]], %[[BEHIND]]
//       CHECK:       %[[V:.*]] = memref.load %[[X]][%[[R]], %[[AT]]]
//       CHECK:       %[[W:.*]] = arith.mulf %[[V]], %[[S]] : f32
//       CHECK:       %[[U:.*]] = arith.addf %[[W]], %{{.*}} : f32
//       CHECK:       memref.store %[[U]], %[[Y]][%[[R]], %[[AT]]]
//       CHECK:     }
// Single registers, at both ends.
//       CHECK:     scf.for {{.*}} step %c8 {
//       CHECK:       arith.mulf {{.*}} : vector<8xf32>
//       CHECK:       arith.addf {{.*}}, %{{.*}} : vector<8xf32>
//       CHECK:       vector.transfer_write {{.*}} : vector<8xf32>, memref<8x1000xf32>
//       CHECK:     }
// Whole lines that are no iteration.
//       CHECK:     %[[END:.*]] = arith.addi %[[HEAD]], %[[MAIN]]
//       CHECK:     %[[LAST:.*]] = arith.addi %[[HEAD]], %[[WHOLE]]
//       CHECK:     scf.for %{{.*}} = %[[END]] to %[[LAST]] step %c16 {
//       CHECK:       vector.store {{.*}} {alignment = 64 : i64, nontemporal = true} : memref<8x1000xf32>, vector<16xf32>
//       CHECK:     }
//       CHECK:     scf.for %{{.*}} = %[[HEAD]] to %[[END]] step %c32 {
//       CHECK:       memref.prefetch
//       CHECK:       vector.store {{.*}} {alignment = 64 : i64, nontemporal = true} : memref<8x1000xf32>, vector<32xf32>
//       CHECK:     }
//       CHECK:     llvm.fence seq_cst
//       CHECK:   }
//   CHECK-NOT:   bn.nontemporal
func.func @row(%x: memref<8x1000xf32>, %y: memref<8x1000xf32>,
    %c: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c992 = arith.constant 992 : index
  %p = arith.constant 0.0 : f32
  %one = arith.constant dense<1.0> : vector<32xf32>
  scf.forall (%r) in (8) {
    %s = memref.load %c[%r] : memref<8xf32>
    scf.for %i = %c0 to %c992 step %c32 {
      memref.prefetch %x[%r, %i], read, locality<3>, data : memref<8x1000xf32>
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
          : memref<8x1000xf32>, vector<32xf32>
      %b = vector.broadcast %s : f32 to vector<32xf32>
      %w = arith.mulf %v, %b : vector<32xf32>
      %u = arith.addf %w, %one : vector<32xf32>
      vector.transfer_write %u, %y[%r, %i] {in_bounds = [true]}
          : vector<32xf32>, memref<8x1000xf32>
    } {bn.nontemporal = 32 : i64}
  }
  return
}

// -----

// Not in a parallel loop: the fence is at the end of the function. Types may be
// mixed; a register is full of the widest.
// CHECK-LABEL: func @single
//       CHECK:   scf.for {{.*}} step %c1 {
//       CHECK:     arith.extf {{.*}} : bf16 to f32
//       CHECK:   scf.for {{.*}} step %c8 {
//       CHECK:     arith.extf {{.*}} : vector<8xbf16> to vector<8xf32>
//       CHECK:   scf.for {{.*}} step %c32 {
//       CHECK:     vector.store {{.*}} {alignment = 64 : i64, nontemporal = true} : memref<?xbf16>, vector<32xbf16>
//       CHECK:   llvm.fence seq_cst
//  CHECK-NEXT:   return
func.func @single(%x: memref<?xbf16>, %y: memref<?xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %p = arith.constant 0.0 : bf16
  scf.for %i = %c0 to %n step %c32 {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<?xbf16>, vector<32xbf16>
    %w = arith.extf %v : vector<32xbf16> to vector<32xf32>
    %u = arith.negf %w : vector<32xf32>
    %t = arith.truncf %u : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %t, %y[%i] {in_bounds = [true]}
        : vector<32xbf16>, memref<?xbf16>
  } {bn.nontemporal = 32 : i64}
  return
}

// -----

// Sums over the lanes depend on where the vectors start: two versions.
// CHECK-LABEL: func @sum
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<1024xf32>, %[[Y:[a-z0-9]+]]: memref<1024xf32>
//       CHECK:   %[[START:.*]] = memref.extract_aligned_pointer_as_index %[[Y]]
//       CHECK:   %[[REST:.*]] = arith.andi %[[START]], %c31
//       CHECK:   %[[ALIGNED:.*]] = arith.cmpi eq, %[[REST]], %c0
//       CHECK:   %[[SUM:.*]] = scf.if %[[ALIGNED]] -> (vector<32xf32>) {
//       CHECK:     %[[FIRST:.*]] = scf.for
//       CHECK:       vector.store %{{.*}}, %[[Y]][%{{.*}}] {alignment = 32 : i64, nontemporal = true}
//       CHECK:     scf.yield %[[FIRST]]
//       CHECK:   } else {
//       CHECK:     %[[SECOND:.*]] = scf.for
//       CHECK:       vector.transfer_write
//       CHECK:     scf.yield %[[SECOND]]
//       CHECK:   llvm.fence seq_cst
//       CHECK:   return %[[SUM]]
func.func @sum(%x: memref<1024xf32>, %y: memref<1024xf32>) -> vector<32xf32> {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c1024 = arith.constant 1024 : index
  %p = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %s = scf.for %i = %c0 to %c1024 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<1024xf32>, vector<32xf32>
    vector.transfer_write %v, %y[%i] {in_bounds = [true]}
        : vector<32xf32>, memref<1024xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  return %s : vector<32xf32>
}

// -----

// Few iterations, or lanes that differ, are not worth or not fit to be taken
// apart, either.
// CHECK-LABEL: func @versions
//       CHECK:   scf.if
//       CHECK:     vector.store {{.*}} nontemporal = true
//       CHECK:   scf.if
//       CHECK:     vector.store {{.*}} nontemporal = true
func.func @versions(%x: memref<1024xf32>, %y: memref<1024xf32>) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c1024 = arith.constant 1024 : index
  %p = arith.constant 0.0 : f32
  %ramp = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0,
      9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]> : vector<16xf32>
  scf.for %i = %c0 to %c32 step %c16 {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<1024xf32>, vector<16xf32>
    vector.transfer_write %v, %y[%i] {in_bounds = [true]}
        : vector<16xf32>, memref<1024xf32>
  } {bn.nontemporal = 32 : i64}
  scf.for %i = %c0 to %c1024 step %c16 {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<1024xf32>, vector<16xf32>
    %w = arith.addf %v, %ramp : vector<16xf32>
    vector.transfer_write %w, %y[%i] {in_bounds = [true]}
        : vector<16xf32>, memref<1024xf32>
  } {bn.nontemporal = 32 : i64}
  return
}

// -----

// Vectors of less than a line, strided rows, other steps, rows as steps, and
// loops that write nothing stay; the mark goes.
// CHECK-LABEL: func @others
//   CHECK-NOT:   nontemporal
//   CHECK-NOT:   llvm.fence
//       CHECK:   return
func.func @others(%x: memref<64xf32>, %y: memref<64xf32, strided<[2]>>,
    %z: memref<64xf32>, %w: memref<64x17xf32>) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %p = arith.constant 0.0 : f32
  %v = vector.transfer_read %x[%c0], %p {in_bounds = [true]}
      : memref<64xf32>, vector<16xf32>
  %u = vector.transfer_read %x[%c0], %p {in_bounds = [true]}
      : memref<64xf32>, vector<8xf32>
  scf.for %i = %c0 to %c64 step %c16 {
    vector.transfer_write %v, %y[%i] {in_bounds = [true]}
        : vector<16xf32>, memref<64xf32, strided<[2]>>
  } {bn.nontemporal = 32 : i64}
  scf.for %i = %c0 to %c64 step %c8 {
    vector.transfer_write %u, %z[%i] {in_bounds = [true]}
        : vector<8xf32>, memref<64xf32>
  } {bn.nontemporal = 32 : i64}
  scf.for %i = %c0 to %c64 step %c8 {
    vector.transfer_write %v, %z[%i] {in_bounds = [true]}
        : vector<16xf32>, memref<64xf32>
  } {bn.nontemporal = 32 : i64}
  scf.for %i = %c0 to %c64 step %c16 {
    vector.transfer_write %v, %w[%i, %c0] {in_bounds = [true]}
        : vector<16xf32>, memref<64x17xf32>
  } {bn.nontemporal = 32 : i64}
  scf.for %i = %c0 to %c64 step %c16 {
    memref.store %p, %z[%i] : memref<64xf32>
  } {bn.nontemporal = 32 : i64}
  return
}
