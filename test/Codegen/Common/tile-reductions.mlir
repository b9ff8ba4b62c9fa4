// Structural ops are tiled as their strategy says; ops without one stay.

// RUN: bn-opt %s --bn-tile-reductions --canonicalize --cse --split-input-file | FileCheck %s

// One partial result per piece, filled there; tiles in it, merges in order.
// CHECK-LABEL: func @row_blocks
//  CHECK-SAME:     %{{[a-z0-9]+}}: tensor<1024x128xf32>, %[[C:[a-z0-9]+]]: tensor<128xf64>
//   CHECK-NOT:   linalg.fill {{.*}} -> tensor<4x128xf64>
//       CHECK:   %[[ANY:.*]] = tensor.empty() : tensor<4x128xf64>
//       CHECK:   scf.forall {{.*}} = (0) to (1024) step (256) shared_outs(%[[PART:[a-z0-9]+]] = %[[ANY]],
//       CHECK:     %[[ROW:.*]] = tensor.extract_slice %[[PART]][
//       CHECK:     %[[ZEROS:.*]] = linalg.fill {{.*}} outs(%[[ROW]] : tensor<128xf64>)
//       CHECK:     scf.for %{{.*}} = %c0 to %c256 step %c64 iter_args(%{{.*}} = %[[ZEROS]],
//       CHECK:       scf.for %{{.*}} = %c0 to %c128 step %c32
//       CHECK:         bn.stats axis(1)
//  CHECK-SAME:           parallel = [0, 0], tile = [0, 0]
//  CHECK-SAME:           ins(%{{[^ ]+}} : tensor<64x32xf32>)
//       CHECK:     scf.forall.in_parallel
//       CHECK:   scf.for %{{.*}} = %c0 to %c4 step %c1 iter_args(%[[N:.*]] = %[[C]], %[[M:.*]] = %[[C]], %[[S:.*]] = %[[C]])
//       CHECK:     bn.merge_stats {{.*}} outs(%[[N]], %[[M]], %[[S]] :
func.func @row_blocks(%x: tensor<1024x128xf32>, %c: tensor<128xf64>)
    -> tensor<128xf64> {
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [-4, 0], tile = [64, 32], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<1024x128xf32>)
      outs(%c, %c, %c : tensor<128xf64>, tensor<128xf64>, tensor<128xf64>)
      -> tensor<128xf64>, tensor<128xf64>, tensor<128xf64>
  return %m : tensor<128xf64>
}

// -----

// Each iteration over some of the channels fills what it adds to, and need not
// merge it with zeros.
// CHECK-LABEL: func @channels_in_parallel
//       CHECK:   scf.forall (%{{.*}}) = (0) to (128) step (32)
//       CHECK:     linalg.fill {{.*}} -> tensor<32xf64>
//   CHECK-NOT:   bn.merge_stats
//       CHECK:   return
func.func @channels_in_parallel(%x: tensor<1024x128xf32>)
    -> tensor<128xf64> {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<128xf64>
  %c = linalg.fill ins(%zero : f64) outs(%e : tensor<128xf64>)
      -> tensor<128xf64>
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
       parallel = [0, 32], tile = [64, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<1024x128xf32>)
      outs(%c, %c, %c : tensor<128xf64>, tensor<128xf64>, tensor<128xf64>)
      -> tensor<128xf64>, tensor<128xf64>, tensor<128xf64>
  return %m : tensor<128xf64>
}

// -----

// One thread: tiles only.
// CHECK-LABEL: func @single
//   CHECK-NOT:   scf.forall
//       CHECK:   scf.for
//       CHECK:     bn.stats axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<1x4x100xf32>)
func.func @single(%x: tensor<8x4x100xf32>, %c: tensor<4xf64>) -> tensor<4xf64> {
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<single, threads = 1,
       parallel = [0, 0, 0], tile = [1, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x4x100xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %m : tensor<4xf64>
}

// -----

// The pivot of a tile is the mean so far; that of the first tile is the mean of
// 128 elements, which counts for nothing.
// CHECK-LABEL: func @running_pivot
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x4096xf32>
//       CHECK:   %[[ANY:.*]] = tensor.empty() : tensor<4xf64>
//       CHECK:   %[[ZERO:.*]] = linalg.fill {{.*}} outs(%[[ANY]] :
//       CHECK:   %[[FIRST:.*]] = tensor.extract_slice %[[X]][0, 0, 0] [1, 4, 128]
//       CHECK:   %[[MEAN:.*]] = linalg.generic {{.*}} ins(%[[FIRST]] : tensor<1x4x128xf32>)
//       CHECK:   %[[P:.*]] = linalg.generic {{.*}} ins(%[[MEAN]] : tensor<4xf32>) outs(%[[ANY]] : tensor<4xf64>)
//       CHECK:   scf.for %{{.*}} = %c0 to %c8 step %c1 iter_args(%[[N:.*]] = %[[ZERO]], %[[M:.*]] = %[[P]], %[[S:.*]] = %[[ZERO]])
//       CHECK:     bn.stats axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<1x4x4096xf32>) pivot(%[[M]] : tensor<4xf64>) outs(%[[N]], %[[M]], %[[S]] :
//       CHECK:   } {bn.prefetch = 1 : i64}
//   CHECK-NOT:   bn.merge_stats
//       CHECK:   return
func.func @running_pivot(%x: tensor<8x4x4096xf32>) -> tensor<4xf64> {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<4xf64>
  %c = linalg.fill ins(%zero : f64) outs(%e : tensor<4xf64>) -> tensor<4xf64>
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
       parallel = [0, 0, 0], tile = [1, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal, prefetch = 1>}
      ins(%x : tensor<8x4x4096xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %m : tensor<4xf64>
}

// -----

// Statistics that go on from others start from nothing, and are merged.
// CHECK-LABEL: func @running_pivot_goes_on
//  CHECK-SAME:     %[[C:[a-z0-9]+]]: tensor<4xf64>)
//       CHECK:   %[[R:.*]]:3 = scf.for
//       CHECK:     bn.stats axis(1) {{.*}} pivot(
//       CHECK:   %[[T:.*]]:3 = bn.merge_stats ins(%[[R]]#0, %[[R]]#1, %[[R]]#2 : {{.*}}) outs(%[[C]], %[[C]], %[[C]] :
//       CHECK:   return %[[T]]#1
func.func @running_pivot_goes_on(%x: tensor<8x4x4096xf32>, %c: tensor<4xf64>)
    -> tensor<4xf64> {
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
       parallel = [0, 0, 0], tile = [1, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x4x4096xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %m : tensor<4xf64>
}

// -----

// With streams, rows come from as many places in turn, without moving data;
// rows that are left over come last.
// CHECK-LABEL: func @streams
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<1002x128xf32>
//       CHECK:   %[[MOST:.*]] = tensor.extract_slice %[[X]][0, 0] [1000, 128]
//       CHECK:   %[[ROWS:.*]] = tensor.expand_shape %[[MOST]] {{.*}} output_shape [4, 250, 128]
//       CHECK:   %[[FIRST:.*]] = tensor.extract_slice %[[ROWS]][0, 0, 0] [4, 4, 128]
//       CHECK:   linalg.generic {{.*}} ins(%[[FIRST]] :
//       CHECK:   %[[R:.*]]:3 = scf.for %[[I:.*]] = %c0 to %c250 step %c50
//       CHECK:     %[[TILE:.*]] = tensor.extract_slice %[[ROWS]][0, %[[I]], 0] [4, 50, 128]
//       CHECK:     bn.stats axis(2) {{.*}} ins(%[[TILE]] : {{.*}}) pivot(
//       CHECK:   %[[REST:.*]] = tensor.extract_slice %[[X]][1000, 0] [2, 128]
//       CHECK:   bn.stats axis(1) {{.*}} ins(%[[REST]] : {{.*}}) outs(%[[R]]#0, %[[R]]#1, %[[R]]#2 :
func.func @streams(%x: tensor<1002x128xf32>) -> tensor<128xf64> {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<128xf64>
  %c = linalg.fill ins(%zero : f64) outs(%e : tensor<128xf64>)
      -> tensor<128xf64>
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [0, 0], tile = [50, 0], vector_bits = 256, unroll = 4,
       stores = temporal, streams = 4>}
      ins(%x : tensor<1002x128xf32>)
      outs(%c, %c, %c : tensor<128xf64>, tensor<128xf64>, tensor<128xf64>)
      -> tensor<128xf64>, tensor<128xf64>, tensor<128xf64>
  return %m : tensor<128xf64>
}

// -----

// The rows of a piece are a multiple of the streams, so that only the last one
// has rows left over: the others do not merge them.
// CHECK-LABEL: func @pieces_of_streams
//       CHECK:   scf.forall {{.*}} = (0) to (1010) step (256)
//       CHECK:     bn.stats axis(2)
//       CHECK:     %[[LEFT:.*]] = arith.cmpi ne
//       CHECK:     scf.if %[[LEFT]] -> (tensor<128xf64>, tensor<128xf64>, tensor<128xf64>)
//       CHECK:       bn.stats axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<?x128xf32>)
//       CHECK:     } else {
//  CHECK-NEXT:       scf.yield
func.func @pieces_of_streams(%x: tensor<1010x128xf32>) -> tensor<128xf64> {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<128xf64>
  %c = linalg.fill ins(%zero : f64) outs(%e : tensor<128xf64>)
      -> tensor<128xf64>
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [-4, 0], tile = [0, 0], vector_bits = 256, unroll = 4,
       stores = temporal, streams = 4>}
      ins(%x : tensor<1010x128xf32>)
      outs(%c, %c, %c : tensor<128xf64>, tensor<128xf64>, tensor<128xf64>)
      -> tensor<128xf64>, tensor<128xf64>, tensor<128xf64>
  return %m : tensor<128xf64>
}

// -----

// The sweep of row blocks goes backwards, within the run of pieces of a thread:
// what it has read last for the statistics is still in its caches. Of eight
// pieces and three threads, piece 4 = 512 / 128 is the second one of the run
// from 3 to 5, and becomes 3 + 6 - 1 - 4.
// CHECK-LABEL: func @backwards
//   CHECK-DAG:   %[[C3:.*]] = arith.constant 3 : index
//   CHECK-DAG:   %[[C8:.*]] = arith.constant 8 : index
//   CHECK-DAG:   %[[STEP:.*]] = arith.constant 128 : index
//       CHECK:   scf.forall (%[[I:.*]]) = (0) to (1000) step (128)
//       CHECK:     %[[N:.*]] = arith.divui %[[I]], %[[STEP]]
//       CHECK:     %[[PART:.*]] = arith.divui %[[N]], %[[C3]]
//       CHECK:     %[[BEGIN:.*]] = arith.muli %[[PART]], %[[C3]]
//       CHECK:     %[[NEXT:.*]] = arith.addi %[[BEGIN]], %[[C3]]
//       CHECK:     %[[END:.*]] = arith.minui %[[NEXT]], %[[C8]]
//       CHECK:     %[[BOTH:.*]] = arith.addi %[[BEGIN]], %[[END]]
//       CHECK:     %[[LAST:.*]] = arith.subi %[[BOTH]], %{{.*}}
//       CHECK:     %[[BACK:.*]] = arith.subi %[[LAST]], %[[N]]
//       CHECK:     %[[B:.*]] = arith.muli %[[BACK]], %[[STEP]]
//       CHECK:     tensor.extract_slice %{{.*}}[%[[B]], 0]
//       CHECK:     bn.normalize
//       CHECK:     tensor.parallel_insert_slice %{{.*}} into %{{.*}}[%[[B]], 0]
func.func @backwards(%x: tensor<1000x128xf32>) -> tensor<1000x128xf32> {
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 3,
       parallel = [128, 0], tile = [64, 0], vector_bits = 256, unroll = 4,
       stores = temporal, streams = 4>}
      ins(%x : tensor<1000x128xf32>) outs(%x : tensor<1000x128xf32>)
      -> tensor<1000x128xf32>
  return %y : tensor<1000x128xf32>
}

// -----

// So does that of few channels that are split, in whichever dimension.
// CHECK-LABEL: func @split_backwards
//       CHECK:   scf.forall (%[[I:.*]]) = (0) to (8) step (2)
//       CHECK:     %[[END:.*]] = arith.minui
//       CHECK:     %[[B:.*]] = arith.muli %{{.*}}, %c2
//       CHECK:     tensor.extract_slice %{{.*}}[%[[B]], 0, 0] [2, 3, 784]
//       CHECK:     bn.normalize
func.func @split_backwards(%x: tensor<8x3x784xf32>) -> tensor<8x3x784xf32> {
  %y = bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<split,
       threads = 2, parallel = [-4, 0, 0], tile = [1, 0, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x3x784xf32>)
      outs(%x : tensor<8x3x784xf32>) -> tensor<8x3x784xf32>
  return %y : tensor<8x3x784xf32>
}

// -----

// A normalization is cut in pieces of its data.
// CHECK-LABEL: func @sweep
//       CHECK:   scf.forall (%{{.*}}, %{{.*}}) = (0, 0) to (8, 64) step (1, 16)
//       CHECK:     bn.normalize axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<1x16x784xf32>) mean(%{{[^ ]+}} : tensor<16xf32>)
//       CHECK:   } {bn.threads = 5 : i64}
func.func @sweep(%x: tensor<8x64x784xf32>, %m: tensor<64xf32>)
    -> tensor<8x64x784xf32> {
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 5,
       parallel = [-8, -4, 0], tile = [0, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x64x784xf32>) mean(%m : tensor<64xf32>)
      outs(%x : tensor<8x64x784xf32>) -> tensor<8x64x784xf32>
  return %y : tensor<8x64x784xf32>
}

// -----

// An empty dimension makes no piece of size 0.
// CHECK-LABEL: func @dynamic
//       CHECK:   affine.max
//       CHECK:   scf.forall
//       CHECK:     bn.stats axis(1) {{.*}} ins(%{{[^ ]+}} : tensor<?x?xf32>)
//       CHECK:   bn.merge_stats
func.func @dynamic(%x: tensor<?x?xf32>, %c: tensor<?xf64>) -> tensor<?xf64> {
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [-4, 0], tile = [0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<?x?xf32>)
      outs(%c, %c, %c : tensor<?xf64>, tensor<?xf64>, tensor<?xf64>)
      -> tensor<?xf64>, tensor<?xf64>, tensor<?xf64>
  return %m : tensor<?xf64>
}

// -----

// CHECK-LABEL: func @no_strategy
//   CHECK-NOT:   scf.for
//       CHECK:   return
func.func @no_strategy(%x: tensor<8x4xf32>, %c: tensor<4xf64>)
    -> (tensor<4xf64>, tensor<8x4xf32>) {
  %n, %m, %s = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %m, %y : tensor<4xf64>, tensor<8x4xf32>
}

// -----

// Both operands of the sums for gradients come from four places; the sweep of
// the result goes backwards.
#rows = #bn.lowering_strategy<row_blocks, threads = 2, parallel = [-4, 0],
    tile = [32, 0], vector_bits = 256, unroll = 4, stores = temporal,
    streams = 4>
// CHECK-LABEL: func @gradients
//       CHECK:   scf.forall (%{{.*}}) = (0) to (1024) step (256) shared_outs(%[[PART:[a-z0-9]+]] =
//       CHECK:     %[[ROW:.*]] = tensor.extract_slice %[[PART]][
//       CHECK:     linalg.fill {{.*}} outs(%[[ROW]] :
//       CHECK:     %[[DY:.*]] = tensor.expand_shape %{{.*}} output_shape [4, 64, 128]
//       CHECK:     %[[X:.*]] = tensor.expand_shape %{{.*}} output_shape [4, 64, 128]
//       CHECK:     scf.for %[[I:.*]] = %c0 to %c64 step %c32
//       CHECK:       %[[TILEDY:.*]] = tensor.extract_slice %[[DY]][0, %[[I]], 0] [4, 32, 128]
//       CHECK:       %[[TILEX:.*]] = tensor.extract_slice %[[X]][0, %[[I]], 0] [4, 32, 128]
//       CHECK:       bn.backward_reduce axis(2) {{.*}} ins(%[[TILEDY]], %[[TILEX]] :
//       CHECK:   scf.for %{{.*}} to %c4
//       CHECK:     arith.addf
//       CHECK:   scf.forall (%[[P:.*]]) = (0) to (1024) step (256)
//       CHECK:     arith.divui %[[P]]
//       CHECK:     bn.backward_input axis(1)
func.func @gradients(%dy: tensor<1024x128xf32>, %x: tensor<1024x128xf32>,
    %m: tensor<128xf32>, %z: tensor<128xf32>, %dx: tensor<1024x128xf32>)
    -> tensor<1024x128xf32> {
  %s:2 = bn.backward_reduce axis(1) {bn.lowering_strategy = #rows}
      ins(%dy, %x : tensor<1024x128xf32>, tensor<1024x128xf32>)
      mean(%m : tensor<128xf32>) outs(%z, %z : tensor<128xf32>, tensor<128xf32>)
      -> tensor<128xf32>, tensor<128xf32>
  %r = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy, %x : tensor<1024x128xf32>, tensor<1024x128xf32>)
      mean(%m : tensor<128xf32>)
      coefficients(%m, %s#0, %s#1
                   : tensor<128xf32>, tensor<128xf32>, tensor<128xf32>)
      outs(%dx : tensor<1024x128xf32>) -> tensor<1024x128xf32>
  return %r : tensor<1024x128xf32>
}

// -----

// With a mask, each tile is read twice, about its own mean: that of the first
// elements, of which all may be excluded, would be none. Rows are still taken
// from four places, those of the mask with them.
// CHECK-LABEL: func @masked_streams
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<1030x128xf32>, %[[C:[a-z0-9]+]]: tensor<128xf64>, %[[W:[a-z0-9]+]]: tensor<1030x1xf32>, %[[U:[a-z0-9]+]]: tensor<1x128xf32>
//   CHECK-NOT:   pivot
//       CHECK:   %[[W0:.*]] = tensor.extract_slice %[[W]][0, 0] [1028, 1] [1, 1]
//       CHECK:   %[[W4:.*]] = tensor.expand_shape %[[W0]] {{\[}}[0, 1], [2]] output_shape [4, 257, 1]
//       CHECK:   scf.for %[[I:[a-z0-9]+]] =
//       CHECK:     %[[WT:.*]] = tensor.extract_slice %[[W4]][0, %[[I]], 0] [4, %{{.*}}, 1] [1, 1, 1]
//       CHECK:     bn.stats axis(2) {{.*}} ins(%{{.*}} : tensor<4x?x128xf32>) mask(%[[WT]] : tensor<4x?x1xf32>) outs(
//       CHECK:   %[[WR:.*]] = tensor.extract_slice %[[W]][1028, 0] [2, 1] [1, 1]
//       CHECK:   bn.stats axis(1) {{.*}} ins(%{{.*}} : tensor<2x128xf32>) mask(%[[WR]] : tensor<2x1xf32>) outs(
//       CHECK:   %[[U4:.*]] = tensor.expand_shape %[[U]] {{\[}}[0, 1], [2]] output_shape [1, 1, 128]
//       CHECK:     bn.stats axis(2) {{.*}} mask(%[[U4]] : tensor<1x1x128xf32>) outs(
//       CHECK:   bn.stats axis(1) {{.*}} mask(%[[U]] : tensor<1x128xf32>) outs(
func.func @masked_streams(%x: tensor<1030x128xf32>, %c: tensor<128xf64>,
    %w: tensor<1030x1xf32>, %u: tensor<1x128xf32>)
    -> (tensor<128xf64>, tensor<128xf64>) {
  %p:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [0, 0], tile = [64, 0], vector_bits = 256, unroll = 4,
       stores = temporal, streams = 4>}
      ins(%x : tensor<1030x128xf32>) mask(%w : tensor<1030x1xf32>)
      outs(%c, %c, %c : tensor<128xf64>, tensor<128xf64>, tensor<128xf64>)
      -> tensor<128xf64>, tensor<128xf64>, tensor<128xf64>
  %q:3 = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [0, 0], tile = [64, 0], vector_bits = 256, unroll = 4,
       stores = temporal, streams = 4>}
      ins(%x : tensor<1030x128xf32>) mask(%u : tensor<1x128xf32>)
      outs(%c, %c, %c : tensor<128xf64>, tensor<128xf64>, tensor<128xf64>)
      -> tensor<128xf64>, tensor<128xf64>, tensor<128xf64>
  return %p#1, %q#1 : tensor<128xf64>, tensor<128xf64>
}

// -----

// A sweep takes as many channels at a time as its strategy says.
// CHECK-LABEL: func @some_channels
//       CHECK:   scf.forall {{.*}} = (0) to (1024) step (256)
//       CHECK:     scf.for %{{.*}} = %c0 to %c256 step %c64
//       CHECK:       scf.for %{{.*}} = %c0 to %c4096 step %c512
//       CHECK:         bn.normalize axis(1)
//  CHECK-SAME:           ins(%{{[^ ]+}} : tensor<64x512xf32>) mean(%{{[^ ]+}} : tensor<512xf32>)
func.func @some_channels(%x: tensor<1024x4096xf32>, %c: tensor<4096xf32>)
    -> tensor<1024x4096xf32> {
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [-4, 0], tile = [64, 512], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<1024x4096xf32>) mean(%c : tensor<4096xf32>)
      outs(%x : tensor<1024x4096xf32>) -> tensor<1024x4096xf32>
  return %y : tensor<1024x4096xf32>
}

// -----

// Rows ahead are asked for, not parts of them: the last part has none ahead.
// CHECK-LABEL: func @parts
//       CHECK:   scf.for %{{.*}} = %c0 to %c8 step %c1
//       CHECK:     scf.for %{{.*}} = %c0 to %c12544 step %c6272
//       CHECK:       bn.backward_reduce
//       CHECK:       scf.yield
//  CHECK-NEXT:     }
//       CHECK:     scf.yield
//  CHECK-NEXT:   } {bn.prefetch = 1 : i64}
func.func @parts(%dy: tensor<8x1x12544xf32>, %s: tensor<1xf64>)
    -> tensor<1xf64> {
  %r = bn.backward_reduce axis(1) sums(dy)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab, threads = 0,
       parallel = [0, 0, 0], tile = [1, 0, 6272], vector_bits = 256, unroll = 4,
       stores = temporal, prefetch = 1>}
      ins(%dy : tensor<8x1x12544xf32>) outs(%s : tensor<1xf64>) -> tensor<1xf64>
  return %r : tensor<1xf64>
}

// Of one row, the parts are all there is.
// CHECK-LABEL: func @one_row
//       CHECK:   scf.for %{{.*}} = %c0 to %c12544 step %c6272
//       CHECK:   } {bn.prefetch = 1 : i64}
func.func @one_row(%dy: tensor<1x1x12544xf32>, %s: tensor<1xf64>)
    -> tensor<1xf64> {
  %r = bn.backward_reduce axis(1) sums(dy)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab, threads = 0,
       parallel = [0, 0, 0], tile = [1, 0, 6272], vector_bits = 256, unroll = 4,
       stores = temporal, prefetch = 1>}
      ins(%dy : tensor<1x1x12544xf32>) outs(%s : tensor<1xf64>) -> tensor<1xf64>
  return %r : tensor<1xf64>
}

// -----

// Sums take as many channels at a time, from four places.
// CHECK-LABEL: func @some_channels_summed
//       CHECK:   scf.for %{{.*}} = %c0 to %c256 step %c64
//       CHECK:     scf.for %{{.*}} = %c0 to %c4096 step %c512
//       CHECK:       bn.stats axis(2) {{.*}} ins(%{{[^ ]+}} : tensor<4x64x512xf32>)
func.func @some_channels_summed(%x: tensor<1024x4096xf32>,
    %c: tensor<4096xf64>) -> tensor<4096xf64> {
  %n, %m, %s = bn.stats axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 0,
       parallel = [0, 0], tile = [64, 512], vector_bits = 256, unroll = 4,
       stores = temporal, streams = 4>}
      ins(%x : tensor<1024x4096xf32>)
      outs(%c, %c, %c : tensor<4096xf64>, tensor<4096xf64>, tensor<4096xf64>)
      -> tensor<4096xf64>, tensor<4096xf64>, tensor<4096xf64>
  return %m : tensor<4096xf64>
}
