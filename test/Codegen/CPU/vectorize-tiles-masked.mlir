// Registers of 512 bits have masks: strips of 64, 32 and 16 elements, and a
// last, masked step in the place of single elements.

// RUN: bn-opt %s --bn-vectorize-tiles="vector-bits=512" --canonicalize --cse --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-vectorize-tiles="vector-bits=512 avx512-bf16" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=BF16

// 107 = 64 + 32 + 11: no loop is left.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @sum
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<107xf32>
//   CHECK-NOT:   scf.for
//       CHECK:   vector.transfer_read %[[X]][%c0], {{.*}}vector<64xf32>
//       CHECK:   vector.transfer_read %[[X]][%c64], {{.*}}vector<32xf32>
//       CHECK:   %[[MASK:.*]] = vector.constant_mask [11] : vector<16xi1>
//       CHECK:   %[[V:.*]] = vector.transfer_read %[[X]][%c96], %{{.*}}, %[[MASK]] {in_bounds = [true]} : tensor<107xf32>, vector<16xf32>
// What is masked off adds nothing.
//       CHECK:   %[[T:.*]] = arith.addf %[[V]], %
//       CHECK:   %[[U:.*]] = arith.select %[[MASK]], %[[T]], %
//       CHECK:   vector.reduction <add>, %[[U]]
func.func @sum(%x: tensor<107xf32>, %s0: tensor<f32>) -> tensor<f32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction"]}
      ins(%x : tensor<107xf32>) outs(%s0 : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// A size that is not known: the mask is what is left, and its step is taken
// when something is. One element that is left over needs no mask.
#x = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func @dynamic
//       CHECK:   scf.for {{.*}} step %c64
//       CHECK:   scf.for {{.*}} step %c16
//       CHECK:   scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step %c16
//       CHECK:     %[[MASK:.*]] = vector.create_mask %{{.*}} : vector<16xi1>
//       CHECK:     vector.transfer_read {{.*}}[%{{.*}}, %[[I]]], %{{.*}}, %[[MASK]]
//       CHECK:     vector.transfer_write {{.*}}[%{{.*}}, %[[I]]], %[[MASK]]
func.func @dynamic(%x: tensor<4x?xf32>, %y: tensor<4x?xf32>)
    -> tensor<4x?xf32> {
  %r = linalg.generic {indexing_maps = [#x, #x],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x?xf32>) outs(%y : tensor<4x?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %in, %in : f32
    linalg.yield %t : f32
  } -> tensor<4x?xf32>
  return %r : tensor<4x?xf32>
}

// -----

// 49 = 32 + 16 + 1.
#x = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func @one_left
//   CHECK-NOT:   mask
//       CHECK:     tensor.extract %{{.*}}[%{{.*}}, %c48]
//   CHECK-NOT:   mask
func.func @one_left(%x: tensor<4x49xf32>, %y: tensor<4x49xf32>)
    -> tensor<4x49xf32> {
  %r = linalg.generic {indexing_maps = [#x, #x],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x49xf32>) outs(%y : tensor<4x49xf32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %in, %in : f32
    linalg.yield %t : f32
  } -> tensor<4x49xf32>
  return %r : tensor<4x49xf32>
}

// -----

// Division by what is masked off could trap.
#x = affine_map<(d0) -> (d0)>
// CHECK-LABEL: func @no_speculation
//   CHECK-NOT:   mask
//       CHECK:   scf.for
//       CHECK:     tensor.extract
//   CHECK-NOT:   mask
func.func @no_speculation(%x: tensor<107xi32>, %d: tensor<107xi32>)
    -> tensor<107xi32> {
  %r = linalg.generic {indexing_maps = [#x, #x],
                       iterator_types = ["parallel"]}
      ins(%x : tensor<107xi32>) outs(%d : tensor<107xi32>) {
  ^bb0(%in: i32, %out: i32):
    %t = arith.divsi %in, %out : i32
    linalg.yield %t : i32
  } -> tensor<107xi32>
  return %r : tensor<107xi32>
}

// -----

// The sums of a row are chains of their own, added to those before.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> ()>
// CHECK-LABEL: func @rows
//       CHECK:   %[[ZERO:.*]] = arith.constant dense<0.0{{.*}}> : vector<16xf32>
//       CHECK:   scf.for {{.*}} iter_args(%[[BEFORE:.*]] = %[[ZERO]])
//       CHECK:     %[[ROW:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[ZERO]])
//       CHECK:     %[[SUM:.*]] = arith.addf %[[BEFORE]], %[[ROW]]
//       CHECK:     scf.yield %[[SUM]]
func.func @rows(%x: tensor<9x640xf32>, %s0: tensor<f32>) -> tensor<f32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "reduction"]}
      ins(%x : tensor<9x640xf32>) outs(%s0 : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// Of short rows, what four of them add is a chain of its own.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> ()>
// CHECK-LABEL: func @short_rows
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<9x16xf32>
//       CHECK:   scf.for %[[I:.*]] = %c0 to %c8 step %c4 iter_args(%[[BEFORE:.*]] = %{{.*}}) -> (vector<16xf32>)
//       CHECK:     vector.transfer_read %[[X]][%[[I]], %c0]
// CHECK-COUNT-3:     vector.transfer_read %[[X]][%{{[0-9]+}}, %c0]
//  CHECK-NEXT:     %[[FOUR:.*]] = arith.addf
//  CHECK-NEXT:     %[[SUM:.*]] = arith.addf %[[BEFORE]], %[[FOUR]]
//  CHECK-NEXT:     scf.yield %[[SUM]]
//       CHECK:   vector.transfer_read %[[X]][%c8, %c0]
func.func @short_rows(%x: tensor<9x16xf32>, %s0: tensor<f32>) -> tensor<f32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "reduction"]}
      ins(%x : tensor<9x16xf32>) outs(%s0 : tensor<f32>) {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %out, %in : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// LLVM takes masked accesses to bf16 apart where there are no instructions for
// bf16: without them 45 = 32 + 8 + 4 + 1.
#x = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func @bf16
//   CHECK-NOT:   mask
//       CHECK:   vector.transfer_write {{.*}} : vector<32xbf16>
//       CHECK:   vector.transfer_write {{.*}} : vector<8xbf16>
//       CHECK:   vector.transfer_write {{.*}} : vector<4xbf16>
//       CHECK:   tensor.insert
// BF16-LABEL: func @bf16
//       BF16:   vector.transfer_write {{.*}} : vector<32xbf16>
//       BF16:   %[[MASK:.*]] = vector.constant_mask [13] : vector<16xi1>
//       BF16:   vector.transfer_write {{.*}}, %[[MASK]] {{.*}} : vector<16xbf16>
func.func @bf16(%x: tensor<4x45xbf16>, %y: tensor<4x45xbf16>)
    -> tensor<4x45xbf16> {
  %r = linalg.generic {indexing_maps = [#x, #x],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x45xbf16>) outs(%y : tensor<4x45xbf16>) {
  ^bb0(%in: bf16, %out: bf16):
    %wide = arith.extf %in : bf16 to f32
    %t = arith.addf %wide, %wide : f32
    %narrow = arith.truncf %t : f32 to bf16
    linalg.yield %narrow : bf16
  } -> tensor<4x45xbf16>
  return %r : tensor<4x45xbf16>
}
