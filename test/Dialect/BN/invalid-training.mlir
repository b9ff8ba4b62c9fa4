// What bn.training refuses.
// The functions are named @error_<constraint>, after docs/Spec.md; the message
// says what was expected and what was found.

// RUN: bn-opt %s --verify-diagnostics --split-input-file

func.func @error_training_c1(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'axis' to be in [-2, 2) for 'input' of rank 2, got 2}}
  %r:3 = bn.training axis(2) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c1_negative(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'axis' to be in [-2, 2) for 'input' of rank 2, got -3}}
  %r:3 = bn.training axis(-3) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c1_twice(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'axis' to name each dimension once, got dimension 1 twice}}
  %r:3 = bn.training axis(1, -1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c1_none(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'axis' to name at least one dimension, got none}}
  "bn.training"(%x, %x, %c, %c) <{axis = array<i64>, epsilon = 1.0,
      operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 0, 0, 3>}>
      : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> (tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @error_training_c1_rank_0(%x: tensor<f32>) {
  // expected-error @below {{expected 'axis' to be in [0, 0) for 'input' of rank 0, got 0}}
  %r:3 = bn.training axis(0) epsilon(1.0) ins(%x : tensor<f32>)
      outs(%x, %x, %x : tensor<f32>, tensor<f32>, tensor<f32>)
      -> tensor<f32>, tensor<f32>, tensor<f32>
  return
}

// -----

func.func @error_training_c2(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'epsilon' to be finite, got NaN}}
  %r:3 = bn.training axis(1) epsilon(0x7FF8000000000000)
      ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c3_scale(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %d: tensor<5xf32>) {
  // expected-error @below {{expected 'scale' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      scale(%d : tensor<5xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c3_offset(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'offset' to have rank 1 (one dimension per axis), got 2}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      offset(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

// Unknown sizes are not compared.
func.func @error_training_c3_variance(%x: tensor<8x4x?xf32>,
    %c: tensor<4x?xf32>, %d: tensor<?x4xf32>) {
  // expected-error @below {{expected 'variance' to have size 8 (dimension 0 of 'input') in dimension 0, got 4}}
  %r:3 = bn.training axis(0, 2) epsilon(1.0) ins(%x : tensor<8x4x?xf32>)
      outs(%x, %d, %c : tensor<8x4x?xf32>, tensor<?x4xf32>, tensor<4x?xf32>)
      -> tensor<8x4x?xf32>, tensor<?x4xf32>, tensor<4x?xf32>
  return
}

// -----

func.func @error_training_c3_running_mean(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %d: tensor<5xf32>) {
  // expected-error @below {{expected 'running_mean' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r:5 = bn.training axis(1) epsilon(1.0) momentum(0.5)
      ins(%x : tensor<8x4xf32>) running(%d, %c : tensor<5xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %c
           : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
             tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return
}

// -----

func.func @error_training_c4(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %h: tensor<4xf16>) {
  // expected-error @below {{expected 'scale' to have element type 'f32' (that of 'input') or a wider one, got 'f16'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      scale(%h : tensor<4xf16>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

// f16 is not wider than bf16, nor the reverse.
func.func @error_training_c4_other_type(%x: tensor<8x4xbf16>, %c: tensor<4xf32>,
    %h: tensor<4xf16>) {
  // expected-error @below {{expected 'mean' to have element type 'bf16' (that of 'input') or a wider one, got 'f16'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xbf16>)
      outs(%x, %h, %c : tensor<8x4xbf16>, tensor<4xf16>, tensor<4xf32>)
      -> tensor<8x4xbf16>, tensor<4xf16>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c5(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %y: tensor<8x5xf32>) {
  // expected-error @below {{expected 'output' to have the type of 'input' ('tensor<8x4xf32>'), got 'tensor<8x5xf32>'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%y, %c, %c : tensor<8x5xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x5xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c6(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'momentum' exactly when there are 'running' statistics, got 'running' without 'momentum'}}
  %r:5 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %c
           : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
             tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return
}

// -----

func.func @error_training_c6_no_running(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'momentum' exactly when there are 'running' statistics, got 'momentum' without 'running'}}
  %r:3 = bn.training axis(1) epsilon(1.0) momentum(0.5)
      ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c6_not_finite(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'momentum' to be finite, got +Inf}}
  %r:5 = bn.training axis(1) epsilon(1.0) momentum(0x7FF0000000000000)
      ins(%x : tensor<8x4xf32>) running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %c
           : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
             tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return
}

// -----

func.func @error_training_c6_only_mean(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected both running statistics or none, got one}}
  "bn.training"(%x, %c, %x, %c, %c, %c, %c) <{axis = array<i64: 1>,
      epsilon = 1.0, momentum = 0.5,
      operandSegmentSizes = array<i32: 1, 0, 0, 1, 0, 0, 0, 5>}>
      : (tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xf32>, tensor<4xf32>,
         tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> (tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
          tensor<4xf32>)
  return
}

// -----

func.func @error_training_c6_only_variance(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected both running statistics or none, got one}}
  "bn.training"(%x, %c, %x, %c, %c) <{axis = array<i64: 1>,
      epsilon = 1.0, momentum = 0.5,
      operandSegmentSizes = array<i32: 1, 0, 0, 0, 1, 0, 0, 3>}>
      : (tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xf32>, tensor<4xf32>,
         tensor<4xf32>)
      -> (tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @error_training_c7(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 5 outs (output, mean, variance, new running mean, new running variance), got 3}}
  %r:3 = bn.training axis(1) epsilon(1.0) momentum(0.5)
      ins(%x : tensor<8x4xf32>) running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c7_too_many(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 3 outs (output, mean, variance), got 5}}
  %r:5 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c, %c, %c
           : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
             tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return
}

// -----

func.func @error_training_c7_mean_type(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %d: tensor<4xf64>) {
  // expected-error @below {{expected 'new_running_mean' to have the type of 'running_mean' ('tensor<4xf32>'), got 'tensor<4xf64>'}}
  %r:5 = bn.training axis(1) epsilon(1.0) momentum(0.5)
      ins(%x : tensor<8x4xf32>) running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %d, %c
           : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf64>,
             tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf64>,
         tensor<4xf32>
  return
}

// -----

func.func @error_training_c7_variance_type(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %d: tensor<5xf32>) {
  // expected-error @below {{expected 'new_running_variance' to have the type of 'running_variance' ('tensor<4xf32>'), got 'tensor<5xf32>'}}
  %r:5 = bn.training axis(1) epsilon(1.0) momentum(0.5)
      ins(%x : tensor<8x4xf32>) running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %d
           : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
             tensor<5xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<5xf32>
  return
}

// -----

func.func @error_training_c8(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'mask' to have the rank of 'input' (2), got 1}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      mask(%c : tensor<4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c8_size(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %w: tensor<4x1xf32>) {
  // expected-error @below {{expected 'mask' to have size 1 or 8 in dimension 0, got 4}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      mask(%w : tensor<4x1xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c9(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'groups' to be at least 1, got 0}}
  %r:3 = bn.training axis(1) epsilon(1.0) groups(0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c9_axis(%x: tensor<8xf32>, %m: tensor<2x8xf32>) {
  // expected-error @below {{expected 'axis' not to name dimension 0, which 'groups' cuts}}
  %r:3 = bn.training axis(0) epsilon(1.0) groups(2) ins(%x : tensor<8xf32>)
      outs(%x, %m, %m : tensor<8xf32>, tensor<2x8xf32>, tensor<2x8xf32>)
      -> tensor<8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
  return
}

// -----

func.func @error_training_c9_not_divided(%x: tensor<8x4xf32>,
    %m: tensor<3x4xf32>) {
  // expected-error @below {{expected 'groups' to divide dimension 0 of 'input' (8), got 3}}
  %r:3 = bn.training axis(1) epsilon(1.0) groups(3) ins(%x : tensor<8x4xf32>)
      outs(%x, %m, %m : tensor<8x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
      -> tensor<8x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>
  return
}

// -----

func.func @error_training_c9_mean(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'mean' to have a leading dimension of size 2 ('groups'), got 'tensor<4xf32>'}}
  %r:3 = bn.training axis(1) epsilon(1.0) groups(2) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c9_variance(%x: tensor<8x4xf32>, %m: tensor<2x4xf32>,
    %d: tensor<2x5xf32>) {
  // expected-error @below {{expected 'variance' to have size 4 (dimension 1 of 'input') in dimension 1, got 5}}
  %r:3 = bn.training axis(1) epsilon(1.0) groups(2) ins(%x : tensor<8x4xf32>)
      outs(%x, %m, %d : tensor<8x4xf32>, tensor<2x4xf32>, tensor<2x5xf32>)
      -> tensor<8x4xf32>, tensor<2x4xf32>, tensor<2x5xf32>
  return
}

// -----

func.func @error_training_c10(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 3 results, got 2}}
  %r:2 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c10_type(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected result 2 to have the type of its out ('tensor<4xf32>'), got 'tensor<?xf32>'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<?xf32>
  return
}

// -----

func.func @error_training_c10_buffers(%x: memref<8x4xf32>, %c: memref<4xf32>) {
  // expected-error @below {{expected 0 results, got 3}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : memref<8x4xf32>)
      outs(%x, %c, %c : memref<8x4xf32>, memref<4xf32>, memref<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c10_both(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %b: memref<4xf32>) {
  // expected-error @below {{expected operands to be all tensors or all memrefs, got both}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      scale(%b : memref<4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}
