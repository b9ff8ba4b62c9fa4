// Rows of bf16 that are whole lines: where the first one starts at a line, all
// vectors stay where they are.

// RUN: bn-opt %s --bn-nontemporal-stores=version-bf16 --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @lines
//  CHECK-SAME:     %{{.*}}: memref<8x256xbf16>, %[[Y:[a-z0-9]+]]: memref<8x256xbf16>
//       CHECK:     %[[START:.*]] = memref.extract_aligned_pointer_as_index %[[Y]]
//       CHECK:     %[[REST:.*]] = arith.andi {{.*}}, %c63
//       CHECK:     %[[ALIGNED:.*]] = arith.cmpi eq, %[[REST]], %c0
//       CHECK:     scf.if %[[ALIGNED]] {
//       CHECK:       scf.for %{{.*}} = %c0 to %c256 step %c32 {
//       CHECK:         vector.store {{.*}} {alignment = 64 : i64, nontemporal = true}
//       CHECK:     } else {
//       CHECK:       %[[HEAD:.*]] = arith.select
//       CHECK:       scf.for {{.*}} step %c1 {
//       CHECK:         memref.store
//       CHECK:       scf.for %{{.*}} = %[[HEAD]] to %{{.*}} step %c32 {
//       CHECK:         vector.store {{.*}} {alignment = 64 : i64, nontemporal = true}
//       CHECK:     llvm.fence seq_cst
func.func @lines(%x: memref<8x256xbf16>, %y: memref<8x256xbf16>,
    %c: memref<256xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c256 = arith.constant 256 : index
  %p = arith.constant 0.0 : bf16
  %q = arith.constant 0.0 : f32
  scf.forall (%r) in (8) {
    scf.for %i = %c0 to %c256 step %c32 {
      %s = vector.transfer_read %c[%i], %q {in_bounds = [true]} : memref<256xf32>, vector<32xf32>
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]} : memref<8x256xbf16>, vector<32xbf16>
      %w = arith.extf %v : vector<32xbf16> to vector<32xf32>
      %u = arith.mulf %w, %s : vector<32xf32>
      %t = arith.truncf %u : vector<32xf32> to vector<32xbf16>
      vector.transfer_write %t, %y[%r, %i] {in_bounds = [true]} : vector<32xbf16>, memref<8x256xbf16>
    } {bn.nontemporal = 32 : i64}
  }
  return
}

// -----

// Rows that start anywhere in a line have no vectors at the same places; f32, and
// what is the same for all elements, are the same anywhere.
// CHECK-LABEL: func @others
//   CHECK-NOT:   scf.if
//       CHECK:   return
func.func @others(%x: memref<8x200xbf16>, %y: memref<8x200xbf16>,
    %z: memref<8x256xf32>, %w: memref<8x256xbf16>, %c: memref<200xf32>,
    %d: memref<256xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c192 = arith.constant 192 : index
  %c256 = arith.constant 256 : index
  %p = arith.constant 0.0 : bf16
  %q = arith.constant 0.0 : f32
  %half = arith.constant dense<0.5> : vector<32xbf16>
  scf.forall (%r) in (8) {
    scf.for %i = %c0 to %c192 step %c32 {
      %s = vector.transfer_read %c[%i], %q {in_bounds = [true]} : memref<200xf32>, vector<32xf32>
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]} : memref<8x200xbf16>, vector<32xbf16>
      %e = arith.extf %v : vector<32xbf16> to vector<32xf32>
      %u = arith.mulf %e, %s : vector<32xf32>
      %t = arith.truncf %u : vector<32xf32> to vector<32xbf16>
      vector.transfer_write %t, %y[%r, %i] {in_bounds = [true]} : vector<32xbf16>, memref<8x200xbf16>
    } {bn.nontemporal = 32 : i64}
    scf.for %i = %c0 to %c256 step %c32 {
      vector.transfer_write %half, %w[%r, %i] {in_bounds = [true]} : vector<32xbf16>, memref<8x256xbf16>
    } {bn.nontemporal = 32 : i64}
    scf.for %i = %c0 to %c256 step %c32 {
      %s = vector.transfer_read %d[%i], %q {in_bounds = [true]} : memref<256xf32>, vector<32xf32>
      vector.transfer_write %s, %z[%r, %i] {in_bounds = [true]} : vector<32xf32>, memref<8x256xf32>
    } {bn.nontemporal = 32 : i64}
  }
  return
}
