// A loop that sums up one row and writes another. Sums over lanes stay where
// the vectors start, writes are moved to the first line.

// RUN: bn-opt %s --bn-nontemporal-stores --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @next_row
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<1024xf32>, %[[NEXT:[a-z0-9]+]]: memref<1024xf32>, %[[Y:[a-z0-9]+]]: memref<1024xf32>
//       CHECK:   %[[ALIGNED:.*]] = arith.cmpi eq
//       CHECK:   %[[SUM:.*]] = scf.if %[[ALIGNED]] -> (vector<32xf32>) {
//       CHECK:     scf.for %{{.*}} = %c0 to %c1024 step %c32
//       CHECK:       vector.store {{.*}} {alignment = 32 : i64, nontemporal = true}
//       CHECK:   } else {
// Elements up to the first line, of 64 bytes, and those of whole iterations
// behind them.
//       CHECK:     %[[HEAD:.*]] = arith.select
//       CHECK:     %[[REST:.*]] = arith.subi %c1024, %[[HEAD]]
//       CHECK:     %[[ITERATIONS:.*]] = arith.divui %[[REST]], %c32
//       CHECK:     %[[MAIN:.*]] = arith.muli %[[ITERATIONS]], %c32
// What is in front and behind: single elements and registers.
//       CHECK:     scf.for {{.*}} step %c1 {
//       CHECK:       memref.load %[[X]]
//       CHECK:       memref.store {{.*}}, %[[Y]]
//       CHECK:     scf.for {{.*}} step %c8 {
//       CHECK:       vector.transfer_write {{.*}} : vector<8xf32>, memref<1024xf32>
// Sums begin at 0, writes at the line.
//       CHECK:     %[[MOST:.*]] = scf.for %[[I:.*]] = %c0 to %[[MAIN]] step %c32 iter_args(%[[T:.*]] = %cst
//       CHECK:       %[[V:.*]] = vector.transfer_read %[[NEXT]][%[[I]]]
//       CHECK:       %[[U:.*]] = arith.addf %[[T]], %[[V]]
//       CHECK:       %[[AT:.*]] = arith.addi %[[I]], %[[HEAD]]
//       CHECK:       %[[W:.*]] = vector.transfer_read %[[X]][%[[AT]]]
//       CHECK:       vector.store %[[W]], %[[Y]][%[[AT]]] {alignment = 64 : i64, nontemporal = true}
//       CHECK:       scf.yield %[[U]]
// The iteration of the sums that is left.
//       CHECK:     %[[ALL:.*]] = scf.for %{{.*}} = %[[MAIN]] to %c1024 step %c32 iter_args(%{{.*}} = %[[MOST]])
//   CHECK-NOT:       %[[Y]]
//       CHECK:     scf.yield %[[ALL]]
//       CHECK:   return %[[SUM]]
func.func @next_row(%x: memref<1024xf32>, %next: memref<1024xf32>,
    %y: memref<1024xf32>) -> vector<32xf32> {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c1024 = arith.constant 1024 : index
  %p = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %s = scf.for %i = %c0 to %c1024 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.transfer_read %next[%i], %p {in_bounds = [true]}
        : memref<1024xf32>, vector<32xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    %w = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<1024xf32>, vector<32xf32>
    vector.transfer_write %w, %y[%i] {in_bounds = [true]}
        : vector<32xf32>, memref<1024xf32>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  return %s : vector<32xf32>
}

// -----

// Where both read the same, which may be overwritten in place, and where a sum
// is written, nothing moves.
// CHECK-LABEL: func @stays
//       CHECK:   scf.if
//       CHECK:   } else {
//  CHECK-NEXT:     scf.for %{{.*}} = %c0 to %c1024 step %c32
//   CHECK-NOT:     scf.for
//       CHECK:       vector.transfer_write {{.*}} vector<32xf32>
//   CHECK-NOT:     scf.for
//       CHECK:   scf.if
//       CHECK:   } else {
//  CHECK-NEXT:     scf.for %{{.*}} = %c0 to %c1024 step %c32
//   CHECK-NOT:     scf.for
//       CHECK:       vector.transfer_write {{.*}} vector<32xf32>
//   CHECK-NOT:     scf.for
//       CHECK:   return
func.func @stays(%x: memref<1024xf32>, %y: memref<1024xf32>,
    %z: memref<1024xf32>) -> (vector<32xf32>, vector<32xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c1024 = arith.constant 1024 : index
  %p = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %s = scf.for %i = %c0 to %c1024 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<1024xf32>, vector<32xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    %w = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<1024xf32>, vector<32xf32>
    vector.transfer_write %w, %y[%i] {in_bounds = [true]}
        : vector<32xf32>, memref<1024xf32>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  %r = scf.for %i = %c0 to %c1024 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.transfer_read %x[%i], %p {in_bounds = [true]}
        : memref<1024xf32>, vector<32xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    vector.transfer_write %u, %z[%i] {in_bounds = [true]}
        : vector<32xf32>, memref<1024xf32>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  return %s, %r : vector<32xf32>, vector<32xf32>
}
