// TilingInterface: a tile of an op is the same op on slices of its operands.

// RUN: bn-opt %s --transform-interpreter --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func @normalize
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x64x30xf32>, %[[M:[a-z0-9]+]]: tensor<64xf32>, %[[Y0:[a-z0-9]+]]: tensor<8x64x30xf32>
//       CHECK:   scf.forall (%{{.*}}, %{{.*}}) in (4, 4) shared_outs(%[[OUT:.*]] = %[[Y0]])
//   CHECK-DAG:     %[[N:.*]] = affine.apply
//   CHECK-DAG:     %[[C:.*]] = affine.apply
//   CHECK-DAG:     %[[XT:.*]] = tensor.extract_slice %[[X]][%[[N]], %[[C]], 0] [2, 16, 30] [1, 1, 1]
//   CHECK-DAG:     %[[MT:.*]] = tensor.extract_slice %[[M]][%[[C]]] [16] [1]
//   CHECK-DAG:     %[[YT:.*]] = tensor.extract_slice %[[OUT]][%[[N]], %[[C]], 0] [2, 16, 30] [1, 1, 1]
//       CHECK:     %[[R:.*]] = bn.normalize axis(1) ins(%[[XT]] : tensor<2x16x30xf32>) mean(%[[MT]] : tensor<16xf32>) outs(%[[YT]] : tensor<2x16x30xf32>)
//       CHECK:     tensor.parallel_insert_slice %[[R]] into %[[OUT]][%[[N]], %[[C]], 0] [2, 16, 30] [1, 1, 1]
func.func @normalize(%x: tensor<8x64x30xf32>, %m: tensor<64xf32>,
    %y0: tensor<8x64x30xf32>) -> tensor<8x64x30xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x64x30xf32>)
      mean(%m : tensor<64xf32>) outs(%y0 : tensor<8x64x30xf32>)
      -> tensor<8x64x30xf32>
  return %y : tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.normalize"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [2, 16, 0]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A slab of a training op is a training op: all results come out of one loop.
// CHECK-LABEL: func @training
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x64x30xf32>, %[[G:[a-z0-9]+]]: tensor<64xf32>
//       CHECK:   scf.forall (%{{.*}}) in (4) shared_outs(%[[Y:.*]] = %{{.*}}, %[[M:.*]] = %{{.*}}, %[[V:.*]] = %{{.*}})
//       CHECK:     %[[C:.*]] = affine.apply
//   CHECK-DAG:     %[[XT:.*]] = tensor.extract_slice %[[X]][0, %[[C]], 0] [8, 16, 30] [1, 1, 1]
//   CHECK-DAG:     %[[GT:.*]] = tensor.extract_slice %[[G]][%[[C]]] [16] [1]
//       CHECK:     %[[R:.*]]:3 = bn.training axis(1) epsilon(1.000000e-03) ins(%[[XT]] : tensor<8x16x30xf32>) scale(%[[GT]] : tensor<16xf32>)
//   CHECK-DAG:     tensor.parallel_insert_slice %[[R]]#0 into %[[Y]][0, %[[C]], 0] [8, 16, 30] [1, 1, 1]
//   CHECK-DAG:     tensor.parallel_insert_slice %[[R]]#1 into %[[M]][%[[C]]] [16] [1]
//   CHECK-DAG:     tensor.parallel_insert_slice %[[R]]#2 into %[[V]][%[[C]]] [16] [1]
func.func @training(%x: tensor<8x64x30xf32>, %g: tensor<64xf32>,
    %y0: tensor<8x64x30xf32>, %m0: tensor<64xf32>, %v0: tensor<64xf32>)
    -> (tensor<8x64x30xf32>, tensor<64xf32>, tensor<64xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x64x30xf32>) scale(%g : tensor<64xf32>)
      outs(%y0, %m0, %v0 : tensor<8x64x30xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x64x30xf32>, tensor<64xf32>, tensor<64xf32>
  return %y, %m, %v : tensor<8x64x30xf32>, tensor<64xf32>, tensor<64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.training"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [0, 16]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Along reduced dimensions, tiles accumulate into the same outs; the last ones
// are smaller.
// CHECK-LABEL: func @stats
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x64x30xf32>, %[[N:[a-z0-9]+]]: tensor<64xf64>, %[[M:[a-z0-9]+]]: tensor<64xf64>, %[[S:[a-z0-9]+]]: tensor<64xf64>
//       CHECK:   scf.for %[[I:[a-z0-9]+]] = %{{.*}} iter_args(%[[N1:.*]] = %[[N]], %[[M1:.*]] = %[[M]], %[[S1:.*]] = %[[S]])
//       CHECK:     scf.for %[[J:[a-z0-9]+]] = %{{.*}} iter_args(%[[N2:.*]] = %[[N1]], %[[M2:.*]] = %[[M1]], %[[S2:.*]] = %[[S1]])
//       CHECK:       %[[XT:.*]] = tensor.extract_slice %[[X]][%[[I]], 0, %[[J]]]
//       CHECK:       %[[R:.*]]:3 = bn.stats axis(1) ins(%[[XT]] : tensor<?x64x?xf32>) outs(%[[N2]], %[[M2]], %[[S2]] :
//       CHECK:       scf.yield %[[R]]#0, %[[R]]#1, %[[R]]#2
func.func @stats(%x: tensor<8x64x30xf32>, %n: tensor<64xf64>, %m: tensor<64xf64>,
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
    %tiled, %loops:2 = transform.structured.tile_using_for %op
        tile_sizes [3, 0, 16]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x?xf32>
//       CHECK:   scf.forall (%{{.*}}) in (%{{.*}})
//       CHECK:     %[[N:.*]] = affine.min
//       CHECK:     tensor.extract_slice %[[X]][%{{.*}}, 0] [%[[N]], %{{.*}}] [1, 1]
//       CHECK:     bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<?x?xf32>)
func.func @dynamic(%x: tensor<?x?xf32>, %m: tensor<?xf32>) -> tensor<?x?xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<?x?xf32>) mean(%m : tensor<?xf32>)
      outs(%x : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.normalize"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [4]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A mask is sliced where it is not broadcast.
// CHECK-LABEL: func @mask
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x64x30xf32>, %[[N:[a-z0-9]+]]: tensor<64xf64>, %[[W:[a-z0-9]+]]: tensor<8x1x30xf32>
//       CHECK:   scf.for %[[I:[a-z0-9]+]] =
//   CHECK-DAG:     %[[XT:.*]] = tensor.extract_slice %[[X]][%[[I]], 0, 0] [2, 64, 30] [1, 1, 1]
//   CHECK-DAG:     %[[WT:.*]] = tensor.extract_slice %[[W]][%[[I]], 0, 0] [2, 1, 30] [1, 1, 1]
//       CHECK:     bn.stats axis(1) ins(%[[XT]] : tensor<2x64x30xf32>) mask(%[[WT]] : tensor<2x1x30xf32>)
func.func @mask(%x: tensor<8x64x30xf32>, %n: tensor<64xf64>,
    %w: tensor<8x1x30xf32>) -> tensor<64xf64> {
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x64x30xf32>)
      mask(%w : tensor<8x1x30xf32>)
      outs(%n, %n, %n : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
  return %r#1 : tensor<64xf64>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.stats"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loops = transform.structured.tile_using_for %op
        tile_sizes [2]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The per-channel ops tile, too.
// CHECK-LABEL: func @per_channel
//       CHECK:   scf.forall (%{{.*}}) in (4)
//       CHECK:     bn.merge_stats ins({{.*}} : tensor<16xf64>, tensor<16xf64>, tensor<16xf64>) outs(
//       CHECK:   scf.forall (%{{.*}}) in (8)
//       CHECK:     bn.update_running_stats {{.*}} running({{.*}} : tensor<8xf32>, tensor<8xf32>)
func.func @per_channel(%n: tensor<64xf64>, %m: tensor<64xf64>,
    %s: tensor<64xf64>, %rm: tensor<64xf32>, %rv: tensor<64xf32>)
    -> (tensor<64xf32>, tensor<64xf32>) {
  %r:3 = bn.merge_stats
      ins(%n, %m, %s : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      outs(%n, %m, %s : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
  %u:2 = bn.update_running_stats momentum(0.5)
      ins(%r#0, %r#1, %r#2 : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      running(%rm, %rv : tensor<64xf32>, tensor<64xf32>)
      outs(%rm, %rv : tensor<64xf32>, tensor<64xf32>)
      -> tensor<64xf32>, tensor<64xf32>
  return %u#0, %u#1 : tensor<64xf32>, tensor<64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.merge_stats"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [16]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %update = transform.structured.match ops{["bn.update_running_stats"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled2, %loop2 = transform.structured.tile_using_forall %update
        tile_sizes [8]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// The gradient ops tile before they have a lowering.
// CHECK-LABEL: func @backward_input
//       CHECK:   scf.forall (%{{.*}}) in (4)
//       CHECK:     bn.backward_input axis(1) ins({{.*}} : tensor<2x64xf32>, tensor<2x64xf32>) coefficients({{.*}} : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
func.func @backward_input(%dy: tensor<8x64xf32>, %x: tensor<8x64xf32>,
    %c: tensor<64xf32>) -> tensor<8x64xf32> {
  %dx = bn.backward_input axis(1)
      ins(%dy, %x : tensor<8x64xf32>, tensor<8x64xf32>)
      coefficients(%c, %c, %c : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
      outs(%dy : tensor<8x64xf32>) -> tensor<8x64xf32>
  return %dx : tensor<8x64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.backward_input"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [2]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// CHECK-LABEL: func @backward
//       CHECK:   scf.forall (%{{.*}}) in (4)
//       CHECK:     bn.backward axis(1) epsilon(1.000000e+00) wrt(input, offset)
//  CHECK-SAME:       ins({{.*}} : tensor<8x16xf32>, tensor<8x16xf32>)
//  CHECK-SAME:       -> tensor<8x16xf32>, tensor<16xf32>
func.func @backward(%dy: tensor<8x64xf32>, %x: tensor<8x64xf32>,
    %c: tensor<64xf32>) -> (tensor<8x64xf32>, tensor<64xf32>) {
  %r:2 = bn.backward axis(1) epsilon(1.0) wrt(input, offset)
      ins(%dy, %x : tensor<8x64xf32>, tensor<8x64xf32>)
      statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%dy, %c : tensor<8x64xf32>, tensor<64xf32>)
      -> tensor<8x64xf32>, tensor<64xf32>
  return %r#0, %r#1 : tensor<8x64xf32>, tensor<64xf32>
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

// Epilogue inputs are sliced like the data, or like what there is per channel,
// and the epilogue is copied.
// CHECK-LABEL: func @epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x64x30xf32>, %[[R:[a-z0-9]+]]: tensor<8x64x30xf32>, %[[A:[a-z0-9]+]]: tensor<64xf32>
//       CHECK:   scf.forall
//   CHECK-DAG:     %[[RT:.*]] = tensor.extract_slice %[[R]][%{{.*}}, %{{.*}}, 0] [2, 16, 30] [1, 1, 1]
//   CHECK-DAG:     %[[AT:.*]] = tensor.extract_slice %[[A]][%{{.*}}] [16] [1]
//       CHECK:     bn.normalize {{.*}} epilogue(%[[RT]], %[[AT]] : tensor<2x16x30xf32>, tensor<16xf32>) {
//  CHECK-NEXT:     ^bb0(%[[Y:.*]]: f32, %[[E:.*]]: f32, %[[F:.*]]: f32):
//  CHECK-NEXT:       %[[S:.*]] = arith.addf %[[Y]], %[[E]] : f32
//  CHECK-NEXT:       %[[T:.*]] = arith.mulf %[[S]], %[[F]] : f32
//  CHECK-NEXT:       bn.yield %[[T]] : f32
func.func @epilogue(%x: tensor<8x64x30xf32>, %r: tensor<8x64x30xf32>,
    %a: tensor<64xf32>, %z0: tensor<8x64x30xf32>) -> tensor<8x64x30xf32> {
  %z = bn.normalize axis(1) ins(%x : tensor<8x64x30xf32>)
      outs(%z0 : tensor<8x64x30xf32>)
      epilogue(%r, %a : tensor<8x64x30xf32>, tensor<64xf32>) {
    ^bb0(%y: f32, %e: f32, %f: f32):
      %s = arith.addf %y, %e : f32
      %t = arith.mulf %s, %f : f32
      bn.yield %t : f32
    } -> tensor<8x64x30xf32>
  return %z : tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.normalize"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [2, 16, 0]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// What an epilogue saves is cut like the data.
// CHECK-LABEL: func @saved
//  CHECK-SAME:     %[[B:[a-z0-9]+]]: tensor<8x64x30xi8>)
//       CHECK:   scf.forall {{.*}} shared_outs({{.*}}, %[[S:[^ ]+]] = %[[B]])
//       CHECK:     %[[ST:.*]] = tensor.extract_slice %[[S]][%{{.*}}, %{{.*}}, 0] [2, 16, 30] [1, 1, 1]
//       CHECK:     %[[T:.*]]:2 = bn.normalize {{.*}} outs(%{{[^ ,]+}}, %[[ST]] : tensor<2x16x30xf32>, tensor<2x16x30xi8>) epilogue {
//       CHECK:       bn.yield %{{.*}}, %{{.*}} : f32, i8
//       CHECK:     tensor.parallel_insert_slice %[[T]]#1 into %[[S]][%{{.*}}, %{{.*}}, 0] [2, 16, 30]
func.func @saved(%x: tensor<8x64x30xf32>, %z0: tensor<8x64x30xf32>,
    %b0: tensor<8x64x30xi8>) -> (tensor<8x64x30xf32>, tensor<8x64x30xi8>) {
  %z, %b = bn.normalize axis(1) ins(%x : tensor<8x64x30xf32>)
      outs(%z0, %b0 : tensor<8x64x30xf32>, tensor<8x64x30xi8>) epilogue {
    ^bb0(%y: f32):
      %zero = arith.constant 0.0 : f32
      %passes = arith.cmpf ogt, %y, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x64x30xf32>, tensor<8x64x30xi8>
  return %z, %b : tensor<8x64x30xf32>, tensor<8x64x30xi8>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.normalize"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [2, 16, 0]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
