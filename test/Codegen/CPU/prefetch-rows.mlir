// In a marked loop over rows, what comes from memory is prefetched.

// RUN: bn-opt %s --bn-prefetch-rows="l1-bytes=32768" --canonicalize --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-prefetch-rows="l1-bytes=49152" --split-input-file | FileCheck %s --check-prefix=LARGE
// RUN: not bn-opt %s --bn-prefetch-rows="l1-bytes=-1" --split-input-file 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: expected 'l1-bytes' to be at least 0, got -1
// RUN: bn-opt %s --bn-prefetch-rows="l1-bytes=32768" --bn-cpu-pipeline --split-input-file | FileCheck %s --check-prefix=LLVM

// 32 f32 are two cache lines. Narrow tails have no prefetch.
// LLVM-LABEL: llvm.func @two_lines(
// LLVM-COUNT-2: "llvm.intr.prefetch"(%{{[^ ]+}}) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}>
// LLVM-NOT: prefetch
// LLVM-LABEL: llvm.func @_mlir_ciface_two_lines(
// CHECK-LABEL: func @two_lines
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x80xf32>
//       CHECK:   scf.for %[[R:.*]] = %c0 to %c8 step %c1
//       CHECK:     %[[NEXT:.*]] = arith.addi %[[R]], %c1
//       CHECK:     %[[AHEAD:.*]] = arith.minsi %[[NEXT]], %c7
//       CHECK:     scf.for %[[I:.*]] = %c0 to %c64 step %c32
//  CHECK-NEXT:       memref.prefetch %[[X]][%[[AHEAD]], %[[I]]], read, locality<3>, data
//       CHECK:       %[[J:.*]] = arith.addi %[[I]], %c16
//       CHECK:       memref.prefetch %[[X]][%[[AHEAD]], %[[J]]], read, locality<3>, data
//       CHECK:       vector.transfer_read %[[X]][%[[R]], %[[I]]]
//   CHECK-NOT:   memref.prefetch
//   CHECK-NOT:   bn.prefetch
func.func @two_lines(%x: memref<8x80xf32>, %y: memref<8x80xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c80 = arith.constant 80 : index
  %p = arith.constant 0.0 : f32
  scf.for %r = %c0 to %c8 step %c1 {
    scf.for %i = %c0 to %c64 step %c32 {
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
          : memref<8x80xf32>, vector<32xf32>
      vector.transfer_write %v, %y[%r, %i] {in_bounds = [true]}
          : vector<32xf32>, memref<8x80xf32>
    }
    scf.for %i = %c64 to %c80 step %c8 {
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
          : memref<8x80xf32>, vector<8xf32>
      vector.transfer_write %v, %y[%r, %i] {in_bounds = [true]}
          : vector<8xf32>, memref<8x80xf32>
    }
  } {bn.prefetch = 1 : i64}
  return
}

// -----

// What is 6 KiB ahead, here of two tensors, would fill an L1 cache of 32 KiB
// before it is used: the L2 cache. One of 48 KiB has room.
// LLVM-LABEL: llvm.func @far(
// LLVM-COUNT-2: "llvm.intr.prefetch"(%{{[^ ]+}}) <{cache = 1 : i32, hint = 2 : i32, rw = 0 : i32}>
// LARGE-LABEL: func @far
//       LARGE:   memref.prefetch {{.*}} read, locality<3>, data
//       LARGE:   memref.prefetch {{.*}} read, locality<3>, data
// CHECK-LABEL: func @far
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x768xf32>, %[[Z:[a-z0-9]+]]: memref<8x768xf32>
//       CHECK:   memref.prefetch %[[X]]{{.*}} read, locality<2>, data
//       CHECK:   memref.prefetch %[[Z]]{{.*}} read, locality<2>, data
func.func @far(%x: memref<8x768xf32>, %z: memref<8x768xf32>,
    %y: memref<8x768xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c768 = arith.constant 768 : index
  %p = arith.constant 0.0 : f32
  scf.for %r = %c0 to %c8 step %c1 {
    scf.for %i = %c0 to %c768 step %c16 {
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
          : memref<8x768xf32>, vector<16xf32>
      %w = vector.transfer_read %z[%r, %i], %p {in_bounds = [true]}
          : memref<8x768xf32>, vector<16xf32>
      %sum = arith.addf %v, %w : vector<16xf32>
      vector.transfer_write %sum, %y[%r, %i] {in_bounds = [true]}
          : vector<16xf32>, memref<8x768xf32>
    }
  } {bn.prefetch = 1 : i64}
  return
}

// -----

// 32 bf16 are one line. Two rows ahead in a loop with dynamic bounds, in
// parallel loops. The view of a later row is made outside of the strips.
#map = affine_map<(d0) -> (d0 * 2)>
// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<?x64xbf16>, %{{.*}}: memref<64xbf16>, %[[LB:[a-z0-9]+]]: index, %[[UB:[a-z0-9]+]]: index, %[[STEP:[a-z0-9]+]]: index
//       CHECK:   scf.forall (%[[G:.*]]) in (4)
//   CHECK-DAG:     %[[FAR:.*]] = arith.muli %[[STEP]], %c2
//   CHECK-DAG:     %[[SIZE:.*]] = arith.subi %[[UB]], %[[LB]]
//       CHECK:     %[[RANGE:.*]] = arith.subi %[[SIZE]], %c1
//       CHECK:     %[[REST:.*]] = arith.remsi %[[RANGE]], %[[STEP]]
//       CHECK:     %[[WHOLE:.*]] = arith.subi %[[RANGE]], %[[REST]]
//       CHECK:     %[[LAST:.*]] = arith.addi %[[LB]], %[[WHOLE]]
//       CHECK:     scf.for %[[R:.*]] = %[[LB]] to %[[UB]] step %[[STEP]]
//       CHECK:       %[[NEXT:.*]] = arith.addi %[[R]], %[[FAR]]
//       CHECK:       %[[AHEAD:.*]] = arith.minsi %[[NEXT]], %[[LAST]]
//       CHECK:       %[[AT:.*]] = affine.apply #{{.*}}(%[[AHEAD]])
//       CHECK:       %[[ROW:.*]] = memref.subview %[[X]][%[[AT]], 0]
//       CHECK:       scf.for %[[I:.*]] = %c0 to %c64 step %c32
//       CHECK:         memref.prefetch %[[ROW]][%c0, %[[I]]], read, locality<3>, data
//   CHECK-NOT:         memref.prefetch
//       CHECK:         vector.transfer_read
func.func @dynamic(%x: memref<?x64xbf16>, %weight: memref<64xbf16>,
    %lb: index, %ub: index, %step: index) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %p = arith.constant 0.0 : bf16
  %zero = arith.constant dense<0.0> : vector<32xbf16>
  scf.forall (%g) in (4) {
    scf.for %r = %lb to %ub step %step {
      %s = scf.for %i = %c0 to %c64 step %c32 iter_args(%t = %zero)
          -> vector<32xbf16> {
        %at = affine.apply #map(%r)
        %row = memref.subview %x[%at, 0] [1, 64] [1, 1]
            : memref<?x64xbf16> to memref<1x64xbf16, strided<[64, 1], offset: ?>>
        %v = vector.transfer_read %row[%c0, %i], %p {in_bounds = [true]}
            : memref<1x64xbf16, strided<[64, 1], offset: ?>>, vector<32xbf16>
        %w = vector.transfer_read %weight[%i], %p {in_bounds = [true]}
            : memref<64xbf16>, vector<32xbf16>
        %u = arith.mulf %v, %w : vector<32xbf16>
        %a = arith.addf %t, %u : vector<32xbf16>
        scf.yield %a : vector<32xbf16>
      }
      vector.transfer_write %s, %x[%r, %c0] {in_bounds = [true]}
          : vector<32xbf16>, memref<?x64xbf16>
    } {bn.prefetch = 2 : i64}
  }
  return
}

// -----

// Group %g is normalized, group %next is summed: only the latter comes from
// memory. A second pass over it finds it in the cache.
// CHECK-LABEL: func @pipelined
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4x64xf32>, %{{.*}}: memref<8x4x64xf32>, %[[G:[a-z0-9]+]]: index, %[[NEXT:[a-z0-9]+]]: index
//       CHECK:   %[[AHEAD:.*]] = arith.minsi
//       CHECK:   memref.prefetch %[[X]][%[[AHEAD]], %[[NEXT]], %{{.*}}]
//  CHECK-NEXT:   vector.load %[[X]][%{{.*}}, %[[NEXT]], %{{.*}}]
//   CHECK-NOT:   memref.prefetch
//       CHECK:   return
func.func @pipelined(%x: memref<8x4x64xf32>, %y: memref<8x4x64xf32>, %g: index,
    %next: index) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %s = scf.for %r = %c0 to %c8 step %c1 iter_args(%sr = %zero)
      -> vector<16xf32> {
    %a = scf.for %i = %c0 to %c64 step %c16 iter_args(%t = %zero)
        -> vector<16xf32> {
      %v = vector.load %x[%r, %g, %i] : memref<8x4x64xf32>, vector<16xf32>
      %w = arith.mulf %v, %v : vector<16xf32>
      vector.store %w, %y[%r, %g, %i] : memref<8x4x64xf32>, vector<16xf32>
      %u = vector.load %x[%r, %next, %i] : memref<8x4x64xf32>, vector<16xf32>
      %b = arith.addf %t, %u : vector<16xf32>
      scf.yield %b : vector<16xf32>
    }
    %d = scf.for %i = %c0 to %c64 step %c16 iter_args(%t = %sr)
        -> vector<16xf32> {
      %u = vector.load %x[%r, %next, %i] : memref<8x4x64xf32>, vector<16xf32>
      %e = arith.subf %u, %a : vector<16xf32>
      %b = arith.addf %t, %e : vector<16xf32>
      scf.yield %b : vector<16xf32>
    }
    scf.yield %d : vector<16xf32>
  } {bn.prefetch = 1 : i64}
  return %s : vector<16xf32>
}

// -----

// What an epilogue adds to the normalized group comes from memory, too.
// CHECK-LABEL: func @epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4x64xf32>, %[[R:[a-z0-9]+]]: memref<8x4x64xf32>
//       CHECK:   %[[AHEAD:.*]] = arith.minsi
//       CHECK:   memref.prefetch %[[R]][%[[AHEAD]], %c0, %{{.*}}]
//  CHECK-NEXT:   vector.load %[[R]]
//       CHECK:   memref.prefetch %[[X]][%[[AHEAD]], %c1, %{{.*}}]
//  CHECK-NEXT:   vector.load %[[X]]
//   CHECK-NOT:   memref.prefetch
//       CHECK:   return
func.func @epilogue(%x: memref<8x4x64xf32>, %r: memref<8x4x64xf32>,
    %y: memref<8x4x64xf32>) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %group = memref.subview %x[0, 0, 0] [8, 1, 64] [1, 1, 1]
      : memref<8x4x64xf32> to memref<8x64xf32, strided<[256, 1]>>
  %s = scf.for %n = %c0 to %c8 step %c1 iter_args(%sn = %zero)
      -> vector<16xf32> {
    %a = scf.for %i = %c0 to %c64 step %c16 iter_args(%t = %sn)
        -> vector<16xf32> {
      %v = vector.load %group[%n, %i]
          : memref<8x64xf32, strided<[256, 1]>>, vector<16xf32>
      %q = vector.load %r[%n, %c0, %i] : memref<8x4x64xf32>, vector<16xf32>
      %w = arith.addf %v, %q : vector<16xf32>
      vector.store %w, %y[%n, %c0, %i] : memref<8x4x64xf32>, vector<16xf32>
      %u = vector.load %x[%n, %c1, %i] : memref<8x4x64xf32>, vector<16xf32>
      %b = arith.addf %t, %u : vector<16xf32>
      scf.yield %b : vector<16xf32>
    }
    scf.yield %a : vector<16xf32>
  } {bn.prefetch = 1 : i64}
  return %s : vector<16xf32>
}

// -----

// Of rows of 8 KiB, what is added stays in the L1 cache, what is summed does not.
// CHECK-LABEL: func @far_epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4x2048xf32>, %[[R:[a-z0-9]+]]: memref<8x4x2048xf32>
//       CHECK:   %[[AHEAD:.*]] = arith.minsi
//       CHECK:   memref.prefetch %[[R]][%[[AHEAD]], %c0, %{{.*}}], read, locality<3>
//  CHECK-NEXT:   vector.load %[[R]]
//       CHECK:   memref.prefetch %[[X]][%[[AHEAD]], %c1, %{{.*}}], read, locality<2>
//  CHECK-NEXT:   vector.load %[[X]]
//   CHECK-NOT:   memref.prefetch
//       CHECK:   return
func.func @far_epilogue(%x: memref<8x4x2048xf32>, %r: memref<8x4x2048xf32>,
    %y: memref<8x4x2048xf32>) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c2048 = arith.constant 2048 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %group = memref.subview %x[0, 0, 0] [8, 1, 2048] [1, 1, 1]
      : memref<8x4x2048xf32> to memref<8x2048xf32, strided<[8192, 1]>>
  %s = scf.for %n = %c0 to %c8 step %c1 iter_args(%sn = %zero)
      -> vector<16xf32> {
    %a = scf.for %i = %c0 to %c2048 step %c16 iter_args(%t = %sn)
        -> vector<16xf32> {
      %v = vector.load %group[%n, %i]
          : memref<8x2048xf32, strided<[8192, 1]>>, vector<16xf32>
      %q = vector.load %r[%n, %c0, %i] : memref<8x4x2048xf32>, vector<16xf32>
      %w = arith.addf %v, %q : vector<16xf32>
      vector.store %w, %y[%n, %c0, %i] : memref<8x4x2048xf32>, vector<16xf32>
      %u = vector.load %x[%n, %c1, %i] : memref<8x4x2048xf32>, vector<16xf32>
      %b = arith.addf %t, %u : vector<16xf32>
      scf.yield %b : vector<16xf32>
    }
    scf.yield %a : vector<16xf32>
  } {bn.prefetch = 1 : i64}
  return %s : vector<16xf32>
}

// -----

// The loop over rows may itself be the innermost one.
// CHECK-LABEL: func @column
//       CHECK:   arith.minsi
//  CHECK-NEXT:   memref.prefetch
//  CHECK-NEXT:   vector.load
func.func @column(%x: memref<8x16xf32>) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %s = scf.for %r = %c0 to %c8 step %c1 iter_args(%t = %zero)
      -> vector<16xf32> {
    %v = vector.load %x[%r, %c0] : memref<8x16xf32>, vector<16xf32>
    %a = arith.addf %t, %v : vector<16xf32>
    scf.yield %a : vector<16xf32>
  } {bn.prefetch = 1 : i64}
  return %s : vector<16xf32>
}

// -----

// Bits are asked for before they are written, not before they are read: these
// are a part of a line.
// LLVM-LABEL: llvm.func @bits(
//       LLVM: "llvm.intr.prefetch"(%{{[^ ]+}}) <{cache = 1 : i32, hint = 3 : i32, rw = 1 : i32}>
//   LLVM-NOT: prefetch
// LLVM-LABEL: llvm.func @_mlir_ciface_bits(
// CHECK-LABEL: func @bits
//       CHECK:   %[[READ:.*]] = bn.view_bits
//       CHECK:   %[[WRITTEN:.*]] = bn.view_bits
//       CHECK:   scf.for %[[R:.*]] = %c0
//       CHECK:     %[[NEXT:.*]] = arith.addi %[[R]], %c2
//       CHECK:     %[[AHEAD:.*]] = arith.minsi %[[NEXT]], %c7
//       CHECK:     scf.for %[[I:.*]] = %c0
//   CHECK-NOT:       memref.prefetch
//       CHECK:       vector.transfer_read %[[READ]][%[[R]], %[[I]]]
//       CHECK:       memref.prefetch %[[WRITTEN]][%[[AHEAD]], %[[I]]], write, locality<3>, data
//       CHECK:       vector.transfer_write %{{.*}}, %[[WRITTEN]][%[[R]], %[[I]]]
func.func @bits(%from: memref<128xi8>, %to: memref<128xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %p = arith.constant 0 : i8
  %x = bn.view_bits %from : memref<128xi8> to memref<8x128xi8>
  %y = bn.view_bits %to : memref<128xi8> to memref<8x128xi8>
  scf.for %r = %c0 to %c8 step %c1 {
    scf.for %i = %c0 to %c128 step %c64 {
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
          : memref<8x128xi8>, vector<64xi8>
      vector.transfer_write %v, %y[%r, %i] {in_bounds = [true]}
          : vector<64xi8>, memref<8x128xi8>
    }
  } {bn.prefetch = 2 : i64}
  return
}

// -----

// 1024 of them are two lines.
// LLVM-LABEL: llvm.func @long_bits(
// CHECK-LABEL: func @long_bits
//       CHECK:   %[[WRITTEN:.*]] = bn.view_bits
//       CHECK:     memref.prefetch %[[WRITTEN]][%[[AHEAD:.*]], %c0], write
//       CHECK:     memref.prefetch %[[WRITTEN]][%[[AHEAD]], %c512], write
//       CHECK:     vector.transfer_write %{{.*}}, %[[WRITTEN]][%{{.*}}, %c0]
func.func @long_bits(%to: memref<1024xi8>, %v: vector<1024xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %y = bn.view_bits %to : memref<1024xi8> to memref<8x1024xi8>
  scf.for %r = %c0 to %c8 step %c1 {
    vector.transfer_write %v, %y[%r, %c0] {in_bounds = [true]}
        : vector<1024xi8>, memref<8x1024xi8>
  } {bn.prefetch = 1 : i64}
  return
}

// -----

// No mark; an address from memory or carried along.
// CHECK-LABEL: func @others
//   CHECK-NOT:   prefetch
//       CHECK:   return
func.func @others(%x: memref<8x16xf32>, %at: memref<8xindex>)
    -> (vector<16xf32>, vector<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %s = scf.for %r = %c0 to %c8 step %c1 iter_args(%t = %zero)
      -> vector<16xf32> {
    %v = vector.load %x[%r, %c0] : memref<8x16xf32>, vector<16xf32>
    %a = arith.addf %t, %v : vector<16xf32>
    scf.yield %a : vector<16xf32>
  }
  %k:2 = scf.for %r = %c0 to %c8 step %c1 iter_args(%t = %s, %j = %c0)
      -> (vector<16xf32>, index) {
    %m = memref.load %at[%r] : memref<8xindex>
    %v = vector.load %x[%m, %c0] : memref<8x16xf32>, vector<16xf32>
    %rj = arith.addi %r, %j : index
    %w = vector.load %x[%rj, %c0] : memref<8x16xf32>, vector<16xf32>
    %vw = arith.mulf %v, %w : vector<16xf32>
    %a = arith.addf %t, %vw : vector<16xf32>
    scf.yield %a, %m : vector<16xf32>, index
  } {bn.prefetch = 1 : i64}
  return %s, %k#0 : vector<16xf32>, vector<16xf32>
}
