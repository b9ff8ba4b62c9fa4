// A last-level cache of 48 MiB and more is one of dozens of cores, and far from
// each: what fits the L2 cache, of 2 MiB, should stay in it.

// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2" | FileCheck %s

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 49152 : i64,
      "L2_cache_size_in_bytes" = 2097152 : i64,
      "L3_cache_size_in_bytes" = 50331648 : i64,
      "max_vector_op_width" = 512 : i64>>
} {
  // In a sweep, rows that begin in the middle of a cache line are treated
  // together, in at least 8 groups; not rows of whole lines, nor those of so few
  // images that the spread would not be read often.
  // CHECK-LABEL: func @sweep_short_rows
  //       CHECK:   <sweep, threads = 2, parallel = [0, 8, 0], tile = [0, 0, 0], {{.*}} stores = temporal>
  //       CHECK:   <sweep, threads = 2, parallel = [-50, -2, 0],
  //       CHECK:   <sweep, threads = 2, parallel = [-7, -10, 0],
  func.func @sweep_short_rows(%x: tensor<50x64x49xf32>,
      %z: tensor<50x64x64xf32>, %u: tensor<7x640x49xf32>, %c: tensor<64xf32>,
      %d: tensor<640xf32>)
      -> (tensor<50x64x49xf32>, tensor<50x64x64xf32>, tensor<7x640x49xf32>) {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<50x64x49xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<50x64x49xf32>) -> tensor<50x64x49xf32>
    %w = bn.inference axis(1) epsilon(1.0) ins(%z : tensor<50x64x64xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%z : tensor<50x64x64xf32>) -> tensor<50x64x64xf32>
    %v = bn.inference axis(1) epsilon(1.0) ins(%u : tensor<7x640x49xf32>)
        statistics(%d, %d : tensor<640xf32>, tensor<640xf32>)
        outs(%u : tensor<7x640x49xf32>) -> tensor<7x640x49xf32>
    return %y, %w, %v
        : tensor<50x64x49xf32>, tensor<50x64x64xf32>, tensor<7x640x49xf32>
  }

  // Nor rows of which fewer than four channels are 3 KiB, those of 16-bit data,
  // whose spread is twice as long, or of channels too few to be shared.
  // CHECK-LABEL: func @sweep_rows_alone
  //       CHECK:   <sweep, threads = 2, parallel = [-32, -2, 0],
  //       CHECK:   <sweep, threads = 2, parallel = [-50, -2, 0],
  //       CHECK:   <sweep, threads = 2, parallel = [-64, 0, 0],
  func.func @sweep_rows_alone(%x: tensor<32x192x289xf32>,
      %z: tensor<50x64x49xbf16>, %u: tensor<2048x8x49xf32>,
      %b: tensor<192xf32>, %c: tensor<64xf32>, %d: tensor<8xf32>)
      -> (tensor<32x192x289xf32>, tensor<50x64x49xbf16>,
          tensor<2048x8x49xf32>) {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<32x192x289xf32>)
        statistics(%b, %b : tensor<192xf32>, tensor<192xf32>)
        outs(%x : tensor<32x192x289xf32>) -> tensor<32x192x289xf32>
    %w = bn.inference axis(1) epsilon(1.0) ins(%z : tensor<50x64x49xbf16>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%z : tensor<50x64x49xbf16>) -> tensor<50x64x49xbf16>
    %v = bn.inference axis(1) epsilon(1.0) ins(%u : tensor<2048x8x49xf32>)
        statistics(%d, %d : tensor<8xf32>, tensor<8xf32>)
        outs(%u : tensor<2048x8x49xf32>) -> tensor<2048x8x49xf32>
    return %y, %w, %v : tensor<32x192x289xf32>, tensor<50x64x49xbf16>,
        tensor<2048x8x49xf32>
  }

  // A slab of gradients of 1.25 MB fits the L2 cache once, but not twice: it is
  // not pipelined. Nor is that of more and shorter rows, each of which is a tile,
  // to be asked for ahead. That of training is half of it, and is; so are data of
  // which most is not in the last-level cache, slabs of many images, and those
  // that do not fit.
  // CHECK-LABEL: func @slab_that_fits_once
  //       CHECK:   <slab, threads = 2, parallel = [0, 1, 0], tile = [1, 0, 0], {{.*}} stores = nontemporal, prefetch = 1>
  //       CHECK:   <slab, threads = 2, parallel = [0, 1, 0], tile = [1, 0, 0], {{.*}} stores = nontemporal, prefetch = 1>
  //       CHECK:   <pipelined_slab,
  //       CHECK:   <pipelined_slab,
  //       CHECK:   <pipelined_slab,
  //       CHECK:   <pipelined_slab,
  func.func @slab_that_fits_once(%dy: tensor<50x64x3136xf32>,
      %x: tensor<50x64x3136xf32>, %dz: tensor<50x256x3136xf32>,
      %z: tensor<50x256x3136xf32>, %du: tensor<65x64x3136xf32>,
      %u: tensor<65x64x3136xf32>, %dv: tensor<64x64x2304xf32>,
      %v: tensor<64x64x2304xf32>, %dw: tensor<50x16x6400xf32>,
      %w: tensor<50x16x6400xf32>, %c: tensor<64xf32>, %d: tensor<256xf32>,
      %o: tensor<16xf32>)
      -> (tensor<50x64x3136xf32>, tensor<64x64x2304xf32>,
          tensor<50x64x3136xf32>, tensor<50x256x3136xf32>,
          tensor<65x64x3136xf32>, tensor<50x16x6400xf32>) {
    %a = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x64x3136xf32>, tensor<50x64x3136xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<50x64x3136xf32>) -> tensor<50x64x3136xf32>
    %f = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dv, %v : tensor<64x64x2304xf32>, tensor<64x64x2304xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%v : tensor<64x64x2304xf32>) -> tensor<64x64x2304xf32>
    %y, %m, %s = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x64x3136xf32>)
        outs(%x, %c, %c
             : tensor<50x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<50x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    %b = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dz, %z : tensor<50x256x3136xf32>, tensor<50x256x3136xf32>)
        statistics(%d, %d : tensor<256xf32>, tensor<256xf32>)
        outs(%z : tensor<50x256x3136xf32>) -> tensor<50x256x3136xf32>
    %e = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%du, %u : tensor<65x64x3136xf32>, tensor<65x64x3136xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%u : tensor<65x64x3136xf32>) -> tensor<65x64x3136xf32>
    %g = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dw, %w : tensor<50x16x6400xf32>, tensor<50x16x6400xf32>)
        statistics(%o, %o : tensor<16xf32>, tensor<16xf32>)
        outs(%w : tensor<50x16x6400xf32>) -> tensor<50x16x6400xf32>
    return %a, %f, %y, %b, %e, %g
        : tensor<50x64x3136xf32>, tensor<64x64x2304xf32>,
          tensor<50x64x3136xf32>, tensor<50x256x3136xf32>,
          tensor<65x64x3136xf32>, tensor<50x16x6400xf32>
  }

  // Data that fill half of the cache stay slabs. Of f32, one row of several
  // channels ahead is enough, and none where they are not pipelined.
  // CHECK-LABEL: func @rows_ahead
  //       CHECK:   <pipelined_slab, {{.*}} tile = [0, 1, 0], {{.*}} stores = temporal,
  //       CHECK:   <pipelined_slab, {{.*}} tile = [0, 4, 0], {{.*}} stores = nontemporal, prefetch = 1>
  //       CHECK:   <slab, {{.*}} parallel = [0, 4, 0], {{.*}} stores = nontemporal>
  func.func @rows_ahead(%x: tensor<50x384x196xf32>,
      %z: tensor<50x1024x196xf32>, %b: tensor<384xf32>, %c: tensor<1024xf32>)
      -> (tensor<50x384x196xf32>, tensor<50x1024x196xf32>,
          tensor<50x1024x196xf32>) {
    %y:3 = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x384x196xf32>)
        outs(%x, %b, %b
             : tensor<50x384x196xf32>, tensor<384xf32>, tensor<384xf32>)
        -> tensor<50x384x196xf32>, tensor<384xf32>, tensor<384xf32>
    %w:3 = bn.training axis(1) epsilon(1.0)
        ins(%z : tensor<50x1024x196xf32>)
        outs(%z, %c, %c
             : tensor<50x1024x196xf32>, tensor<1024xf32>, tensor<1024xf32>)
        -> tensor<50x1024x196xf32>, tensor<1024xf32>, tensor<1024xf32>
    %dz = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%z, %z : tensor<50x1024x196xf32>, tensor<50x1024x196xf32>)
        statistics(%c, %c : tensor<1024xf32>, tensor<1024xf32>)
        outs(%z : tensor<50x1024x196xf32>) -> tensor<50x1024x196xf32>
    return %y#0, %w#0, %dz : tensor<50x384x196xf32>,
        tensor<50x1024x196xf32>, tensor<50x1024x196xf32>
  }

  // Nor are rows longer than a tile asked for two ahead.
  // CHECK-LABEL: func @cut_rows
  //       CHECK:   <pipelined_slab, {{.*}} tile = [1, 1, 3920], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @cut_rows(%x: tensor<8x256x19600xf32>, %c: tensor<256xf32>)
      -> tensor<8x256x19600xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x256x19600xf32>)
        outs(%x, %c, %c
             : tensor<8x256x19600xf32>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<8x256x19600xf32>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<8x256x19600xf32>
  }
}
