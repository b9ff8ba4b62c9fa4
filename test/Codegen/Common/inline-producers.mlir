// What computes a tile becomes part of the ops that read it.

// RUN: bn-opt %s --bn-inline-producers --canonicalize | FileCheck %s

// Two ops that compute a tile, one for the other, and two that read it, one of
// them a sum. A slope per channel stays per channel.
// CHECK-LABEL: func @inline
//  CHECK-SAME:     %[[A:[a-z0-9]+]]: tensor<2x4xf32>, %[[B:[a-z0-9]+]]: tensor<4xf32>
//       CHECK:   %[[SLOPE:.*]] = linalg.exp ins(%[[B]]
//       CHECK:   %[[SUM:.*]] = linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[A]], %[[B]] : tensor<2x4xf32>, tensor<4xf32>) outs(%{{.*}} : tensor<4xf32>) attrs = {bn.lowering_strategy =
//  CHECK-NEXT:   ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: f32, %[[ACC:.*]]: f32):
//  CHECK-NEXT:     %[[S:.*]] = arith.addf %[[X]], %[[Y]]
//  CHECK-NEXT:     %[[N:.*]] = arith.negf %[[S]]
//  CHECK-NEXT:     arith.addf %[[N]], %[[ACC]]
//       CHECK:   %[[Z:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%[[A]], %[[B]], %[[SLOPE]] : {{.*}} attrs = {bn.lowering_strategy =
//       CHECK:     %[[S:.*]] = arith.addf
//  CHECK-NEXT:     %[[N:.*]] = arith.negf %[[S]]
//  CHECK-NEXT:     arith.mulf %[[N]]
//   CHECK-NOT:   linalg.generic
//       CHECK:   return %[[SUM]], %[[Z]]
#strategy = #bn.lowering_strategy<slab, threads = 0, parallel = [], tile = [],
    vector_bits = 256, unroll = 2, stores = temporal>
#data = affine_map<(d0, d1) -> (d0, d1)>
#channel = affine_map<(d0, d1) -> (d1)>
func.func @inline(%a: tensor<2x4xf32>, %b: tensor<4xf32>, %s: tensor<4xf32>,
    %o: tensor<2x4xf32>) -> (tensor<4xf32>, tensor<2x4xf32>) {
  %e = tensor.empty() : tensor<2x4xf32>
  %e1 = tensor.empty() : tensor<4xf32>
  %slope = linalg.exp ins(%b : tensor<4xf32>) outs(%e1 : tensor<4xf32>)
      -> tensor<4xf32>
  %t = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : tensor<2x4xf32>, tensor<4xf32>) outs(%e : tensor<2x4xf32>) {
  ^bb0(%x: f32, %y: f32, %d: f32):
    %1 = arith.addf %x, %y : f32
    linalg.yield %1 : f32
  } -> tensor<2x4xf32>
  %n = linalg.negf ins(%t : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>)
      -> tensor<2x4xf32>
  %sum = linalg.generic {indexing_maps = [#data, #channel],
                         iterator_types = ["reduction", "parallel"]}
      ins(%n : tensor<2x4xf32>) outs(%s : tensor<4xf32>)
      attrs = {bn.lowering_strategy = #strategy} {
  ^bb0(%x: f32, %acc: f32):
    %1 = arith.addf %x, %acc : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  %z = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel"]}
      ins(%n, %slope : tensor<2x4xf32>, tensor<4xf32>)
      outs(%o : tensor<2x4xf32>)
      attrs = {bn.lowering_strategy = #strategy} {
  ^bb0(%x: f32, %y: f32, %d: f32):
    %1 = arith.mulf %x, %y : f32
    linalg.yield %1 : f32
  } -> tensor<2x4xf32>
  return %sum, %z : tensor<4xf32>, tensor<2x4xf32>
}
