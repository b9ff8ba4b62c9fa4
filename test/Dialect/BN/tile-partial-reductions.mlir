// PartialReductionOpInterface: pieces of a reduction have partial results.

// RUN: bn-opt %s --transform-interpreter --canonicalize --cse --split-input-file | FileCheck %s

// Each piece has a row of its own; rows are merged in order, after the loop.
// CHECK-LABEL: func @stats_parallel
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x64x30xf32>, %[[N:[a-z0-9]+]]: tensor<64xf64>, %[[M:[a-z0-9]+]]: tensor<64xf64>, %[[S:[a-z0-9]+]]: tensor<64xf64>
//       CHECK:   %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<4x64xf64>
//       CHECK:   %[[P:.*]]:3 = scf.forall (%[[I:[a-z0-9]+]]) = (0) to (8) step (2) shared_outs(%[[PN:.*]] = %[[ZERO]], %{{.*}} = %[[ZERO]], %{{.*}} = %[[ZERO]])
//       CHECK:     %[[ROW:.*]] = affine.apply
//       CHECK:     %[[XT:.*]] = tensor.extract_slice %[[X]][%[[I]], 0, 0] [2, 64, 30] [1, 1, 1]
//       CHECK:     tensor.extract_slice %[[PN]][%[[ROW]], 0] [1, 64] [1, 1] : tensor<4x64xf64> to tensor<64xf64>
//       CHECK:     %[[T:.*]]:3 = bn.stats axis(1) ins(%[[XT]] : tensor<2x64x30xf32>)
//       CHECK:     tensor.parallel_insert_slice %[[T]]#0 into %[[PN]][%[[ROW]], 0] [1, 64] [1, 1]
//       CHECK:   %[[R:.*]]:3 = scf.for %[[K:[a-z0-9]+]] = %{{.*}} iter_args(%[[N1:.*]] = %[[N]], %[[M1:.*]] = %[[M]], %[[S1:.*]] = %[[S]])
//       CHECK:     %[[B:.*]] = tensor.extract_slice %[[P]]#0[%[[K]], 0] [1, 64] [1, 1]
//       CHECK:     bn.merge_stats ins(%[[B]], {{.*}}) outs(%[[N1]], %[[M1]], %[[S1]] :
//       CHECK:   return %[[R]]#0, %[[R]]#1, %[[R]]#2
func.func @stats_parallel(%x: tensor<8x64x30xf32>, %n: tensor<64xf64>, %m: tensor<64xf64>,
    %s: tensor<64xf64>) -> (tensor<64xf64>, tensor<64xf64>, tensor<64xf64>) {
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x64x30xf32>)
      outs(%n, %m, %s : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
  return %r#0, %r#1, %r#2 : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.stats"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %fills:3, %partial, %merge, %loop
        = transform.structured.tile_reduction_using_forall %op
        by tile_sizes = [2]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op, !transform.any_op,
            !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A mask is cut where it is not broadcast; along the pieces of the others there
// is one entry.
// CHECK-LABEL: func @masks_parallel
//  CHECK-SAME:     %[[W:[a-z0-9]+]]: tensor<8x1x30xf16>, %[[U:[a-z0-9]+]]: tensor<1x64x30xf16>
//       CHECK:   scf.forall (%[[I:[a-z0-9]+]]) =
//       CHECK:     %[[WT:.*]] = tensor.extract_slice %[[W]][%[[I]], 0, 0] [2, 1, 30] [1, 1, 1]
//       CHECK:     bn.stats axis(1) ins(%{{.*}} : tensor<2x64x30xf32>) mask(%[[WT]] : tensor<2x1x30xf16>)
//       CHECK:   scf.forall
//   CHECK-NOT:     tensor.extract_slice %[[U]]
//       CHECK:     bn.stats axis(1) ins(%{{.*}} : tensor<2x64x30xf32>) mask(%[[U]] : tensor<1x64x30xf16>)
func.func @masks_parallel(%x: tensor<8x64x30xf32>, %n: tensor<64xf64>,
    %w: tensor<8x1x30xf16>, %u: tensor<1x64x30xf16>)
    -> (tensor<64xf64>, tensor<64xf64>) {
  %p:3 = bn.stats axis(1) ins(%x : tensor<8x64x30xf32>)
      mask(%w : tensor<8x1x30xf16>)
      outs(%n, %n, %n : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
  %q:3 = bn.stats axis(1) ins(%x : tensor<8x64x30xf32>)
      mask(%u : tensor<1x64x30xf16>)
      outs(%n, %n, %n : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
  return %p#1, %q#1 : tensor<64xf64>, tensor<64xf64>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.stats"]} in %root
        : (!transform.any_op) -> !transform.any_op
    transform.foreach %op : !transform.any_op {
    ^bb0(%each: !transform.any_op):
      %fills:3, %partial, %merge, %loop
          = transform.structured.tile_reduction_using_forall %each
          by tile_sizes = [2]
          : (!transform.any_op)
          -> (!transform.any_op, !transform.any_op, !transform.any_op,
              !transform.any_op, !transform.any_op, !transform.any_op)
    }
    transform.yield
  }
}

// -----

// One partial result per index of the tile: the tiled dimension becomes an axis.
// CHECK-LABEL: func @stats_sequence
//       CHECK:   %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<64x5xf64>
//       CHECK:   %[[P:.*]]:3 = scf.for {{.*}} iter_args(%{{.*}} = %[[ZERO]], %{{.*}} = %[[ZERO]], %{{.*}} = %[[ZERO]])
//       CHECK:     bn.stats axis(1, 2) ins(%{{[^ ]+}} : tensor<8x64x5xf32>)
//       CHECK:   scf.for
//       CHECK:     tensor.extract_slice %[[P]]#0[0, %{{.*}}] [64, 1] [1, 1] : tensor<64x5xf64> to tensor<64xf64>
//       CHECK:     bn.merge_stats
func.func @stats_sequence(%x: tensor<8x64x30xf32>, %n: tensor<64xf64>, %m: tensor<64xf64>,
    %s: tensor<64xf64>) -> (tensor<64xf64>, tensor<64xf64>, tensor<64xf64>) {
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x64x30xf32>)
      outs(%n, %m, %s : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
  return %r#0, %r#1, %r#2 : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.stats"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %fills:3, %partial, %merge, %loop
        = transform.structured.tile_reduction_using_for %op
        by tile_sizes = [0, 0, 5]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op, !transform.any_op,
            !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Sizes that are not known, and outs whose sizes are known where those of the
// input are not.
// CHECK-LABEL: func @stats_dynamic
//       CHECK:   scf.forall
//       CHECK:     bn.stats axis(1) ins(%{{[^ ]+}} : tensor<?x?xf32>)
//       CHECK:   scf.for
//       CHECK:     bn.merge_stats
func.func @stats_dynamic(%x: tensor<?x?xf32>, %n: tensor<64xf64>,
    %d: tensor<?xf64>) -> (tensor<64xf64>, tensor<?xf64>) {
  %r:3 = bn.stats axis(1) ins(%x : tensor<?x?xf32>)
      outs(%n, %d, %d : tensor<64xf64>, tensor<?xf64>, tensor<?xf64>)
      -> tensor<64xf64>, tensor<?xf64>, tensor<?xf64>
  return %r#0, %r#1 : tensor<64xf64>, tensor<?xf64>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.stats"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %fills:3, %partial, %merge, %loop
        = transform.structured.tile_reduction_using_forall %op
        by tile_sizes = [2]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op, !transform.any_op,
            !transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Sums are merged by additions.
// CHECK-LABEL: func @backward_parallel
//       CHECK:   %[[P:.*]]:2 = scf.forall {{.*}} -> (tensor<4x64xf64>, tensor<4x64xf64>)
//       CHECK:     bn.backward_reduce axis(1) ins({{.*}} : tensor<2x64x30xf32>, tensor<2x64x30xf32>) mean(%{{[^ ]+}} : tensor<64xf64>)
//       CHECK:   scf.for
//   CHECK-DAG:     %[[B:.*]] = tensor.extract_slice %[[P]]#0
//   CHECK-DAG:     %[[C:.*]] = tensor.extract_slice %[[P]]#1
//       CHECK:     linalg.generic {{.*}} ins(%[[B]], %[[C]] :
//       CHECK:       arith.addf
//       CHECK:       arith.addf
func.func @backward_parallel(%dy: tensor<8x64x30xf32>, %x: tensor<8x64x30xf32>,
    %m: tensor<64xf64>, %s: tensor<64xf64>, %t: tensor<64xf64>)
    -> (tensor<64xf64>, tensor<64xf64>) {
  %r:2 = bn.backward_reduce axis(1)
      ins(%dy, %x : tensor<8x64x30xf32>, tensor<8x64x30xf32>)
      mean(%m : tensor<64xf64>) outs(%s, %t : tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>
  return %r#0, %r#1 : tensor<64xf64>, tensor<64xf64>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.backward_reduce"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %fills:2, %partial, %merge, %loop
        = transform.structured.tile_reduction_using_forall %op
        by tile_sizes = [2]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op, !transform.any_op,
            !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Every index of the tile has the mean of its channel.
// CHECK-LABEL: func @backward_sequence
//       CHECK:   scf.for {{.*}} -> (tensor<2x64xf64>, tensor<2x64xf64>)
//       CHECK:     %[[MEAN:.*]] = linalg.broadcast ins(%{{[^ ]+}} : tensor<64xf64>) outs(%{{[^ ]+}} : tensor<2x64xf64>) dimensions = [0]
//       CHECK:     bn.backward_reduce axis(0, 1) ins({{.*}} : tensor<2x64x30xf32>, tensor<2x64x30xf32>) mean(%[[MEAN]] : tensor<2x64xf64>)
//       CHECK:   scf.for
//       CHECK:     linalg.generic
func.func @backward_sequence(%dy: tensor<8x64x30xf32>, %x: tensor<8x64x30xf32>,
    %m: tensor<64xf64>, %s: tensor<64xf64>, %t: tensor<64xf64>)
    -> (tensor<64xf64>, tensor<64xf64>) {
  %r:2 = bn.backward_reduce axis(1)
      ins(%dy, %x : tensor<8x64x30xf32>, tensor<8x64x30xf32>)
      mean(%m : tensor<64xf64>) outs(%s, %t : tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>
  return %r#0, %r#1 : tensor<64xf64>, tensor<64xf64>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.backward_reduce"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %fills:2, %partial, %merge, %loop
        = transform.structured.tile_reduction_using_for %op
        by tile_sizes = [2]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op, !transform.any_op,
            !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// One sum of one operand, which has no mean to repeat.
// CHECK-LABEL: func @backward_sum_dy
//       CHECK:   scf.for {{.*}} -> (tensor<2x64xf64>)
//       CHECK:     bn.backward_reduce axis(0, 1) sums(dy) ins(%{{[^ ]+}} : tensor<2x64x30xf32>) outs(%{{[^ ]+}} : tensor<2x64xf64>)
//       CHECK:   scf.for
//       CHECK:     linalg.generic
//       CHECK:       arith.addf
//   CHECK-NOT:       arith.addf
//       CHECK:     linalg.yield
func.func @backward_sum_dy(%dy: tensor<8x64x30xf32>, %s: tensor<64xf64>)
    -> tensor<64xf64> {
  %r = bn.backward_reduce axis(1) sums(dy) ins(%dy : tensor<8x64x30xf32>)
      outs(%s : tensor<64xf64>) -> tensor<64xf64>
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
