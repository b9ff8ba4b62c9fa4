// What is left of rows behind a marked loop.

// RUN: bn-opt %s --bn-nontemporal-stores --canonicalize --split-input-file | FileCheck %s

// What is left of a row of whole lines goes past the caches, too, where the loop
// starts at a line; not what is left of a line.
// CHECK-LABEL: func @rest_of_row
//  CHECK-SAME:     memref<8x288xf32>, %[[Y:[a-z0-9]+]]: memref<8x288xf32>
//       CHECK:   %[[START:.*]] = memref.extract_aligned_pointer_as_index %[[Y]]
//       CHECK:   %[[ADDRESS:.*]] = arith.addi %[[START]]
//       CHECK:   %[[LINE:.*]] = arith.andi %[[ADDRESS]], %c63
//       CHECK:   %[[ALIGNED:.*]] = arith.cmpi eq, %[[LINE]], %c0
//       CHECK:   scf.for {{.*}} step %c64 {
//       CHECK:     vector.store {{.*}} nontemporal = true
//       CHECK:   scf.if %[[ALIGNED]] {
//  CHECK-NEXT:     vector.store %[[V:.*]], %[[Y]][%{{.*}}, %c256] {alignment = 64 : i64, nontemporal = true} : memref<8x288xf32>, vector<16xf32>
//  CHECK-NEXT:   } else {
//  CHECK-NEXT:     vector.transfer_write %[[V]], %[[Y]][%{{.*}}, %c256]{{.*}}
//  CHECK-NEXT:   }
//   CHECK-NOT:   scf.if
//       CHECK:   vector.transfer_write {{.*}} : vector<8xf32>
//       CHECK:   llvm.fence
func.func @rest_of_row(%x: memref<8x288xf32>, %y: memref<8x288xf32>,
    %r: index) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %c264 = arith.constant 264 : index
  %c272 = arith.constant 272 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c256 step %c64 {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x288xf32>, vector<64xf32>
    %n = arith.negf %v : vector<64xf32>
    vector.transfer_write %n, %y[%r, %i] {in_bounds = [true]}
        : vector<64xf32>, memref<8x288xf32>
  } {bn.nontemporal = 64 : i64}
  %v = vector.transfer_read %x[%r, %c256], %p {in_bounds = [true]}
      : memref<8x288xf32>, vector<16xf32>
  vector.transfer_write %v, %y[%r, %c256] {in_bounds = [true]}
      : vector<16xf32>, memref<8x288xf32>
  %w = vector.transfer_read %x[%r, %c272], %p {in_bounds = [true]}
      : memref<8x288xf32>, vector<8xf32>
  vector.transfer_write %w, %y[%r, %c272] {in_bounds = [true]}
      : vector<8xf32>, memref<8x288xf32>
  return
}

// -----

// The same behind a loop of few iterations, which has two versions.
// CHECK-LABEL: func @rest_of_short_row
//       CHECK:   scf.if
//       CHECK:     vector.store {{.*}} nontemporal = true} : memref<8x288xf32>, vector<64xf32>
//       CHECK:   scf.if
//       CHECK:     vector.store {{.*}} {alignment = 64 : i64, nontemporal = true} : memref<8x288xf32>, vector<16xf32>
func.func @rest_of_short_row(%x: memref<8x288xf32>, %y: memref<8x288xf32>,
    %r: index) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %c264 = arith.constant 264 : index
  %c272 = arith.constant 272 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c64 to %c256 step %c64 {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x288xf32>, vector<64xf32>
    %n = arith.negf %v : vector<64xf32>
    vector.transfer_write %n, %y[%r, %i] {in_bounds = [true]}
        : vector<64xf32>, memref<8x288xf32>
  } {bn.nontemporal = 64 : i64}
  %v = vector.transfer_read %x[%r, %c256], %p {in_bounds = [true]}
      : memref<8x288xf32>, vector<16xf32>
  vector.transfer_write %v, %y[%r, %c256] {in_bounds = [true]}
      : vector<16xf32>, memref<8x288xf32>
  return
}

// -----

// In rows that are no whole lines, each starts elsewhere in a line.
// CHECK-LABEL: func @rest_of_broken_row
//   CHECK-NOT:   scf.if
//       CHECK:   llvm.fence
func.func @rest_of_broken_row(%x: memref<8x289xf32>, %y: memref<8x289xf32>,
    %r: index) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %c264 = arith.constant 264 : index
  %c272 = arith.constant 272 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c256 step %c64 {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x289xf32>, vector<64xf32>
    %n = arith.negf %v : vector<64xf32>
    vector.transfer_write %n, %y[%r, %i] {in_bounds = [true]}
        : vector<64xf32>, memref<8x289xf32>
  } {bn.nontemporal = 64 : i64}
  %v = vector.transfer_read %x[%r, %c256], %p {in_bounds = [true]}
      : memref<8x289xf32>, vector<16xf32>
  vector.transfer_write %v, %y[%r, %c256] {in_bounds = [true]}
      : vector<16xf32>, memref<8x289xf32>
  return
}

// -----

// Not at a line, and in another row.
// CHECK-LABEL: func @rest_in_line
//   CHECK-NOT:   scf.if
//       CHECK:   llvm.fence
func.func @rest_in_line(%x: memref<8x288xf32>, %y: memref<8x288xf32>,
    %r: index) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %c264 = arith.constant 264 : index
  %c272 = arith.constant 272 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c256 step %c64 {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x288xf32>, vector<64xf32>
    %n = arith.negf %v : vector<64xf32>
    vector.transfer_write %n, %y[%r, %i] {in_bounds = [true]}
        : vector<64xf32>, memref<8x288xf32>
  } {bn.nontemporal = 64 : i64}
  %v = vector.transfer_read %x[%r, %c264], %p {in_bounds = [true]}
      : memref<8x288xf32>, vector<16xf32>
  vector.transfer_write %v, %y[%r, %c264] {in_bounds = [true]}
      : vector<16xf32>, memref<8x288xf32>
  return
}

// -----

// CHECK-LABEL: func @other_row
//       CHECK:   scf.if
//       CHECK:   }
//   CHECK-NOT:   scf.if
//       CHECK:   llvm.fence
func.func @other_row(%x: memref<8x288xf32>, %y: memref<8x288xf32>,
    %r: index) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %c264 = arith.constant 264 : index
  %c272 = arith.constant 272 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c256 step %c64 {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x288xf32>, vector<64xf32>
    %n = arith.negf %v : vector<64xf32>
    vector.transfer_write %n, %y[%r, %i] {in_bounds = [true]}
        : vector<64xf32>, memref<8x288xf32>
  } {bn.nontemporal = 64 : i64}
  %v = vector.transfer_read %x[%r, %c256], %p {in_bounds = [true]}
      : memref<8x288xf32>, vector<16xf32>
  vector.transfer_write %v, %y[%r, %c256] {in_bounds = [true]}
      : vector<16xf32>, memref<8x288xf32>
  vector.transfer_write %v, %y[%c0, %c256] {in_bounds = [true]}
      : vector<16xf32>, memref<8x288xf32>
  return
}

// -----

// What is read again stays in the caches.
// CHECK-LABEL: func @rest_that_is_read
//   CHECK-NOT:   scf.if
//       CHECK:   llvm.fence
func.func @rest_that_is_read(%x: memref<8x288xf32>, %y: memref<8x288xf32>,
    %r: index) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c256 = arith.constant 256 : index
  %c264 = arith.constant 264 : index
  %c272 = arith.constant 272 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c256 step %c64 {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x288xf32>, vector<64xf32>
    %n = arith.negf %v : vector<64xf32>
    vector.transfer_write %n, %y[%r, %i] {in_bounds = [true]}
        : vector<64xf32>, memref<8x288xf32>
  } {bn.nontemporal = 64 : i64}
  %v = vector.transfer_read %x[%r, %c256], %p {in_bounds = [true]}
      : memref<8x288xf32>, vector<16xf32>
  vector.transfer_write %v, %y[%r, %c256] {in_bounds = [true]}
      : vector<16xf32>, memref<8x288xf32>
  %u = vector.transfer_read %y[%r, %c256], %p {in_bounds = [true]}
      : memref<8x288xf32>, vector<16xf32>
  vector.transfer_write %u, %x[%r, %c0] {in_bounds = [true]}
      : vector<16xf32>, memref<8x288xf32>
  return
}
