// Prologues cost no sweep of their own, and no memory of the data's size: not
// where statistics are frozen, where sums and gradients are one sweep; nor
// otherwise, where they are two. The gradients are those of a residual block: of
// a ReLU behind a sum, of which the addend's is a result.

// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=tiled threads=2" | FileCheck %s
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=buffer threads=2" | FileCheck %s --check-prefix=BUFFER --implicit-check-not="memref.alloc(" --implicit-check-not="memref.copy {{.*}}3136"

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 16777216 : i64,
      "max_vector_op_width" = 256 : i64>>
} {
  // One channel gets its gradients while the sums of the next are taken.
  // CHECK-LABEL: func @training
  //       CHECK:   scf.for {{.*}} -> (tensor<8x32x3136xf32>, tensor<8x32x3136xf32>, tensor<32xf64>, tensor<32xf64>)
  //       CHECK:       bn.backward_input {{.*}} prologue(%{{.*}} : tensor<1x1x3136xf32>)
  //       CHECK:       bn.backward_reduce {{.*}} prologue(%{{.*}} : tensor<1x1x3136xf32>)
  //       CHECK:   } {bn.pipelined}
  //   CHECK-NOT:   scf.forall (
  //       CHECK:   return
  // Three reads for the sums, the same three for the gradients, two writes past
  // the caches.
  // BUFFER-LABEL: func @training
  //       BUFFER:   scf.forall (%{{.*}}) = (0) to (64) step (32)
  //       BUFFER:     scf.for %{{.*}} = %c0 to %c31 step %c1 {
  //       BUFFER:           scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  // BUFFER-COUNT-6:           vector.transfer_read
  //   BUFFER-NOT:             vector.transfer_read
  //       BUFFER:             vector.store %{{.*}}, %{{.*}}[%c0, %c0, %[[I]]] {{.*}}nontemporal = true
  //  BUFFER-NEXT:             vector.store %{{.*}}, %{{.*}}[%c0, %c0, %[[I]]] {{.*}}nontemporal = true
  //  BUFFER-NEXT:             scf.yield
  func.func @training(%dz: tensor<8x64x3136xf32>, %x: tensor<8x64x3136xf32>,
      %z: tensor<8x64x3136xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>,
      %dx0: tensor<8x64x3136xf32>, %dr0: tensor<8x64x3136xf32>)
      -> (tensor<8x64x3136xf32>, tensor<8x64x3136xf32>) {
    %dx, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
        ins(%dz, %x : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%dx0, %dr0 : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>)
        prologue(%z : tensor<8x64x3136xf32>) {
      ^bb0(%dy: f32, %y: f32):
        %zero = arith.constant 0.0 : f32
        %p = arith.cmpf ogt, %y, %zero : f32
        %g = arith.select %p, %dy, %zero : f32
        bn.yield %g : f32
      } -> tensor<8x64x3136xf32>, tensor<8x64x3136xf32>
    return %dx, %dr : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>
  }

  // Sums and gradients in one loop, which reads each operand once.
  // CHECK-LABEL: func @frozen
  //       CHECK:   scf.forall
  //       CHECK:     scf.for
  //       CHECK:       bn.backward_reduce
  //       CHECK:       bn.backward_input
  //       CHECK:   } {bn.one_sweep, bn.threads = 2 : i64}
  //   CHECK-NOT:   scf.forall (
  //       CHECK:   return
  // BUFFER-LABEL: func @frozen
  //       BUFFER:   scf.forall (%{{.*}}) in (64) {
  //       BUFFER:           scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  // BUFFER-COUNT-3:           vector.transfer_read
  //   BUFFER-NOT:             vector.transfer_read
  // BUFFER-COUNT-2:           vector.store {{.*}}nontemporal = true
  //  BUFFER-NEXT:             scf.yield
  //       BUFFER:   return
  func.func @frozen(%dz: tensor<8x64x3136xf32>, %x: tensor<8x64x3136xf32>,
      %z: tensor<8x64x3136xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>,
      %dx0: tensor<8x64x3136xf32>, %dg0: tensor<64xf32>, %db0: tensor<64xf32>,
      %dr0: tensor<8x64x3136xf32>)
      -> (tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>,
          tensor<8x64x3136xf32>) {
    %r:4 = bn.backward axis(1) epsilon(1.0e-3)
        wrt(input, scale, offset, normalized) frozen
        ins(%dz, %x : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%dx0, %dg0, %db0, %dr0
             : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>,
               tensor<8x64x3136xf32>)
        prologue(%z : tensor<8x64x3136xf32>) {
      ^bb0(%dy: f32, %y: f32):
        %zero = arith.constant 0.0 : f32
        %p = arith.cmpf ogt, %y, %zero : f32
        %g = arith.select %p, %dy, %zero : f32
        bn.yield %g : f32
      } -> tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>,
           tensor<8x64x3136xf32>
    return %r#0, %r#1, %r#2, %r#3
        : tensor<8x64x3136xf32>, tensor<64xf32>, tensor<64xf32>,
          tensor<8x64x3136xf32>
  }

  // Channels last, and not in place: one sweep for the sums and the gradient of
  // the addend, which is what the second sweep reads: seven moves of data.
  // CHECK-LABEL: func @rows
  //       CHECK:   scf.forall
  //       CHECK:     bn.backward_reduce
  //       CHECK:     bn.backward_input {{.*}} prologue(
  //       CHECK:   } {bn.one_sweep, bn.threads = 2 : i64}
  //       CHECK:   scf.forall
  //   CHECK-NOT:     prologue
  //       CHECK:   return
  // BUFFER-LABEL: func @rows
  //  BUFFER-SAME:     %[[DZ:[a-z0-9]+]]: memref<25088x64xf32>, %[[X:[a-z0-9]+]]: memref<25088x64xf32>, %[[Z:[a-z0-9]+]]: memref<25088x64xf32>, {{.*}} %[[DX:[a-z0-9]+]]: memref<25088x64xf32>, %[[DR:[a-z0-9]+]]: memref<25088x64xf32>
  //       BUFFER:   scf.forall
  //   BUFFER-DAG:     memref.subview %[[DZ]]
  //   BUFFER-DAG:     memref.subview %[[X]]
  //   BUFFER-DAG:     memref.subview %[[Z]]
  //   BUFFER-DAG:     memref.subview %[[DR]]
  //       BUFFER:           vector.store {{.*}}nontemporal = true
  //       BUFFER:   scf.forall
  //   BUFFER-NOT:     %[[Z]]
  //       BUFFER:           vector.store {{.*}}nontemporal = true
  //       BUFFER:   return
  func.func @rows(%dz: tensor<25088x64xf32>, %x: tensor<25088x64xf32>,
      %z: tensor<25088x64xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>,
      %dx0: tensor<25088x64xf32>, %dr0: tensor<25088x64xf32>)
      -> (tensor<25088x64xf32>, tensor<25088x64xf32>) {
    %dx, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
        ins(%dz, %x : tensor<25088x64xf32>, tensor<25088x64xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%dx0, %dr0 : tensor<25088x64xf32>, tensor<25088x64xf32>)
        prologue(%z : tensor<25088x64xf32>) {
      ^bb0(%dy: f32, %y: f32):
        %zero = arith.constant 0.0 : f32
        %p = arith.cmpf ogt, %y, %zero : f32
        %g = arith.select %p, %dy, %zero : f32
        bn.yield %g : f32
      } -> tensor<25088x64xf32>, tensor<25088x64xf32>
    return %dx, %dr : tensor<25088x64xf32>, tensor<25088x64xf32>
  }

  // Channels last: rows are summed from four places of three operands, and
  // walked once more, in packed rows, to write both gradients, here over what
  // they are made of.
  // CHECK-LABEL: func @rows_in_place
  //       CHECK:   scf.forall
  //       CHECK:     bn.backward_reduce {{.*}} prologue(%{{.*}} : tensor<4x{{.*}}x64xf32>)
  //       CHECK:   scf.forall
  //       CHECK:     bn.backward_input {{.*}} prologue(%{{.*}} : tensor<784x256xf32>)
  // BUFFER-LABEL: func @rows_in_place
  //       BUFFER:   return
  func.func @rows_in_place(%dz: tensor<25088x64xf32>, %x: tensor<25088x64xf32>,
      %z: tensor<25088x64xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>)
      -> (tensor<25088x64xf32>, tensor<25088x64xf32>) {
    %dx, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
        ins(%dz, %x : tensor<25088x64xf32>, tensor<25088x64xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%x, %dz : tensor<25088x64xf32>, tensor<25088x64xf32>)
        prologue(%z : tensor<25088x64xf32>) {
      ^bb0(%dy: f32, %y: f32):
        %zero = arith.constant 0.0 : f32
        %p = arith.cmpf ogt, %y, %zero : f32
        %g = arith.select %p, %dy, %zero : f32
        bn.yield %g : f32
      } -> tensor<25088x64xf32>, tensor<25088x64xf32>
    return %dx, %dr : tensor<25088x64xf32>, tensor<25088x64xf32>
  }

  // The output of a ReLU is computed again from the input, which the sweep has
  // in registers: two reads for the sums, and the same two for the gradient.
  // CHECK-LABEL: func @recomputed
  //   CHECK-NOT:   bn.inference
  //       CHECK:   } {bn.pipelined}
  // BUFFER-LABEL: func @recomputed
  //       BUFFER:   scf.forall (%{{.*}}) = (0) to (64) step (32)
  //       BUFFER:     scf.for %{{.*}} = %c0 to %c31 step %c1 {
  //       BUFFER:           scf.for %[[I:.*]] = %c0 to %c3136 step %c32 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
  // BUFFER-COUNT-4:           vector.transfer_read
  //   BUFFER-NOT:             vector.transfer_read
  //       BUFFER:             vector.store {{.*}}nontemporal = true
  //  BUFFER-NEXT:             scf.yield
  func.func @recomputed(%dz: tensor<8x64x3136xf32>, %x: tensor<8x64x3136xf32>,
      %o: tensor<64xf32>, %m: tensor<64xf64>, %v: tensor<64xf64>,
      %dx0: tensor<8x64x3136xf32>) -> tensor<8x64x3136xf32> {
    %z = bn.inference axis(1) epsilon(1.0e-3)
        ins(%x : tensor<8x64x3136xf32>) offset(%o : tensor<64xf32>)
        statistics(%m, %v : tensor<64xf64>, tensor<64xf64>)
        outs(%x : tensor<8x64x3136xf32>) -> tensor<8x64x3136xf32>
    %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
        ins(%dz, %x : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>)
        statistics(%m, %v : tensor<64xf64>, tensor<64xf64>)
        outs(%dx0 : tensor<8x64x3136xf32>)
        prologue(%z : tensor<8x64x3136xf32>) {
      ^bb0(%dy: f32, %y: f32):
        %zero = arith.constant 0.0 : f32
        %p = arith.cmpf ogt, %y, %zero : f32
        %g = arith.select %p, %dy, %zero : f32
        bn.yield %g : f32
      } -> tensor<8x64x3136xf32>
    return %dx : tensor<8x64x3136xf32>
  }

  // Only the addend's gradient beside that of the offset: one sweep, which does
  // not read the input.
  // BUFFER-LABEL: func @addend
  //  BUFFER-SAME:     %[[DZ:[a-z0-9]+]]: memref<8x64x3136xf32>, %[[X:[a-z0-9]+]]: memref<8x64x3136xf32>
  //   BUFFER-NOT:   %[[X]]{{[^0-9]}}
  //       BUFFER:   scf.forall
  // BUFFER-COUNT-2:     vector.transfer_read
  //   BUFFER-NOT:       vector.transfer_read
  //       BUFFER:       vector.store {{.*}}nontemporal = true
  //       BUFFER:   return
  func.func @addend(%dz: tensor<8x64x3136xf32>, %x: tensor<8x64x3136xf32>,
      %z: tensor<8x64x3136xf32>, %m: tensor<64xf32>, %v: tensor<64xf32>,
      %db0: tensor<64xf32>, %dr0: tensor<8x64x3136xf32>)
      -> (tensor<64xf32>, tensor<8x64x3136xf32>) {
    %db, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(offset, normalized)
        ins(%dz, %x : tensor<8x64x3136xf32>, tensor<8x64x3136xf32>)
        statistics(%m, %v : tensor<64xf32>, tensor<64xf32>)
        outs(%db0, %dr0 : tensor<64xf32>, tensor<8x64x3136xf32>)
        prologue(%z : tensor<8x64x3136xf32>) {
      ^bb0(%dy: f32, %y: f32):
        %zero = arith.constant 0.0 : f32
        %p = arith.cmpf ogt, %y, %zero : f32
        %g = arith.select %p, %dy, %zero : f32
        bn.yield %g : f32
      } -> tensor<64xf32>, tensor<8x64x3136xf32>
    return %db, %dr : tensor<64xf32>, tensor<8x64x3136xf32>
  }
}
