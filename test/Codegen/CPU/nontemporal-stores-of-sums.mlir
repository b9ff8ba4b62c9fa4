// A loop that sums up one row and writes another. Sums over lanes stay where
// the vectors start, writes are moved to the first line.

// RUN: bn-opt %s --bn-nontemporal-stores --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @next_row
//  CHECK-SAME:     %[[NEXT:[a-z0-9]+]]: memref<8x1000xf32>, %[[X:[a-z0-9]+]]: memref<8x1000xf32>, %[[Y:[a-z0-9]+]]: memref<8x1000xf32>, %[[R:[a-z0-9]+]]: index
// Elements up to the first line, of 64 bytes, and those of whole iterations
// behind them.
//       CHECK:   %[[HEAD:.*]] = arith.select
//       CHECK:   %[[REST:.*]] = arith.subi %c992, %[[HEAD]]
//       CHECK:   %[[ITERATIONS:.*]] = arith.divui %[[REST]], %c32
//       CHECK:   %[[MAIN:.*]] = arith.muli %[[ITERATIONS]], %c32
// What is in front and behind: single elements and registers.
//       CHECK:   scf.for {{.*}} step %c1 {
//       CHECK:     memref.load %[[X]][%[[R]],
//       CHECK:     memref.store {{.*}}, %[[Y]][%[[R]],
//       CHECK:   scf.for {{.*}} step %c8 {
//       CHECK:     vector.transfer_write {{.*}} : vector<8xf32>, memref<8x1000xf32>
// Sums begin at 0, writes at the line.
//       CHECK:   %[[MOST:.*]]:2 = scf.for %[[I:.*]] = %c0 to %[[MAIN]] step %c32 iter_args(%[[T:[a-z0-9]+]] = %cst{{.*}}, %{{.*}} = %cst
//       CHECK:     %[[V:.*]] = vector.transfer_read %[[NEXT]][%[[R]], %[[I]]]
//       CHECK:     %[[U:.*]] = arith.addf %[[T]], %[[V]]
//       CHECK:     %[[AT:.*]] = arith.addi %[[I]], %[[HEAD]]
//       CHECK:     %[[W:.*]] = vector.transfer_read %[[X]][%[[R]], %[[AT]]]
//       CHECK:     %[[Z:.*]] = arith.mulf %[[W]],
//       CHECK:     vector.store %[[Z]], %[[Y]][%[[R]], %[[AT]]] {alignment = 64 : i64, nontemporal = true}
//       CHECK:     scf.yield %[[U]], %{{.*}}
// The iteration of the sums that is left.
//       CHECK:   %[[ALL:.*]]:2 = scf.for %{{.*}} = %[[MAIN]] to %c992 step %c32 iter_args(%{{.*}} = %[[MOST]]#0, %{{.*}} = %[[MOST]]#1)
//   CHECK-NOT:     %[[Y]]
//       CHECK:   llvm.fence
//       CHECK:   return %[[ALL]]#0, %[[ALL]]#1
func.func @next_row(%next: memref<8x1000xf32>, %x: memref<8x1000xf32>,
    %y: memref<8x1000xf32>, %r: index, %c: f32)
    -> (vector<32xf32>, vector<32xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c992 = arith.constant 992 : index
  %p = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %s:2 = scf.for %i = %c0 to %c992 step %c32
      iter_args(%t = %zero, %tt = %zero) -> (vector<32xf32>, vector<32xf32>) {
    %v = vector.transfer_read %next[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    %b = vector.broadcast %c : f32 to vector<32xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    %vv = arith.mulf %v, %b : vector<32xf32>
    %uu = arith.addf %tt, %vv : vector<32xf32>
    %w = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    %z = arith.mulf %w, %b : vector<32xf32>
    vector.transfer_write %z, %y[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1000xf32>
    scf.yield %u, %uu : vector<32xf32>, vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  return %s#0, %s#1 : vector<32xf32>, vector<32xf32>
}

// -----

// Two versions, of which none is moved: both read the same, which may be
// overwritten in place, whether each for itself, in another way, or once, and
// use it after a conversion; a sum is written; all rows are whole lines.
// CHECK-LABEL: func @stays
// CHECK-COUNT-5: scf.if {{.*}} -> (vector<32xf32>) {
//   CHECK-NOT:   scf.if
func.func @stays(%x: memref<8x1000xf32>, %y: memref<8x1000xf32>,
    %z: memref<8x1024xf32>, %h: memref<8x1000xbf16>, %k: memref<8x1000xbf16>,
    %r: index) -> (vector<32xf32>, vector<32xf32>, vector<32xf32>,
    vector<32xf32>, vector<32xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c992 = arith.constant 992 : index
  %p = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %same = scf.for %i = %c0 to %c992 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    %w = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    vector.transfer_write %w, %y[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1000xf32>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  %load = scf.for %i = %c0 to %c992 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.load %x[%r, %i] : memref<8x1000xf32>, vector<32xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    %w = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    vector.transfer_write %w, %y[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1000xf32>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  %q = arith.constant 0.0 : bf16
  %wide = scf.for %i = %c0 to %c992 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.transfer_read %h[%r, %i], %q {in_bounds = [true]}
        : memref<8x1000xbf16>, vector<32xbf16>
    %e = arith.extf %v : vector<32xbf16> to vector<32xf32>
    %u = arith.addf %t, %e : vector<32xf32>
    %w = arith.truncf %e : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %w, %k[%r, %i] {in_bounds = [true]}
        : vector<32xbf16>, memref<8x1000xbf16>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  %sums = scf.for %i = %c0 to %c992 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    vector.transfer_write %u, %y[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1000xf32>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  %lines = scf.for %i = %c0 to %c992 step %c32 iter_args(%t = %zero)
      -> vector<32xf32> {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    %u = arith.addf %t, %v : vector<32xf32>
    %w = vector.transfer_read %y[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    vector.transfer_write %w, %z[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1024xf32>
    scf.yield %u : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  return %same, %load, %wide, %sums, %lines : vector<32xf32>,
      vector<32xf32>, vector<32xf32>, vector<32xf32>, vector<32xf32>
}
