// Loops that write several buffers are moved to where lines of all of them start.

// RUN: bn-opt %s --bn-nontemporal-stores --canonicalize --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-nontemporal-stores --bn-pack-bits --canonicalize --split-input-file | FileCheck %s --check-prefix=PACKED

// There is a main part where the two are as far from a line.
// CHECK-LABEL: func @two
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x1000xf32>, %[[Y:[a-z0-9]+]]: memref<8x1000xf32>, %[[Z:[a-z0-9]+]]: memref<8x1000xf32>
//       CHECK:   memref.extract_aligned_pointer_as_index %[[Y]]
//       CHECK:   %[[FIRST:.*]] = arith.addi
//       CHECK:   %[[ODD:.*]] = arith.andi %[[FIRST]], %c3
//       CHECK:   memref.extract_aligned_pointer_as_index %[[Z]]
//       CHECK:   %[[SECOND:.*]] = arith.addi
//       CHECK:   %[[DISTANCE:.*]] = arith.subi %[[SECOND]], %[[FIRST]]
//       CHECK:   %[[OTHER:.*]] = arith.andi %[[DISTANCE]], %c63
//       CHECK:   %[[NONE:.*]] = arith.ori %[[ODD]], %[[OTHER]]
//       CHECK:   %[[REACHED:.*]] = arith.cmpi eq, %[[NONE]], %c0
//       CHECK:   %[[HEAD:.*]] = arith.select %[[REACHED]], %{{.*}}, %c992
//       CHECK:   scf.for {{.*}} step %c1 {
//       CHECK:     memref.store {{.*}}, %[[Y]]
//       CHECK:     memref.store {{.*}}, %[[Z]]
//       CHECK:   scf.for {{.*}} step %c8 {
//       CHECK:     vector.transfer_write {{.*}}, %[[Y]]
//       CHECK:     vector.transfer_write {{.*}}, %[[Z]]
//       CHECK:   scf.for {{.*}} step %c16 {
//       CHECK:     vector.store {{.*}}, %[[Y]]{{.*}} nontemporal = true} : memref<8x1000xf32>, vector<16xf32>
//       CHECK:     vector.store {{.*}}, %[[Z]]{{.*}} nontemporal = true} : memref<8x1000xf32>, vector<16xf32>
//       CHECK:   scf.for {{.*}} = %[[HEAD]] to %{{.*}} step %c32 {
//       CHECK:     vector.store {{.*}}, %[[Y]]{{.*}} {alignment = 64 : i64, nontemporal = true}
//       CHECK:     vector.store {{.*}}, %[[Z]]{{.*}} {alignment = 64 : i64, nontemporal = true}
//       CHECK:   llvm.fence
func.func @two(%x: memref<8x1000xf32>, %y: memref<8x1000xf32>,
    %z: memref<8x1000xf32>, %r: index) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c992 = arith.constant 992 : index
  %p = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c992 step %c32 {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    %w = arith.negf %v : vector<32xf32>
    vector.transfer_write %w, %y[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1000xf32>
    vector.transfer_write %v, %z[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1000xf32>
  } {bn.nontemporal = 32 : i64}
  return
}

// -----

// With bits all parts are whole bytes of them: where the address is no multiple
// of eight elements, there is no main part. Bits stay in the caches.
// CHECK-LABEL: func @bits
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x1000xbf16>, %[[Y:[a-z0-9]+]]: memref<8x1000xbf16>
//       CHECK:   %[[BITS:.*]] = bn.view_bits
//       CHECK:   %[[ADDRESS:.*]] = arith.addi
//       CHECK:   %[[ODD:.*]] = arith.andi %[[ADDRESS]], %c15
//       CHECK:   %[[ELEMENTS:.*]] = arith.divui %{{.*}}, %c2
//       CHECK:   %[[BYTES:.*]] = arith.divui %[[ELEMENTS]], %c8
//       CHECK:   %[[UP:.*]] = arith.muli %[[BYTES]], %c8
//       CHECK:   %[[FEW:.*]] = arith.minui %[[UP]], %c960
//       CHECK:   %[[REACHED:.*]] = arith.cmpi eq, %[[ODD]], %c0
//       CHECK:   %[[HEAD:.*]] = arith.select %[[REACHED]], %[[FEW]], %c960
//       CHECK:   scf.for {{.*}} step %c8 {
//       CHECK:     vector.transfer_write {{.*}}, %[[Y]]{{.*}} : vector<8xbf16>
//       CHECK:     vector.transfer_write {{.*}}, %[[BITS]]{{.*}} : vector<8xi8>
//       CHECK:   scf.for {{.*}} step %c16 {
//       CHECK:     vector.transfer_write {{.*}}, %[[Y]]{{.*}} : vector<16xbf16>
//       CHECK:     vector.transfer_write {{.*}}, %[[BITS]]{{.*}} : vector<16xi8>
//       CHECK:   scf.for {{.*}} step %c32 {
//       CHECK:     vector.store {{.*}}, %[[Y]]{{.*}} nontemporal = true} : memref<8x1000xbf16>, vector<32xbf16>
//       CHECK:     vector.transfer_write {{.*}}, %[[BITS]]{{.*}} : vector<32xi8>
//       CHECK:   scf.for {{.*}} = %[[HEAD]] to %{{.*}} step %c64 {
//       CHECK:     vector.store {{.*}}, %[[Y]]{{.*}} {alignment = 64 : i64, nontemporal = true}
//       CHECK:     vector.transfer_write {{.*}}, %[[BITS]]{{.*}} : vector<64xi8>
//       CHECK:   llvm.fence

// bn-pack-bits can tell that of all four.
// PACKED-LABEL: func @bits
//       PACKED:   vector.transfer_write {{.*}} : vector<1xi8>, memref<1000xi8>
//       PACKED:   vector.transfer_write {{.*}} : vector<2xi8>, memref<1000xi8>
//       PACKED:   vector.transfer_write {{.*}} : vector<4xi8>, memref<1000xi8>
//       PACKED:   vector.transfer_write {{.*}} : vector<8xi8>, memref<1000xi8>
func.func @bits(%x: memref<8x1000xbf16>, %y: memref<8x1000xbf16>,
    %bytes: memref<1000xi8>, %r: index) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c960 = arith.constant 960 : index
  %p = arith.constant 0.0 : bf16
  %zero = arith.constant dense<0.0> : vector<64xf32>
  %bits = bn.view_bits %bytes : memref<1000xi8> to memref<8x1000xi8>
  scf.for %i = %c0 to %c960 step %c64 {
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xbf16>, vector<64xbf16>
    %w = arith.extf %v : vector<64xbf16> to vector<64xf32>
    %passes = arith.cmpf ugt, %w, %zero : vector<64xf32>
    %b = arith.extui %passes : vector<64xi1> to vector<64xi8>
    %u = arith.select %passes, %w, %zero : vector<64xi1>, vector<64xf32>
    %t = arith.truncf %u : vector<64xf32> to vector<64xbf16>
    vector.transfer_write %t, %y[%r, %i] {in_bounds = [true]}
        : vector<64xbf16>, memref<8x1000xbf16>
    vector.transfer_write %b, %bits[%r, %i] {in_bounds = [true]}
        : vector<64xi8>, memref<8x1000xi8>
  } {bn.nontemporal = 64 : i64}
  return
}

// -----

// Beside sums, which stay where they are, both are moved.
// CHECK-LABEL: func @sums
//  CHECK-SAME:     %[[NEXT:[a-z0-9]+]]: memref<8x1000xbf16>, %[[X:[a-z0-9]+]]: memref<8x1000xbf16>, %[[Y:[a-z0-9]+]]: memref<8x1000xbf16>
//       CHECK:   %[[BITS:.*]] = bn.view_bits
//       CHECK:   %[[HEAD:.*]] = arith.select %{{.*}}, %{{.*}}, %c960
//       CHECK:   scf.for %[[I:.*]] = %c0 to %[[MAIN:.*]] step %c64 iter_args
//       CHECK:     vector.transfer_read %[[NEXT]][%{{.*}}, %[[I]]]
//       CHECK:     arith.addf
//       CHECK:     %[[AT:.*]] = arith.addi %[[I]], %[[HEAD]]
//       CHECK:     vector.transfer_read %[[X]][%{{.*}}, %[[AT]]]
//       CHECK:     vector.store {{.*}}, %[[Y]][%{{.*}}, %[[AT]]] {alignment = 64 : i64, nontemporal = true}
//       CHECK:     vector.transfer_write {{.*}}, %[[BITS]][%{{.*}}, %[[AT]]]
//       CHECK:   scf.for {{.*}} = %[[MAIN]] to %c960 step %c64
//   CHECK-NOT:     %[[BITS]]
//       CHECK:   llvm.fence

// PACKED-LABEL: func @sums
//       PACKED:   vector.transfer_write {{.*}} : vector<8xi8>, memref<1000xi8>
func.func @sums(%next: memref<8x1000xbf16>, %x: memref<8x1000xbf16>,
    %y: memref<8x1000xbf16>, %bytes: memref<1000xi8>, %r: index)
    -> vector<64xf32> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c960 = arith.constant 960 : index
  %p = arith.constant 0.0 : bf16
  %zero = arith.constant dense<0.0> : vector<64xf32>
  %bits = bn.view_bits %bytes : memref<1000xi8> to memref<8x1000xi8>
  %sum = scf.for %i = %c0 to %c960 step %c64
      iter_args(%s = %zero) -> vector<64xf32> {
    %n = vector.transfer_read %next[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xbf16>, vector<64xbf16>
    %m = arith.extf %n : vector<64xbf16> to vector<64xf32>
    %a = arith.addf %s, %m : vector<64xf32>
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xbf16>, vector<64xbf16>
    %w = arith.extf %v : vector<64xbf16> to vector<64xf32>
    %passes = arith.cmpf ugt, %w, %zero : vector<64xf32>
    %b = arith.extui %passes : vector<64xi1> to vector<64xi8>
    %u = arith.select %passes, %w, %zero : vector<64xi1>, vector<64xf32>
    %t = arith.truncf %u : vector<64xf32> to vector<64xbf16>
    vector.transfer_write %t, %y[%r, %i] {in_bounds = [true]}
        : vector<64xbf16>, memref<8x1000xbf16>
    vector.transfer_write %b, %bits[%r, %i] {in_bounds = [true]}
        : vector<64xi8>, memref<8x1000xi8>
    scf.yield %a : vector<64xf32>
  } {bn.nontemporal = 64 : i64}
  return %sum : vector<64xf32>
}

// -----

// Not where sums read what is overwritten: there are two versions.
// CHECK-LABEL: func @overwritten
//       CHECK:   %[[BITS:.*]] = bn.view_bits
//   CHECK-NOT:   scf.for
//       CHECK:   scf.if
//       CHECK:     scf.for {{.*}} = %c0 to %c960 step %c64
//       CHECK:       vector.transfer_read %[[BITS]]
//       CHECK:       vector.store {{.*}} nontemporal = true
//       CHECK:       vector.transfer_write {{.*}}, %[[BITS]]

// PACKED-LABEL: func @overwritten
func.func @overwritten(%x: memref<8x1000xbf16>, %y: memref<8x1000xbf16>,
    %bytes: memref<1000xi8>, %r: index) -> vector<64xi8> {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c960 = arith.constant 960 : index
  %p = arith.constant 0.0 : bf16
  %q = arith.constant 0 : i8
  %none = arith.constant dense<0> : vector<64xi8>
  %zero = arith.constant dense<0.0> : vector<64xbf16>
  %bits = bn.view_bits %bytes : memref<1000xi8> to memref<8x1000xi8>
  %sum = scf.for %i = %c0 to %c960 step %c64
      iter_args(%s = %none) -> vector<64xi8> {
    %n = vector.transfer_read %bits[%r, %i], %q {in_bounds = [true]}
        : memref<8x1000xi8>, vector<64xi8>
    %a = arith.addi %s, %n : vector<64xi8>
    %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xbf16>, vector<64xbf16>
    %passes = arith.cmpf ugt, %v, %zero : vector<64xbf16>
    %b = arith.extui %passes : vector<64xi1> to vector<64xi8>
    vector.transfer_write %v, %y[%r, %i] {in_bounds = [true]}
        : vector<64xbf16>, memref<8x1000xbf16>
    vector.transfer_write %b, %bits[%r, %i] {in_bounds = [true]}
        : vector<64xi8>, memref<8x1000xi8>
    scf.yield %a : vector<64xi8>
  } {bn.nontemporal = 64 : i64}
  return %sum : vector<64xi8>
}

// -----

// Reads and writes stay in their order: what is written first may be what is
// read for the second, under another name.
// CHECK-LABEL: func @order
//  CHECK-SAME:     %{{[a-z0-9]+}}: memref<8x1000xf32>, %[[A:[a-z0-9]+]]: memref<8x1000xf32>, %[[B:[a-z0-9]+]]: memref<8x1000xf32>, %[[Y:[a-z0-9]+]]: memref<8x1000xf32>, %[[Z:[a-z0-9]+]]: memref<8x1000xf32>
//       CHECK:   scf.for {{.*}} step %c8 {
//       CHECK:     vector.transfer_read %[[A]]
//       CHECK:     vector.transfer_read %[[B]]
//       CHECK:     vector.transfer_write {{.*}}, %[[Y]]
//       CHECK:     vector.transfer_write {{.*}}, %[[Z]]
//       CHECK:   scf.for {{.*}} step %c32 iter_args
//       CHECK:     vector.transfer_read %[[A]]
//       CHECK:     vector.transfer_read %[[B]]
//       CHECK:     vector.store {{.*}}, %[[Y]]
//       CHECK:     vector.store {{.*}}, %[[Z]]

// PACKED-LABEL: func @order
func.func @order(%next: memref<8x1000xf32>, %a: memref<8x1000xf32>,
    %b: memref<8x1000xf32>, %y: memref<8x1000xf32>, %z: memref<8x1000xf32>,
    %r: index) -> vector<32xf32> {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c992 = arith.constant 992 : index
  %p = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %sum = scf.for %i = %c0 to %c992 step %c32
      iter_args(%s = %zero) -> vector<32xf32> {
    %n = vector.transfer_read %next[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    %t = arith.addf %s, %n : vector<32xf32>
    %v = vector.transfer_read %a[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    %w = vector.transfer_read %b[%r, %i], %p {in_bounds = [true]}
        : memref<8x1000xf32>, vector<32xf32>
    vector.transfer_write %v, %y[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1000xf32>
    vector.transfer_write %w, %z[%r, %i] {in_bounds = [true]}
        : vector<32xf32>, memref<8x1000xf32>
    scf.yield %t : vector<32xf32>
  } {bn.nontemporal = 32 : i64}
  return %sum : vector<32xf32>
}
