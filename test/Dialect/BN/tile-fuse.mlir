// An op is computed tile by tile inside the loop of its consumer.

// RUN: bn-opt %s --transform-interpreter --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func @fuse
//       CHECK:   scf.for
//       CHECK:     %[[Y:.*]] = bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<2x64x30xf32>)
//       CHECK:     linalg.exp ins(%[[Y]] : tensor<2x64x30xf32>)
//   CHECK-NOT:   bn.normalize
//       CHECK:   return
func.func @fuse(%x: tensor<8x64x30xf32>, %m: tensor<64xf32>,
    %y0: tensor<8x64x30xf32>) -> tensor<8x64x30xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x64x30xf32>)
      mean(%m : tensor<64xf32>) outs(%y0 : tensor<8x64x30xf32>)
      -> tensor<8x64x30xf32>
  %z = linalg.exp ins(%y : tensor<8x64x30xf32>)
      outs(%y0 : tensor<8x64x30xf32>) -> tensor<8x64x30xf32>
  return %z : tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["linalg.exp"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.fuse %op tile_sizes [2]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// CHECK-LABEL: func @fuse_into
//       CHECK:   scf.forall
//       CHECK:     %[[Y:.*]] = bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<8x16x30xf32>) mean(%{{[^ ]+}} : tensor<16xf32>)
//       CHECK:     linalg.exp ins(%[[Y]] : tensor<8x16x30xf32>)
//   CHECK-NOT:   bn.normalize
//       CHECK:   return
func.func @fuse_into(%x: tensor<8x64x30xf32>, %m: tensor<64xf32>,
    %y0: tensor<8x64x30xf32>) -> tensor<8x64x30xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x64x30xf32>)
      mean(%m : tensor<64xf32>) outs(%y0 : tensor<8x64x30xf32>)
      -> tensor<8x64x30xf32>
  %z = linalg.exp ins(%y : tensor<8x64x30xf32>)
      outs(%y0 : tensor<8x64x30xf32>) -> tensor<8x64x30xf32>
  return %z : tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["linalg.exp"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [0, 16]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %producer = transform.structured.match ops{["bn.normalize"]} in %root
        : (!transform.any_op) -> !transform.any_op
    transform.structured.fuse_into_containing_op %producer into %loop
        : (!transform.any_op, !transform.any_op)
        -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// A training op fuses along its channels, with its statistics.
// CHECK-LABEL: func @fuse_training
//       CHECK:   scf.forall
//       CHECK:     %[[R:.*]]:3 = bn.training {{.*}} ins(%{{[^ ]+}} : tensor<8x16x30xf32>)
//       CHECK:     linalg.exp ins(%[[R]]#0 : tensor<8x16x30xf32>)
func.func @fuse_training(%x: tensor<8x64x30xf32>, %m: tensor<64xf32>,
    %y0: tensor<8x64x30xf32>) -> tensor<8x64x30xf32> {
  %y, %mean, %variance = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x64x30xf32>)
      outs(%y0, %m, %m : tensor<8x64x30xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x64x30xf32>, tensor<64xf32>, tensor<64xf32>
  %z = linalg.exp ins(%y : tensor<8x64x30xf32>)
      outs(%y0 : tensor<8x64x30xf32>) -> tensor<8x64x30xf32>
  return %z : tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["linalg.exp"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %op
        tile_sizes [0, 16]
        : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %producer = transform.structured.match ops{["bn.training"]} in %root
        : (!transform.any_op) -> !transform.any_op
    transform.structured.fuse_into_containing_op %producer into %loop
        : (!transform.any_op, !transform.any_op)
        -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
