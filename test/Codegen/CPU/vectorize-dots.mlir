// Sums of products of bf16, and of bf16 alone, for raw moments are dot products
// where the processor has them: two numbers at a time for each sum in f32.

// RUN: bn-opt %s --bn-vectorize-tiles="avx512-bf16" --canonicalize --cse --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-vectorize-tiles --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=WITHOUT
// WITHOUT-NOT: avx512.dot

// Along a row, neighbours. Two registers at a time are a short sum; what is
// masked off is 0.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @along_a_row
//   CHECK-DAG:   %[[ZEROS:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
//   CHECK-DAG:   %[[ONES:.*]] = arith.constant dense<1.000000e+00> : vector<32xbf16>
//   CHECK-DAG:   %[[NONE:.*]] = arith.constant dense<0.000000e+00> : vector<32xbf16>
//       CHECK:   scf.for %{{.*}} = %c0 to %c256 step %c64 iter_args(%[[S:.*]] = %[[ZEROS]], %[[Q:.*]] = %[[ZEROS]])
//       CHECK:     %[[X:.*]] = vector.transfer_read {{.*}} vector<64xbf16>
//       CHECK:     %[[A:.*]] = vector.extract_strided_slice %[[X]] {offsets = [0], sizes = [32],
//       CHECK:     %[[S0:.*]] = x86vector.avx512.dot %[[ZEROS]], %[[A]], %[[ONES]]
//       CHECK:     %[[B:.*]] = vector.extract_strided_slice %[[X]] {offsets = [32], sizes = [32],
//       CHECK:     %[[S1:.*]] = x86vector.avx512.dot %[[S0]], %[[B]], %[[ONES]]
//       CHECK:     arith.addf %[[S1]], %[[S]]
//       CHECK:     x86vector.avx512.dot %{{.*}}, %[[A]], %[[A]]
//       CHECK:     x86vector.avx512.dot %{{.*}}, %[[B]], %[[B]]
//       CHECK:   %[[TAIL:.*]] = vector.transfer_read {{.*}} vector<32xbf16>
//       CHECK:   %[[KEPT:.*]] = arith.select %{{.*}}, %[[TAIL]], %[[NONE]]
//       CHECK:   x86vector.avx512.dot %{{.*}}, %[[KEPT]], %[[ONES]]
//       CHECK:   x86vector.avx512.dot %{{.*}}, %[[KEPT]], %[[KEPT]]
//   CHECK-NOT:   arith.extf
func.func @along_a_row(%x: tensor<260xbf16>, %s0: tensor<f32>, %q0: tensor<f32>)
    -> (tensor<f32>, tensor<f32>) {
  %s, %q = linalg.generic {indexing_maps = [#x, #s, #s],
                           iterator_types = ["reduction"]}
      ins(%x : tensor<260xbf16>) outs(%s0, %q0 : tensor<f32>, tensor<f32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0], tile = [0], vector_bits = 512, unroll = 4,
               stores = temporal, moments = raw>} {
  ^bb0(%in: bf16, %out: f32, %out2: f32):
    %wide = arith.extf %in : bf16 to f32
    %t = arith.addf %out, %wide : f32
    %square = arith.mulf %wide, %wide : f32
    %u = arith.addf %out2, %square : f32
    linalg.yield %t, %u : f32, f32
  } -> (tensor<f32>, tensor<f32>)
  return %s, %q : tensor<f32>, tensor<f32>
}

// -----

// Where channels are contiguous, two rows, element by element, eight rows at a
// time; the sums of a register are put in order at the end.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @along_channels
//       CHECK:   scf.for %{{.*}} = %c0 to %c16 step %c8
// CHECK-COUNT-8: vector.transfer_read {{.*}} vector<32xbf16>
//       CHECK:     vector.shuffle %{{.*}}, %{{.*}} [0, 32, 1, 33, 2, 34, 3, 35, 8, 40, {{.*}}, 27, 59, 4, 36, {{.*}}, 31, 63] : vector<32xbf16>, vector<32xbf16>
//       CHECK:     x86vector.avx512.dot
//       CHECK:     vector.shuffle %{{.*}}, %{{.*}} [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, {{.*}}, 31] : vector<32xf32>, vector<32xf32>
//       CHECK:     arith.addf {{.*}} : vector<32xf32>
// The last row has none beside it.
//       CHECK:   vector.transfer_read {{.*}} vector<32xbf16>
//       CHECK:   arith.extf
func.func @along_channels(%x: tensor<17x32xbf16>, %s0: tensor<32xf32>)
    -> tensor<32xf32> {
  %half = arith.constant 0.5 : f32
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<17x32xbf16>) outs(%s0 : tensor<32xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0, 0], tile = [0, 0], vector_bits = 512, unroll = 4,
               stores = temporal, moments = raw>} {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %p = arith.mulf %wide, %half : f32
    %t = arith.addf %p, %out : f32
    linalg.yield %t : f32
  } -> tensor<32xf32>
  return %s : tensor<32xf32>
}

// -----

// Not of a constant that bf16 cannot hold, and not of a difference.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @other
//   CHECK-NOT:   avx512.dot
//       CHECK:   return
func.func @other(%x: tensor<256xbf16>, %m: tensor<f32>, %s0: tensor<f32>,
    %q0: tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  %third = arith.constant 0.333 : f32
  %s = linalg.generic {indexing_maps = [#x, #s], iterator_types = ["reduction"]}
      ins(%x : tensor<256xbf16>) outs(%s0 : tensor<f32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0], tile = [0], vector_bits = 512, unroll = 4,
               stores = temporal, moments = raw>} {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %p = arith.mulf %wide, %third : f32
    %t = arith.addf %out, %p : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  %q = linalg.generic {indexing_maps = [#x, #s, #s],
                       iterator_types = ["reduction"]}
      ins(%x, %m : tensor<256xbf16>, tensor<f32>) outs(%q0 : tensor<f32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0], tile = [0], vector_bits = 512, unroll = 4,
               stores = temporal, moments = raw>} {
  ^bb0(%in: bf16, %mean: f32, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %d = arith.subf %wide, %mean : f32
    %p = arith.mulf %d, %d : f32
    %t = arith.addf %out, %p : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s, %q : tensor<f32>, tensor<f32>
}

// -----

// Registers of 256 bits: what is left of 40 is single elements. Of two inputs.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @narrow
//       CHECK:   %[[A:.*]] = vector.transfer_read {{.*}} vector<16xbf16>
//       CHECK:   %[[B:.*]] = vector.transfer_read {{.*}} vector<16xbf16>
//       CHECK:   x86vector.avx512.dot %{{.*}}, %[[A]], %[[B]] : vector<16xbf16> -> vector<8xf32>
//       CHECK:   scf.for %{{.*}} = %c32 to %c40 step %c1
//       CHECK:     arith.extf %{{.*}} : bf16 to f32
func.func @narrow(%x: tensor<40xbf16>, %z: tensor<40xbf16>, %s0: tensor<f32>)
    -> tensor<f32> {
  %s = linalg.generic {indexing_maps = [#x, #x, #s],
                       iterator_types = ["reduction"]}
      ins(%x, %z : tensor<40xbf16>, tensor<40xbf16>) outs(%s0 : tensor<f32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0], tile = [0], vector_bits = 256, unroll = 1,
               stores = temporal, moments = raw>} {
  ^bb0(%in: bf16, %in2: bf16, %out: f32):
    %a = arith.extf %in : bf16 to f32
    %b = arith.extf %in2 : bf16 to f32
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %out, %p : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// A masked rest of channels; rows of a dynamic number.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @masked_channels
//       CHECK:   scf.for
//       CHECK:     %[[MASK:.*]] = vector.constant_mask [8] : vector<16xi1>
//       CHECK:     vector.interleave {{.*}} : vector<16xbf16> -> vector<32xbf16>
//       CHECK:     x86vector.avx512.dot {{.*}} : vector<32xbf16> -> vector<16xf32>
//       CHECK:     vector.transfer_write {{.*}}, %[[MASK]]
func.func @masked_channels(%x: tensor<?x24xbf16>, %s0: tensor<24xf32>)
    -> tensor<24xf32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<?x24xbf16>) outs(%s0 : tensor<24xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0, 0], tile = [0, 0], vector_bits = 512, unroll = 2,
               stores = temporal, moments = raw>} {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %t = arith.addf %wide, %out : f32
    linalg.yield %t : f32
  } -> tensor<24xf32>
  return %s : tensor<24xf32>
}
