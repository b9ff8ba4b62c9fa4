// Strategies that depend on sizes which are not known are chosen at run time.

// RUN: bn-opt %s --bn-version-dynamic-shapes="threads=2" --cse | FileCheck %s

// 3/4 of the last-level cache are 3145728 numbers of f32.
module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // One sweep: input and output count.
  // CHECK-LABEL: func @inference
  //       CHECK:   %[[LARGE:[a-z0-9_]+]] = arith.cmpi sgt, %{{.*}}, %c2621440
  //       CHECK:   %[[Y:.*]] = scf.if %[[LARGE]] -> (tensor<?x?x?xf32>) {
  //       CHECK:     bn.inference {{.*}}<sweep, {{.*}} stores = nontemporal>
  //       CHECK:   } else {
  //       CHECK:     bn.inference {{.*}}<sweep, {{.*}} stores = temporal>
  //       CHECK:   return %[[Y]]
  func.func @inference(%x: tensor<?x?x?xf32>, %m: tensor<?xf32>,
      %v: tensor<?xf32>) -> tensor<?x?x?xf32> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<?x?x?xf32>)
        statistics(%m, %v : tensor<?xf32>, tensor<?xf32>)
        outs(%x : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
    return %y : tensor<?x?x?xf32>
  }

  // Rows matter, too: one channel is normalized while the next is read only
  // where they are long.
  // CHECK-LABEL: func @training
  //   CHECK-DAG:   %[[LARGE:[a-z0-9_]+]] = arith.cmpi sgt, %{{.*}}, %c1572864
  //   CHECK-DAG:   %[[LONG:[a-z0-9_]+]] = arith.cmpi sge, %{{.*}}, %c512
  //       CHECK:   %[[BOTH:.*]] = arith.andi %[[LARGE]], %[[LONG]]
  //       CHECK:   scf.if %[[BOTH]]
  //       CHECK:     <pipelined_slab, threads = 2, parallel = [0, 32, 0], tile = [1, 1, 8192], {{.*}} stores = nontemporal, prefetch = 1>
  //       CHECK:   } else {
  //       CHECK:     scf.if %[[LONG]]
  //       CHECK:       <pipelined_slab, {{.*}} stores = temporal, prefetch = 1>
  //       CHECK:     } else {
  //       CHECK:       <slab, {{.*}} stores = temporal>
  func.func @training(%x: tensor<?x64x?xf32>, %c: tensor<64xf32>)
      -> tensor<?x64x?xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<?x64x?xf32>)
        outs(%x, %c, %c : tensor<?x64x?xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<?x64x?xf32>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<?x64x?xf32>
  }

  // Rows of a known length leave two cases.
  // CHECK-LABEL: func @known_rows
  //       CHECK:   scf.if
  //       CHECK:     <pipelined_slab, {{.*}} stores = nontemporal, prefetch = 1>
  //       CHECK:   } else {
  //   CHECK-NOT:     scf.if
  //       CHECK:     <pipelined_slab, {{.*}} stores = temporal, prefetch = 1>
  func.func @known_rows(%x: tensor<?x64x784xf32>, %c: tensor<64xf32>)
      -> tensor<?x64x784xf32> {
    %y, %m, %v = bn.training axis(1) epsilon(1.0)
        ins(%x : tensor<?x64x784xf32>)
        outs(%x, %c, %c : tensor<?x64x784xf32>, tensor<64xf32>, tensor<64xf32>)
        -> tensor<?x64x784xf32>, tensor<64xf32>, tensor<64xf32>
    return %y : tensor<?x64x784xf32>
  }

  // Twice as many elements of half the size; channels that are not known are no
  // groups.
  // CHECK-LABEL: func @bf16
  //       CHECK:   %[[LARGE:.*]] = arith.cmpi sgt, %{{.*}}, %c5242880
  //       CHECK:   scf.if %[[LARGE]]
  //       CHECK:     <sweep, threads = 2, parallel = [-8, -8, 0], {{.*}} stores = nontemporal, prefetch =
  func.func @bf16(%x: tensor<8x?x100xbf16>, %m: tensor<?xf32>)
      -> tensor<8x?x100xbf16> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x?x100xbf16>)
        statistics(%m, %m : tensor<?xf32>, tensor<?xf32>)
        outs(%x : tensor<8x?x100xbf16>) -> tensor<8x?x100xbf16>
    return %y : tensor<8x?x100xbf16>
  }

  // Gradients of parameters write nothing of the data's size, and sweep once.
  // CHECK-LABEL: func @parameters
  //   CHECK-NOT:   scf.if
  //       CHECK:   return
  func.func @parameters(%dy: tensor<?x64x?xf32>, %x: tensor<?x64x?xf32>,
      %c: tensor<64xf32>)
      -> tensor<64xf32> {
    %d = bn.backward axis(1) epsilon(1.0) wrt(scale)
        ins(%dy, %x : tensor<?x64x?xf32>, tensor<?x64x?xf32>)
        statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
        outs(%c : tensor<64xf32>) -> tensor<64xf32>
    return %d : tensor<64xf32>
  }

  // Known sizes, and ops with a strategy, are left alone.
  // CHECK-LABEL: func @known
  //   CHECK-NOT:   scf.if
  func.func @known(%x: tensor<8x64xf32>, %z: tensor<?x64xf32>,
      %m: tensor<64xf32>) -> (tensor<8x64xf32>, tensor<?x64xf32>) {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x64xf32>)
        statistics(%m, %m : tensor<64xf32>, tensor<64xf32>)
        outs(%x : tensor<8x64xf32>) -> tensor<8x64xf32>
    %w = bn.inference axis(1) epsilon(1.0)
        {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 7,
         parallel = [2, 0], tile = [0, 0], vector_bits = 128, unroll = 2,
         stores = temporal>}
        ins(%z : tensor<?x64xf32>)
        statistics(%m, %m : tensor<64xf32>, tensor<64xf32>)
        outs(%z : tensor<?x64xf32>) -> tensor<?x64xf32>
    return %y, %w : tensor<8x64xf32>, tensor<?x64xf32>
  }
}
