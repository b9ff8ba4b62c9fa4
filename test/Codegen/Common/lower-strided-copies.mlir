// Only copies that would need the runner library become linalg.

// RUN: bn-opt %s --bn-lower-strided-copies | FileCheck %s

// CHECK-LABEL: func @strided
//  CHECK-SAME:     %[[A:[a-z0-9]+]]: memref<4x8xf32>, %[[B:[a-z0-9]+]]: memref
//   CHECK-NOT:   memref.copy
//       CHECK:   linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
//  CHECK-SAME:       ins(%[[A]] : {{.*}}) outs(%[[B]] :
//  CHECK-NEXT:   ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
//  CHECK-NEXT:     linalg.yield %[[IN]]
func.func @strided(%a: memref<4x8xf32>,
                   %b: memref<4x8xf32, strided<[16, 1], offset: ?>>) {
  memref.copy %a, %b
      : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1], offset: ?>>
  return
}

// CHECK-LABEL: func @contiguous
//       CHECK:   memref.copy
//   CHECK-NOT:   linalg.generic
func.func @contiguous(%a: memref<4x8xf32>, %b: memref<4x8xf32>) {
  memref.copy %a, %b : memref<4x8xf32> to memref<4x8xf32>
  return
}
