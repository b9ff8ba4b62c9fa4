// Epilogues cost no sweep of their own. The consumers here are those of a
// residual block, written as arithmetic on tensors.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=linalg threads=2" | FileCheck %s
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" | FileCheck %s --check-prefix=BUFFER --implicit-check-not="memref.alloc(" --implicit-check-not="memref.copy {{.*}}3136"

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 14680064 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // Inference is one sweep: two reads and a write for each element.
  // CHECK-LABEL: func @inference
  //       CHECK:   linalg.generic {{.*}}["parallel"]}
  //       CHECK:   scf.forall
  //   CHECK-NOT:     scf.for
  //       CHECK:     linalg.generic {{.*}}["parallel", "parallel", "parallel"]}
  //       CHECK:       arith.addf
  //       CHECK:       arith.maximumf
  //   CHECK-NOT:   linalg.generic
  //       CHECK:   return
  // BUFFER-LABEL: func @inference
  //       BUFFER:   scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step %c32 {
  //       BUFFER:     vector.transfer_read
  //       BUFFER:     vector.transfer_read
  //   BUFFER-NOT:     vector.transfer_read
  //       BUFFER:     arith.maximumf
  //       BUFFER:     vector.store {{.*}}nontemporal = true
  func.func @inference(%x: tensor<8x64x3136xf32>, %r: tensor<8x64x3136xf32>,
      %z0: tensor<8x64x3136xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>)
      -> tensor<8x64x3136xf32> {
    %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x64x3136xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%z0 : tensor<8x64x3136xf32>) -> tensor<8x64x3136xf32>
    %zero = arith.constant dense<0.0> : tensor<8x64x3136xf32>
    %s = arith.addf %y, %r : tensor<8x64x3136xf32>
    %z = arith.maximumf %s, %zero : tensor<8x64x3136xf32>
    return %z : tensor<8x64x3136xf32>
  }

  // Training has the same accesses as without: the hot loop of the pipelined
  // slab reads this channel, what is added to it and the next channel, and
  // writes once.
  // CHECK-LABEL: func @training
  //       CHECK:   bn.pipelined
  // BUFFER-LABEL: func @training
  //       BUFFER:   scf.forall (%{{.*}}) = (0) to (64) step (32)
  //       BUFFER:     scf.for %{{.*}} = %c0 to %c31 step %c1 {
  //       BUFFER:         scf.if
  //  BUFFER-NEXT:           scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  // BUFFER-COUNT-3:           vector.transfer_read
  //   BUFFER-NOT:             vector.transfer_read
  //       BUFFER:             vector.store %{{.*}}, %{{.*}}[%c0, %c0, %[[I]]] {{.*}}nontemporal = true
  //  BUFFER-NEXT:             scf.yield
  func.func @training(%x: tensor<8x64x3136xf32>, %r: tensor<8x64x3136xf32>,
      %z0: tensor<8x64x3136xf32>, %m0: tensor<64xf32>, %v0: tensor<64xf32>)
      -> (tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<8x64x3136xf32>)
        outs(%z0, %m0, %v0
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    %zero = arith.constant dense<0.0> : tensor<8x64x3136xf32>
    %s = arith.addf %y, %r : tensor<8x64x3136xf32>
    %z = arith.maximumf %s, %zero : tensor<8x64x3136xf32>
    return %z, %m, %v : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
  }

  // Over the addend: nothing of the size of the data is allocated or copied,
  // and it is still one loop. (Lines that were just read are stored as usual.)
  // BUFFER-LABEL: func @in_place
  //       BUFFER:     scf.for %{{.*}} = %c0 to %c31 step %c1 {
  //       BUFFER:       scf.for %{{.*}} = %c0 to %c8 step %c1 {
  //       BUFFER:         scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  // BUFFER-COUNT-3:         vector.transfer_read
  //   BUFFER-NOT:           vector.transfer_read
  //       BUFFER:           vector.transfer_write {{.*}}[%c0, %c0, %[[I]]]
  //  BUFFER-NEXT:           scf.yield
  //       BUFFER:   return
  func.func @in_place(%x: tensor<8x64x3136xf32>, %r: tensor<8x64x3136xf32>,
      %m0: tensor<64xf32>, %v0: tensor<64xf32>) -> tensor<8x64x3136xf32> {
    %z, %m, %v = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<8x64x3136xf32>)
        outs(%r, %m0, %v0
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        epilogue(%r : tensor<8x64x3136xf32>) {
      ^bb0(%y: f32, %e: f32):
        %s = arith.addf %y, %e : f32
        bn.yield %s : f32
      } -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    return %z : tensor<8x64x3136xf32>
  }

  // The slopes of a PReLU, by a broadcast: nothing of the size of the data is
  // made of them, and the hot loop reads and writes what it does without.
  // BUFFER-LABEL: func @prelu
  //       BUFFER:     scf.for %{{.*}} = %c0 to %c31 step %c1 {
  //       BUFFER:         scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  // BUFFER-COUNT-2:           vector.transfer_read
  //   BUFFER-NOT:             vector.transfer_read
  //       BUFFER:             arith.select
  //   BUFFER-NOT:             memref.load
  //       BUFFER:             scf.yield
  func.func @prelu(%x: tensor<8x64x3136xf32>, %a: tensor<64xf32>,
      %z0: tensor<8x64x3136xf32>, %m0: tensor<64xf32>, %v0: tensor<64xf32>)
      -> (tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<8x64x3136xf32>)
        outs(%z0, %m0, %v0
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
    %zero = arith.constant dense<0.0> : tensor<8x64x3136xf32>
    %empty = tensor.empty() : tensor<8x64x3136xf32>
    %slopes = linalg.broadcast ins(%a : tensor<64xf32>)
        outs(%empty : tensor<8x64x3136xf32>) dimensions = [0, 2]
    %p = arith.cmpf oge, %y, %zero : tensor<8x64x3136xf32>
    %s = arith.mulf %y, %slopes : tensor<8x64x3136xf32>
    %z = arith.select %p, %y, %s
        : tensor<8x64x3136xi1>, tensor<8x64x3136xf32>
    return %z, %m, %v : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
  }
}
