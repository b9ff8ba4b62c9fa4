// What ops with a prologue refuse. What they share with epilogues is checked by
// the same code (invalid-epilogue.mlir); here is what is different, and each
// constraint once.

// RUN: bn-opt %s --verify-diagnostics --split-input-file

func.func @error_backward_c10(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>) {
  // expected-error @below {{expected prologue input 0 to have the type of 'output_grad' ('tensor<8x4xf32>'), with that shape elements of 'i8', or one entry per channel ('tensor<4xf32>' or of a wider type), got 'tensor<8x5xf32>'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) prologue(%other : tensor<8x5xf32>) {
    ^bb0(%dy: f32, %o: f32):
      bn.yield %o : f32
    } -> tensor<8x4xf32>
  return
}

// -----

// Bits are saved for each element, not for channels.
func.func @error_backward_c10_bits_per_channel(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %bits: tensor<4xi8>) {
  // expected-error @below {{expected prologue input 0 to have the type of 'output_grad' ('tensor<8x4xf32>'), with that shape elements of 'i8', or one entry per channel ('tensor<4xf32>' or of a wider type), got 'tensor<4xi8>'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) prologue(%bits : tensor<4xi8>) {
    ^bb0(%dy: f32, %b: i8):
      bn.yield %dy : f32
    } -> tensor<8x4xf32>
  return
}

// -----

// An element of i8 stays what it is.
func.func @error_backward_c11(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %bits: tensor<8x4xi8>) {
  // expected-error @below {{expected the prologue to take ('f32', 'i8'), got ('f32', 'f32')}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) prologue(%bits : tensor<8x4xi8>) {
    ^bb0(%dy: f32, %b: f32):
      bn.yield %dy : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c12(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %m: memref<f32>) {
  // expected-error @below {{expected elementwise ops on scalars, free of memory effects, in the prologue, got 'memref.load'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) prologue {
    ^bb0(%dy: f32):
      %more = memref.load %m[] : memref<f32>
      bn.yield %more : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_c5_normalized(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'normalized_grad' to have the type of 'input' ('tensor<8x4xf32>'), got 'tensor<4xf32>'}}
  %r:2 = bn.backward axis(1) epsilon(1.0) wrt(scale, normalized)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c7(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected no prologue inputs without a prologue, got 1}}
  %r = "bn.backward_reduce"(%x, %x, %c) <{axis = array<i64: 1>,
      sums = 1 : i32, operandSegmentSizes = array<i32: 1, 0, 0, 0, 1, 1>}>
      : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c8(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected the prologue to yield 'f32', got 'f64'}}
  %r = bn.backward_reduce axis(1) sums(dy) ins(%x : tensor<8x4xf32>)
      outs(%c : tensor<4xf32>) prologue {
    ^bb0(%dy: f32):
      %wide = arith.extf %dy : f32 to f64
      bn.yield %wide : f64
    } -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c9(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %v: vector<4xf32>) {
  // expected-error @below {{expected elementwise ops on scalars, free of memory effects, in the prologue, got 'arith.negf'}}
  %r = bn.backward_reduce axis(1) sums(dy) ins(%x : tensor<8x4xf32>)
      outs(%c : tensor<4xf32>) prologue {
    ^bb0(%dy: f32):
      %w = arith.negf %v : vector<4xf32>
      bn.yield %dy : f32
    } -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c10(%x: tensor<8x4xbf16>, %c: tensor<4xf32>,
    %p: tensor<4xf64>) {
  // expected-error @below {{expected 'pivot' to have element type 'f32', got 'f64'}}
  %r:2 = bn.backward_reduce axis(1)
      ins(%x, %x : tensor<8x4xbf16>, tensor<8x4xbf16>)
      mean(%c : tensor<4xf32>) pivot(%p : tensor<4xf64>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c10_one_sum(%x: tensor<8x4xbf16>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected no 'pivot' without both sums, got 'tensor<4xf32>'}}
  %r = bn.backward_reduce axis(1) sums(dy_xmu)
      ins(%x, %x : tensor<8x4xbf16>, tensor<8x4xbf16>)
      mean(%c : tensor<4xf32>) pivot(%c : tensor<4xf32>)
      outs(%c : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @error_backward_reduce_c10_prologue(%x: tensor<8x4xbf16>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected no 'pivot' with a prologue, got 'tensor<4xf32>'}}
  %r:2 = bn.backward_reduce axis(1)
      ins(%x, %x : tensor<8x4xbf16>, tensor<8x4xbf16>)
      mean(%c : tensor<4xf32>) pivot(%c : tensor<4xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>) prologue {
    ^bb0(%dy: f32):
      bn.yield %dy : f32
    } -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

// Without coefficients there is one gradient.
func.func @error_backward_input_c2_normalized(%x: tensor<8x4xf32>) {
  // expected-error @below {{expected 1 out (normalized_grad), got 2}}
  %r:2 = bn.backward_input axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      -> tensor<8x4xf32>, tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c7(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'input', 'b' and 'c', or none of them, got no 'b'}}
  %r = bn.backward_input axis(1) ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%c : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c7_mean(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected no 'mean' without 'input', got one}}
  %r = bn.backward_input axis(1) ins(%x : tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) coefficients(%c : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c8(%x: tensor<8x4xf32>, %w: tensor<8x4xf64>) {
  // expected-error @below {{expected prologue input 0 to have the type of 'output_grad' ('tensor<8x4xf32>'), with that shape elements of 'i8', or one entry per channel ('tensor<4xf32>' or of a wider type), got 'tensor<8x4xf64>'}}
  %r = bn.backward_input axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) prologue(%w : tensor<8x4xf64>) {
    ^bb0(%dy: f32, %o: f32):
      bn.yield %o : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_backward_input_c9(%x: tensor<8x4xf64>) {
  // expected-error @below {{expected the prologue to take ('f64'), got ('f32')}}
  %r = bn.backward_input axis(1) ins(%x : tensor<8x4xf64>)
      outs(%x : tensor<8x4xf64>) prologue {
    ^bb0(%dy: f32):
      bn.yield %dy : f32
    } -> tensor<8x4xf64>
  return
}

// -----

func.func @error_backward_input_c10(%x: tensor<8x4xf32>, %m: memref<f32>) {
  // expected-error @below {{expected elementwise ops on scalars, free of memory effects, in the prologue, got 'memref.load'}}
  %r = bn.backward_input axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) prologue {
    ^bb0(%dy: f32):
      %more = memref.load %m[] : memref<f32>
      bn.yield %more : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @coefficients(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 1 or 3 coefficients and as many types, got 2 and 2}}
  %r = bn.backward_input axis(1) ins(%x : tensor<8x4xf32>) coefficients(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}
