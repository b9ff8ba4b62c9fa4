// A normalization whose strategy is 'pipelined_slab' and the statistics that it
// uses become a loop: one channel group is normalized, and the statistics of
// the next are taken.

// RUN: bn-opt %s --bn-pipeline-slabs --canonicalize --cse --split-input-file | FileCheck %s

#c = affine_map<(d0) -> (d0)>

// The first group's statistics come before the loop, the last group is
// normalized behind it. What is computed per channel is computed per group.
// CHECK-LABEL: func @static
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x784xf32>, %[[Y:[a-z0-9]+]]: tensor<8x4x784xf32>, %[[Z:[a-z0-9]+]]: tensor<4xf64>
//       CHECK:   %[[X0:.*]] = tensor.extract_slice %[[X]][0, 0, 0] [8, 1, 784]
//       CHECK:   %[[S0:.*]]:3 = bn.stats axis(1)
// The group's size has been obeyed; rows are still to be tiled.
//  CHECK-SAME:     parallel = [0, 0, 0], tile = [1, 0, 0]
//  CHECK-SAME:     ins(%[[X0]] : tensor<8x1x784xf32>)
//       CHECK:   %[[N1:.*]] = tensor.insert_slice %[[S0]]#0 into %[[Z]][0] [1]
//       CHECK:   %[[R:.*]]:4 = scf.for %[[G:.*]] = %c0 to %c3 step %c1 iter_args(%[[YG:.*]] = %[[Y]], %[[N:.*]] = %[[N1]], %[[M:.*]] = %{{.*}}, %[[Q:.*]] = %{{.*}})
//       CHECK:     %[[QG:.*]] = tensor.extract_slice %[[Q]][%[[G]]] [1]
//       CHECK:     %[[A:.*]] = linalg.generic {{.*}} ins(%[[QG]] : tensor<1xf64>)
//       CHECK:       math.sqrt
//   CHECK-DAG:     %[[MG:.*]] = tensor.extract_slice %[[M]][%[[G]]] [1]
//   CHECK-DAG:     %[[OUT:.*]] = tensor.extract_slice %[[YG]][0, %[[G]], 0] [8, 1, 784]
//   CHECK-DAG:     %[[THIS:.*]] = tensor.extract_slice %[[X]][0, %[[G]], 0] [8, 1, 784]
//       CHECK:     %[[G1:.*]] = affine.apply #{{.*}}(%[[G]])
//       CHECK:     %[[NEXT:.*]] = tensor.extract_slice %[[X]][0, %[[G1]], 0] [8, 1, 784]
//       CHECK:     %[[S:.*]]:3 = bn.stats axis(1) {{.*}} ins(%[[NEXT]] :
//       CHECK:     tensor.insert_slice %[[S]]#0 into %[[N]][%[[G1]]] [1]
//       CHECK:     %[[P:.*]] = bn.normalize axis(1) {{.*}} ins(%[[THIS]] : {{.*}}) mean(%[[MG]] : {{.*}}) scale(%[[A]] : tensor<1xf64>) outs(%[[OUT]] :
//       CHECK:     tensor.insert_slice %[[P]] into %[[YG]][0, %[[G]], 0] [8, 1, 784]
//       CHECK:   } {bn.pipelined}
//       CHECK:   %[[LAST:.*]] = bn.normalize axis(1) {{.*}} ins(%{{.*}} : tensor<8x1x784xf32>)
//       CHECK:   %[[ALL:.*]] = tensor.insert_slice %[[LAST]] into %[[R]]#0[0, 3, 0]
//       CHECK:   return %[[ALL]], %[[R]]#2
func.func @static(%x: tensor<8x4x784xf32>, %y: tensor<8x4x784xf32>,
    %z: tensor<4xf64>) -> (tensor<8x4x784xf32>, tensor<4xf64>) {
  %s:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>)
      outs(%z, %z, %z : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %e = tensor.empty() : tensor<4xf64>
  %a = linalg.generic {indexing_maps = [#c, #c], iterator_types = ["parallel"]}
      ins(%s#2 : tensor<4xf64>) outs(%e : tensor<4xf64>) {
  ^bb0(%in: f64, %out: f64):
    %root = math.sqrt %in : f64
    linalg.yield %root : f64
  } -> tensor<4xf64>
  %r = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>) mean(%s#1 : tensor<4xf64>)
      scale(%a : tensor<4xf64>)
      outs(%y : tensor<8x4x784xf32>) -> tensor<8x4x784xf32>
  return %r, %s#1 : tensor<8x4x784xf32>, tensor<4xf64>
}

// -----

// Groups of 16 are not known to divide the channels: nothing is pipelined.
// CHECK-LABEL: func @dynamic_groups
//   CHECK-NOT:   bn.pipelined
func.func @dynamic_groups(%x: tensor<256x?x49xf32>, %y: tensor<256x?x49xf32>,
    %z: tensor<?xf64>) -> tensor<256x?x49xf32> {
  %s:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [128, 16, 0],
       vector_bits = 256, unroll = 4, stores = nontemporal>}
      ins(%x : tensor<256x?x49xf32>)
      outs(%z, %z, %z : tensor<?xf64>, tensor<?xf64>, tensor<?xf64>)
      -> tensor<?xf64>, tensor<?xf64>, tensor<?xf64>
  %r = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [128, 16, 0],
       vector_bits = 256, unroll = 4, stores = nontemporal>}
      ins(%x : tensor<256x?x49xf32>) mean(%s#1 : tensor<?xf64>)
      outs(%y : tensor<256x?x49xf32>) -> tensor<256x?x49xf32>
  return %r : tensor<256x?x49xf32>
}

// -----

// Moving averages, here of the means, are made of all statistics at the end.
// CHECK-LABEL: func @other_users
//       CHECK:   %[[R:.*]]:4 = scf.for
//       CHECK:   } {bn.pipelined}
//       CHECK:   bn.normalize
//       CHECK:   bn.merge_stats ins(%[[R]]#1, %[[R]]#2, %[[R]]#3 :
func.func @other_users(%x: tensor<8x4x784xf32>, %y: tensor<8x4x784xf32>,
    %z: tensor<4xf64>) -> (tensor<8x4x784xf32>, tensor<4xf64>) {
  %s:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>)
      outs(%z, %z, %z : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %t:3 = bn.merge_stats
      ins(%s#0, %s#1, %s#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%z, %z, %z : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %r = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>) mean(%s#1 : tensor<4xf64>)
      outs(%y : tensor<8x4x784xf32>) -> tensor<8x4x784xf32>
  return %r, %t#1 : tensor<8x4x784xf32>, tensor<4xf64>
}

// -----

// In place, both ops work on what the loop carries, so that bufferization needs
// no copy: the next group is read before this one is overwritten.
// CHECK-LABEL: func @in_place
//       CHECK:   scf.for %[[G:.*]] = %c0 to %c3 step %c1 iter_args(%[[XG:[^ ]+]] =
//       CHECK:     %[[THIS:.*]] = tensor.extract_slice %[[XG]][0, %[[G]], 0]
//       CHECK:     %[[NEXT:.*]] = tensor.extract_slice %[[XG]][0, %{{.*}}, 0]
//       CHECK:     bn.stats axis(1) {{.*}} ins(%[[NEXT]] :
//       CHECK:     bn.normalize axis(1) {{.*}} ins(%[[THIS]] : {{.*}} outs(%[[THIS]] :
//       CHECK:   } {bn.pipelined}
func.func @in_place(%x: tensor<8x4x784xf32>, %z: tensor<4xf64>)
    -> tensor<8x4x784xf32> {
  %s:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>)
      outs(%z, %z, %z : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %r = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>) mean(%s#1 : tensor<4xf64>)
      outs(%x : tensor<8x4x784xf32>) -> tensor<8x4x784xf32>
  return %r : tensor<8x4x784xf32>
}

// -----

// Statistics of other data are left alone.
// CHECK-LABEL: func @other_data
//   CHECK-NOT:   scf.for
//       CHECK:   return
func.func @other_data(%x: tensor<8x4x784xf32>, %w: tensor<8x4x784xf32>,
    %z: tensor<4xf64>) -> tensor<8x4x784xf32> {
  %s:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%w : tensor<8x4x784xf32>)
      outs(%z, %z, %z : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %r = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>) mean(%s#1 : tensor<4xf64>)
      outs(%x : tensor<8x4x784xf32>) -> tensor<8x4x784xf32>
  return %r : tensor<8x4x784xf32>
}

// -----

// They do in a slab that starts at a multiple of 16 channels, of a tensor of 160
// channels, however many the slab has.
// CHECK-LABEL: func @slab_of_groups
//       CHECK:   scf.forall (%[[C:.*]]) = (0) to (160) step (96)
//       CHECK:     scf.for %{{.*}} = %c0{{.*}} to %{{.*}} step %c16
//       CHECK:       bn.stats axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<8x16x49xf32>)
//       CHECK:       bn.normalize axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<8x16x49xf32>)
//       CHECK:     } {bn.pipelined}
#whole = #bn.lowering_strategy<pipelined_slab, threads = 0,
    parallel = [0, 0, 0], tile = [0, 16, 0], vector_bits = 256, unroll = 4,
    stores = temporal>
func.func @slab_of_groups(%x: tensor<8x160x49xf32>, %y0: tensor<8x160x49xf32>,
    %z: tensor<160xf64>) -> tensor<8x160x49xf32> {
  %r = scf.forall (%c) = (0) to (160) step (96)
      shared_outs(%y = %y0) -> tensor<8x160x49xf32> {
    %n = affine.min affine_map<(d0) -> (-d0 + 160, 96)>(%c)
    %xs = tensor.extract_slice %x[0, %c, 0] [8, %n, 49] [1, 1, 1]
        : tensor<8x160x49xf32> to tensor<8x?x49xf32>
    %ys = tensor.extract_slice %y[0, %c, 0] [8, %n, 49] [1, 1, 1]
        : tensor<8x160x49xf32> to tensor<8x?x49xf32>
    %zs = tensor.extract_slice %z[%c] [%n] [1]
        : tensor<160xf64> to tensor<?xf64>
    %s:3 = bn.stats axis(1) {bn.lowering_strategy = #whole}
        ins(%xs : tensor<8x?x49xf32>)
        outs(%zs, %zs, %zs : tensor<?xf64>, tensor<?xf64>, tensor<?xf64>)
        -> tensor<?xf64>, tensor<?xf64>, tensor<?xf64>
    %ns = bn.normalize axis(1) {bn.lowering_strategy = #whole}
        ins(%xs : tensor<8x?x49xf32>) mean(%s#1 : tensor<?xf64>)
        outs(%ys : tensor<8x?x49xf32>) -> tensor<8x?x49xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %ns into %y[0, %c, 0] [8, %n, 49] [1, 1, 1]
          : tensor<8x?x49xf32> into tensor<8x160x49xf32>
    }
  }
  return %r : tensor<8x160x49xf32>
}

// -----

// Gradients: one channel gets that of its input while the sums of the next are
// taken. The mean is an operand of both.
#c = affine_map<(d0) -> (d0)>
#pipelined = #bn.lowering_strategy<pipelined_slab, threads = 0,
    parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256, unroll = 4,
    stores = temporal>
// CHECK-LABEL: func @gradients
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<8x4x784xf32>, %[[X:[a-z0-9]+]]: tensor<8x4x784xf32>, %[[M:[a-z0-9]+]]: tensor<4xf32>
//       CHECK:   bn.backward_reduce
//       CHECK:   scf.for %[[G:.*]] = %c0{{.*}} to %c3{{.*}} iter_args(
//       CHECK:     %[[NEXT:.*]] = affine.apply
//       CHECK:     %[[NEXTDY:.*]] = tensor.extract_slice %[[DY]][0, %[[NEXT]], 0]
//       CHECK:     %[[NEXTX:.*]] = tensor.extract_slice %[[X]][0, %[[NEXT]], 0]
//       CHECK:     %[[NEXTM:.*]] = tensor.extract_slice %[[M]][%[[NEXT]]]
//       CHECK:     bn.backward_reduce {{.*}} ins(%[[NEXTDY]], %[[NEXTX]] : {{.*}}) mean(%[[NEXTM]] :
//       CHECK:     bn.backward_input {{.*}} : tensor<8x1x784xf32>, tensor<8x1x784xf32>) mean(%{{.*}} : tensor<1xf32>)
//       CHECK:   } {bn.pipelined}
//       CHECK:   bn.backward_input
func.func @gradients(%dy: tensor<8x4x784xf32>, %x: tensor<8x4x784xf32>,
    %m: tensor<4xf32>, %z: tensor<4xf32>, %dx: tensor<8x4x784xf32>)
    -> tensor<8x4x784xf32> {
  %s:2 = bn.backward_reduce axis(1) {bn.lowering_strategy = #pipelined}
      ins(%dy, %x : tensor<8x4x784xf32>, tensor<8x4x784xf32>)
      mean(%m : tensor<4xf32>) outs(%z, %z : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %b = linalg.generic {indexing_maps = [#c, #c], iterator_types = ["parallel"]}
      ins(%s#1 : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %minus = arith.negf %in : f32
    linalg.yield %minus : f32
  } -> tensor<4xf32>
  %r = bn.backward_input axis(1) {bn.lowering_strategy = #pipelined}
      ins(%dy, %x : tensor<8x4x784xf32>, tensor<8x4x784xf32>)
      mean(%m : tensor<4xf32>)
      coefficients(%m, %b, %s#0 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%dx : tensor<8x4x784xf32>) -> tensor<8x4x784xf32>
  return %r : tensor<8x4x784xf32>
}

// -----

// In place over an epilogue input: what is read of it is the group that is then
// written.
// CHECK-LABEL: func @epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x784xf32>, %[[R:[a-z0-9]+]]: tensor<8x4x784xf32>
//       CHECK:   scf.for %[[G:.*]] = %c0 to %c3 step %c1 iter_args(%[[RG:.*]] = %[[R]],
//       CHECK:     %[[OUT:.*]] = tensor.extract_slice %[[RG]][0, %[[G]], 0] [8, 1, 784]
//       CHECK:     bn.normalize axis(1) {{.*}} outs(%[[OUT]] : {{.*}}) epilogue(%[[OUT]] : tensor<8x1x784xf32>) {
//       CHECK:       arith.addf
//       CHECK:       bn.yield
//       CHECK:   } {bn.pipelined}
//       CHECK:   bn.normalize {{.*}} outs(%[[LAST:.*]] : {{.*}}) epilogue(%[[LAST]] : tensor<8x1x784xf32>) {
func.func @epilogue(%x: tensor<8x4x784xf32>, %r: tensor<8x4x784xf32>,
    %z: tensor<4xf64>) -> tensor<8x4x784xf32> {
  %s:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>)
      outs(%z, %z, %z : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>) mean(%s#1 : tensor<4xf64>)
      outs(%r : tensor<8x4x784xf32>) epilogue(%r : tensor<8x4x784xf32>) {
    ^bb0(%e: f32, %f: f32):
      %sum = arith.addf %e, %f : f32
      bn.yield %sum : f32
    } -> tensor<8x4x784xf32>
  return %y : tensor<8x4x784xf32>
}

// -----

// What an epilogue takes per channel is cut like coefficients; it may be of
// other sums, which are not those of the slab.
// CHECK-LABEL: func @per_channel
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x784xf32>, %[[A:[a-z0-9]+]]: tensor<4xf32>
//       CHECK:   %[[OTHER:.*]]:3 = bn.stats {{.*}} ins(%{{.*}} : tensor<9x4xf32>)
//       CHECK:   scf.for %[[G:.*]] = %c0 to %c3 step %c1
//   CHECK-DAG:     %[[AG:.*]] = tensor.extract_slice %[[A]][%[[G]]] [1] [1]
//   CHECK-DAG:     %[[MG:.*]] = tensor.extract_slice %[[OTHER]]#1[%[[G]]] [1] [1]
//       CHECK:     bn.normalize axis(1) {{.*}} epilogue(%[[AG]], %[[MG]] : tensor<1xf32>, tensor<1xf64>) {
//       CHECK:   } {bn.pipelined}
//       CHECK:   bn.normalize {{.*}} epilogue(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<1xf32>, tensor<1xf64>) {
func.func @per_channel(%x: tensor<8x4x784xf32>, %a: tensor<4xf32>,
    %z: tensor<4xf64>, %w: tensor<9x4xf32>) -> tensor<8x4x784xf32> {
  %o:3 = bn.stats axis(1) ins(%w : tensor<9x4xf32>)
      outs(%z, %z, %z : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %s:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>)
      outs(%z, %z, %z : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
       threads = 0, parallel = [0, 0, 0], tile = [1, 1, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x784xf32>) mean(%s#1 : tensor<4xf64>)
      outs(%x : tensor<8x4x784xf32>)
      epilogue(%a, %o#1 : tensor<4xf32>, tensor<4xf64>) {
    ^bb0(%e: f32, %f: f32, %g: f32):
      %p = arith.mulf %e, %f : f32
      %sum = arith.addf %p, %g : f32
      bn.yield %sum : f32
    } -> tensor<8x4x784xf32>
  return %y : tensor<8x4x784xf32>
}
