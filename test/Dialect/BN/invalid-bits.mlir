// What ops refuse whose epilogue saves something, and what views of bits do.
// The functions are named @error_<constraint>, after docs/Spec.md.

// RUN: bn-opt %s --verify-diagnostics --split-input-file

func.func @error_training_c14(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %b: tensor<8x5xi8>) {
  // expected-error @below {{expected what the epilogue saves to have the shape of 'input' ('tensor<8x4xf32>'), got 'tensor<8x5xi8>'}}
  %r:4 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c, %b
           : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<8x5xi8>)
      epilogue {
    ^bb0(%y: f32):
      %bit = arith.constant 1 : i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<8x5xi8>
  return
}

// -----

// There are no bits of channels.
func.func @error_inference_c10(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %b: tensor<4xi8>) {
  // expected-error @below {{expected what the epilogue saves to have the shape of 'input' ('tensor<8x4xf32>'), got 'tensor<4xi8>'}}
  %r:2 = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %b : tensor<8x4xf32>, tensor<4xi8>) epilogue {
    ^bb0(%y: f32):
      %bit = arith.constant 1 : i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<4xi8>
  return
}

// -----

func.func @error_normalize_c10(%x: tensor<8x?xf32>, %b: tensor<4x?xi8>) {
  // expected-error @below {{expected what the epilogue saves to have the shape of 'input' ('tensor<8x?xf32>'), got 'tensor<4x?xi8>'}}
  %r:2 = bn.normalize axis(1) ins(%x : tensor<8x?xf32>)
      outs(%x, %b : tensor<8x?xf32>, tensor<4x?xi8>) epilogue {
    ^bb0(%y: f32):
      %bit = arith.constant 1 : i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x?xf32>, tensor<4x?xi8>
  return
}

// -----

// Without an epilogue there is nothing that could save elements.
func.func @error_normalize_c10_no_epilogue(%x: tensor<8x4xf32>,
    %b: tensor<8x4xi8>) {
  // expected-error @below {{expected no out for what an epilogue saves without an epilogue, got 'tensor<8x4xi8>'}}
  %r:2 = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x, %b : tensor<8x4xf32>, tensor<8x4xi8>)
      -> tensor<8x4xf32>, tensor<8x4xi8>
  return
}

// -----

// Elements of another type are not what an epilogue saves.
func.func @error_normalize_c5_saved_type(%x: tensor<8x4xf32>,
    %b: tensor<8x4xf16>) {
  // expected-error @below {{expected 1 outs (output), got 2}}
  %r:2 = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x, %b : tensor<8x4xf32>, tensor<8x4xf16>) epilogue {
    ^bb0(%y: f32):
      %bit = arith.constant 1 : i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<8x4xf16>
  return
}

// -----

// One number per element, and not two.
func.func @error_inference_c5_saved_twice(%x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %b: tensor<8x4xi8>) {
  // expected-error @below {{expected 1 outs (output), got 2}}
  %r:3 = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %b, %b : tensor<8x4xf32>, tensor<8x4xi8>, tensor<8x4xi8>)
      epilogue {
    ^bb0(%y: f32):
      %bit = arith.constant 1 : i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<8x4xi8>, tensor<8x4xi8>
  return
}

// -----

// What is saved is last.
func.func @error_training_c7_saved_first(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %b: tensor<8x4xi8>) {
  // expected-error @below {{expected 3 outs (output, mean, variance), got 4}}
  %r:4 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %b, %c, %c
           : tensor<8x4xf32>, tensor<8x4xi8>, tensor<4xf32>, tensor<4xf32>)
      epilogue {
    ^bb0(%y: f32):
      %bit = arith.constant 1 : i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<8x4xi8>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c12_no_out(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected the epilogue to yield 'f32', got 'f32', 'i8'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      epilogue {
    ^bb0(%y: f32):
      %bit = arith.constant 1 : i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_inference_c8_not_saved(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %b: tensor<8x4xi8>) {
  // expected-error @below {{expected the epilogue to yield 'f32', 'i8', got 'f32'}}
  %r:2 = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %b : tensor<8x4xf32>, tensor<8x4xi8>) epilogue {
    ^bb0(%y: f32):
      bn.yield %y : f32
    } -> tensor<8x4xf32>, tensor<8x4xi8>
  return
}

// -----

// A comparison makes an i1.
func.func @error_normalize_c8_saved_type(%x: tensor<8x4xf32>,
    %b: tensor<8x4xi8>) {
  // expected-error @below {{expected the epilogue to yield 'f32', 'i8', got 'f32', 'i1'}}
  %r:2 = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x, %b : tensor<8x4xf32>, tensor<8x4xi8>) epilogue {
    ^bb0(%y: f32):
      %zero = arith.constant 0.0 : f32
      %passes = arith.cmpf ogt, %y, %zero : f32
      bn.yield %y, %passes : f32, i1
    } -> tensor<8x4xf32>, tensor<8x4xi8>
  return
}

// -----

// A prologue saves nothing.
func.func @error_backward_c11_saved(%x: tensor<8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expected the prologue to yield 'f32', got 'f32', 'i8'}}
  %r = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) prologue {
    ^bb0(%dy: f32):
      %bit = arith.constant 1 : i8
      bn.yield %dy, %bit : f32, i8
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_view_bits_c1(%bytes: memref<?xi8>) {
  // expected-error @below {{expected 1 sizes for 'memref<?x64xi8>', got 0}}
  %bits = bn.view_bits %bytes : memref<?xi8> to memref<?x64xi8>
  return
}

// -----

func.func @error_view_bits_c1_static(%bytes: memref<64xi8>, %n: index) {
  // expected-error @below {{expected 0 sizes for 'memref<8x64xi8>', got 1}}
  %bits = bn.view_bits %bytes[%n] : memref<64xi8> to memref<8x64xi8>
  return
}

// -----

func.func @error_view_bits_c2(%bytes: memref<9xi8>) {
  // expected-error @below {{expected 8 bytes for the elements of 'memref<8x8xi8>', got 'memref<9xi8>'}}
  %bits = bn.view_bits %bytes : memref<9xi8> to memref<8x8xi8>
  return
}

// -----

// 9 elements are no whole bytes, however many there are.
func.func @error_view_bits_c2_part(%bytes: memref<?xi8>) {
  // expected-error @below {{expected a result of a multiple of 8 elements, got 'memref<3x3xi8>'}}
  %bits = bn.view_bits %bytes : memref<?xi8> to memref<3x3xi8>
  return
}

// -----

func.func @view_with_strides(%bytes: memref<8xi8>) {
  // expected-error @below {{expected a result in C order, got 'memref<8x8xi8, strided<[1, 8]>>'}}
  %bits = bn.view_bits %bytes : memref<8xi8> to memref<8x8xi8, strided<[1, 8]>>
  return
}
