// What the structural ops on data refuse.
// The functions are named @error_<constraint>, after docs/Spec.md; the message
// says what was expected and what was found.

// RUN: bn-opt %s --verify-diagnostics --split-input-file

func.func @error_normalize_c1(%x: tensor<8x4xf32>) {
  // expected-error @below {{expected 'axis' to be in [-2, 2) for 'input' of rank 2, got 2}}
  %r = bn.normalize axis(0, 2) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c2(%x: tensor<8x4xf32>) {
  // expected-error @below {{expected 'epsilon' exactly when there is 'variance', got 'epsilon' without 'variance'}}
  %r = bn.normalize axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c2_no_epsilon(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'epsilon' exactly when there is 'variance', got 'variance' without 'epsilon'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      variance(%c : tensor<4xf32>) outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c2_not_finite(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'epsilon' to be finite, got +Inf}}
  %r = bn.normalize axis(1) epsilon(0x7FF0000000000000)
      ins(%x : tensor<8x4xf32>) variance(%c : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c3(%x: tensor<8x4xf32>, %d: tensor<5xf32>) {
  // expected-error @below {{expected 'mean' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%d : tensor<5xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c4(%x: tensor<8x4xf32>, %h: tensor<4xf16>) {
  // expected-error @below {{expected 'scale' to have element type 'f32' (that of 'input') or a wider one, got 'f16'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) scale(%h : tensor<4xf16>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c5(%x: tensor<8x4xf32>) {
  // expected-error @below {{expected 1 outs (output), got 2}}
  %r:2 = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      -> tensor<8x4xf32>, tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c5_type(%x: tensor<8x4xf32>, %y: tensor<8x4xf16>) {
  // expected-error @below {{expected 'output' to have the type of 'input' ('tensor<8x4xf32>'), got 'tensor<8x4xf16>'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) outs(%y : tensor<8x4xf16>)
      -> tensor<8x4xf16>
  return
}

// -----

func.func @error_normalize_c6(%x: tensor<8x4xf32>) {
  // expected-error @below {{expected 1 results, got 0}}
  bn.normalize axis(1) ins(%x : tensor<8x4xf32>) outs(%x : tensor<8x4xf32>)
  return
}

// -----

func.func @error_backward_reduce_c1(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'axis' to name each dimension once, got dimension 1 twice}}
  %r:2 = bn.backward_reduce axis(-1, 1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>) mean(%c : tensor<4xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c2(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'output_grad' to have the type of 'input' ('tensor<8x4xf32>'), got 'tensor<4xf32>'}}
  %r:2 = bn.backward_reduce axis(1) ins(%c, %x : tensor<4xf32>, tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c3(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 2 outs (sum_dy, sum_dy_xmu), got 1}}
  %r = bn.backward_reduce axis(1) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) outs(%c : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c3_size(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %d: tensor<5xf32>) {
  // expected-error @below {{expected 'sum_dy_xmu' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r:2 = bn.backward_reduce axis(1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>) mean(%c : tensor<4xf32>)
      outs(%c, %d : tensor<4xf32>, tensor<5xf32>)
      -> tensor<4xf32>, tensor<5xf32>
  return
}

// -----

func.func @error_backward_reduce_c4(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %h: tensor<4xf16>) {
  // expected-error @below {{expected 'mean' to have element type 'f32' (that of 'input') or a wider one, got 'f16'}}
  %r:2 = bn.backward_reduce axis(1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>) mean(%h : tensor<4xf16>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c5(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 2 results, got 1}}
  %r = bn.backward_reduce axis(1) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c3_one(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 1 outs (sum_dy_xmu), got 2}}
  %r:2 = bn.backward_reduce axis(1) sums(dy_xmu)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>) mean(%c : tensor<4xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c6(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'input' and 'mean' for sum_dy_xmu, got no 'mean'}}
  %r:2 = bn.backward_reduce axis(1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c6_unused(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected no 'input' and no 'mean' for 'sums(dy)', got 'mean'}}
  %r = bn.backward_reduce axis(1) sums(dy) ins(%x : tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) outs(%c : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_input_c1(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'axis' to be in [-2, 2) for 'input' of rank 2, got 5}}
  %r = bn.backward_input axis(5) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c2(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 1 or 2 outs (input_grad, normalized_grad), got 3}}
  %r:3 = bn.backward_input axis(1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%x, %x, %x : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>)
      -> tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c2_output_grad(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %dy: tensor<8x5xf32>) {
  // expected-error @below {{expected 'input' to have the type of 'output_grad' ('tensor<8x5xf32>'), got 'tensor<8x4xf32>'}}
  %r = bn.backward_input axis(1) ins(%dy, %x : tensor<8x5xf32>, tensor<8x4xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c2_input_grad(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %dx: tensor<8x5xf32>) {
  // expected-error @below {{expected 'input_grad' to have the type of 'output_grad' ('tensor<8x4xf32>'), got 'tensor<8x5xf32>'}}
  %r = bn.backward_input axis(1) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%dx : tensor<8x5xf32>) -> tensor<8x5xf32>
  return
}

// -----

func.func @error_backward_input_c3(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %d: tensor<5xf32>) {
  // expected-error @below {{expected 'c' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r = bn.backward_input axis(1) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<5xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c3_mean(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %d: tensor<5xf32>) {
  // expected-error @below {{expected 'mean' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r = bn.backward_input axis(1) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      mean(%d : tensor<5xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c4(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %h: tensor<4xf16>) {
  // expected-error @below {{expected 'b' to have element type 'f32' (that of 'input') or a wider one, got 'f16'}}
  %r = bn.backward_input axis(1) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c, %h, %c : tensor<4xf32>, tensor<4xf16>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c5(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 1 results, got 0}}
  bn.backward_input axis(1) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>)
  return
}

// -----

func.func @error_backward_input_c6(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %w: tensor<2x4xf32>) {
  // expected-error @below {{expected 'mask' to have size 1 or 8 in dimension 0, got 2}}
  %r = bn.backward_input axis(1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      mask(%w : tensor<2x4xf32>) outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}
