// A pipelined slab from the op to vectors: its hot loop reads each of its two
// streams once and writes once. A fusion that fails in silence, or a loop
// that is not recognized for prefetches or stores past the caches, would cost
// all that the schedule gains. Nothing of the size of the data is allocated.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" | FileCheck %s --implicit-check-not="memref.alloc("

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // Long rows: both sums of the next channel are in registers.
  // CHECK-LABEL: func @long_rows
  //       CHECK:   scf.forall (%{{.*}}) = (0) to (64) step (32)
  //       CHECK:     scf.for %{{.*}} = %c0 to %c31 step %c1 {
  // The first pivot of a channel.
  //       CHECK:       vector.transfer_read {{.*}} memref<1x1x128xf32
  //       CHECK:       scf.for %{{.*}} = %c0 to %c8 step %c1 {
  // The hot loop, for rows whose address is aligned.
  //       CHECK:         scf.if
  //  CHECK-NEXT:           scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  //  CHECK-NEXT:             memref.prefetch %[[AHEAD:[a-z_0-9]+]][%c0, %c0, %[[I]]], read, locality<2>, data
  //       CHECK:             memref.prefetch %[[AHEAD]][%c0, %c0, %{{.*}}], read, locality<2>, data
  //   CHECK-NOT:             memref.prefetch
  //       CHECK:             vector.transfer_read %[[NEXT:[a-z_0-9]+]][%c0, %c0, %[[I]]]
  //   CHECK-NOT:             vector.transfer_read
  //       CHECK:             vector.transfer_read %[[THIS:[a-z_0-9]+]][%c0, %c0, %[[I]]]
  //   CHECK-NOT:             vector.transfer_read
  //       CHECK:             vector.store %{{.*}}, %{{.*}}[%c0, %c0, %[[I]]] {{.*}}nontemporal = true
  //  CHECK-NEXT:             scf.yield
  // The same for other rows, then their sums.
  //       CHECK:           scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>) {
  //       CHECK:             vector.transfer_write
  //       CHECK:         vector.reduction
  func.func @long_rows(%x: tensor<8x64x3136xf32>, %y0: tensor<8x64x3136xf32>,
      %m0: tensor<64xf32>, %v0: tensor<64xf32>)
      -> (tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<8x64x3136xf32>)
        outs(%y0, %m0, %v0
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    return %y, %m, %v : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
  }

  // Short rows: 16 channels are one row of 784, with sums and coefficients per
  // element. Of the data there are two reads and one write; all else is in the
  // L1 cache.
  // CHECK-LABEL: func @short_rows
  //       CHECK:   scf.forall (%{{.*}}) = (0) to (256) step (128)
  //       CHECK:     scf.for %{{.*}} = %c0 to %c112 step %c16 {
  //       CHECK:       scf.for %[[R:.*]] = %c0 to %c128 step %c1 {
  // Up to the first cache line, then the hot loop.
  //       CHECK:         scf.for %{{.*}} step %c32 {
  //       CHECK:           memref.prefetch
  //       CHECK:           vector.transfer_read %{{.*}}[%[[R]], %[[I:[a-z_0-9]+]]], {{.*}} memref<128x784xf32
  //   CHECK-NOT:           memref<128x784xf32{{.*}}, vector
  //       CHECK:           vector.store %{{.*}}, %{{.*}}[%[[R]], %[[I]]] {{.*}}nontemporal = true
  //   CHECK-NOT:           scf.for
  //       CHECK:           memref.prefetch
  //       CHECK:           vector.transfer_read %{{.*}}[%[[R]], %[[I]]], {{.*}} memref<128x784xf32
  //   CHECK-NOT:           memref<128x784xf32
  //       CHECK:           vector.transfer_write {{.*}} memref<784xf32>
  //       CHECK:           vector.transfer_write {{.*}} memref<784xf32>
  //  CHECK-NEXT:         }
  // Now and then chains of squares end.
  //       CHECK:         scf.if
  //       CHECK:           vector.transfer_write {{.*}} memref<784xf32>
  func.func @short_rows(%x: tensor<256x256x49xf32>,
      %y0: tensor<256x256x49xf32>, %m0: tensor<256xf32>, %v0: tensor<256xf32>)
      -> (tensor<256x256x49xf32>, tensor<256xf32>, tensor<256xf32>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<256x256x49xf32>)
        outs(%y0, %m0, %v0
             : tensor<256x256x49xf32>, tensor<256xf32>, tensor<256xf32>)
        -> tensor<256x256x49xf32>, tensor<256xf32>, tensor<256xf32>
    return %y, %m, %v
        : tensor<256x256x49xf32>, tensor<256xf32>, tensor<256xf32>
  }
}
