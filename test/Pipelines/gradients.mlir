// Gradients from the op to vectors: which loops there are, and what they read
// and write. Two sweeps, the first for the sums; one where statistics are
// frozen; and no operand is read that no gradient asked for needs. Nothing of
// the size of the data is allocated.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" | FileCheck %s --implicit-check-not="memref.alloc("

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // One channel gets its gradient while the sums of the next are taken: two
  // reads for the sums, both prefetched, two for the gradient, and one write
  // past the caches.
  // CHECK-LABEL: func @pipelined
  //       CHECK:   scf.forall (%{{.*}}) = (0) to (64) step (32)
  // The sums of the first channel.
  //       CHECK:     scf.for %{{.*}} = %c0 to %c8 step %c1 {
  //   CHECK-NOT:     vector.transfer_write
  //       CHECK:     scf.for %{{.*}} = %c0 to %c31 step %c1 {
  //       CHECK:       scf.for %{{.*}} = %c0 to %c8 step %c1 {
  //       CHECK:         scf.if
  //  CHECK-NEXT:           scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  //  CHECK-NEXT:             memref.prefetch
  //       CHECK:             memref.prefetch
  //       CHECK:             vector.transfer_read %[[NEXTDY:[a-z_0-9]+]][%c0, %c0, %[[I]]]
  //  CHECK-NEXT:             memref.prefetch
  //       CHECK:             memref.prefetch
  //  CHECK-NEXT:             vector.transfer_read %[[NEXTX:[a-z_0-9]+]][%c0, %c0, %[[I]]]
  //   CHECK-NOT:             {{memref.prefetch|transfer_read}}
  //       CHECK:             vector.transfer_read %[[DY:[a-z_0-9]+]][%c0, %c0, %[[I]]]
  //  CHECK-NEXT:             vector.transfer_read %[[X:[a-z_0-9]+]][%c0, %c0, %[[I]]]
  //   CHECK-NOT:             {{memref.prefetch|transfer_read}}
  //       CHECK:             vector.store %{{.*}}, %{{.*}}[%c0, %c0, %[[I]]] {{.*}}nontemporal = true
  //  CHECK-NEXT:             scf.yield
  //       CHECK:     } {bn.pipelined}
  func.func @pipelined(%dy: tensor<8x64x3136xf32>, %x: tensor<8x64x3136xf32>,
      %g: tensor<64xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>,
      %dx0: tensor<8x64x3136xf32>, %dg0: tensor<64xf32>, %db0: tensor<64xf32>)
      -> (tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>) {
    %r:3 = bn.backward axis(1) epsilon(1.0e-3) wrt(input, scale, offset)
        ins(%dy, %x : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>)
        scale(%g : tensor<64xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%dx0, %dg0, %db0
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    return %r#0, %r#1, %r#2
        : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
  }

  // Channels last: a sweep that sums rows from four places of both operands, and
  // one that writes, each thread from its last piece to its first.
  // CHECK-LABEL: func @rows
  //       CHECK:   scf.forall (%{{.*}}) = (0) to (25088) step (3136)
  //       CHECK:     memref<4x?x64xf32
  //       CHECK:       scf.for %{{.*}} = %c0 to %c64 step %c32 {
  //       CHECK:         vector.transfer_read %[[DY:[a-z_0-9]+]][%c0, %[[R:[a-z0-9]+]], %[[C:[a-z0-9]+]]]
  //       CHECK:         vector.transfer_read %[[X:[a-z_0-9]+]][%c0, %[[R]], %[[C]]]
  //       CHECK:         vector.transfer_read %[[DY]][%c3, %[[R]], %[[C]]]
  //       CHECK:         vector.transfer_read %[[X]][%c3, %[[R]], %[[C]]]{{.*}}
  //   CHECK-NOT:         memref<4x?x64xf32
  //       CHECK:   scf.forall (%[[P:.*]]) = (0) to (6272) step (784)
  //  CHECK-NEXT:     arith.divui %[[P]]
  //       CHECK:     scf.for %[[R:.*]] = %c0 to %c784 step %c1 {
  //       CHECK:       vector.store {{.*}}nontemporal = true
  //   CHECK-NOT:   scf.forall
  //       CHECK:   return
  func.func @rows(%dy: tensor<25088x64xf32>, %x: tensor<25088x64xf32>,
      %g: tensor<64xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>,
      %dx0: tensor<25088x64xf32>) -> tensor<25088x64xf32> {
    %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
        ins(%dy, %x : tensor<25088x64xf32>, tensor<25088x64xf32>)
        scale(%g : tensor<64xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%dx0 : tensor<25088x64xf32>) -> tensor<25088x64xf32>
    return %dx : tensor<25088x64xf32>
  }

  // Sums and result in one loop, which reads each operand once, and prefetches.
  // CHECK-LABEL: func @frozen
  //       CHECK:   scf.forall (%{{.*}}) in (64) {
  //       CHECK:     scf.for %{{.*}} = %c0 to %c8 step %c1 {
  //       CHECK:       scf.if
  //  CHECK-NEXT:         scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  //       CHECK:           vector.transfer_read %{{.*}}[%c0, %c0, %[[I]]]
  //       CHECK:           vector.transfer_read %{{.*}}[%c0, %c0, %[[I]]]
  //   CHECK-NOT:           transfer_read
  //       CHECK:           vector.store %{{.*}}, %{{.*}}[%c0, %c0, %[[I]]] {{.*}}nontemporal = true
  //  CHECK-NEXT:           scf.yield
  //       CHECK:   } {bn.one_sweep, bn.threads = 2 : i64}
  //   CHECK-NOT:   scf.forall
  //       CHECK:   return
  func.func @frozen(%dy: tensor<8x64x3136xf32>, %x: tensor<8x64x3136xf32>,
      %m: tensor<64xf32>, %v: tensor<64xf32>, %dx0: tensor<8x64x3136xf32>,
      %dg0: tensor<64xf32>, %db0: tensor<64xf32>)
      -> (tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>) {
    %r:3 = bn.backward axis(1) epsilon(1.0e-3) wrt(input, scale, offset) frozen
        ins(%dy, %x : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%dx0, %dg0, %db0
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    return %r#0, %r#1, %r#2
        : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
  }

  // The gradient of the offset: the input is not read.
  // CHECK-LABEL: func @offset
  //  CHECK-SAME:     %[[DY:[a-z0-9]+]]: memref<8x64x784xf32>, %[[X:[a-z0-9]+]]: memref<8x64x784xf32>
  //   CHECK-NOT:   %[[X]]{{[^0-9]}}
  //       CHECK:   scf.forall
  //   CHECK-NOT:   %[[X]]{{[^0-9]}}
  //       CHECK:   return
  func.func @offset(%dy: tensor<8x64x784xf32>, %x: tensor<8x64x784xf32>,
      %m: tensor<64xf32>, %v: tensor<64xf32>, %db0: tensor<64xf32>)
      -> tensor<64xf32> {
    %db = bn.backward axis(1) epsilon(1.0e-3) wrt(offset)
        ins(%dy, %x : tensor<8x64x784xf32>, tensor<8x64x784xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%db0 : tensor<64xf32>) -> tensor<64xf32>
    return %db : tensor<64xf32>
  }
}
