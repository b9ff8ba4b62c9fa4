// Dot products add up a row of bf16 in registers; shorter rows than a register
// have them along the spread.

// RUN: bn-opt %s --bn-flatten-short-rows --canonicalize --cse | FileCheck %s

#data = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d1)>
// CHECK-LABEL: func @raw_moments
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<50x16x49xbf16>)
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<50x400xbf16>)
func.func @raw_moments(%x: tensor<50x16x49xbf16>, %z: tensor<50x16x25xbf16>,
    %s: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>) {
  %a = linalg.generic {indexing_maps = [#data, #channel],
                       iterator_types = ["reduction", "parallel", "reduction"]}
      ins(%x : tensor<50x16x49xbf16>) outs(%s : tensor<16xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512,
               unroll = 4, stores = temporal, moments = raw>} {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %t = arith.addf %wide, %out : f32
    linalg.yield %t : f32
  } -> tensor<16xf32>
  %b = linalg.generic {indexing_maps = [#data, #channel],
                       iterator_types = ["reduction", "parallel", "reduction"]}
      ins(%z : tensor<50x16x25xbf16>) outs(%s : tensor<16xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512,
               unroll = 4, stores = temporal, moments = raw>} {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %t = arith.addf %wide, %out : f32
    linalg.yield %t : f32
  } -> tensor<16xf32>
  return %a, %b : tensor<16xf32>, tensor<16xf32>
}
