// What both branches see in the same way is seen before them: then the result
// of a branch is that view.

// RUN: bn-opt %s --bn-hoist-yielded-views --canonicalize --split-input-file | FileCheck %s

// A view of a view, of a part, of bits; and what is the same buffer anyway.
// CHECK-LABEL: func @equal
//  CHECK-SAME:     %{{[a-z0-9]+}}: i1, %[[Y:[a-z0-9]+]]: memref<2x4x6x8xf16>, %[[BYTES:[a-z0-9]+]]: memref<48xi8>
//   CHECK-DAG:   %[[YC:.*]] = memref.collapse_shape %[[Y]] {{\[}}[0, 1], [2], [3]]
//   CHECK-DAG:   %[[YI:.*]] = memref.subview %[[YC]][%{{.*}}, 0, 0] [1, 6, 8]
//   CHECK-DAG:   %[[B:.*]] = bn.view_bits %[[BYTES]]
//       CHECK:   scf.if
//   CHECK-NOT:     scf.yield
//       CHECK:   return %[[YI]], %[[B]], %[[BYTES]]
func.func @equal(%c: i1, %y: memref<2x4x6x8xf16>, %bytes: memref<48xi8>,
    %i: index, %v: f16)
    -> (memref<6x8xf16, strided<[8, 1], offset: ?>>, memref<48x8xi8>,
        memref<48xi8>) {
  %c0 = arith.constant 0 : index
  %r:3 = scf.if %c -> (memref<6x8xf16, strided<[8, 1], offset: ?>>,
                       memref<48x8xi8>, memref<48xi8>) {
    %a = memref.collapse_shape %y [[0, 1], [2], [3]]
        : memref<2x4x6x8xf16> into memref<8x6x8xf16>
    %s = memref.subview %a[%i, 0, 0] [1, 6, 8] [1, 1, 1]
        : memref<8x6x8xf16> to memref<6x8xf16, strided<[8, 1], offset: ?>>
    %bits = bn.view_bits %bytes : memref<48xi8> to memref<48x8xi8>
    memref.store %v, %s[%c0, %c0]
        : memref<6x8xf16, strided<[8, 1], offset: ?>>
    scf.yield %s, %bits, %bytes
        : memref<6x8xf16, strided<[8, 1], offset: ?>>, memref<48x8xi8>,
          memref<48xi8>
  } else {
    %a = memref.collapse_shape %y [[0, 1], [2], [3]]
        : memref<2x4x6x8xf16> into memref<8x6x8xf16>
    %s = memref.subview %a[%i, 0, 0] [1, 6, 8] [1, 1, 1]
        : memref<8x6x8xf16> to memref<6x8xf16, strided<[8, 1], offset: ?>>
    %bits = bn.view_bits %bytes : memref<48xi8> to memref<48x8xi8>
    scf.yield %s, %bits, %bytes
        : memref<6x8xf16, strided<[8, 1], offset: ?>>, memref<48x8xi8>,
          memref<48xi8>
  }
  return %r#0, %r#1, %r#2
      : memref<6x8xf16, strided<[8, 1], offset: ?>>, memref<48x8xi8>,
        memref<48xi8>
}

// -----

// Of inner branches first, then of the outer ones.
// CHECK-LABEL: func @nested
//  CHECK-SAME:     %[[Y:[a-z0-9]+]]: memref<4x8xf32>
//       CHECK:   %[[FLAT:.*]] = memref.collapse_shape %[[Y]]
//       CHECK:   scf.if
//       CHECK:   return %[[FLAT]]
func.func @nested(%c: i1, %d: i1, %y: memref<4x8xf32>, %v: f32)
    -> memref<32xf32> {
  %c0 = arith.constant 0 : index
  %r = scf.if %c -> (memref<32xf32>) {
    %s = scf.if %d -> (memref<32xf32>) {
      %a = memref.collapse_shape %y [[0, 1]]
          : memref<4x8xf32> into memref<32xf32>
      memref.store %v, %a[%c0] : memref<32xf32>
      scf.yield %a : memref<32xf32>
    } else {
      %a = memref.collapse_shape %y [[0, 1]]
          : memref<4x8xf32> into memref<32xf32>
      scf.yield %a : memref<32xf32>
    }
    scf.yield %s : memref<32xf32>
  } else {
    %a = memref.collapse_shape %y [[0, 1]]
        : memref<4x8xf32> into memref<32xf32>
    scf.yield %a : memref<32xf32>
  }
  return %r : memref<32xf32>
}

// -----

// Views of other buffers, other views of the same, and views of what a branch
// allocates or computes.
// CHECK-LABEL: func @different
//       CHECK:   %[[R:.*]]:4 = scf.if
//       CHECK:   return %[[R]]#0, %[[R]]#1, %[[R]]#2, %[[R]]#3
func.func @different(%c: i1, %x: memref<4x8xf32>, %y: memref<4x8xf32>,
    %i: index)
    -> (memref<32xf32>, memref<8xf32, strided<[1], offset: ?>>, memref<32xf32>,
        memref<8xf32, strided<[1], offset: ?>>) {
  %r:4 = scf.if %c -> (memref<32xf32>, memref<8xf32, strided<[1], offset: ?>>,
                       memref<32xf32>,
                       memref<8xf32, strided<[1], offset: ?>>) {
    %a = memref.collapse_shape %x [[0, 1]] : memref<4x8xf32> into memref<32xf32>
    %s = memref.subview %y[%i, 0] [1, 8] [1, 1]
        : memref<4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    %new = memref.alloc() : memref<4x8xf32>
    %n = memref.collapse_shape %new [[0, 1]]
        : memref<4x8xf32> into memref<32xf32>
    %j = arith.muli %i, %i : index
    %t = memref.subview %y[%j, 0] [1, 8] [1, 1]
        : memref<4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    scf.yield %a, %s, %n, %t
        : memref<32xf32>, memref<8xf32, strided<[1], offset: ?>>,
          memref<32xf32>, memref<8xf32, strided<[1], offset: ?>>
  } else {
    %a = memref.collapse_shape %y [[0, 1]] : memref<4x8xf32> into memref<32xf32>
    %k = arith.constant 2 : index
    %s = memref.subview %y[%k, 0] [1, 8] [1, 1]
        : memref<4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    %new = memref.alloc() : memref<4x8xf32>
    %n = memref.collapse_shape %new [[0, 1]]
        : memref<4x8xf32> into memref<32xf32>
    %j = arith.muli %i, %i : index
    %t = memref.subview %y[%j, 0] [1, 8] [1, 1]
        : memref<4x8xf32> to memref<8xf32, strided<[1], offset: ?>>
    scf.yield %a, %s, %n, %t
        : memref<32xf32>, memref<8xf32, strided<[1], offset: ?>>,
          memref<32xf32>, memref<8xf32, strided<[1], offset: ?>>
  }
  return %r#0, %r#1, %r#2, %r#3
      : memref<32xf32>, memref<8xf32, strided<[1], offset: ?>>, memref<32xf32>,
        memref<8xf32, strided<[1], offset: ?>>
}
