// Numbers that belong to the elements of a row of bf16 are stored as pairs of
// bf16 are worked on: of each vector first the even and then the odd ones.

// RUN: bn-opt %s --bn-interleave-coefficients --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-interleave-coefficients --bn-pair-bf16-lanes --split-input-file | FileCheck %s --check-prefix=PAIRS
// RUN: bn-opt %s --bn-interleave-coefficients=max-bytes=64 --split-input-file | FileCheck %s --check-prefix=SMALL

// SMALL-LABEL: func @sweep
//   SMALL-NOT:   vector.deinterleave

// One copy for all rows of all pieces, in front of the outermost loop; a NaN
// gets one whose lower half is 0.
// CHECK-LABEL: func @sweep
//       CHECK:   %[[FACTORS:.*]] = memref.alloc() : memref<80xf32>
//       CHECK:   linalg.fill {{.*}} outs(%[[FACTORS]]
//       CHECK:   %[[COPY:.*]] = memref.alloc() {alignment = 64 : i64} : memref<80xf32>
//       CHECK:   scf.for %[[I:.*]] = %c0{{.*}} to %c64{{.*}} step %c32
//       CHECK:     %[[V:.*]] = vector.transfer_read %[[FACTORS]][%[[I]]]
//       CHECK:     %[[NAN:.*]] = arith.cmpf uno, %[[V]], %[[V]]
//       CHECK:     %[[QUIET:.*]] = arith.constant dense<0x7FC00000> : vector<32xf32>
//       CHECK:     %[[W:.*]] = arith.select %[[NAN]], %[[QUIET]], %[[V]]
//       CHECK:     %[[EVEN:.*]], %[[ODD:.*]] = vector.deinterleave %[[W]] : vector<32xf32> -> vector<16xf32>
//       CHECK:     vector.transfer_write %[[EVEN]], %[[COPY]][%[[I]]]
//       CHECK:     %[[HALF:.*]] = arith.addi %[[I]], %c16
//       CHECK:     vector.transfer_write %[[ODD]], %[[COPY]][%[[HALF]]]
// What is left of a row is a copy of its own.
//       CHECK:   scf.for %[[J:.*]] = %c64{{.*}} to %c80{{.*}} step %c16
//       CHECK:     vector.deinterleave {{.*}} : vector<16xf32> -> vector<8xf32>
//       CHECK:   scf.forall
//   CHECK-NOT:     memref.alloc
//       CHECK:     scf.for
//       CHECK:       scf.for %[[K:.*]] = %c0
//       CHECK:         %[[A:.*]] = vector.transfer_read %[[COPY]][%[[K]]], {{.*}} vector<16xf32>
//       CHECK:         %[[B:.*]] = vector.transfer_read %[[COPY]][%{{.*}}], {{.*}} vector<16xf32>
//       CHECK:         vector.interleave %[[A]], %[[B]] {bn.short_nan} : vector<16xf32> -> vector<32xf32>
//       CHECK:       vector.transfer_read %[[COPY]][%c64{{.*}}], {{.*}} vector<8xf32>

// PAIRS-LABEL: func @sweep
//       PAIRS:   scf.forall
//       PAIRS:       %[[A:.*]] = vector.transfer_read {{.*}} vector<16xf32>
//       PAIRS:       %[[B:.*]] = vector.transfer_read {{.*}} vector<16xf32>
//   PAIRS-NOT:       vector.interleave
//       PAIRS:       %[[X:.*]] = vector.bitcast {{.*}} : vector<32xbf16> to vector<16xi32>
//       PAIRS:       arith.mulf %{{.*}}, %[[A]] : vector<16xf32>
//       PAIRS:       arith.mulf %{{.*}}, %[[B]] : vector<16xf32>
// None of the NaN is rounded up.
//   PAIRS-NOT:       arith.cmpi
//       PAIRS:       vector.transfer_write
func.func @sweep(%x: memref<4x20x80xbf16>, %y: memref<4x20x80xbf16>, %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %factors = memref.alloc() : memref<80xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<80xf32>)
  scf.forall (%p) in (4) {
    scf.for %row = %c0 to %c20 step %c1 {
      scf.for %i = %c0 to %c64 step %c32 {
        %0 = vector.transfer_read %x[%p, %row, %i], %h {in_bounds = [true]} : memref<4x20x80xbf16>, vector<32xbf16>
        %1 = vector.transfer_read %factors[%i], %f {in_bounds = [true]} : memref<80xf32>, vector<32xf32>
        %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
        %3 = arith.mulf %2, %1 : vector<32xf32>
        %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
        vector.transfer_write %4, %y[%p, %row, %i] {in_bounds = [true]} : vector<32xbf16>, memref<4x20x80xbf16>
      }
      %5 = vector.transfer_read %x[%p, %row, %c64], %h {in_bounds = [true]} : memref<4x20x80xbf16>, vector<16xbf16>
      %6 = vector.transfer_read %factors[%c64], %f {in_bounds = [true]} : memref<80xf32>, vector<16xf32>
      %7 = arith.extf %5 : vector<16xbf16> to vector<16xf32>
      %8 = arith.mulf %7, %6 : vector<16xf32>
      %9 = arith.truncf %8 : vector<16xf32> to vector<16xbf16>
      vector.transfer_write %9, %y[%p, %row, %c64] {in_bounds = [true]} : vector<16xbf16>, memref<4x20x80xbf16>
    }
  }
  memref.dealloc %factors : memref<80xf32>
  return
}

// -----

// The same numbers are used by several results, from a view of a buffer that is
// made in an outer loop: the copy is behind it.
// CHECK-LABEL: func @slab
//       CHECK:   scf.forall
//       CHECK:     %[[VIEW:.*]] = memref.collapse_shape
//       CHECK:     %[[COPY:.*]] = memref.alloc() {alignment = 64 : i64} : memref<32xf32>
//       CHECK:     vector.deinterleave
//   CHECK-NOT:     memref.alloc
//       CHECK:     scf.for
// CHECK-COUNT-2:     vector.interleave
func.func @slab(%x: memref<4x20x32xbf16>, %y: memref<4x20x32xbf16>, %z: memref<4x20x32xbf16>, %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  scf.forall (%p) in (4) {
    %spread = memref.alloca() : memref<4x8xf32>
    linalg.fill ins(%s : f32) outs(%spread : memref<4x8xf32>)
    %factors = memref.collapse_shape %spread [[0, 1]] : memref<4x8xf32> into memref<32xf32>
    scf.for %row = %c0 to %c20 step %c1 {
      %0 = vector.transfer_read %x[%p, %row, %c0], %h {in_bounds = [true]} : memref<4x20x32xbf16>, vector<32xbf16>
      %1 = vector.transfer_read %factors[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
      %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
      %3 = arith.mulf %2, %1 : vector<32xf32>
      %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
      vector.transfer_write %4, %y[%p, %row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<4x20x32xbf16>
      %5 = vector.transfer_read %factors[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
      %6 = arith.subf %2, %5 : vector<32xf32>
      %7 = arith.truncf %6 : vector<32xf32> to vector<32xbf16>
      vector.transfer_write %7, %z[%p, %row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<4x20x32xbf16>
    }
  }
  return
}

// -----

// Not for a few rows, not where the numbers change between rows, not where they
// come from outside (they may be another argument, too), and not where vectors
// start at lines that are known at run time alone.
// CHECK-LABEL: func @others
//   CHECK-NOT:   vector.deinterleave
//   CHECK-NOT:   vector.interleave
//       CHECK:   return
func.func @others(%x: memref<20x32xbf16>, %y: memref<20x32xbf16>, %c: memref<32xf32>, %s: f32, %head: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %c20 = arith.constant 20 : index
  %c32 = arith.constant 32 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %factors = memref.alloca() : memref<32xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<32xf32>)
  scf.for %row = %c0 to %c7 step %c1 {
    %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<20x32xbf16>, vector<32xbf16>
    %1 = vector.transfer_read %factors[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
    %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
    %3 = arith.mulf %2, %1 : vector<32xf32>
    %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %4, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<20x32xbf16>
  }
  scf.for %row = %c0 to %c20 step %c1 {
    %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<20x32xbf16>, vector<32xbf16>
    %1 = vector.transfer_read %c[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
    %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
    %3 = arith.mulf %2, %1 : vector<32xf32>
    %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %4, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<20x32xbf16>
  }
  scf.for %row = %c0 to %c20 step %c1 {
    scf.for %i = %head to %c32 step %c32 {
      %0 = vector.transfer_read %x[%row, %i], %h {in_bounds = [true]} : memref<20x32xbf16>, vector<32xbf16>
      %1 = vector.transfer_read %factors[%i], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
      %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
      %3 = arith.mulf %2, %1 : vector<32xf32>
      %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
      vector.transfer_write %4, %y[%row, %i] {in_bounds = [true]} : vector<32xbf16>, memref<20x32xbf16>
    }
  }
  scf.for %row = %c0 to %c20 step %c1 {
    %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<20x32xbf16>, vector<32xbf16>
    %1 = vector.transfer_read %factors[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
    %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
    %3 = arith.mulf %2, %1 : vector<32xf32>
    %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %4, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<20x32xbf16>
    %view = memref.expand_shape %factors [[0, 1]] output_shape [4, 8] : memref<32xf32> into memref<4x8xf32>
    memref.store %s, %view[%c0, %c1] : memref<4x8xf32>
  }
  return
}

// -----

// Vectors of other widths in the same place of a row have a copy of their own;
// what is also needed in order is read twice.
// CHECK-LABEL: func @widths
//       CHECK:   memref.alloc() {alignment = 64 : i64} : memref<32xf32>
//       CHECK:   vector.deinterleave {{.*}} : vector<32xf32> -> vector<16xf32>
//       CHECK:   memref.alloc() {alignment = 64 : i64} : memref<32xf32>
//       CHECK:   vector.deinterleave {{.*}} : vector<16xf32> -> vector<8xf32>
//       CHECK:   scf.for
//       CHECK:     vector.interleave {{.*}} -> vector<32xf32>
//       CHECK:     vector.transfer_read {{.*}} memref<32xf32>, vector<32xf32>
//       CHECK:     vector.interleave {{.*}} -> vector<16xf32>
//   CHECK-NOT:     vector.interleave
//       CHECK:     vector.transfer_write {{.*}} memref<32xf32>
func.func @widths(%x: memref<20x32xbf16>, %y: memref<20x32xbf16>, %z: memref<32xf32>, %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %c20 = arith.constant 20 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %factors = memref.alloca() : memref<32xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<32xf32>)
  scf.for %row = %c0 to %c20 step %c1 {
    %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<20x32xbf16>, vector<32xbf16>
    %1 = vector.transfer_read %factors[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
    %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
    %3 = arith.mulf %2, %1 : vector<32xf32>
    %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %4, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<20x32xbf16>
    %5 = vector.transfer_read %x[%row, %c16], %h {in_bounds = [true]} : memref<20x32xbf16>, vector<16xbf16>
    %6 = vector.transfer_read %factors[%c16], %f {in_bounds = [true]} : memref<32xf32>, vector<16xf32>
    %7 = arith.extf %5 : vector<16xbf16> to vector<16xf32>
    %8 = arith.mulf %7, %6 : vector<16xf32>
    %9 = arith.truncf %8 : vector<16xf32> to vector<16xbf16>
    vector.transfer_write %9, %y[%row, %c16] {in_bounds = [true]} : vector<16xbf16>, memref<20x32xbf16>
    vector.transfer_write %1, %z[%c0] {in_bounds = [true]} : vector<32xf32>, memref<32xf32>
  }
  return
}

// -----

// Rows are counted over all loops, and a number that is not known is many.
// CHECK-LABEL: func @counts
// CHECK-COUNT-2: vector.deinterleave
//   CHECK-NOT:   vector.deinterleave
//       CHECK:   return
func.func @counts(%x: memref<8x32xbf16>, %y: memref<8x32xbf16>, %n: index, %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %factors = memref.alloca() : memref<32xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<32xf32>)
  scf.for %i = %c0 to %c2 step %c1 {
    scf.for %row = %c0 to %c4 step %c1 {
      %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<8x32xbf16>, vector<32xbf16>
      %1 = vector.transfer_read %factors[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
      %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
      %3 = arith.mulf %2, %1 : vector<32xf32>
      %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
      vector.transfer_write %4, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<8x32xbf16>
    }
  }
  scf.for %row = %c0 to %n step %c1 {
    %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<8x32xbf16>, vector<32xbf16>
    %1 = vector.transfer_read %factors[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
    %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
    %3 = arith.mulf %2, %1 : vector<32xf32>
    %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %4, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<8x32xbf16>
  }
  return
}

// -----

// A buffer that has another name may be written by it; a read that is masked or
// repeats one number is none of a row; strips outside of the rows would be
// copied once for each of them.
// CHECK-LABEL: func @unclear
//   CHECK-NOT:   vector.deinterleave
//       CHECK:   return
func.func @unclear(%x: memref<20x64xbf16>, %y: memref<20x64xbf16>, %c: i1, %m: vector<32xi1>, %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %a = memref.alloc() : memref<64xf32>
  %b = memref.alloc() : memref<64xf32>
  linalg.fill ins(%s : f32) outs(%a : memref<64xf32>)
  linalg.fill ins(%s : f32) outs(%b : memref<64xf32>)
  %name = scf.if %c -> memref<64xf32> {
    scf.yield %a : memref<64xf32>
  } else {
    scf.yield %b : memref<64xf32>
  }
  scf.for %row = %c0 to %c20 step %c1 {
    %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<20x64xbf16>, vector<32xbf16>
    %1 = vector.transfer_read %a[%c0], %f {in_bounds = [true]} : memref<64xf32>, vector<32xf32>
    %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
    %3 = arith.mulf %2, %1 : vector<32xf32>
    %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %4, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<20x64xbf16>
    memref.store %s, %name[%c0] : memref<64xf32>
  }
  %factors = memref.alloc() : memref<64xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<64xf32>)
  scf.for %row = %c0 to %c20 step %c1 {
    %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<20x64xbf16>, vector<32xbf16>
    %1 = vector.transfer_read %factors[%c0], %f, %m {in_bounds = [true]} : memref<64xf32>, vector<32xf32>
    %2 = vector.transfer_read %factors[%c0], %f {in_bounds = [true], permutation_map = affine_map<(d0) -> (0)>} : memref<64xf32>, vector<32xf32>
    %3 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
    %4 = arith.mulf %3, %1 : vector<32xf32>
    %5 = arith.mulf %4, %2 : vector<32xf32>
    %6 = arith.truncf %5 : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %6, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<20x64xbf16>
  }
  scf.for %i = %c0 to %c64 step %c32 {
    scf.for %row = %c0 to %c20 step %c1 {
      %0 = vector.transfer_read %x[%row, %i], %h {in_bounds = [true]} : memref<20x64xbf16>, vector<32xbf16>
      %1 = vector.transfer_read %factors[%i], %f {in_bounds = [true]} : memref<64xf32>, vector<32xf32>
      %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
      %3 = arith.mulf %2, %1 : vector<32xf32>
      %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
      vector.transfer_write %4, %y[%row, %i] {in_bounds = [true]} : vector<32xbf16>, memref<20x64xbf16>
    }
  }
  return
}

// -----

// Bits that are read and written are no obstacle: they are taken apart, too.
// CHECK-LABEL: func @bits
//       CHECK:   vector.deinterleave {{.*}} : vector<32xf32> -> vector<16xf32>
//       CHECK:   scf.for
//       CHECK:     vector.interleave {{.*}} : vector<16xf32> -> vector<32xf32>
func.func @bits(%x: memref<20x32xbf16>, %y: memref<20x32xbf16>, %old: memref<80xi8>, %new: memref<80xi8>, %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %b = ub.poison : i8
  %none = arith.constant dense<0> : vector<32xi8>
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %factors = memref.alloc() : memref<32xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<32xf32>)
  %read = bn.view_bits %old : memref<80xi8> to memref<20x32xi8>
  %written = bn.view_bits %new : memref<80xi8> to memref<20x32xi8>
  scf.for %row = %c0 to %c20 step %c1 {
    %0 = vector.transfer_read %x[%row, %c0], %h {in_bounds = [true]} : memref<20x32xbf16>, vector<32xbf16>
    %1 = vector.transfer_read %factors[%c0], %f {in_bounds = [true]} : memref<32xf32>, vector<32xf32>
    %2 = vector.transfer_read %read[%row, %c0], %b {in_bounds = [true]} : memref<20x32xi8>, vector<32xi8>
    %3 = arith.cmpi ne, %2, %none : vector<32xi8>
    %4 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
    %5 = arith.select %3, %4, %zero : vector<32xi1>, vector<32xf32>
    %6 = arith.mulf %5, %1 : vector<32xf32>
    %7 = arith.cmpf ugt, %6, %zero : vector<32xf32>
    %8 = arith.select %7, %6, %zero : vector<32xi1>, vector<32xf32>
    %9 = arith.truncf %8 : vector<32xf32> to vector<32xbf16>
    vector.transfer_write %9, %y[%row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<20x32xbf16>
    %10 = arith.extui %7 : vector<32xi1> to vector<32xi8>
    vector.transfer_write %10, %written[%row, %c0] {in_bounds = [true]} : vector<32xi8>, memref<20x32xi8>
  }
  return
}

// -----

// Of two versions of a loop, the one whose vectors are at places that are known,
// for a part of a buffer: the copy is of that part.
// CHECK-LABEL: func @versions
//       CHECK:   %[[PART:.*]] = memref.subview
//       CHECK:   memref.alloc() {{.*}} : memref<64xf32>
//       CHECK:   vector.transfer_read %[[PART]]
//       CHECK:   vector.deinterleave
//       CHECK:   scf.for
//       CHECK:     scf.if
//       CHECK:       vector.interleave
//       CHECK:       vector.store {{.*}} nontemporal = true
//       CHECK:     } else {
//   CHECK-NOT:       vector.interleave
//       CHECK:       vector.transfer_read %[[PART]]
//       CHECK:     return
func.func @versions(%x: memref<20x64xbf16>, %y: memref<20x64xbf16>, %s: f32, %at: index, %aligned: i1, %head: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %factors = memref.alloc() : memref<128xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<128xf32>)
  %part = memref.subview %factors[%at] [64] [1] : memref<128xf32> to memref<64xf32, strided<[1], offset: ?>>
  scf.for %row = %c0 to %c20 step %c1 {
    scf.if %aligned {
      scf.for %i = %c0 to %c64 step %c32 {
        %0 = vector.transfer_read %x[%row, %i], %h {in_bounds = [true]} : memref<20x64xbf16>, vector<32xbf16>
        %1 = vector.transfer_read %part[%i], %f {in_bounds = [true]} : memref<64xf32, strided<[1], offset: ?>>, vector<32xf32>
        %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
        %3 = arith.mulf %2, %1 : vector<32xf32>
        %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
        vector.store %4, %y[%row, %i] {alignment = 64 : i64, nontemporal = true} : memref<20x64xbf16>, vector<32xbf16>
      }
    } else {
      scf.for %i = %head to %c64 step %c32 {
        %0 = vector.transfer_read %x[%row, %i], %h {in_bounds = [true]} : memref<20x64xbf16>, vector<32xbf16>
        %1 = vector.transfer_read %part[%i], %f {in_bounds = [true]} : memref<64xf32, strided<[1], offset: ?>>, vector<32xf32>
        %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
        %3 = arith.mulf %2, %1 : vector<32xf32>
        %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
        vector.store %4, %y[%row, %i] {alignment = 64 : i64, nontemporal = true} : memref<20x64xbf16>, vector<32xbf16>
      }
    }
  }
  return
}

// -----

// What is read under a condition is not read without it: the part need not be
// there.
// CHECK-LABEL: func @condition
//   CHECK-NOT:   vector.deinterleave
func.func @condition(%x: memref<20x64xbf16>, %y: memref<20x64xbf16>, %s: f32,
                     %at: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %factors = memref.alloc() : memref<128xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<128xf32>)
  %fits = arith.cmpi ule, %at, %c64 : index
  %part = memref.subview %factors[%at] [64] [1]
      : memref<128xf32> to memref<64xf32, strided<[1], offset: ?>>
  scf.for %row = %c0 to %c20 step %c1 {
    scf.if %fits {
      scf.for %i = %c0 to %c64 step %c32 {
        %0 = vector.transfer_read %x[%row, %i], %h {in_bounds = [true]} : memref<20x64xbf16>, vector<32xbf16>
        %1 = vector.transfer_read %part[%i], %f {in_bounds = [true]} : memref<64xf32, strided<[1], offset: ?>>, vector<32xf32>
        %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
        %3 = arith.mulf %2, %1 : vector<32xf32>
        %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
        vector.transfer_write %4, %y[%row, %i] {in_bounds = [true]} : vector<32xbf16>, memref<20x64xbf16>
      }
    }
  }
  return
}

// -----

// A prefetch reads.
// CHECK-LABEL: func @prefetch
//       CHECK:   scf.for
//       CHECK:     vector.deinterleave
//       CHECK:     scf.for
//       CHECK:       memref.prefetch
//       CHECK:       vector.interleave
func.func @prefetch(%x: memref<40x20x32xbf16>, %y: memref<40x20x32xbf16>,
                    %s: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c20 = arith.constant 20 : index
  %c40 = arith.constant 40 : index
  %h = ub.poison : bf16
  %f = ub.poison : f32
  %factors = memref.alloc() : memref<40x32xf32>
  linalg.fill ins(%s : f32) outs(%factors : memref<40x32xf32>)
  scf.for %slab = %c0 to %c40 step %c1 {
    %part = memref.subview %factors[%slab, 0] [1, 32] [1, 1]
        : memref<40x32xf32> to memref<32xf32, strided<[1], offset: ?>>
    scf.for %row = %c0 to %c20 step %c1 {
      memref.prefetch %factors[%slab, %c0], read, locality<3>, data : memref<40x32xf32>
      %0 = vector.transfer_read %x[%slab, %row, %c0], %h {in_bounds = [true]} : memref<40x20x32xbf16>, vector<32xbf16>
      %1 = vector.transfer_read %part[%c0], %f {in_bounds = [true]} : memref<32xf32, strided<[1], offset: ?>>, vector<32xf32>
      %2 = arith.extf %0 : vector<32xbf16> to vector<32xf32>
      %3 = arith.mulf %2, %1 : vector<32xf32>
      %4 = arith.truncf %3 : vector<32xf32> to vector<32xbf16>
      vector.transfer_write %4, %y[%slab, %row, %c0] {in_bounds = [true]} : vector<32xbf16>, memref<40x20x32xbf16>
    }
  }
  return
}
