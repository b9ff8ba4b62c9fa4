// A buffer that was collapsed and gets its shape back is the buffer itself; what
// upstream cannot lower becomes a view.

// RUN: bn-opt %s --bn-fold-reshaped-buffers --split-input-file | FileCheck %s

// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<?x4x?x?xf32>
//   CHECK-NOT:   memref.expand_shape
//       CHECK:   return %[[X]]
func.func @dynamic(%x: memref<?x4x?x?xf32>) -> memref<?x4x?x?xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %flat = memref.collapse_shape %x [[0], [1], [2, 3]]
      : memref<?x4x?x?xf32> into memref<?x4x?xf32>
  %n = memref.dim %x, %c0 : memref<?x4x?x?xf32>
  %h = memref.dim %x, %c2 : memref<?x4x?x?xf32>
  %w = memref.dim %x, %c3 : memref<?x4x?x?xf32>
  %y = memref.expand_shape %flat [[0], [1], [2, 3]]
      output_shape [%n, 4, %h, %w]
      : memref<?x4x?xf32> into memref<?x4x?x?xf32>
  return %y : memref<?x4x?x?xf32>
}

// -----

// Height and width exchanged: another shape.
// CHECK-LABEL: func @exchanged
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0
//   CHECK-DAG:   %[[C1:.*]] = arith.constant 1
//   CHECK-DAG:   %[[H:.*]] = memref.dim %{{.*}}, %[[C0]]
//   CHECK-DAG:   %[[W:.*]] = memref.dim %{{.*}}, %[[C1]]
//       CHECK:   %[[Y:.*]] = memref.reinterpret_cast %{{[a-z_0-9]+}} to
//  CHECK-SAME:       offset: [0], sizes: [%[[W]], %[[H]]], strides: [%{{.*}}, 1]
//       CHECK:   %[[Z:.*]] = memref.cast %[[Y]]
//       CHECK:   return %[[Z]]
func.func @exchanged(%x: memref<?x?xf32>) -> memref<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %flat = memref.collapse_shape %x [[0, 1]] : memref<?x?xf32> into memref<?xf32>
  %h = memref.dim %x, %c0 : memref<?x?xf32>
  %w = memref.dim %x, %c1 : memref<?x?xf32>
  %y = memref.expand_shape %flat [[0, 1]] output_shape [%w, %h]
      : memref<?xf32> into memref<?x?xf32>
  return %y : memref<?x?xf32>
}

// -----

// Another grouping.
// CHECK-LABEL: func @static
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<2x3x4xf32>
//       CHECK:   %[[Y:.*]] = memref.expand_shape
//       CHECK:   return %[[X]], %[[Y]]
func.func @static(%x: memref<2x3x4xf32>)
    -> (memref<2x3x4xf32>, memref<3x2x4xf32>) {
  %flat = memref.collapse_shape %x [[0, 1], [2]]
      : memref<2x3x4xf32> into memref<6x4xf32>
  %y = memref.expand_shape %flat [[0, 1], [2]] output_shape [2, 3, 4]
      : memref<6x4xf32> into memref<2x3x4xf32>
  %z = memref.expand_shape %flat [[0, 1], [2]] output_shape [3, 2, 4]
      : memref<6x4xf32> into memref<3x2x4xf32>
  return %y, %z : memref<2x3x4xf32>, memref<3x2x4xf32>
}

// -----

// What bn-expand-groups has expanded, and collapses at the end.
// CHECK-LABEL: func @groups
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<?x?xf32>, %[[N:.*]]: index, %[[M:.*]]: index)
//   CHECK-NOT:   memref.collapse_shape
//       CHECK:   return %[[X]]
func.func @groups(%x: memref<?x?xf32>, %n: index, %m: index)
    -> memref<?x?xf32> {
  %parts = memref.expand_shape %x [[0, 1], [2]] output_shape [4, %n, %m]
      : memref<?x?xf32> into memref<4x?x?xf32>
  %y = memref.collapse_shape %parts [[0, 1], [2]]
      : memref<4x?x?xf32> into memref<?x?xf32>
  return %y : memref<?x?xf32>
}

// -----

// CHECK-LABEL: func @other_groups
//       CHECK:   memref.collapse_shape
func.func @other_groups(%x: memref<8x4xf32>) -> memref<2x16xf32> {
  %parts = memref.expand_shape %x [[0, 1], [2]] output_shape [2, 4, 4]
      : memref<8x4xf32> into memref<2x4x4xf32>
  %y = memref.collapse_shape %parts [[0], [1, 2]]
      : memref<2x4x4xf32> into memref<2x16xf32>
  return %y : memref<2x16xf32>
}
