// After phase 'tiled', each op has a strategy, loops over slabs or row blocks
// exist, and inside them there are structural ops on tiles.

// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline="compile-to=tiled threads=2" | FileCheck %s --implicit-check-not=bn.training --implicit-check-not=bn.inference

// Each thread has one run of channels: rows of one channel are normalized in
// the loop that takes the statistics of the next one's. The first pivot is the mean
// of 128 elements, every other one the mean so far.
// CHECK-LABEL: func @nchw
//       CHECK:   scf.forall (%{{.*}}) = (0) to (64) step (32)
//       CHECK:     scf.for %{{.*}} = %c0 to %c31 step %c1
//       CHECK:       %[[MEAN:.*]] = linalg.generic {{.*}} ins(%{{[^ ]+}} : tensor<1x1x128xf32>) outs(
//       CHECK:       %[[FIRST:.*]] = linalg.generic {{.*}} ins(%[[MEAN]] : tensor<1xf32>)
//       CHECK:       scf.for %{{.*}} = %c0 to %c24 step %c8 iter_args({{.*}} = %[[FIRST]],
//       CHECK:         bn.normalize axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<8x1x784xf32>) mean(
//       CHECK:         bn.stats axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<8x1x784xf32>) pivot(%[[M:[^ ]+]] : {{.*}} outs(%{{[^ ]+}}, %[[M]], %
//   CHECK-NOT:       scf.for
//       CHECK:     } {bn.pipelined}
// The last channel; the moving average is of all channels at a time.
//       CHECK:     scf.for
//       CHECK:       bn.normalize
//       CHECK:     bn.update_running_stats {{.*}} tensor<32xf64>
//       CHECK:     scf.forall.in_parallel

// Partial statistics of row blocks, whose rows come from four places; their
// merge in order; and a second sweep, from the last block to the first.
// CHECK-LABEL: func @nhwc
//       CHECK:   scf.forall (%{{.*}}) = (0) to (6272) step (1568)
//       CHECK:     tensor.expand_shape {{.*}} output_shape [4, 392, 100]
//       CHECK:     linalg.generic {{.*}} ins(%{{[^ ]+}} : tensor<4x4x100xf32>) outs(
//       CHECK:     scf.for %{{.*}} = %c0 to %c392 step %c64
//       CHECK:       bn.stats axis(2) {bn.lowering_strategy = #bn.lowering_strategy<row_blocks,
//  CHECK-SAME:         ins(%{{[^ ]+}} : tensor<4x?x100xf32>) pivot(
//       CHECK:     scf.forall.in_parallel
//       CHECK:   scf.for
//       CHECK:     bn.merge_stats
//       CHECK:   scf.forall (%[[I:.*]]) = (0) to (6272) step (1568)
//       CHECK:     arith.divui %[[I]]
//       CHECK:     arith.minui
//       CHECK:     %[[BACK:.*]] = arith.muli
//       CHECK:     tensor.extract_slice %{{.*}}[%[[BACK]], 0]
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<row_blocks,

// Coefficients once per channel, one sweep.
// CHECK-LABEL: func @inference
//       CHECK:   linalg.generic
//       CHECK:     math.sqrt
//       CHECK:   scf.forall
//   CHECK-NOT:     math.sqrt
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<sweep,
//       CHECK:     scf.forall.in_parallel

// Three versions: long rows beyond the caches and in them, and short ones.
// CHECK-LABEL: func @dynamic
//       CHECK:   scf.if
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab, {{.*}} stores = nontemporal,
//       CHECK:   } else {
//       CHECK:     scf.if
//       CHECK:       bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab, {{.*}} stores = temporal,
//       CHECK:     } else {
//       CHECK:   scf.forall (%{{.*}}) in (%{{.*}})
//       CHECK:     scf.for
//       CHECK:       bn.stats axis(1) {bn.lowering_strategy = #bn.lowering_strategy<slab, {{.*}} pivot(
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<slab,
