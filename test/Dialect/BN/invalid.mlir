// What bn.inference and bn.backward refuse, and types that no op takes.
// The functions are named @error_<constraint>, after docs/Spec.md; the message
// says what was expected and what was found.

// RUN: bn-opt %s --verify-diagnostics --split-input-file

func.func @error_inference_c1(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'axis' to be in [-2, 2) for 'input' of rank 2, got 2}}
  %r = bn.inference axis(2) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_inference_c2(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'epsilon' to be finite, got NaN}}
  %r = bn.inference axis(1) epsilon(0x7FF8000000000000)
      ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_inference_c3(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %d: tensor<5xf32>) {
  // expected-error @below {{expected 'variance' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %d : tensor<4xf32>, tensor<5xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_inference_c4(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %h: tensor<4xbf16>) {
  // expected-error @below {{expected 'offset' to have element type 'f32' (that of 'input') or a wider one, got 'bf16'}}
  %r = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      offset(%h : tensor<4xbf16>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_inference_c5(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 1 outs (output), got 2}}
  %r:2 = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      -> tensor<8x4xf32>, tensor<8x4xf32>
  return
}

// -----

func.func @error_inference_c5_type(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %y: tensor<4x8xf32>) {
  // expected-error @below {{expected 'output' to have the type of 'input' ('tensor<8x4xf32>'), got 'tensor<4x8xf32>'}}
  %r = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%y : tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @error_inference_c6(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 1 results, got 0}}
  bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>)
  return
}

// -----

func.func @error_backward_c1(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'axis' to name each dimension once, got dimension 0 twice}}
  %r = bn.backward axis(0, 0) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c2(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'epsilon' to be finite, got +Inf}}
  %r = bn.backward axis(1) epsilon(0x7FF0000000000000) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c2_none(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'epsilon' with 'statistics_kind(variance)', got none}}
  %r = bn.backward axis(1) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c2_inverse(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected no 'epsilon' with 'statistics_kind(inverse_std)', got one}}
  %r = bn.backward axis(1) epsilon(1.0) statistics_kind(inverse_std) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c3(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %d: tensor<5xf32>) {
  // expected-error @below {{expected 'scale' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>) scale(%d : tensor<5xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c3_gradient(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %d: tensor<5xf32>) {
  // expected-error @below {{expected 'offset_grad' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(offset)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>) outs(%d : tensor<5xf32>)
      -> tensor<5xf32>
  return
}

// -----

func.func @error_backward_c4(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %h: tensor<4xf16>) {
  // expected-error @below {{expected 'scale_grad' to have element type 'f32' (that of 'input') or a wider one, got 'f16'}}
  %r:2 = bn.backward axis(1) epsilon(1.0) wrt(input, scale)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %h : tensor<8x4xf32>, tensor<4xf16>)
      -> tensor<8x4xf32>, tensor<4xf16>
  return
}

// -----

func.func @error_backward_c5(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %dy: tensor<8x5xf32>) {
  // expected-error @below {{expected 'output_grad' to have the type of 'input' ('tensor<8x4xf32>'), got 'tensor<8x5xf32>'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%dy, %x : tensor<8x5xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c5_input_grad(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'input_grad' to have the type of 'input' ('tensor<8x4xf32>'), got 'tensor<4xf32>'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>) outs(%c : tensor<4xf32>)
      -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_c6(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 2 outs (scale, offset), got 1}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(offset, scale)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>) outs(%c : tensor<4xf32>)
      -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_c6_none(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'wrt' to name at least one of 'input', 'scale', 'offset' and 'normalized', got none}}
  "bn.backward"(%x, %x, %c, %c) <{axis = array<i64: 1>, epsilon = 1.0,
      wrt = 0 : i32, operandSegmentSizes = array<i32: 1, 1, 0, 1, 1, 0, 0, 0>}>
      : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>) -> ()
  return
}

// -----

func.func @error_backward_c6_keyword(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'input', 'scale', 'offset' or 'normalized', got 'mean'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(mean)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c6_twice(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{'scale' is given twice}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(scale, scale)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c7(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %w: tensor<1x2xf32>) {
  // expected-error @below {{expected 'mask' to have size 1 or 4 in dimension 1, got 2}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      mask(%w : tensor<1x2xf32>) outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c8(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected result 0 to have the type of its out ('tensor<8x4xf32>'), got 'tensor<8x?xf32>'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x?xf32>
  return
}

// -----

func.func @error_backward_c9(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'groups' to be at least 1, got -2}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input) groups(-2)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c9_axis(%x: tensor<8x4xf32>, %m: tensor<2x8xf32>) {
  // expected-error @below {{expected 'axis' not to name dimension 0, which 'groups' cuts}}
  %r = bn.backward axis(-2) epsilon(1.0) wrt(input) groups(2)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%m, %m : tensor<2x8xf32>, tensor<2x8xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c9_not_divided(%x: tensor<8x4xf32>,
    %m: tensor<3x4xf32>) {
  // expected-error @below {{expected 'groups' to divide dimension 0 of 'input' (8), got 3}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input) groups(3)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%m, %m : tensor<3x4xf32>, tensor<3x4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c9_mean(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %m: tensor<2x4xf32>) {
  // expected-error @below {{expected 'mean' to have a leading dimension of size 2 ('groups'), got 'tensor<4xf32>'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(offset) frozen groups(2)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %m : tensor<4xf32>, tensor<2x4xf32>)
      outs(%c : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// The gradients of scale and offset are of all groups.
func.func @error_backward_c3_groups(%x: tensor<8x4xf32>, %m: tensor<2x4xf32>) {
  // expected-error @below {{expected 'scale_grad' to have rank 1 (one dimension per axis), got 2}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(scale) groups(2)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%m, %m : tensor<2x4xf32>, tensor<2x4xf32>)
      outs(%m : tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @error_unranked(%x: tensor<*xf32>) {
  // expected-error @below {{operand #0 must be ranked tensor or memref of f16, bf16, f32 or f64 values, but got 'tensor<*xf32>'}}
  %r = bn.normalize axis(0) ins(%x : tensor<*xf32>) outs(%x : tensor<*xf32>)
      -> tensor<*xf32>
  return
}

// -----

func.func @error_integer(%x: tensor<4xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor or memref of f16, bf16, f32 or f64 values, but got 'tensor<4xi32>'}}
  %r = bn.normalize axis(0) ins(%x : tensor<4xi32>) outs(%x : tensor<4xi32>)
      -> tensor<4xi32>
  return
}
