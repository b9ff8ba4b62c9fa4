// TilingInterface and partial reductions of ops with a prologue: what it takes
// is cut like the data, or like the channels.

// RUN: bn-opt %s --transform-interpreter --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func @backward
//  CHECK-SAME:     %{{[a-z0-9]+}}: tensor<8x64x30xf32>, %{{[a-z0-9]+}}: tensor<8x64x30xf32>, %[[B:[a-z0-9]+]]: tensor<8x64x30xi8>, %[[S:[a-z0-9]+]]: tensor<64xf32>
//       CHECK:   scf.forall (%{{.*}}) in (4) shared_outs(%[[DX:.*]] = %{{.*}}, %[[DS:.*]] = %{{.*}}, %[[DR:.*]] = %{{.*}})
//       CHECK:     %[[C:.*]] = affine.apply
//   CHECK-DAG:     %[[BT:.*]] = tensor.extract_slice %[[B]][0, %[[C]], 0] [8, 16, 30] [1, 1, 1]
//   CHECK-DAG:     %[[ST:.*]] = tensor.extract_slice %[[S]][%[[C]]] [16] [1]
//       CHECK:     %[[T:.*]]:3 = bn.backward axis(1) {{.*}} prologue(%[[BT]], %[[ST]] : tensor<8x16x30xi8>, tensor<16xf32>) {
//   CHECK-DAG:     tensor.parallel_insert_slice %[[T]]#0 into %[[DX]][0, %[[C]], 0] [8, 16, 30] [1, 1, 1]
//   CHECK-DAG:     tensor.parallel_insert_slice %[[T]]#1 into %[[DS]][%[[C]]] [16] [1]
//   CHECK-DAG:     tensor.parallel_insert_slice %[[T]]#2 into %[[DR]][0, %[[C]], 0] [8, 16, 30] [1, 1, 1]
func.func @backward(%dy: tensor<8x64x30xf32>, %x: tensor<8x64x30xf32>,
    %b: tensor<8x64x30xi8>, %s: tensor<64xf32>, %dx0: tensor<8x64x30xf32>,
    %ds0: tensor<64xf32>, %dr0: tensor<8x64x30xf32>)
    -> (tensor<8x64x30xf32>, tensor<64xf32>, tensor<8x64x30xf32>) {
  %r:3 = bn.backward axis(1) epsilon(1.0) wrt(input, scale, normalized)
      ins(%dy, %x : tensor<8x64x30xf32>, tensor<8x64x30xf32>)
      statistics(%s, %s : tensor<64xf32>, tensor<64xf32>)
      outs(%dx0, %ds0, %dr0
           : tensor<8x64x30xf32>, tensor<64xf32>, tensor<8x64x30xf32>)
      prologue(%b, %s : tensor<8x64x30xi8>, tensor<64xf32>) {
    ^bb0(%e: f32, %bit: i8, %slope: f32):
      %none = arith.constant 0 : i8
      %p = arith.cmpi ne, %bit, %none : i8
      %m = arith.mulf %e, %slope : f32
      %g = arith.select %p, %e, %m : f32
      bn.yield %g : f32
    } -> tensor<8x64x30xf32>, tensor<64xf32>, tensor<8x64x30xf32>
  return %r#0, %r#1, %r#2
      : tensor<8x64x30xf32>, tensor<64xf32>, tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.backward"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [0, 16]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Each row of a tile has sums of its own: what there is per channel is repeated
// for them.
// CHECK-LABEL: func @partial_sums
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x64x30xf32>, %[[S:[a-z0-9]+]]: tensor<64xf32>
//       CHECK:   scf.for {{.*}} -> (tensor<2x64xf64>)
//       CHECK:     %[[ROWS:.*]] = linalg.broadcast ins(%[[S]] : tensor<64xf32>) outs(%{{.*}} : tensor<2x64xf32>) dimensions = [0]
//       CHECK:     bn.backward_reduce axis(0, 1) sums(dy) ins(%{{[^ ]+}} : tensor<2x64x30xf32>) {{.*}} prologue(%[[ROWS]] : tensor<2x64xf32>) {
func.func @partial_sums(%dy: tensor<8x64x30xf32>, %s: tensor<64xf32>,
    %o: tensor<64xf64>) -> tensor<64xf64> {
  %r = bn.backward_reduce axis(1) sums(dy) ins(%dy : tensor<8x64x30xf32>)
      outs(%o : tensor<64xf64>) prologue(%s : tensor<64xf32>) {
    ^bb0(%e: f32, %slope: f32):
      %g = arith.mulf %e, %slope : f32
      bn.yield %g : f32
    } -> tensor<64xf64>
  return %r : tensor<64xf64>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.backward_reduce"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %fill, %partial, %merge, %loop
        = transform.structured.tile_reduction_using_for %op
        by tile_sizes = [2]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op, !transform.any_op,
            !transform.any_op)
    transform.yield
  }
}
