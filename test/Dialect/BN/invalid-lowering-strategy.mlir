// Strategies that no pass can obey. On an op, a strategy has one size for each
// dimension.

// RUN: bn-opt %s --verify-diagnostics --split-input-file

// expected-error @below {{expected 'threads' to be 0 to 1024, got -1}}
#threads = #bn.lowering_strategy<slab, threads = -1,
    parallel = [0, 1], tile = [1, 0], vector_bits = 256, unroll = 4,
    stores = temporal>

// -----

// expected-error @below {{expected 'threads' to be 0 to 1024, got 1025}}
#team = #bn.lowering_strategy<slab, threads = 1025,
    parallel = [0, 1], tile = [1, 0], vector_bits = 256, unroll = 4,
    stores = temporal>

// -----

// expected-error @below {{expected pieces in 'parallel' to be at most 2147483647, got -2147483648}}
#pieces = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, -2147483648], tile = [1, 0], vector_bits = 256, unroll = 4,
    stores = temporal>

// -----

// expected-error @below {{expected 'parallel' and 'tile' to have the same size, got 3 and 2}}
#sizes = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 1, 0], tile = [1, 0], vector_bits = 256, unroll = 4,
    stores = temporal>

// -----

// expected-error @below {{expected sizes in 'tile' to be at least 0, got -1}}
#tile = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 1], tile = [-1, 0], vector_bits = 256, unroll = 4,
    stores = temporal>

// -----

// expected-error @below {{expected 'vector_bits' to be a power of two from 64 to 4096, got 192}}
#vector_bits = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 1], tile = [1, 0], vector_bits = 192, unroll = 4,
    stores = temporal>

// -----

// expected-error @below {{expected 'vector_bits' to be a power of two from 64 to 4096, got 32}}
#vector_bits_narrow = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 1], tile = [1, 0], vector_bits = 32, unroll = 4,
    stores = temporal>

// -----

// expected-error @below {{expected 'unroll' to be a power of two from 1 to 64, got 0}}
#unroll = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 1], tile = [1, 0], vector_bits = 256, unroll = 0,
    stores = temporal>

// -----

// expected-error @below {{expected 'unroll' to be a power of two from 1 to 64, got 128}}
#unroll_far = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 1], tile = [1, 0], vector_bits = 256, unroll = 128,
    stores = temporal>

// -----

// expected-error @below {{expected 'unroll' to be a power of two from 1 to 64, got 3}}
#unroll_odd = #bn.lowering_strategy<slab, threads = 0,
    parallel = [0, 1], tile = [1, 0], vector_bits = 256, unroll = 3,
    stores = temporal>

// -----

func.func @rank(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error @below {{expected 'bn.lowering_strategy' to have 2 tile sizes, got 3}}
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
       parallel = [1, 0, 0], tile = [0, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x4xf32>) outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

func.func @not_a_strategy(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error @below {{expected 'bn.lowering_strategy' to be a #bn.lowering_strategy, got "slab"}}
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = "slab"}
      ins(%x : tensor<8x4xf32>) outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

func.func @unknown(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error @below {{unknown attribute 'bn.strategy' of the dialect 'bn'}}
  %y = bn.normalize axis(1)
      {bn.strategy = "slab"}
      ins(%x : tensor<8x4xf32>) outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// expected-error @below {{expected 'streams' to be 1 to 8, got 9}}
func.func @streams() attributes {s = #bn.lowering_strategy<single, threads = 0,
    parallel = [], tile = [], vector_bits = 64, unroll = 1, stores = temporal,
    streams = 9>} { return }

// -----

// expected-error @below {{expected 'prefetch' to be 0 to 64, got -1}}
func.func @prefetch() attributes {s = #bn.lowering_strategy<single, threads = 0,
    parallel = [], tile = [], vector_bits = 64, unroll = 1, stores = temporal,
    prefetch = -1>} { return }

// -----

// expected-error @below {{expected 'jam' to be 1 to 8, got 0}}
func.func @jam() attributes {s = #bn.lowering_strategy<single, threads = 0,
    parallel = [], tile = [], vector_bits = 64, unroll = 1, stores = temporal,
    jam = 0>} { return }

// -----

func.func @twice() attributes {s = #bn.lowering_strategy<single, threads = 0,
    parallel = [], tile = [], vector_bits = 64, unroll = 1, stores = temporal,
    // expected-error @below {{expected at most one each of 'streams', 'jam', 'prefetch' and 'moments', got 'jam'}}
    jam = 2, jam = 2>} { return }

// -----

func.func @moments() attributes {s = #bn.lowering_strategy<single, threads = 0,
    parallel = [], tile = [], vector_bits = 64, unroll = 1, stores = temporal,
    // expected-error @below {{expected one of [central, raw] for what statistics are computed of, got: pure}}
    moments = pure>} { return }

// -----

func.func @short_nan(%x: f32) -> f32 {
  // expected-error @below {{expected 'bn.short_nan' on 'vector.interleave', got 'arith.negf'}}
  %y = arith.negf %x {bn.short_nan} : f32
  return %y : f32
}
