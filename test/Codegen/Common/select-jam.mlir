// Rows that are written at the same time, so that they read the coefficients
// of channels once: of 16-bit data, in registers of 512 bits, up to half of a
// last-level cache of 16 MiB, or 3/4 where each row fills a page, or is short.

// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2" | FileCheck %s
// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2 vector-bits=256" | FileCheck %s --check-prefix=NARROW
// NARROW-NOT: jam =

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 49152 : i64,
      "L2_cache_size_in_bytes" = 1048576 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 512 : i64>>
} {
  // CHECK-LABEL: func @channels_last
  //       CHECK:   bn.inference {{.*}}<sweep, {{.*}} jam = 4>
  // Coefficients of f32 fill as many registers as the data.
  //       CHECK:   bn.inference {{.*}}<sweep, {{.*}} stores = temporal>
  //       CHECK:   bn.training {{.*}}<row_blocks, {{.*}} streams = 4, jam = 4>
  func.func @channels_last(%x: tensor<2450x512xbf16>, %z: tensor<2450x512xf32>,
      %c: tensor<512xf32>)
      -> (tensor<2450x512xbf16>, tensor<2450x512xf32>, tensor<2450x512xbf16>) {
    %a = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<2450x512xbf16>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%x : tensor<2450x512xbf16>) -> tensor<2450x512xbf16>
    %b = bn.inference axis(1) epsilon(1.0) ins(%z : tensor<2450x512xf32>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%z : tensor<2450x512xf32>) -> tensor<2450x512xf32>
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<2450x512xbf16>)
        outs(%x, %c, %c
             : tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>
    return %a, %b, %y
        : tensor<2450x512xbf16>, tensor<2450x512xf32>, tensor<2450x512xbf16>
  }

  // 10 MB wait for memory.
  // CHECK-LABEL: func @large
  //       CHECK:   <sweep, {{.*}} stores = temporal>
  func.func @large(%x: tensor<4900x512xbf16>, %c: tensor<512xf32>)
      -> tensor<4900x512xbf16> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<4900x512xbf16>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%x : tensor<4900x512xbf16>) -> tensor<4900x512xbf16>
    return %y : tensor<4900x512xbf16>
  }

  // Rows of 128 bytes, and in training of 256, are near each other.
  // CHECK-LABEL: func @near
  //       CHECK:   bn.inference {{.*}}<sweep, {{.*}} jam = 4>
  //       CHECK:   bn.inference {{.*}}<sweep, {{.*}} stores = temporal>
  //       CHECK:   bn.training {{.*}}<row_blocks, {{.*}} jam = 4>
  func.func @near(%x: tensor<39200x64xbf16>, %z: tensor<19600x128xbf16>,
      %c: tensor<64xf32>, %d: tensor<128xf32>)
      -> (tensor<39200x64xbf16>, tensor<19600x128xbf16>,
          tensor<19600x128xbf16>) {
    %a = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<39200x64xbf16>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<39200x64xbf16>) -> tensor<39200x64xbf16>
    %b = bn.inference axis(1) epsilon(1.0) ins(%z : tensor<19600x128xbf16>)
        statistics(%d, %d : tensor<128xf32>, tensor<128xf32>)
        outs(%z : tensor<19600x128xbf16>) -> tensor<19600x128xbf16>
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%z : tensor<19600x128xbf16>)
        outs(%z, %d, %d
             : tensor<19600x128xbf16>, tensor<128xf32>, tensor<128xf32>)
        -> tensor<19600x128xbf16>, tensor<128xf32>, tensor<128xf32>
    return %a, %b, %y : tensor<39200x64xbf16>, tensor<19600x128xbf16>,
                        tensor<19600x128xbf16>
  }

  // Where each row is a page of its own they are read as fast as one. All of
  // the row's coefficients are used four times, and need not be in the L1 cache.
  // CHECK-LABEL: func @pages
  //       CHECK:   <sweep, {{.*}} tile = [0, 0], {{.*}} jam = 4>
  //       CHECK:   <sweep, {{.*}} tile = [64, 2048], {{.*}} stores = temporal>
  func.func @pages(%x: tensor<612x4096xbf16>, %z: tensor<300x4096xf32>,
      %c: tensor<4096xf32>) -> (tensor<612x4096xbf16>, tensor<300x4096xf32>) {
    %a = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<612x4096xbf16>)
        statistics(%c, %c : tensor<4096xf32>, tensor<4096xf32>)
        outs(%x : tensor<612x4096xbf16>) -> tensor<612x4096xbf16>
    %b = bn.inference axis(1) epsilon(1.0) ins(%z : tensor<300x4096xf32>)
        statistics(%c, %c : tensor<4096xf32>, tensor<4096xf32>)
        outs(%z : tensor<300x4096xf32>) -> tensor<300x4096xf32>
    return %a, %b : tensor<612x4096xbf16>, tensor<300x4096xf32>
  }

  // Channels of short rows are treated together: 49 coefficients for each. Of
  // 8 images that is not repaid.
  // CHECK-LABEL: func @short_rows
  //       CHECK:   bn.backward {{.*}}<slab, {{.*}} jam = 4>
  //       CHECK:   bn.backward {{.*}}<slab, {{.*}} stores = temporal>
  func.func @short_rows(%dy: tensor<32x256x49xbf16>, %x: tensor<32x256x49xbf16>,
      %z: tensor<8x1024x49xbf16>, %c: tensor<256xf32>, %d: tensor<1024xf32>)
      -> (tensor<32x256x49xbf16>, tensor<8x1024x49xbf16>) {
    %a = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<32x256x49xbf16>, tensor<32x256x49xbf16>)
        statistics(%c, %c : tensor<256xf32>, tensor<256xf32>)
        outs(%x : tensor<32x256x49xbf16>) -> tensor<32x256x49xbf16>
    %b = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%z, %z : tensor<8x1024x49xbf16>, tensor<8x1024x49xbf16>)
        statistics(%d, %d : tensor<1024xf32>, tensor<1024xf32>)
        outs(%z : tensor<8x1024x49xbf16>) -> tensor<8x1024x49xbf16>
    return %a, %b : tensor<32x256x49xbf16>, tensor<8x1024x49xbf16>
  }

  // So are rows of 14x14, each long enough to go alone, of 32 images or more.
  // CHECK-LABEL: func @masked_rows
  //       CHECK:   bn.training {{.*}}<slab, {{.*}} parallel = [0, 8, 0], {{.*}} jam = 4>
  //       CHECK:   bn.training {{.*}}<pipelined_slab, {{.*}} tile = [{{.*}}, 1, 0], {{.*}} stores = temporal,
  func.func @masked_rows(%x: tensor<50x64x196xbf16>, %z: tensor<16x64x196xbf16>,
      %c: tensor<64xf32>)
      -> (tensor<50x64x196xbf16>, tensor<16x64x196xbf16>) {
    %a, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x64x196xbf16>)
        outs(%x, %c, %c : tensor<50x64x196xbf16>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<50x64x196xbf16>, tensor<64xf32>, tensor<64xf32>
    %b, %n, %w = bn.training axis(1) epsilon(1.0)
        ins(%z : tensor<16x64x196xbf16>)
        outs(%z, %c, %c : tensor<16x64x196xbf16>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<16x64x196xbf16>, tensor<64xf32>, tensor<64xf32>
    return %a, %b : tensor<50x64x196xbf16>, tensor<16x64x196xbf16>
  }

  // But not where there are no groups: an eighth of 12 channels is one; where
  // groups are no whole lines, as of 15x15; or where there are no registers for
  // what each row takes, as with two more in an epilogue.
  // CHECK-LABEL: func @not_jammed
  //   CHECK-NOT:   jam =
  //       CHECK:   return
  func.func @not_jammed(%x: tensor<50x12x196xbf16>, %z: tensor<50x64x225xbf16>,
      %w: tensor<2450x512xbf16>, %c: tensor<12xf32>, %d: tensor<64xf32>,
      %e: tensor<512xf32>)
      -> (tensor<50x12x196xbf16>, tensor<50x64x225xbf16>,
          tensor<2450x512xbf16>) {
    %a, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x12x196xbf16>)
        outs(%x, %c, %c : tensor<50x12x196xbf16>, tensor<12xf32>, tensor<12xf32>)
        -> tensor<50x12x196xbf16>, tensor<12xf32>, tensor<12xf32>
    %b = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%z, %z : tensor<50x64x225xbf16>, tensor<50x64x225xbf16>)
        statistics(%d, %d : tensor<64xf32>, tensor<64xf32>)
        outs(%z : tensor<50x64x225xbf16>) -> tensor<50x64x225xbf16>
    %f, %n, %o = bn.training axis(1) epsilon(1.0)
        ins(%w : tensor<2450x512xbf16>)
        outs(%w, %e, %e : tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>)
        epilogue(%e, %e : tensor<512xf32>, tensor<512xf32>) {
      ^bb0(%y: f32, %p: f32, %q: f32):
        %t = arith.addf %y, %p : f32
        %u = arith.mulf %t, %q : f32
        bn.yield %u : f32
      } -> tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>
    return %a, %b, %f : tensor<50x12x196xbf16>, tensor<50x64x225xbf16>,
                        tensor<2450x512xbf16>
  }
}
