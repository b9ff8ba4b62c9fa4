// What ops with an epilogue refuse. The functions are named
// @error_<constraint>, after docs/Spec.md; the message says what was expected
// and what was found.

// RUN: bn-opt %s --verify-diagnostics --split-input-file

func.func @error_training_c11(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected epilogue input 0 to have the type of 'input' ('tensor<8x4xf32>'), or one entry per channel ('tensor<4xf32>' or of a wider type), got 'tensor<8x5xf32>'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      epilogue(%other : tensor<8x5xf32>) {
    ^bb0(%y: f32, %o: f32):
      bn.yield %o : f32
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c11_per_channel(%x: tensor<8x4x?xf32>,
    %c: tensor<4x?xf32>, %rows: tensor<8x?xf32>) {
  // expected-error @below {{expected epilogue input 1 to have the type of 'input' ('tensor<8x4x?xf32>'), or one entry per channel ('tensor<4x?xf32>' or of a wider type), got 'tensor<8x?xf32>'}}
  %r:3 = bn.training axis(-1, 1) epsilon(1.0) ins(%x : tensor<8x4x?xf32>)
      outs(%x, %c, %c : tensor<8x4x?xf32>, tensor<4x?xf32>, tensor<4x?xf32>)
      epilogue(%c, %rows : tensor<4x?xf32>, tensor<8x?xf32>) {
    ^bb0(%y: f32, %o: f32, %p: f32):
      bn.yield %p : f32
    } -> tensor<8x4x?xf32>, tensor<4x?xf32>, tensor<4x?xf32>
  return
}

// -----

func.func @error_training_c11_narrower(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %slopes: tensor<4xbf16>) {
  // expected-error @below {{expected epilogue input 0 to have the type of 'input' ('tensor<8x4xf32>'), or one entry per channel ('tensor<4xf32>' or of a wider type), got 'tensor<4xbf16>'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      epilogue(%slopes : tensor<4xbf16>) {
    ^bb0(%y: f32, %o: f32):
      bn.yield %o : f32
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

// Not wider: of the same width.
func.func @error_inference_c7_same_width(%x: tensor<8x4xf16>, %c: tensor<4xf32>,
    %slopes: tensor<4xbf16>) {
  // expected-error @below {{expected epilogue input 0 to have the type of 'input' ('tensor<8x4xf16>'), or one entry per channel ('tensor<4xf16>' or of a wider type), got 'tensor<4xbf16>'}}
  %r = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf16>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf16>) epilogue(%slopes : tensor<4xbf16>) {
    ^bb0(%y: f32, %o: f32):
      bn.yield %o : f32
    } -> tensor<8x4xf16>
  return
}

// -----

// Data may not be wider, unless each element is a channel.
func.func @error_normalize_c7_wide_data(%x: tensor<8x4xf32>,
    %o: tensor<8x4xf64>) {
  // expected-error @below {{expected epilogue input 0 to have the type of 'input' ('tensor<8x4xf32>'), or one entry per channel ('tensor<4xf32>' or of a wider type), got 'tensor<8x4xf64>'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) epilogue(%o : tensor<8x4xf64>) {
    ^bb0(%y: f32, %e: f32):
      bn.yield %e : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_training_c12(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected the epilogue to take ('f32', 'f32'), got ('f32')}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      epilogue(%x : tensor<8x4xf32>) {
    ^bb0(%y: f32):
      bn.yield %y : f32
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c12_yield(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected the epilogue to yield 'f32', got 'f64'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      epilogue {
    ^bb0(%y: f32):
      %wide = arith.extf %y : f32 to f64
      bn.yield %wide : f64
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_training_c13(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected elementwise ops on scalars, free of memory effects, in the epilogue, got 'memref.load'}}
  %r:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      epilogue {
    ^bb0(%y: f32):
      %more = memref.load %m[] : memref<f32>
      %z = arith.addf %y, %more : f32
      bn.yield %z : f32
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_inference_c7(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected epilogue input 0 to have the type of 'input' ('tensor<8x4xf32>'), or one entry per channel ('tensor<4xf32>' or of a wider type), got 'tensor<8x5xf32>'}}
  %r = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>)
      epilogue(%other : tensor<8x5xf32>) {
    ^bb0(%y: f32, %o: f32):
      bn.yield %o : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_inference_c8(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected the epilogue to take ('f32', 'f32'), got ('f32')}}
  %r = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>)
      epilogue(%x : tensor<8x4xf32>) {
    ^bb0(%y: f32):
      bn.yield %y : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_inference_c8_yield(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected the epilogue to yield 'f32', got 'f64'}}
  %r = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>)
      epilogue {
    ^bb0(%y: f32):
      %wide = arith.extf %y : f32 to f64
      bn.yield %wide : f64
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_inference_c9(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected elementwise ops on scalars, free of memory effects, in the epilogue, got 'memref.load'}}
  %r = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>)
      epilogue {
    ^bb0(%y: f32):
      %more = memref.load %m[] : memref<f32>
      %z = arith.addf %y, %more : f32
      bn.yield %z : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c7(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected epilogue input 0 to have the type of 'input' ('tensor<8x4xf32>'), or one entry per channel ('tensor<4xf32>' or of a wider type), got 'tensor<8x5xf32>'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) outs(%x : tensor<8x4xf32>)
      epilogue(%other : tensor<8x5xf32>) {
    ^bb0(%y: f32, %o: f32):
      bn.yield %o : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c8(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected the epilogue to take ('f32', 'f32'), got ('f32')}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) outs(%x : tensor<8x4xf32>)
      epilogue(%x : tensor<8x4xf32>) {
    ^bb0(%y: f32):
      bn.yield %y : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c8_yield(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected the epilogue to yield 'f32', got 'f64'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) outs(%x : tensor<8x4xf32>)
      epilogue {
    ^bb0(%y: f32):
      %wide = arith.extf %y : f32 to f64
      bn.yield %wide : f64
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @error_normalize_c9(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %other: tensor<8x5xf32>, %m: memref<f32>) {
  // expected-error @below {{expected elementwise ops on scalars, free of memory effects, in the epilogue, got 'memref.load'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      mean(%c : tensor<4xf32>) outs(%x : tensor<8x4xf32>)
      epilogue {
    ^bb0(%y: f32):
      %more = memref.load %m[] : memref<f32>
      %z = arith.addf %y, %more : f32
      bn.yield %z : f32
    } -> tensor<8x4xf32>
  return
}

// -----

// Without an epilogue there is nothing that could take elements.
func.func @error_normalize_c7_no_epilogue(%x: tensor<8x4xf32>) {
  // expected-error @below {{expected no epilogue inputs without an epilogue, got 1}}
  %r = "bn.normalize"(%x, %x, %x) <{axis = array<i64: 1>,
      operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 1, 1>}>
      : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

// Vectors are no scalars.
func.func @error_normalize_c9_vector(%x: tensor<8x4xf32>, %v: vector<4xf32>) {
  // expected-error @below {{expected elementwise ops on scalars, free of memory effects, in the epilogue, got 'arith.negf'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) epilogue {
    ^bb0(%y: f32):
      %w = arith.negf %v : vector<4xf32>
      bn.yield %y : f32
    } -> tensor<8x4xf32>
  return
}

// -----

func.func @another_terminator(%x: tensor<8x4xf32>) {
  // expected-error @below {{expected the epilogue to end with 'bn.yield', got 'linalg.yield'}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) epilogue {
    ^bb0(%y: f32):
      linalg.yield %y : f32
    } -> tensor<8x4xf32>
  return
}

// -----

// f64 data have an f64 epilogue.
func.func @wide(%x: tensor<8x4xf64>) {
  // expected-error @below {{expected the epilogue to take ('f64'), got ('f32')}}
  %r = bn.normalize axis(1) ins(%x : tensor<8x4xf64>)
      outs(%x : tensor<8x4xf64>) epilogue {
    ^bb0(%y: f32):
      bn.yield %y : f32
    } -> tensor<8x4xf64>
  return
}

// -----

func.func @yield_elsewhere(%x: f32) {
  // expected-error @below {{expects parent op to be one of 'bn.training, bn.inference, bn.normalize, bn.backward, bn.backward_reduce, bn.backward_input'}}
  bn.yield %x : f32
}

// -----

func.func @two_epilogues(%x: tensor<8x4xf32>) {
  // expected-error @below {{expected one epilogue at most, got 2}}
  %r = "bn.normalize"(%x, %x) <{axis = array<i64: 1>,
      operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 0, 1>}> ({
    ^bb0(%y: f32):
      bn.yield %y : f32
    }, {
    ^bb0(%y: f32):
      bn.yield %y : f32
    }) : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}
