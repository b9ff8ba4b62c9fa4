// The attribute that the passes of the phases 'tiled' and 'vector' obey, on ops
// of both levels.

// RUN: bn-opt %s | bn-opt | FileCheck %s

// CHECK-LABEL: func @strategies
func.func @strategies(%x: tensor<8x4x100xf32>, %n: tensor<4xf64>)
    -> (tensor<8x4x100xf32>, tensor<4xf64>) {
  // CHECK: bn.normalize axis(1)
  // CHECK-SAME: {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 2, parallel = [-8, 0, 0], tile = [0, 0, 0], vector_bits = 512, unroll = 1, stores = nontemporal>}
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 2,
       parallel = [-8, 0, 0], tile = [0, 0, 0], vector_bits = 512, unroll = 1,
       stores = nontemporal>}
      ins(%x : tensor<8x4x100xf32>) outs(%x : tensor<8x4x100xf32>)
      -> tensor<8x4x100xf32>
  // CHECK: bn.stats axis(1)
  // CHECK-SAME: #bn.lowering_strategy<slab, threads = 0, parallel = [0, 1, 0], tile = [1, 0, 64], vector_bits = 256, unroll = 4, stores = temporal>
  %s:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
       parallel = [0, 1, 0], tile = [1, 0, 64], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x4x100xf32>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %y, %s#1 : tensor<8x4x100xf32>, tensor<4xf64>
}

// CHECK-LABEL: func @schedules
// CHECK-SAME: #bn.lowering_strategy<single,
// CHECK-SAME: #bn.lowering_strategy<row_blocks,
// CHECK-SAME: #bn.lowering_strategy<split,
// CHECK-SAME: #bn.lowering_strategy<pipelined_slab, {{.*}} stores = nontemporal, prefetch = 1>
// CHECK-SAME: stores = temporal, streams = 4>
// CHECK-SAME: stores = temporal, streams = 2, prefetch = 3>
// CHECK-SAME: stores = temporal, streams = 4, jam = 2, prefetch = 1>
// CHECK-SAME: stores = temporal, streams = 4, moments = raw>
// CHECK-SAME: stores = temporal>
func.func @schedules() attributes {list = [
    #bn.lowering_strategy<single, threads = 1, parallel = [], tile = [],
        vector_bits = 64, unroll = 1, stores = temporal>,
    #bn.lowering_strategy<row_blocks, threads = 0, parallel = [-1], tile = [0],
        vector_bits = 128, unroll = 64, stores = temporal>,
    #bn.lowering_strategy<split, threads = 0, parallel = [3], tile = [7],
        vector_bits = 256, unroll = 4, stores = temporal>,
    #bn.lowering_strategy<pipelined_slab, threads = 2, parallel = [0, 32, 0],
        tile = [1, 1, 0], vector_bits = 256, unroll = 4, stores = nontemporal,
        prefetch = 1>,
    #bn.lowering_strategy<row_blocks, threads = 0, parallel = [-8, 0],
        tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal,
        streams = 4, prefetch = 0>,
    #bn.lowering_strategy<row_blocks, threads = 0, parallel = [-8, 0],
        tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal,
        streams = 2, prefetch = 3>,
    #bn.lowering_strategy<row_blocks, threads = 0, parallel = [-8, 0],
        tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal,
        prefetch = 1, streams = 4, jam = 2>,
    #bn.lowering_strategy<row_blocks, threads = 0, parallel = [-8, 0],
        tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal,
        moments = raw, streams = 4>,
    #bn.lowering_strategy<row_blocks, threads = 0, parallel = [-8, 0],
        tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal,
        moments = central>]} {
  return
}
