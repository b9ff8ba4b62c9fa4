// Raw moments: of bf16 data that fit the last-level cache, where the processor
// has dot products.

// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2 avx512-bf16" | FileCheck %s
// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2" | FileCheck %s --check-prefix=WITHOUT --implicit-check-not=moments
// RUN: bn-opt %s --bn-select-lowering-strategy="threads=2 vector-bits=64 avx512-bf16" | FileCheck %s --check-prefix=NARROW --implicit-check-not=moments
// NARROW: module
// RUN: bn-opt %s --bn-version-dynamic-shapes="threads=2 avx512-bf16" | FileCheck %s --check-prefix=VERSIONS

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 1048576 : i64,
      "L3_cache_size_in_bytes" = 33554432 : i64,
      "max_vector_op_width" = 512 : i64>>
} {
  // Slabs of short rows.
  // CHECK-LABEL: func @slabs
  //       CHECK:   bn.training {{.*}}<slab, {{.*}} moments = raw>
  func.func @slabs(%x: tensor<50x512x49xbf16>, %c: tensor<512xf32>) -> tensor<50x512x49xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<50x512x49xbf16>)
        outs(%x, %c, %c : tensor<50x512x49xbf16>, tensor<512xf32>, tensor<512xf32>) -> tensor<50x512x49xbf16>, tensor<512xf32>, tensor<512xf32>
    return %y : tensor<50x512x49xbf16>
  }

  // Longer rows, from a sixteenth of that cache on, are read in the order of
  // memory.
  // CHECK-LABEL: func @images
  //       CHECK:   bn.training {{.*}}<split, {{.*}} moments = raw>
  func.func @images(%x: tensor<50x256x196xbf16>, %c: tensor<256xf32>) -> tensor<50x256x196xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<50x256x196xbf16>)
        outs(%x, %c, %c : tensor<50x256x196xbf16>, tensor<256xf32>, tensor<256xf32>) -> tensor<50x256x196xbf16>, tensor<256xf32>, tensor<256xf32>
    return %y : tensor<50x256x196xbf16>
  }

  // Pieces of twice as many rows as of central moments.
  // CHECK-LABEL: func @channels_last
  //       CHECK:   bn.training {{.*}}<row_blocks, threads = 2, parallel = [-8, 0], {{.*}} moments = raw>
  // WITHOUT-LABEL: func @channels_last
  //       WITHOUT:   <row_blocks, threads = 2, parallel = [-16, 0],
  func.func @channels_last(%x: tensor<2450x2048xbf16>, %c: tensor<2048xf32>) -> tensor<2450x2048xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<2450x2048xbf16>)
        outs(%x, %c, %c : tensor<2450x2048xbf16>, tensor<2048xf32>, tensor<2048xf32>) -> tensor<2450x2048xbf16>, tensor<2048xf32>, tensor<2048xf32>
    return %y : tensor<2450x2048xbf16>
  }

  // Of bf16 only.
  // CHECK-LABEL: func @f32
  //       CHECK:   bn.training {{.*}} streams = 4>
  func.func @f32(%x: tensor<2450x512xf32>, %c: tensor<512xf32>) -> tensor<2450x512xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<2450x512xf32>)
        outs(%x, %c, %c : tensor<2450x512xf32>, tensor<512xf32>, tensor<512xf32>) -> tensor<2450x512xf32>, tensor<512xf32>, tensor<512xf32>
    return %y : tensor<2450x512xf32>
  }

  // What comes from memory takes as long either way.
  // CHECK-LABEL: func @pipelined
  //       CHECK:   bn.training {{.*}}<pipelined_slab, {{.*}} prefetch = {{[0-9]+}}>
  func.func @pipelined(%x: tensor<50x64x3136xbf16>, %c: tensor<64xf32>) -> tensor<50x64x3136xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<50x64x3136xbf16>)
        outs(%x, %c, %c : tensor<50x64x3136xbf16>, tensor<64xf32>, tensor<64xf32>) -> tensor<50x64x3136xbf16>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<50x64x3136xbf16>
  }

  // So does this.
  // CHECK-LABEL: func @large
  //       CHECK:   bn.training {{.*}}<row_blocks, {{.*}} prefetch = {{[0-9]+}}>
  func.func @large(%x: tensor<80000x512xbf16>, %c: tensor<512xf32>) -> tensor<80000x512xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<80000x512xbf16>)
        outs(%x, %c, %c : tensor<80000x512xbf16>, tensor<512xf32>, tensor<512xf32>) -> tensor<80000x512xbf16>, tensor<512xf32>, tensor<512xf32>
    return %y : tensor<80000x512xbf16>
  }

  // Of a few elements.
  // CHECK-LABEL: func @few
  //       CHECK:   bn.training {{.*}}<single, {{.*}} stores = temporal{{(, streams = [0-9]+)?(, jam = [0-9]+)?}}>
  func.func @few(%x: tensor<63x512xbf16>, %c: tensor<512xf32>) -> tensor<63x512xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<63x512xbf16>)
        outs(%x, %c, %c : tensor<63x512xbf16>, tensor<512xf32>, tensor<512xf32>) -> tensor<63x512xbf16>, tensor<512xf32>, tensor<512xf32>
    return %y : tensor<63x512xbf16>
  }

  // Rows of less than 128 elements wait for a quarter of the cache.
  // CHECK-LABEL: func @short_rows
  //       CHECK:   bn.training {{.*}}<slab, {{.*}} moments = raw>
  func.func @short_rows(%x: tensor<50x512x100xbf16>, %c: tensor<512xf32>)
      -> tensor<50x512x100xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<50x512x100xbf16>)
        outs(%x, %c, %c
             : tensor<50x512x100xbf16>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<50x512x100xbf16>, tensor<512xf32>, tensor<512xf32>
    return %y : tensor<50x512x100xbf16>
  }

  // 64 elements are enough.
  // CHECK-LABEL: func @enough
  //       CHECK:   bn.training {{.*}} moments = raw>
  func.func @enough(%x: tensor<64x2048xbf16>, %c: tensor<2048xf32>)
      -> tensor<64x2048xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<64x2048xbf16>)
        outs(%x, %c, %c
             : tensor<64x2048xbf16>, tensor<2048xf32>, tensor<2048xf32>)
        -> tensor<64x2048xbf16>, tensor<2048xf32>, tensor<2048xf32>
    return %y : tensor<64x2048xbf16>
  }

  // What a product of matrices made is in memory.
  // CHECK-LABEL: func @matmul
  //       CHECK:   bn.training {{.*}} moments = raw>
  func.func @matmul(%a: tensor<2450x64xbf16>, %b: tensor<64x512xbf16>,
      %x: tensor<2450x512xbf16>, %c: tensor<512xf32>)
      -> tensor<2450x512xbf16> {
    %p = linalg.matmul
        ins(%a, %b : tensor<2450x64xbf16>, tensor<64x512xbf16>)
        outs(%x : tensor<2450x512xbf16>) -> tensor<2450x512xbf16>
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%p : tensor<2450x512xbf16>)
        outs(%x, %c, %c
             : tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>
    return %y : tensor<2450x512xbf16>
  }

  // Dynamic sizes of a training op have a version for large data.
  // VERSIONS-LABEL: func @dynamic
  //       VERSIONS:   scf.if
  //       VERSIONS:     bn.training {{.*}} stores = nontemporal, streams = 4, prefetch = 2>}
  //       VERSIONS:   else
  //       VERSIONS:     bn.training {{.*}} stores = temporal, {{.*}} moments = raw>
  func.func @dynamic(%x: tensor<?x512xbf16>, %c: tensor<512xf32>)
      -> tensor<?x512xbf16> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<?x512xbf16>)
        outs(%x, %c, %c : tensor<?x512xbf16>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<?x512xbf16>, tensor<512xf32>, tensor<512xf32>
    return %y : tensor<?x512xbf16>
  }

  // What is read with a mask, or computed as it is read.
  // CHECK-LABEL: func @masked
  //   CHECK-NOT:   moments
  //       CHECK:   return
  func.func @masked(%x: tensor<2450x512xbf16>, %w: tensor<2450x1xf32>,
      %c: tensor<512xf32>) -> (tensor<2450x512xbf16>, tensor<2450x512xbf16>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<2450x512xbf16>) mask(%w : tensor<2450x1xf32>)
        outs(%x, %c, %c : tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>
    %n = linalg.negf ins(%x : tensor<2450x512xbf16>)
        outs(%x : tensor<2450x512xbf16>) -> tensor<2450x512xbf16>
    %z, %p, %q = bn.training axis(1) epsilon(1.0)
        ins(%n : tensor<2450x512xbf16>)
        outs(%x, %c, %c : tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>)
        -> tensor<2450x512xbf16>, tensor<512xf32>, tensor<512xf32>
    return %y, %z : tensor<2450x512xbf16>, tensor<2450x512xbf16>
  }
}
