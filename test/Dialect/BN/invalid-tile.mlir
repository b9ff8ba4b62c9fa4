// Tiles that an op cannot have. (The second and third message are upstream's.)

// RUN: bn-opt %s --transform-interpreter --verify-diagnostics --split-input-file

// The statistics are of all elements: no tile of them is a training op.
func.func @training_cut(%x: tensor<8x64x30xf32>, %c: tensor<64xf32>)
    -> tensor<8x64x30xf32> {
  // expected-error @below {{expected a tile with all of its reduction dimensions, got a part}}
  // expected-error @below {{faild to tile operation}}
  // expected-error @below {{failed to generate tiling loops}}
  %y, %m, %v = bn.training axis(1) epsilon(1.0)
      ins(%x : tensor<8x64x30xf32>)
      outs(%x, %c, %c : tensor<8x64x30xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x64x30xf32>, tensor<64xf32>, tensor<64xf32>
  return %y : tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.training"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loops = transform.structured.tile_using_for %op
        tile_sizes [4]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

func.func @training_groups(%x: tensor<8x64x30xf32>, %c: tensor<2x64xf32>)
    -> tensor<8x64x30xf32> {
  // expected-error @below {{expected 'groups' to be 1 for tiling, got 2}}
  // expected-error @below {{faild to tile operation}}
  // expected-error @below {{failed to generate tiling loops}}
  %y, %m, %v = bn.training axis(1) epsilon(1.0) groups(2)
      ins(%x : tensor<8x64x30xf32>)
      outs(%x, %c, %c : tensor<8x64x30xf32>, tensor<2x64xf32>,
           tensor<2x64xf32>)
      -> tensor<8x64x30xf32>, tensor<2x64xf32>, tensor<2x64xf32>
  return %y : tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.training"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loops = transform.structured.tile_using_for %op
        tile_sizes [0, 16]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

func.func @backward_groups(%x: tensor<8x64x30xf32>, %c: tensor<2x64xf32>)
    -> tensor<8x64x30xf32> {
  // expected-error @below {{expected 'groups' to be 1 for tiling, got 2}}
  // expected-error @below {{faild to tile operation}}
  // expected-error @below {{failed to generate tiling loops}}
  %dx = bn.backward axis(1) epsilon(1.0) wrt(input) groups(2)
      ins(%x, %x : tensor<8x64x30xf32>, tensor<8x64x30xf32>)
      statistics(%c, %c : tensor<2x64xf32>, tensor<2x64xf32>)
      outs(%x : tensor<8x64x30xf32>) -> tensor<8x64x30xf32>
  return %dx : tensor<8x64x30xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.backward"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %tiled, %loops = transform.structured.tile_using_for %op
        tile_sizes [0, 16]
        : (!transform.any_op)
        -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
