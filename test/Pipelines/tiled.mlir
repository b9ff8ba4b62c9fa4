// After phase 'tiled', each op has a strategy, loops over slabs or row blocks
// exist, and inside them there are structural ops on tiles.

// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline=compile-to=tiled | FileCheck %s --implicit-check-not=bn.training --implicit-check-not=bn.inference

// One loop over channels; statistics, moving average and normalization of a
// channel are in it.
// CHECK-LABEL: func @nchw
//       CHECK:   scf.forall (%{{.*}}) in (64)
//       CHECK:     scf.for
//       CHECK:       bn.stats axis(1) {bn.lowering_strategy = #bn.lowering_strategy<slab,
//  CHECK-SAME:         ins(%{{[^ ]+}} : tensor<?x1x784xf32>)
//       CHECK:     bn.update_running_stats
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<slab,
//  CHECK-SAME:       ins(%{{[^ ]+}} : tensor<8x1x784xf32>)
//       CHECK:     scf.forall.in_parallel

// Partial statistics of row blocks, their merge in order, and a second sweep.
// CHECK-LABEL: func @nhwc
//       CHECK:   scf.forall (%{{.*}}) = (0) to (6272)
//       CHECK:     bn.stats axis(1) {bn.lowering_strategy = #bn.lowering_strategy<row_blocks,
//       CHECK:     scf.forall.in_parallel
//       CHECK:   scf.for
//       CHECK:     bn.merge_stats
//       CHECK:   scf.forall (%{{.*}}) = (0) to (6272)
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<row_blocks,

// Coefficients once per channel, one sweep.
// CHECK-LABEL: func @inference
//       CHECK:   linalg.generic
//       CHECK:     math.sqrt
//       CHECK:   scf.forall
//   CHECK-NOT:     math.sqrt
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<sweep,
//       CHECK:     scf.forall.in_parallel

// CHECK-LABEL: func @dynamic
//       CHECK:   scf.forall (%{{.*}}) in (%{{.*}})
//       CHECK:     bn.stats axis(1) {bn.lowering_strategy = #bn.lowering_strategy<slab,
//       CHECK:     bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<slab,
