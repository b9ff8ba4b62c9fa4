// Rows of three channels: 32 of them fill three register tiles of 4 x 8 lanes.

// RUN: bn-opt %s --bn-pack-narrow-rows --canonicalize | FileCheck %s

#sweep = #bn.lowering_strategy<sweep, threads = 0, parallel = [0, 0],
    tile = [0, 0], vector_bits = 256, unroll = 4, stores = temporal>

// What there is per channel is repeated; the 7 rows that are left over have an
// op of their own.

// CHECK-LABEL: func @normalize(
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<647x3xf32>, %[[M:[a-z0-9]+]]: tensor<3xf32>, %[[Y0:[a-z0-9]+]]: tensor<647x3xf32>
//       CHECK:   %[[MEANS:.*]] = linalg.broadcast ins(%[[M]] : tensor<3xf32>) {{.*}} dimensions = [0]
//       CHECK:   %[[PACKED:.*]] = tensor.collapse_shape %[[MEANS]] {{.*}} into tensor<96xf32>
//       CHECK:   %[[Y:.*]] = bn.normalize axis(1) {{.*}} ins(%{{.*}} : tensor<20x96xf32>) mean(%[[PACKED]] : tensor<96xf32>)
//       CHECK:   %[[LAST:.*]] = tensor.extract_slice %[[X]][640, 0] [7, 3]
//       CHECK:   bn.normalize axis(1) ins(%[[LAST]] : tensor<7x3xf32>) mean(%[[M]] : tensor<3xf32>)
func.func @normalize(%x: tensor<647x3xf32>, %m: tensor<3xf32>,
                     %y0: tensor<647x3xf32>) -> tensor<647x3xf32> {
  %y = bn.normalize axis(1) {bn.lowering_strategy = #sweep}
      ins(%x : tensor<647x3xf32>) mean(%m : tensor<3xf32>)
      outs(%y0 : tensor<647x3xf32>) -> tensor<647x3xf32>
  return %y : tensor<647x3xf32>
}

// Every place in the packed rows has statistics of its own, which are merged.

// CHECK-LABEL: func @stats(
//       CHECK:   %[[S:.*]]:3 = bn.stats axis(1) {{.*}} ins(%{{.*}} : tensor<20x96xf32>)
//       CHECK:   scf.for %[[I:.*]] = %c0 to %c32
//       CHECK:     tensor.extract_slice %{{.*}}[%[[I]], 0] [1, 3]
//       CHECK:     bn.merge_stats
//       CHECK:   bn.stats axis(1) ins(%{{.*}} : tensor<7x3xf32>)
func.func @stats(%x: tensor<647x3xf32>, %s: tensor<3xf64>) -> tensor<3xf64> {
  %r:3 = bn.stats axis(1) {bn.lowering_strategy = #sweep}
      ins(%x : tensor<647x3xf32>)
      outs(%s, %s, %s : tensor<3xf64>, tensor<3xf64>, tensor<3xf64>)
      -> tensor<3xf64>, tensor<3xf64>, tensor<3xf64>
  return %r#1 : tensor<3xf64>
}

// CHECK-LABEL: func @dynamic(
//       CHECK:   bn.normalize {{.*}} : tensor<?x96xf32>)
//       CHECK:   bn.normalize {{.*}} : tensor<?x3xf32>)
func.func @dynamic(%x: tensor<?x3xf32>, %y0: tensor<?x3xf32>)
    -> tensor<?x3xf32> {
  %y = bn.normalize axis(1) {bn.lowering_strategy = #sweep}
      ins(%x : tensor<?x3xf32>) outs(%y0 : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// Eight channels fill a register; of 100 rows nothing would be packed.

// CHECK-LABEL: func @wide(
//   CHECK-NOT:   expand_shape
func.func @wide(%x: tensor<640x8xf32>, %z: tensor<100x3xf32>)
    -> (tensor<640x8xf32>, tensor<100x3xf32>) {
  %y = bn.normalize axis(1) {bn.lowering_strategy = #sweep}
      ins(%x : tensor<640x8xf32>) outs(%x : tensor<640x8xf32>)
      -> tensor<640x8xf32>
  %w = bn.normalize axis(1) {bn.lowering_strategy = #sweep}
      ins(%z : tensor<100x3xf32>) outs(%z : tensor<100x3xf32>)
      -> tensor<100x3xf32>
  return %y, %w : tensor<640x8xf32>, tensor<100x3xf32>
}

// Rows of 64 channels fill registers, but are no loop that could be moved to
// where cache lines start: 4 of them make 8 register tiles. Statistics are
// read, and stay.

#stream = #bn.lowering_strategy<row_blocks, threads = 0, parallel = [0, 0],
    tile = [0, 0], vector_bits = 256, unroll = 4, stores = nontemporal>

// CHECK-LABEL: func @streamed(
//       CHECK:   bn.stats axis(1) {{.*}} ins(%{{.*}} : tensor<640x64xf32>)
//       CHECK:   bn.normalize axis(1) {{.*}} ins(%{{.*}} : tensor<160x256xf32>)
func.func @streamed(%x: tensor<640x64xf32>, %m: tensor<64xf32>,
                    %s: tensor<64xf64>, %y0: tensor<640x64xf32>)
    -> (tensor<64xf64>, tensor<640x64xf32>) {
  %r:3 = bn.stats axis(1) {bn.lowering_strategy = #stream}
      ins(%x : tensor<640x64xf32>)
      outs(%s, %s, %s : tensor<64xf64>, tensor<64xf64>, tensor<64xf64>)
      -> tensor<64xf64>, tensor<64xf64>, tensor<64xf64>
  %y = bn.normalize axis(1) {bn.lowering_strategy = #stream}
      ins(%x : tensor<640x64xf32>) mean(%m : tensor<64xf32>)
      outs(%y0 : tensor<640x64xf32>) -> tensor<640x64xf32>
  return %r#1, %y : tensor<64xf64>, tensor<640x64xf32>
}

// The sums for gradients are added up over the places; in place stays in place.

// CHECK-LABEL: func @gradients(
//       CHECK:   %[[S:.*]]:2 = bn.backward_reduce axis(1) {{.*}} ins(%{{.*}}, %{{.*}} : tensor<20x96xf32>, tensor<20x96xf32>) mean(%{{.*}} : tensor<96xf32>)
//       CHECK:   scf.for %[[I:.*]] = %c0 to %c32
//       CHECK:     arith.addf
//       CHECK:     arith.addf
//       CHECK:   bn.backward_reduce axis(1) ins(%{{.*}} : tensor<7x3xf32>, tensor<7x3xf32>)
//       CHECK:   bn.backward_input axis(1) {{.*}} ins(%[[DY:.*]], %{{.*}} : tensor<20x96xf32>, tensor<20x96xf32>) mean(%{{.*}} : tensor<96xf32>) {{.*}} outs(%[[DY]] : tensor<20x96xf32>)
//       CHECK:   bn.backward_input axis(1) ins(%[[DY:.*]], %{{.*}} : tensor<7x3xf32>, tensor<7x3xf32>) {{.*}} outs(%[[DY]] : tensor<7x3xf32>)
func.func @gradients(%dy: tensor<647x3xf32>, %x: tensor<647x3xf32>,
    %m: tensor<3xf32>, %s: tensor<3xf64>)
    -> (tensor<3xf64>, tensor<3xf64>, tensor<647x3xf32>) {
  %r:2 = bn.backward_reduce axis(1) {bn.lowering_strategy = #sweep}
      ins(%dy, %x : tensor<647x3xf32>, tensor<647x3xf32>)
      mean(%m : tensor<3xf32>) outs(%s, %s : tensor<3xf64>, tensor<3xf64>)
      -> tensor<3xf64>, tensor<3xf64>
  %dx = bn.backward_input axis(1) {bn.lowering_strategy = #sweep}
      ins(%dy, %x : tensor<647x3xf32>, tensor<647x3xf32>)
      mean(%m : tensor<3xf32>)
      coefficients(%m, %m, %m : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
      outs(%dy : tensor<647x3xf32>) -> tensor<647x3xf32>
  return %r#0, %r#1, %dx : tensor<3xf64>, tensor<3xf64>, tensor<647x3xf32>
}

// Epilogue inputs are packed like the data; in place over one of them, what is
// read is the part that is then written.

// CHECK-LABEL: func @epilogue(
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<647x3xf32>, %[[R:[a-z0-9]+]]: tensor<647x3xf32>
//       CHECK:   %[[Y:.*]] = bn.normalize axis(1) {{.*}} outs(%[[OUT:.*]] : tensor<20x96xf32>) epilogue(%[[OUT]] : tensor<20x96xf32>) {
//       CHECK:     bn.yield
//       CHECK:   %[[LAST:.*]] = tensor.extract_slice %{{.*}}[640, 0] [7, 3]
//       CHECK:   bn.normalize {{.*}} outs(%[[OUT:.*]] : tensor<7x3xf32>) epilogue(%[[OUT]] : tensor<7x3xf32>) {
//       CHECK:     bn.yield
func.func @epilogue(%x: tensor<647x3xf32>, %r: tensor<647x3xf32>)
    -> tensor<647x3xf32> {
  %z = bn.normalize axis(1) {bn.lowering_strategy = #sweep}
      ins(%x : tensor<647x3xf32>) outs(%r : tensor<647x3xf32>)
      epilogue(%r : tensor<647x3xf32>) {
    ^bb0(%y: f32, %e: f32):
      %s = arith.addf %y, %e : f32
      bn.yield %s : f32
    } -> tensor<647x3xf32>
  return %z : tensor<647x3xf32>
}

// What is to be one sweep with sums stays as it is.

// CHECK-LABEL: func @one_sweep(
//   CHECK-NOT:   tensor<{{.*}}x256xf32>
//       CHECK:   bn.backward_input
//       CHECK:   return
func.func @one_sweep(%dy: tensor<640x64xf32>, %a: tensor<64xf32>,
    %s: tensor<64xf64>, %dx: tensor<640x64xf32>)
    -> (tensor<64xf64>, tensor<640x64xf32>) {
  %r = bn.backward_reduce axis(1) sums(dy) {bn.lowering_strategy = #stream}
      ins(%dy : tensor<640x64xf32>) outs(%s : tensor<64xf64>)
      -> tensor<64xf64>
  %y = bn.backward_input axis(1) {bn.lowering_strategy = #stream}
      ins(%dy : tensor<640x64xf32>) coefficients(%a : tensor<64xf32>)
      outs(%dx : tensor<640x64xf32>) -> tensor<640x64xf32>
  return %r, %y : tensor<64xf64>, tensor<640x64xf32>
}
