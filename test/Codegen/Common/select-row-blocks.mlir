// The choice for contiguous channels: blocks of rows for sums, and one sweep for
// what needs none, on a machine with 32 KiB L1, 16 MiB L3, vectors of 256 bits.

// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2" | FileCheck %s
// RUN: sed s/32768/49152/ %s | bn-opt --bn-select-lowering-strategy="threads=2" | FileCheck %s --check-prefix=LARGE

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // Channels last: blocks of rows, at most 32 of them. Tiles have 4 * 64 whole
  // rows, which are read from four places in turn. Past the caches, rows 1.5 KB
  // ahead are asked for, two of 1 KB; and two of any length.
  // CHECK-LABEL: func @row_blocks
  //       CHECK:   <row_blocks, threads = 2, parallel = [-32, 0], tile = [64, 0], {{.*}} stores = nontemporal, streams = 4, prefetch = 2>
  func.func @row_blocks(%x: tensor<25088x256xf32>, %c: tensor<256xf32>)
      -> tensor<25088x256xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<25088x256xf32>)
        outs(%x, %c, %c
             : tensor<25088x256xf32>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<25088x256xf32>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<25088x256xf32>
  }

  // Mean, scale and offset of 4096 channels are 48 KiB, more than the L1 cache
  // holds from row to row: a sweep, the second of training or the only one of
  // inference, takes some channels at a time.
  // CHECK-LABEL: func @many_channels
  //       CHECK:   <row_blocks, threads = 2, {{.*}} tile = [64, 1024], {{.*}} streams = 4, prefetch = 2>
  //       CHECK:   <sweep, threads = 2, {{.*}} tile = [64, 1024],
  // Not where no part of a row is long enough; of f64, half as many.
  //       CHECK:   <sweep, threads = 2, {{.*}} tile = [0, 0],
  //       CHECK:   <sweep, threads = 2, {{.*}} tile = [64, 512],
  func.func @many_channels(%x: tensor<1024x4096xf32>, %c: tensor<4096xf32>,
      %p: tensor<1024x4099xf32>, %d: tensor<4099xf32>,
      %q: tensor<1024x4096xf64>, %e: tensor<4096xf64>)
      -> (tensor<1024x4096xf32>, tensor<1024x4096xf32>, tensor<1024x4099xf32>,
          tensor<1024x4096xf64>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<1024x4096xf32>)
        outs(%x, %c, %c
             : tensor<1024x4096xf32>, tensor<4096xf32>, tensor<4096xf32>)
        -> tensor<1024x4096xf32>, tensor<4096xf32>, tensor<4096xf32>
    %z = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<1024x4096xf32>)
        statistics(%c, %c : tensor<4096xf32>, tensor<4096xf32>)
        outs(%x : tensor<1024x4096xf32>) -> tensor<1024x4096xf32>
    %u = bn.inference axis(1) epsilon(1.0) ins(%p : tensor<1024x4099xf32>)
        statistics(%d, %d : tensor<4099xf32>, tensor<4099xf32>)
        outs(%p : tensor<1024x4099xf32>) -> tensor<1024x4099xf32>
    %w = bn.inference axis(1) epsilon(1.0) ins(%q : tensor<1024x4096xf64>)
        statistics(%e, %e : tensor<4096xf64>, tensor<4096xf64>)
        outs(%q : tensor<1024x4096xf64>) -> tensor<1024x4096xf64>
    return %y, %z, %u, %w
        : tensor<1024x4096xf32>, tensor<1024x4096xf32>, tensor<1024x4099xf32>,
          tensor<1024x4096xf64>
  }

  // A block has at least 128 rows; of 640 KiB, four are worth it.
  // CHECK-LABEL: func @few_rows
  //       CHECK:   <row_blocks, threads = 2, parallel = [-4, 0], tile = [64, 0],
  func.func @few_rows(%x: tensor<640x256xf32>, %c: tensor<256xf32>)
      -> tensor<640x256xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<640x256xf32>)
        outs(%x, %c, %c
             : tensor<640x256xf32>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<640x256xf32>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<640x256xf32>
  }

  // Of contiguous channels, 16.8 MB exceed 4/4, in an L1 cache of 32 KiB.
  // CHECK-LABEL: func @nontemporal_rows
  //       CHECK:   <sweep, {{.*}} stores = nontemporal>
  // LARGE-LABEL: func @nontemporal_rows
  //       LARGE:   <sweep, {{.*}} stores = temporal>
  func.func @nontemporal_rows(%x: tensor<8200x256xf32>, %c: tensor<256xf32>)
      -> tensor<8200x256xf32> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8200x256xf32>)
        statistics(%c, %c : tensor<256xf32>, tensor<256xf32>)
        outs(%x : tensor<8200x256xf32>) -> tensor<8200x256xf32>
    return %y : tensor<8200x256xf32>
  }
}
