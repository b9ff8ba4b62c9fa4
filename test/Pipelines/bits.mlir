// A bit for each element, of what a ReLU behind a sum lets pass, takes no sweep
// of its own and no memory but its bytes: the sweep that writes the output
// writes it, and those that read the gradient of the output read it.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=tiled threads=2" --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" --split-input-file | FileCheck %s --check-prefix=BUFFER --implicit-check-not="memref.alloc(" --implicit-check-not="memref.copy {{.*}}i8" --implicit-check-not="x64xi8" --implicit-check-not="vector<32xi8>"

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // The hot loop of the pipelined slab writes 32 elements past the caches, and
  // 4 bytes into them.
  // CHECK-LABEL: func @training
  //       CHECK:   scf.for {{.*}} -> (tensor<8x32x3136xf32>, tensor<8x32x3136xi8>, tensor<32xf64>, tensor<32xf64>, tensor<32xf64>)
  //       CHECK:       bn.normalize {{.*}} outs(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<1x1x3136xf32>, tensor<1x1x3136xi8>) epilogue(%{{[^ ,]+}} : tensor<1x1x3136xf32>)
  //       CHECK:       bn.stats
  //       CHECK:   } {bn.pipelined}
  //   CHECK-NOT:   scf.forall (
  //       CHECK:   return
  // BUFFER-LABEL: func @training
  //  BUFFER-SAME:     %[[BYTES:[a-z0-9]+]]: memref<200704xi8>
  //       BUFFER:   scf.forall (%{{.*}}) = (0) to (64) step (32)
  //       BUFFER:     scf.for %{{.*}} = %c0 to %c31 step %c1 {
  //       BUFFER:           scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  // BUFFER-COUNT-3:           vector.transfer_read
  //   BUFFER-NOT:             vector.transfer_read
  //       BUFFER:             %[[P:.*]] = arith.cmpf ogt, {{.*}} : vector<32xf32>
  //       BUFFER:             vector.store %{{.*}}, %{{.*}}[%c0, %c0, %[[I]]] {{.*}}nontemporal = true
  //       BUFFER:             %[[W:.*]] = vector.bitcast %[[P]] : vector<32xi1> to vector<4xi8>
  //       BUFFER:             vector.transfer_write %[[W]], %[[BYTES]][%{{.*}}] {in_bounds = [true]} : vector<4xi8>, memref<200704xi8>
  //  BUFFER-NEXT:             scf.yield
  //       BUFFER:   return
  func.func @training(%x: tensor<8x64x3136xf32>, %r: tensor<8x64x3136xf32>,
      %z0: tensor<8x64x3136xf32>, %m0: tensor<64xf32>, %v0: tensor<64xf32>,
      %bytes: memref<200704xi8>)
      -> (tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>) {
    %bits = bn.view_bits %bytes : memref<200704xi8> to memref<8x64x3136xi8>
    %b0 = bufferization.to_tensor %bits restrict writable
        : memref<8x64x3136xi8> to tensor<8x64x3136xi8>
    %z, %m, %v, %b = bn.training axis(1) epsilon(1.0e-3)
        ins(%x : tensor<8x64x3136xf32>)
        outs(%z0, %m0, %v0, %b0
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>,
               tensor<8x64x3136xi8>)
        epilogue(%r : tensor<8x64x3136xf32>) {
      ^bb0(%y: f32, %e: f32):
        %zero = arith.constant 0.0 : f32
        %sum = arith.addf %y, %e : f32
        %passes = arith.cmpf ogt, %sum, %zero : f32
        %bit = arith.extui %passes : i1 to i8
        %relu = arith.maximumf %sum, %zero : f32
        bn.yield %relu, %bit : f32, i8
      } -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>,
           tensor<8x64x3136xi8>
    bufferization.materialize_in_destination %b in restrict writable %bits
        : (tensor<8x64x3136xi8>, memref<8x64x3136xi8>) -> ()
    return %z, %m, %v
        : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>
  }

  // Two sweeps, which both read the bits, in rows of their own.
  // CHECK-LABEL: func @backward
  //       CHECK:   scf.forall
  //       CHECK:     bn.backward_reduce {{.*}} prologue(%{{[^ ,]+}} : tensor<4x{{.*}}x64xi8>)
  //       CHECK:   scf.forall
  //       CHECK:     bn.backward_input {{.*}} prologue(%{{[^ ,]+}} : tensor<784x256xi8>)
  //   CHECK-NOT:   scf.forall (
  //       CHECK:   return
  // BUFFER-LABEL: func @backward
  //  BUFFER-SAME:     %[[BYTES:[a-z0-9]+]]: memref<200704xi8>
  //       BUFFER:   scf.forall
  // BUFFER-COUNT-4:       %[[W:.*]] = vector.transfer_read %[[BYTES]][%{{.*}}], %{{.*}} {in_bounds = [true]} : memref<200704xi8>, vector<4xi8>
  //  BUFFER-NEXT:         %[[P:.*]] = vector.bitcast %[[W]] : vector<4xi8> to vector<32xi1>
  //  BUFFER-NEXT:         arith.select %[[P]], {{.*}} : vector<32xi1>, vector<32xf32>
  //       BUFFER:   scf.forall
  //       BUFFER:         %[[V:.*]] = vector.transfer_read %[[BYTES]][%{{.*}}], %{{.*}} {in_bounds = [true]} : memref<200704xi8>, vector<4xi8>
  //  BUFFER-NEXT:         %[[Q:.*]] = vector.bitcast %[[V]] : vector<4xi8> to vector<32xi1>
  //       BUFFER:         arith.select %[[Q]], {{.*}} : vector<32xi1>, vector<32xf32>
  //   BUFFER-NOT:   %[[BYTES]]
  //       BUFFER:   return
  func.func @backward(%dz: tensor<25088x64xf32>, %x: tensor<25088x64xf32>,
      %bytes: memref<200704xi8>, %m: tensor<64xf32>, %v: tensor<64xf32>)
      -> (tensor<25088x64xf32>, tensor<25088x64xf32>) {
    %bits = bn.view_bits %bytes : memref<200704xi8> to memref<25088x64xi8>
    %b = bufferization.to_tensor %bits restrict
        : memref<25088x64xi8> to tensor<25088x64xi8>
    %dx, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
        ins(%dz, %x : tensor<25088x64xf32>, tensor<25088x64xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%x, %dz : tensor<25088x64xf32>, tensor<25088x64xf32>)
        prologue(%b : tensor<25088x64xi8>) {
      ^bb0(%dy: f32, %bit: i8):
        %zero = arith.constant 0.0 : f32
        %none = arith.constant 0 : i8
        %p = arith.cmpi ne, %bit, %none : i8
        %g = arith.select %p, %dy, %zero : f32
        bn.yield %g : f32
      } -> tensor<25088x64xf32>, tensor<25088x64xf32>
    return %dx, %dr : tensor<25088x64xf32>, tensor<25088x64xf32>
  }
}

// -----

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 512 : i64>>
} {
  // Two versions of a sweep, whose rows are eight of the data's: what they yield
  // is the memory that they have written to, and not copied there.
  // CHECK-LABEL: func @versions
  //       CHECK:   scf.if
  // CHECK-COUNT-2:   bn.normalize {{.*}} outs(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<24x64xf16>, tensor<24x64xi8>)
  //       CHECK:   return
  // BUFFER-LABEL: func @versions
  //  BUFFER-SAME:     %[[BYTES:[a-z0-9]+]]: memref<192xi8>
  //       BUFFER:   scf.if %{{[^ ]+}} {
  //       BUFFER:     vector.transfer_write %{{.*}}, %[[BYTES]][%{{.*}}] {in_bounds = [true]} : vector<8xi8>, memref<192xi8>
  //       BUFFER:   } else {
  //       BUFFER:     vector.transfer_write %{{.*}}, %[[BYTES]][%{{.*}}] {in_bounds = [true]} : vector<8xi8>, memref<192xi8>
  //   BUFFER-NOT:   memref.copy
  //       BUFFER:   return
  func.func @versions(%x: tensor<8x3x8x8xf16>, %y0: tensor<8x3x8x8xf16>,
      %m0: tensor<8xf32>, %v0: tensor<8xf32>, %bytes: memref<192xi8>)
      -> tensor<8x3x8x8xf16> {
    %bits = bn.view_bits %bytes : memref<192xi8> to memref<8x3x8x8xi8>
    %b0 = bufferization.to_tensor %bits restrict writable
        : memref<8x3x8x8xi8> to tensor<8x3x8x8xi8>
    %z, %m, %v, %b = bn.training axis(3) epsilon(1.0e-3)
        ins(%x : tensor<8x3x8x8xf16>)
        outs(%y0, %m0, %v0, %b0
             : tensor<8x3x8x8xf16>, tensor<8xf32>, tensor<8xf32>,
               tensor<8x3x8x8xi8>) epilogue {
      ^bb0(%y: f32):
        %zero = arith.constant 0.0 : f32
        %passes = arith.cmpf ogt, %y, %zero : f32
        %bit = arith.extui %passes : i1 to i8
        %relu = arith.maximumf %y, %zero : f32
        bn.yield %relu, %bit : f32, i8
      } -> tensor<8x3x8x8xf16>, tensor<8xf32>, tensor<8xf32>,
           tensor<8x3x8x8xi8>
    bufferization.materialize_in_destination %b in restrict writable %bits
        : (tensor<8x3x8x8xi8>, memref<8x3x8x8xi8>) -> ()
    return %z : tensor<8x3x8x8xf16>
  }
}
