// Pieces of images from the op to vectors: one sweep sums them up, along the
// images of a tile, a second one writes in the order of memory, each thread
// from its last piece to its first. Nothing of the size of the data is
// allocated.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" | FileCheck %s --implicit-check-not="memref.alloc("

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 4194304 : i64,
      "max_vector_op_width" = 512 : i64>>
} {
  // CHECK-LABEL: func @training
  //       CHECK:   scf.forall (%{{.*}}) = (0) to (50) step (5)
  //       CHECK:     scf.for %[[C:.*]] = %c0 to %c32 step %c1 {
  //       CHECK:       scf.for %[[I:.*]] = %c0 to %c5 step %c1 iter_args(
  //       CHECK:         scf.for %[[E:.*]] = %c0 to %c192 step %c64 iter_args(
  //       CHECK:           vector.transfer_read %[[X:[a-z_0-9]+]][%[[I]], %[[C]], %[[E]]]
  //   CHECK-NOT:     vector.store
  // The partial statistics, in order.
  //       CHECK:   scf.for %{{.*}} = %c0 to %c10 step %c1
  //       CHECK:   scf.forall (%[[N:.*]]) = (0) to (50) step (5)
  //       CHECK:     arith.subi
  //       CHECK:     scf.for %[[I:.*]] = %c0 to %c5 step %c1 {
  //       CHECK:       scf.for %[[C:.*]] = %c0 to %c32 step %c1 {
  //       CHECK:         scf.for %[[E:.*]] = %c0 to %c192 step %c64 {
  //       CHECK:           vector.transfer_read %{{.*}}[%[[I]], %[[C]], %[[E]]]
  //       CHECK:           vector.{{(transfer_write|store)}} %{{.*}}[%[[I]], %[[C]], %[[E]]]
  func.func @training(%x: tensor<50x32x196xf32>, %y0: tensor<50x32x196xf32>,
      %m0: tensor<32xf32>, %v0: tensor<32xf32>)
      -> (tensor<50x32x196xf32>, tensor<32xf32>, tensor<32xf32>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<50x32x196xf32>)
        outs(%y0, %m0, %v0
             : tensor<50x32x196xf32>, tensor<32xf32>, tensor<32xf32>)
        -> tensor<50x32x196xf32>, tensor<32xf32>, tensor<32xf32>
    return %y, %m, %v
        : tensor<50x32x196xf32>, tensor<32xf32>, tensor<32xf32>
  }
}
