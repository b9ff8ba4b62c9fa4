// The choice of the schedule and of its sizes, from the shape of the op and
// from the machine, which the module describes: 32 KiB L1, 16 MiB L3, vectors
// of 256 bits. A tile fills half the L1 cache: 4096 elements of f32.

// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2" | FileCheck %s
// RUN: bn-opt %s --bn-select-lowering-strategy="threads=3 vector-bits=512" | FileCheck %s --check-prefix=OPTIONS

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // Up to 64 KiB, one thread does all of it, in one tile.
  // CHECK-LABEL: func @small
  //       CHECK:   <single, threads = 1, parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 256, unroll = 4, stores = temporal>
  // OPTIONS-LABEL: func @small
  //       OPTIONS:   <single, threads = 1, {{.*}} vector_bits = 512
  func.func @small(%x: tensor<16x16x64xf32>, %c: tensor<16xf32>)
      -> tensor<16x16x64xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<16x16x64xf32>)
        outs(%x, %c, %c : tensor<16x16x64xf32>, tensor<16xf32>, tensor<16xf32>)
        -> tensor<16x16x64xf32>, tensor<16xf32>, tensor<16xf32>
    return %y : tensor<16x16x64xf32>
  }

  // Channels first, long rows: one run of channels per thread, in which one
  // channel is normalized while the next is read; 1 row of 3136 per tile.
  // CHECK-LABEL: func @slab(
  //       CHECK:   <pipelined_slab, threads = 2, parallel = [0, 32, 0], tile = [1, 1, 0], {{.*}} prefetch = 1>
  // OPTIONS-LABEL: func @slab(
  //       OPTIONS:   <pipelined_slab, threads = 3, parallel = [0, 22, 0], tile = [1, 1, 0], vector_bits = 512
  func.func @slab(%x: tensor<8x64x3136xf32>, %c: tensor<64xf32>)
      -> tensor<8x64x3136xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x64x3136xf32>)
        outs(%x, %c, %c
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<8x64x3136xf32>
  }

  // Statistics with a mask are no part of a pipelined loop; their tiles are read
  // twice.
  // CHECK-LABEL: func @masked_slab
  //       CHECK:   <slab, threads = 2, parallel = [0, 1, 0], tile = [1, 0, 0],
  func.func @masked_slab(%x: tensor<8x64x3136xf32>, %c: tensor<64xf32>,
      %w: tensor<8x1x3136xf32>) -> tensor<8x64x3136xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x64x3136xf32>) mask(%w : tensor<8x1x3136xf32>)
        outs(%x, %c, %c
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<8x64x3136xf32>
  }

  // Four times 16 rows of 4 KiB are half the L2 cache. Of the dimensions that a
  // mask keeps apart, the first is cut, and is no longer than 1 in a tile.
  // CHECK-LABEL: func @masked_rows
  //       CHECK:   <row_blocks, threads = 2, parallel = [-32, 0], tile = [16, 0], {{.*}} streams = 4>
  //       CHECK:   <row_blocks, threads = 2, parallel = [-8, 0, 0], tile = [1, 16, 0], {{.*}} streams = 4>
  func.func @masked_rows(%x: tensor<4096x1024xf32>, %c: tensor<1024xf64>,
      %w: tensor<4096x1xf32>, %z: tensor<32x49x1024xf32>,
      %u: tensor<32x1x1024xf32>) -> (tensor<1024xf64>, tensor<1024xf64>) {
    %n, %m, %s = bn.stats axis(1) ins(%x : tensor<4096x1024xf32>)
        mask(%w : tensor<4096x1xf32>)
        outs(%c, %c, %c
             : tensor<1024xf64>, tensor<1024xf64>, tensor<1024xf64>)
        -> tensor<1024xf64>, tensor<1024xf64>, tensor<1024xf64>
    %p, %q, %r = bn.stats axis(2) ins(%z : tensor<32x49x1024xf32>)
        mask(%u : tensor<32x1x1024xf32>)
        outs(%c, %c, %c
             : tensor<1024xf64>, tensor<1024xf64>, tensor<1024xf64>)
        -> tensor<1024xf64>, tensor<1024xf64>, tensor<1024xf64>
    return %m, %q : tensor<1024xf64>, tensor<1024xf64>
  }

  // In a parallel loop, an op is the work of one thread; the loop gets the team.
  // CHECK-LABEL: func @in_parallel_loop
  //       CHECK:   scf.forall
  //       CHECK:     <single, threads = 1, parallel = [0, 0], tile = [64, 0],
  //       CHECK:   } {bn.threads = 2 : i64}
  func.func @in_parallel_loop(%x: tensor<8x4096x64xf32>, %c: tensor<8x64xf64>)
      -> tensor<8x64xf64> {
    %r = scf.forall (%i) in (8) shared_outs(%o = %c) -> (tensor<8x64xf64>) {
      %xi = tensor.extract_slice %x[%i, 0, 0] [1, 4096, 64] [1, 1, 1]
          : tensor<8x4096x64xf32> to tensor<4096x64xf32>
      %ci = tensor.extract_slice %o[%i, 0] [1, 64] [1, 1]
          : tensor<8x64xf64> to tensor<64xf64>
      %n, %m, %s = bn.stats axis(1) ins(%xi : tensor<4096x64xf32>)
          outs(%ci, %ci, %ci : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
          -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
      scf.forall.in_parallel {
        tensor.parallel_insert_slice %m into %o[%i, 0] [1, 64] [1, 1]
            : tensor<64xf64> into tensor<8x64xf64>
      }
    }
    return %r : tensor<8x64xf64>
  }

  // Short rows: several channels, so that a read is at most 3 KiB long. What is
  // in the cache anyway is not pipelined.
  // CHECK-LABEL: func @slab_short_rows
  //       CHECK:   <slab, threads = 2, parallel = [0, 8, 0], tile = [{{[0-9]+}}, 0, 0],
  func.func @slab_short_rows(%x: tensor<32x64x49xf32>, %c: tensor<64xf32>)
      -> tensor<32x64x49xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<32x64x49xf32>)
        outs(%x, %c, %c
             : tensor<32x64x49xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<32x64x49xf32>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<32x64x49xf32>
  }

  // With more data, several channels are what is normalized while the next
  // several are read; 128 rows per tile.
  // CHECK-LABEL: func @pipelined_short_rows
  //       CHECK:   <pipelined_slab, threads = 2, parallel = [0, 128, 0], tile = [128, 16, 0], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @pipelined_short_rows(%x: tensor<256x256x49xf32>,
      %c: tensor<256xf32>) -> tensor<256x256x49xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<256x256x49xf32>)
        outs(%x, %c, %c
             : tensor<256x256x49xf32>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<256x256x49xf32>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<256x256x49xf32>
  }

  // Of 16-bit data what is spread over the row in f32 fills the L1 cache: one
  // sweep after the other, with room for twice as many channels.
  // CHECK-LABEL: func @short_rows_of_bf16
  //       CHECK:   <slab, threads = 2, parallel = [0, 32, 0], tile = [128, 0, 0], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @short_rows_of_bf16(%x: tensor<256x256x49xbf16>,
      %c: tensor<256xf32>) -> tensor<256x256x49xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<256x256x49xbf16>)
        outs(%x, %c, %c
             : tensor<256x256x49xbf16>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<256x256x49xbf16>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<256x256x49xbf16>
  }

  // Rows above 8192 elements are cut in equal parts: 50176 = 7 * 7168.
  // CHECK-LABEL: func @slab_long_rows
  //       CHECK:   <pipelined_slab, threads = 2, parallel = [0, 32, 0], tile = [1, 1, 7168],
  func.func @slab_long_rows(%x: tensor<2x64x50176xf32>, %c: tensor<64xf32>)
      -> tensor<2x64x50176xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<2x64x50176xf32>)
        outs(%x, %c, %c
             : tensor<2x64x50176xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<2x64x50176xf32>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<2x64x50176xf32>
  }

  // Parts are whole cache lines: 5 * 3920 elements, not 4 * 4900.
  // CHECK-LABEL: func @slab_parts_of_lines
  //       CHECK:   <pipelined_slab, threads = 2, parallel = [0, 32, 0], tile = [1, 1, 3920],
  func.func @slab_parts_of_lines(%x: tensor<8x64x19600xf32>,
      %c: tensor<64xf32>) -> tensor<8x64x19600xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x64x19600xf32>)
        outs(%x, %c, %c
             : tensor<8x64x19600xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x19600xf32>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<8x64x19600xf32>
  }

  // Sizes that are not known: one channel at a time, not pipelined.
  // CHECK-LABEL: func @slab_dynamic
  //       CHECK:   <slab, threads = 2, parallel = [0, 1, 0], tile = [1, 0, 4096],
  //  CHECK-SAME:     stores = temporal>
  func.func @slab_dynamic(%x: tensor<?x?x?xf32>, %c: tensor<?xf32>)
      -> tensor<?x?x?xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<?x?x?xf32>)
        outs(%x, %c, %c : tensor<?x?x?xf32>, tensor<?xf32>, tensor<?xf32>)
        -> tensor<?x?x?xf32>, tensor<?xf32>, tensor<?xf32>
    return %y : tensor<?x?x?xf32>
  }

  // Fewer than 8 channels: the reduction is what is cut.
  // CHECK-LABEL: func @split
  //       CHECK:   <split, threads = 2, parallel = [-32, 0, 0], tile = [1, 0, 4096],
  func.func @split(%x: tensor<64x3x3136xf32>, %c: tensor<3xf32>)
      -> tensor<64x3x3136xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<64x3x3136xf32>)
        outs(%x, %c, %c : tensor<64x3x3136xf32>, tensor<3xf32>, tensor<3xf32>)
        -> tensor<64x3x3136xf32>, tensor<3xf32>, tensor<3xf32>
    return %y : tensor<64x3x3136xf32>
  }

  // With a small batch, along the rows.
  // CHECK-LABEL: func @split_rows
  //       CHECK:   <split, threads = 2, parallel = [0, 0, -32], tile = [1, 0, 4096],
  func.func @split_rows(%x: tensor<1x3x50176xf32>, %c: tensor<3xf32>)
      -> tensor<1x3x50176xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<1x3x50176xf32>)
        outs(%x, %c, %c : tensor<1x3x50176xf32>, tensor<3xf32>, tensor<3xf32>)
        -> tensor<1x3x50176xf32>, tensor<3xf32>, tensor<3xf32>
    return %y : tensor<1x3x50176xf32>
  }

  // Elementwise: about 64 pieces, from the outermost dimension inwards.
  // CHECK-LABEL: func @sweep
  //       CHECK:   <sweep, threads = 2, parallel = [-8, -8, 0], tile = [0, 0, 0],
  func.func @sweep(%x: tensor<8x64x784xf32>, %c: tensor<64xf32>)
      -> tensor<8x64x784xf32> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x64x784xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<8x64x784xf32>) -> tensor<8x64x784xf32>
    return %y : tensor<8x64x784xf32>
  }

  // Input and output of 26 MB exceed 5/4 of the last-level cache.
  // CHECK-LABEL: func @nontemporal
  //       CHECK:   stores = nontemporal>
  func.func @nontemporal(%x: tensor<32x64x1600xf32>, %c: tensor<64xf32>)
      -> tensor<32x64x1600xf32> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<32x64x1600xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<32x64x1600xf32>) -> tensor<32x64x1600xf32>
    return %y : tensor<32x64x1600xf32>
  }

  // Two tensors of 8 MB do not, three do: the inputs of an epilogue are read,
  // too.
  // CHECK-LABEL: func @epilogue
  //       CHECK:   stores = temporal>
  //       CHECK:   stores = nontemporal>
  func.func @epilogue(%x: tensor<8x64x4096xf32>, %r: tensor<8x64x4096xf32>,
      %c: tensor<64xf32>) -> tensor<8x64x4096xf32> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x64x4096xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<8x64x4096xf32>) -> tensor<8x64x4096xf32>
    %z = bn.inference axis(1) epsilon(1.0) ins(%y : tensor<8x64x4096xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<8x64x4096xf32>)
        epilogue(%r : tensor<8x64x4096xf32>) {
      ^bb0(%e: f32, %f: f32):
        %s = arith.addf %e, %f : f32
        bn.yield %s : f32
      } -> tensor<8x64x4096xf32>
    return %z : tensor<8x64x4096xf32>
  }

  // 13 MB are more than 3/4 of it, past which one channel is written while the
  // next is read; rows of channels are written into the cache up to 4/4.
  // CHECK-LABEL: func @nontemporal_training
  //       CHECK:   <pipelined_slab, {{.*}} stores = nontemporal,
  //       CHECK:   <row_blocks, {{.*}} stores = temporal,
  func.func @nontemporal_training(%x: tensor<8x64x3136xf32>,
      %z: tensor<25088x64xf32>, %c: tensor<64xf32>)
      -> (tensor<8x64x3136xf32>, tensor<25088x64xf32>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x64x3136xf32>)
        outs(%x, %c, %c
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    %w, %n, %s = bn.training axis(1) epsilon(1.0)
        ins(%z : tensor<25088x64xf32>)
        outs(%z, %c, %c : tensor<25088x64xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<25088x64xf32>, tensor<64xf32>, tensor<64xf32>
    return %y, %w : tensor<8x64x3136xf32>, tensor<25088x64xf32>
  }

  // Half as many bytes per element: input and output fit the last-level cache.
  // CHECK-LABEL: func @bf16
  //       CHECK:   <pipelined_slab, threads = 2, parallel = [0, 32, 0], tile = [2, 1, 0], {{.*}} stores = temporal, prefetch = 1>
  func.func @bf16(%x: tensor<8x64x3136xbf16>, %c: tensor<64xf32>)
      -> tensor<8x64x3136xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x64x3136xbf16>)
        outs(%x, %c, %c
             : tensor<8x64x3136xbf16>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xbf16>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<8x64x3136xbf16>
  }

  // Axes that are not neighbours take a correct path.
  // CHECK-LABEL: func @two_axes
  //       CHECK:   <slab, threads = 2, parallel = [0, 1, 0, 0],
  func.func @two_axes(%x: tensor<8x16x32x64xf32>, %c: tensor<16x64xf32>)
      -> tensor<8x16x32x64xf32> {
    %y, %m, %v = bn.training axis(1, 3) epsilon(1.0)
        ins(%x : tensor<8x16x32x64xf32>)
        outs(%x, %c, %c
             : tensor<8x16x32x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>)
        -> tensor<8x16x32x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>
    return %y : tensor<8x16x32x64xf32>
  }

  // Empty data are not tiled: a slice of nothing has no legal offset.
  // CHECK-LABEL: func @empty
  //       CHECK:   <single, threads = 1, parallel = [0, 0, 0], tile = [0, 0, 0],
  func.func @empty(%x: tensor<?x?x0xf32>, %c: tensor<?xf32>)
      -> tensor<?x?x0xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<?x?x0xf32>)
        outs(%x, %c, %c : tensor<?x?x0xf32>, tensor<?xf32>, tensor<?xf32>)
        -> tensor<?x?x0xf32>, tensor<?xf32>, tensor<?xf32>
    return %y : tensor<?x?x0xf32>
  }

  // Gradients move three tensors: 6.4 MB each are more than 3/4 of the L3 cache,
  // two of them would not be.
  // CHECK-LABEL: func @gradients(
  //       CHECK:   <pipelined_slab, threads = 2, parallel = [0, 32, 0], tile = [1, 1, 0], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @gradients(%dy: tensor<8x64x3136xf32>, %x: tensor<8x64x3136xf32>,
      %c: tensor<64xf32>)
      -> tensor<8x64x3136xf32> {
    %dx, %dg = bn.backward axis(1) epsilon(1.0) wrt(input, scale)
        ins(%dy, %x : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x, %c : tensor<8x64x3136xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>
    return %dx : tensor<8x64x3136xf32>
  }

  // Their short rows in 16 bits are not asked for ahead by registers of 256 bits,
  // which take longer than the memory; training is (@short_rows_of_bf16).
  // CHECK-LABEL: func @short_rows_of_gradients
  //       CHECK:   <slab, threads = 2, parallel = [0, 32, 0], tile = [128, 0, 0], vector_bits = 256, unroll = 4, stores = nontemporal>
  func.func @short_rows_of_gradients(%dy: tensor<256x256x49xbf16>,
      %x: tensor<256x256x49xbf16>, %z: tensor<256x256x49xbf16>,
      %c: tensor<256xf32>) -> tensor<256x256x49xbf16> {
    %dx, %dg = bn.backward axis(1) epsilon(1.0) wrt(input, scale)
        ins(%dy, %x : tensor<256x256x49xbf16>, tensor<256x256x49xbf16>)
        statistics(%c, %c : tensor<256xf32>, tensor<256xf32>)
        outs(%z, %c : tensor<256x256x49xbf16>, tensor<256xf32>)
        -> tensor<256x256x49xbf16>, tensor<256xf32>
    return %dx : tensor<256x256x49xbf16>
  }

  // With frozen statistics, the gradient of the input alone is elementwise; with
  // others there is one sweep, whose rows are not read from several places.
  // CHECK-LABEL: func @frozen_gradients
  //       CHECK:   <sweep, threads = 2, parallel = [-64, 0],
  //       CHECK:   <row_blocks, threads = 2, parallel = [-8, 0], tile = [64, 0], vector_bits = 256, unroll = 4, stores = nontemporal, prefetch = 3>
  func.func @frozen_gradients(%dy: tensor<12544x128xf32>,
      %x: tensor<12544x128xf32>, %c: tensor<128xf32>)
      -> (tensor<12544x128xf32>, tensor<12544x128xf32>) {
    %a = bn.backward axis(1) epsilon(1.0) wrt(input) frozen
        ins(%dy, %x : tensor<12544x128xf32>, tensor<12544x128xf32>)
        statistics(%c, %c : tensor<128xf32>, tensor<128xf32>)
        outs(%x : tensor<12544x128xf32>) -> tensor<12544x128xf32>
    %b, %d = bn.backward axis(1) epsilon(1.0) wrt(input, offset) frozen
        ins(%dy, %x : tensor<12544x128xf32>, tensor<12544x128xf32>)
        statistics(%c, %c : tensor<128xf32>, tensor<128xf32>)
        outs(%x, %c : tensor<12544x128xf32>, tensor<128xf32>)
        -> tensor<12544x128xf32>, tensor<128xf32>
    return %a, %b : tensor<12544x128xf32>, tensor<12544x128xf32>
  }

  // A strategy by hand stays.
  // CHECK-LABEL: func @by_hand
  //       CHECK:   <sweep, threads = 7, parallel = [2, 0, 0], tile = [0, 0, 0], vector_bits = 128, unroll = 2, stores = temporal>
  func.func @by_hand(%x: tensor<8x64x784xf32>) -> tensor<8x64x784xf32> {
    %y = bn.normalize axis(1)
        {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 7,
         parallel = [2, 0, 0], tile = [0, 0, 0], vector_bits = 128, unroll = 2,
         stores = temporal>}
        ins(%x : tensor<8x64x784xf32>) outs(%x : tensor<8x64x784xf32>)
        -> tensor<8x64x784xf32>
    return %y : tensor<8x64x784xf32>
  }
}
