// Rows of a channel that are short, where vectors have 512 bits: which are
// treated together, and how far ahead they are asked for. The last-level cache
// has 16 MiB.

// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2" | FileCheck %s

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 49152 : i64,
      "L2_cache_size_in_bytes" = 1048576 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 512 : i64>>
} {
  // Rows of 784 bytes: four are whole lines, which go past the caches. Two such
  // rows ahead are asked for.
  // CHECK-LABEL: func @whole_lines
  //       CHECK:   <pipelined_slab, {{.*}} tile = [0, 4, 0], {{.*}} stores = nontemporal, prefetch = 2>
  func.func @whole_lines(%x: tensor<50x256x196xf32>, %c: tensor<256xf32>)
      -> tensor<50x256x196xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x256x196xf32>)
        outs(%x, %c, %c
             : tensor<50x256x196xf32>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<50x256x196xf32>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<50x256x196xf32>
  }

  // Rows of 1156 bytes: two are no whole lines, so each goes alone, through the
  // caches. 1.5 KB ahead are two rows.
  // CHECK-LABEL: func @parts_of_lines
  //       CHECK:   <pipelined_slab, {{.*}} tile = [0, 1, 0], {{.*}} stores = temporal, prefetch = 2>
  func.func @parts_of_lines(%x: tensor<50x256x289xf32>, %c: tensor<256xf32>)
      -> tensor<50x256x289xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x256x289xf32>)
        outs(%x, %c, %c
             : tensor<50x256x289xf32>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<50x256x289xf32>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<50x256x289xf32>
  }

  // The gradients' rows of 578 bytes are too short for that.
  // CHECK-LABEL: func @short_gradients
  //       CHECK:   <{{.*}} parallel = [0, 4, 0], {{.*}} stores = nontemporal
  func.func @short_gradients(%g: tensor<50x512x289xbf16>,
      %x: tensor<50x512x289xbf16>, %c: tensor<512xf32>)
      -> tensor<50x512x289xbf16> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%g, %x : tensor<50x512x289xbf16>, tensor<50x512x289xbf16>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%g : tensor<50x512x289xbf16>) -> tensor<50x512x289xbf16>
    return %dx : tensor<50x512x289xbf16>
  }

  // 16-bit data are asked for 4 KB ahead: three rows of 1568 bytes.
  // CHECK-LABEL: func @bf16_ahead
  //       CHECK:   <pipelined_slab, {{.*}} tile = [1, 1, 0], {{.*}} stores = nontemporal, prefetch = 3>
  func.func @bf16_ahead(%x: tensor<50x128x784xbf16>, %c: tensor<128xf32>)
      -> tensor<50x128x784xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x128x784xbf16>)
        outs(%x, %c, %c
             : tensor<50x128x784xbf16>, tensor<128xf32>, tensor<128xf32>)
        -> tensor<50x128x784xbf16>, tensor<128xf32>, tensor<128xf32>
    return %y : tensor<50x128x784xbf16>
  }

  // Training rows of 392 bytes are too short to go alone, those of 450 are not.
  // Together they are not pipelined, unless nothing divides their number.
  // CHECK-LABEL: func @short_training
  //       CHECK:   <slab, {{.*}} parallel = [0, 8, 0], tile = [0, 0, 0], {{.*}} stores = nontemporal, prefetch = 1>
  //       CHECK:   <pipelined_slab, {{.*}} tile = [{{.*}}, 1, 0], {{.*}} stores = temporal,
  func.func @short_training(%x: tensor<50x512x196xbf16>,
      %z: tensor<50x512x225xbf16>, %c: tensor<512xf32>)
      -> (tensor<50x512x196xbf16>, tensor<50x512x225xbf16>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x512x196xbf16>)
        outs(%x, %c, %c
             : tensor<50x512x196xbf16>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<50x512x196xbf16>, tensor<512xf32>, tensor<512xf32>
    %w, %n, %s = bn.training axis(1) epsilon(1.0)
        ins(%z : tensor<50x512x225xbf16>)
        outs(%z, %c, %c
             : tensor<50x512x225xbf16>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<50x512x225xbf16>, tensor<512xf32>, tensor<512xf32>
    return %y, %w : tensor<50x512x196xbf16>, tensor<50x512x225xbf16>
  }

  // Of 1018, two go together: 1.5 KB are eight rows.
  // CHECK-LABEL: func @two_channels
  //       CHECK:   <slab, {{.*}} parallel = [0, 2, 0], {{.*}} stores = nontemporal, prefetch = 8>
  func.func @two_channels(%x: tensor<200x1018x49xbf16>, %c: tensor<1018xf32>)
      -> tensor<200x1018x49xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<200x1018x49xbf16>)
        outs(%x, %c, %c
             : tensor<200x1018x49xbf16>, tensor<1018xf32>, tensor<1018xf32>)
        -> tensor<200x1018x49xbf16>, tensor<1018xf32>, tensor<1018xf32>
    return %y : tensor<200x1018x49xbf16>
  }

  // 509 is prime.
  // CHECK-LABEL: func @prime_channels
  //       CHECK:   <pipelined_slab, {{.*}} tile = [0, 1, 0], {{.*}} stores = nontemporal,
  func.func @prime_channels(%x: tensor<50x509x196xbf16>, %c: tensor<509xf32>)
      -> tensor<50x509x196xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x509x196xbf16>)
        outs(%x, %c, %c
             : tensor<50x509x196xbf16>, tensor<509xf32>, tensor<509xf32>)
        -> tensor<50x509x196xbf16>, tensor<509xf32>, tensor<509xf32>
    return %y : tensor<50x509x196xbf16>
  }

  // Gradients: rows of 1156 bytes go alone; where two channels are together
  // there is no room for more than one row ahead.
  // CHECK-LABEL: func @gradients
  //       CHECK:   <pipelined_slab, {{.*}} tile = [0, 1, 0], {{.*}} stores = temporal, prefetch = 2>
  //       CHECK:   <pipelined_slab, {{.*}} tile = [1, 2, 0], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @gradients(%dy: tensor<50x512x289xf32>, %x: tensor<50x512x289xf32>,
      %z: tensor<50x512x576xbf16>, %c: tensor<512xf32>)
      -> (tensor<50x512x289xf32>, tensor<50x512x576xbf16>) {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x512x289xf32>, tensor<50x512x289xf32>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%x : tensor<50x512x289xf32>) -> tensor<50x512x289xf32>
    %dz = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%z, %z : tensor<50x512x576xbf16>, tensor<50x512x576xbf16>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%z : tensor<50x512x576xbf16>) -> tensor<50x512x576xbf16>
    return %dx, %dz : tensor<50x512x289xf32>, tensor<50x512x576xbf16>
  }

  // Of few images, a quarter of the rows.
  // CHECK-LABEL: func @few_images
  //       CHECK:   <pipelined_slab, {{.*}} stores = nontemporal, prefetch = 2>
  func.func @few_images(%x: tensor<8x2048x784xbf16>, %c: tensor<2048xf32>)
      -> tensor<8x2048x784xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x2048x784xbf16>)
        outs(%x, %c, %c
             : tensor<8x2048x784xbf16>, tensor<2048xf32>, tensor<2048xf32>)
        -> tensor<8x2048x784xbf16>, tensor<2048xf32>, tensor<2048xf32>
    return %y : tensor<8x2048x784xbf16>
  }

  // Eight channels are not treated together: what counts is one row.
  // CHECK-LABEL: func @few_channels
  //       CHECK:   <pipelined_slab, {{.*}} tile = [{{.*}}, 1, 0], {{.*}} stores = temporal,
  func.func @few_channels(%x: tensor<2000x8x200xf32>, %c: tensor<8xf32>)
      -> tensor<2000x8x200xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<2000x8x200xf32>)
        outs(%x, %c, %c : tensor<2000x8x200xf32>, tensor<8xf32>, tensor<8xf32>)
        -> tensor<2000x8x200xf32>, tensor<8xf32>, tensor<8xf32>
    return %y : tensor<2000x8x200xf32>
  }

  // A sweep past the caches over several channels at a time, of 3 KiB, asks for
  // two rows ahead, of every type; over long rows, only of 16-bit data.
  // CHECK-LABEL: func @sweeps
  //       CHECK:   <sweep, {{.*}} parallel = [0, 4, 0], {{.*}} stores = nontemporal, prefetch = 2>
  //       CHECK:   <sweep, {{.*}} parallel = [0, 8, 0], {{.*}} stores = nontemporal, prefetch = 2>
  //       CHECK:   <sweep, {{.*}} parallel = [-50, -2, 0], {{.*}} stores = nontemporal>
  func.func @sweeps(%x: tensor<50x512x196xf32>, %z: tensor<50x1024x196xbf16>,
      %u: tensor<50x64x3136xf32>, %b: tensor<512xf32>, %c: tensor<1024xf32>,
      %d: tensor<64xf32>)
      -> (tensor<50x512x196xf32>, tensor<50x1024x196xbf16>,
          tensor<50x64x3136xf32>) {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<50x512x196xf32>)
        statistics(%b, %b : tensor<512xf32>, tensor<512xf32>)
        outs(%x : tensor<50x512x196xf32>) -> tensor<50x512x196xf32>
    %w = bn.inference axis(1) epsilon(1.0) ins(%z : tensor<50x1024x196xbf16>)
        statistics(%c, %c : tensor<1024xf32>, tensor<1024xf32>)
        outs(%z : tensor<50x1024x196xbf16>) -> tensor<50x1024x196xbf16>
    %v = bn.inference axis(1) epsilon(1.0) ins(%u : tensor<50x64x3136xf32>)
        statistics(%d, %d : tensor<64xf32>, tensor<64xf32>)
        outs(%u : tensor<50x64x3136xf32>) -> tensor<50x64x3136xf32>
    return %y, %w, %v : tensor<50x512x196xf32>, tensor<50x1024x196xbf16>,
        tensor<50x64x3136xf32>
  }

  // Of long rows, which no channels share, the next one is far enough.
  // CHECK-LABEL: func @sweep_of_long_rows
  //       CHECK:   <sweep, {{.*}} parallel = [-50, -2, 0], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @sweep_of_long_rows(%x: tensor<50x64x12544xbf16>,
      %c: tensor<64xf32>) -> tensor<50x64x12544xbf16> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<50x64x12544xbf16>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<50x64x12544xbf16>) -> tensor<50x64x12544xbf16>
    return %y : tensor<50x64x12544xbf16>
  }

  // Gradients of f32 are slabs, which ask one row ahead. Where they are
  // pipelined, channels together leave no room for two.
  // CHECK-LABEL: func @f32_gradients
  //       CHECK:   <slab, {{.*}} parallel = [0, 4, 0], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @f32_gradients(%dy: tensor<50x512x196xf32>,
      %x: tensor<50x512x196xf32>, %c: tensor<512xf32>)
      -> tensor<50x512x196xf32> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x512x196xf32>, tensor<50x512x196xf32>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%x : tensor<50x512x196xf32>) -> tensor<50x512x196xf32>
    return %dx : tensor<50x512x196xf32>
  }

  // CHECK-LABEL: func @f32_gradients_of_longer_rows
  //       CHECK:   <pipelined_slab, {{.*}} tile = [1, 2, 0], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @f32_gradients_of_longer_rows(%dy: tensor<50x512x576xf32>,
      %x: tensor<50x512x576xf32>, %c: tensor<512xf32>)
      -> tensor<50x512x576xf32> {
    %dx = bn.backward axis(1) epsilon(1.0) wrt(input)
        ins(%dy, %x : tensor<50x512x576xf32>, tensor<50x512x576xf32>)
        statistics(%c, %c : tensor<512xf32>, tensor<512xf32>)
        outs(%x : tensor<50x512x576xf32>) -> tensor<50x512x576xf32>
    return %dx : tensor<50x512x576xf32>
  }

  // Rows longer than a tile are asked for two ahead, as long as these leave half
  // of the L2 cache.
  // CHECK-LABEL: func @cut_rows
  //       CHECK:   <pipelined_slab, {{.*}} tile = [1, 1, 3920], {{.*}} stores = nontemporal, prefetch = 2>
  func.func @cut_rows(%x: tensor<8x64x19600xf32>, %c: tensor<64xf32>)
      -> tensor<8x64x19600xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x64x19600xf32>)
        outs(%x, %c, %c
             : tensor<8x64x19600xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x19600xf32>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<8x64x19600xf32>
  }

  // CHECK-LABEL: func @very_long_rows
  //       CHECK:   <pipelined_slab, {{.*}} tile = [1, 1, 8192], {{.*}} stores = nontemporal, prefetch = 1>
  func.func @very_long_rows(%x: tensor<8x16x131072xf32>, %c: tensor<16xf32>)
      -> tensor<8x16x131072xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<8x16x131072xf32>)
        outs(%x, %c, %c
             : tensor<8x16x131072xf32>, tensor<16xf32>, tensor<16xf32>)
        -> tensor<8x16x131072xf32>, tensor<16xf32>, tensor<16xf32>
    return %y : tensor<8x16x131072xf32>
  }
}
