// Sums for the gradients, and a sweep over the same data that needs nothing of
// them, are tiled in one parallel loop, the sums first: in place they read what
// the sweep overwrites.

// RUN: bn-opt %s --bn-tile-reductions --split-input-file | FileCheck %s

#rows = #bn.lowering_strategy<row_blocks, threads = 2, parallel = [-4, 0],
    tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal, jam = 4>

// Rows that are jammed would not have the loops of those that are summed.
// CHECK-LABEL: func @rows
//   CHECK-NOT:   jam
//       CHECK:   scf.forall (%[[P:.*]]) = (0) to (1024) step (256) shared_outs(
//       CHECK:     scf.for %{{.*}} = %c0{{.*}} to %c256{{.*}} step %c64
//       CHECK:       bn.backward_reduce {{.*}} ins(%{{.*}} : tensor<64x128xf32>, tensor<64x128xf32>)
//       CHECK:     scf.for %{{.*}} = %c0{{.*}} to %c256{{.*}} step %c64
//       CHECK:       bn.backward_input {{.*}} ins(%{{.*}} : tensor<64x128xf32>)
//       CHECK:   } {bn.one_sweep, bn.threads = 2 : i64}
// The pieces are merged behind it.
//       CHECK:   scf.for %{{.*}} to %c4
//       CHECK:     arith.addf
//   CHECK-NOT:   scf.forall
func.func @rows(%dy: tensor<1024x128xf32>, %x: tensor<1024x128xf32>,
    %m: tensor<128xf32>, %a: tensor<128xf32>, %dx: tensor<1024x128xf32>,
    %s: tensor<128xf64>)
    -> (tensor<128xf64>, tensor<128xf64>, tensor<1024x128xf32>) {
  %r:2 = bn.backward_reduce axis(1) {bn.lowering_strategy = #rows}
      ins(%dy, %x : tensor<1024x128xf32>, tensor<1024x128xf32>)
      mean(%m : tensor<128xf32>) outs(%s, %s : tensor<128xf64>, tensor<128xf64>)
      -> tensor<128xf64>, tensor<128xf64>
  %y = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x128xf32>) coefficients(%a : tensor<128xf32>)
      outs(%dx : tensor<1024x128xf32>) -> tensor<1024x128xf32>
  return %r#0, %r#1, %y
      : tensor<128xf64>, tensor<128xf64>, tensor<1024x128xf32>
}

// -----

#rows = #bn.lowering_strategy<row_blocks, threads = 2, parallel = [-4, 0],
    tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal>

// What is written is also summed: a loop of both would cost a copy. Nor is it
// one sweep where the result needs the sums.
// CHECK-LABEL: func @in_place
//       CHECK:   scf.forall
//       CHECK:     bn.backward_reduce
//       CHECK:   scf.forall
//       CHECK:     bn.backward_input
//   CHECK-NOT:   bn.one_sweep
// CHECK-LABEL: func @dependent
//   CHECK-NOT:   bn.one_sweep
func.func @in_place(%dy: tensor<1024x128xf32>, %a: tensor<128xf32>,
    %s: tensor<128xf64>) -> (tensor<128xf64>, tensor<1024x128xf32>) {
  %r = bn.backward_reduce axis(1) sums(dy) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x128xf32>) outs(%s : tensor<128xf64>)
      -> tensor<128xf64>
  %y = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x128xf32>) coefficients(%a : tensor<128xf32>)
      outs(%dy : tensor<1024x128xf32>) -> tensor<1024x128xf32>
  return %r, %y : tensor<128xf64>, tensor<1024x128xf32>
}

func.func @dependent(%dy: tensor<1024x128xf32>, %s: tensor<128xf32>,
    %dx: tensor<1024x128xf32>) -> (tensor<128xf32>, tensor<1024x128xf32>) {
  %r = bn.backward_reduce axis(1) sums(dy) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x128xf32>) outs(%s : tensor<128xf32>)
      -> tensor<128xf32>
  %y = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x128xf32>) coefficients(%r : tensor<128xf32>)
      outs(%dx : tensor<1024x128xf32>) -> tensor<1024x128xf32>
  return %r, %y : tensor<128xf32>, tensor<1024x128xf32>
}

// -----

#rows = #bn.lowering_strategy<row_blocks, threads = 2, parallel = [-4, 0],
    tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal>

// Of two sweeps over one gradient, the first has the sums with it.
// CHECK-LABEL: func @two_sweeps
//       CHECK:   scf.forall
//       CHECK:     bn.backward_reduce
//       CHECK:     bn.backward_input
//       CHECK:   } {bn.one_sweep, bn.threads = 2 : i64}
//       CHECK:   scf.forall
//   CHECK-NOT:     bn.backward_reduce
//       CHECK:     bn.backward_input
//   CHECK-NOT:   bn.one_sweep
//       CHECK:   return
func.func @two_sweeps(%dy: tensor<1024x128xf32>, %a: tensor<128xf32>,
    %b: tensor<128xf32>, %s: tensor<128xf64>, %dx0: tensor<1024x128xf32>,
    %dx1: tensor<1024x128xf32>)
    -> (tensor<128xf64>, tensor<1024x128xf32>, tensor<1024x128xf32>) {
  %r = bn.backward_reduce axis(1) sums(dy) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x128xf32>) outs(%s : tensor<128xf64>)
      -> tensor<128xf64>
  %y = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x128xf32>) coefficients(%a : tensor<128xf32>)
      outs(%dx0 : tensor<1024x128xf32>) -> tensor<1024x128xf32>
  %z = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x128xf32>) coefficients(%b : tensor<128xf32>)
      outs(%dx1 : tensor<1024x128xf32>) -> tensor<1024x128xf32>
  return %r, %y, %z
      : tensor<128xf64>, tensor<1024x128xf32>, tensor<1024x128xf32>
}

// -----

#rows = #bn.lowering_strategy<row_blocks, threads = 2, parallel = [-4, 0],
    tile = [64, 0], vector_bits = 256, unroll = 4, stores = nontemporal,
    streams = 4>

// Whole lines are walked in one sweep one by one, in register tiles of half the
// width. Other rows, and those without two such tiles, are packed to be written.
// CHECK-LABEL: func @whole_lines
//       CHECK:   scf.forall
//       CHECK:     bn.backward_reduce {{.*}} unroll = 2, stores = nontemporal>} ins(%{{.*}} : tensor<64x64xf32>)
//       CHECK:     bn.backward_input {{.*}}<sweep, {{.*}} unroll = 2, stores = nontemporal>} ins(%{{.*}} : tensor<64x64xf32>)
//       CHECK:   } {bn.one_sweep, bn.threads = 2 : i64}
// CHECK-LABEL: func @parts_of_lines
//   CHECK-NOT:   bn.one_sweep
// CHECK-LABEL: func @one_tile
//   CHECK-NOT:   bn.one_sweep
func.func @whole_lines(%dy: tensor<1024x64xf32>, %a: tensor<64xf32>,
    %s: tensor<64xf64>, %dx: tensor<1024x64xf32>)
    -> (tensor<64xf64>, tensor<1024x64xf32>) {
  %r = bn.backward_reduce axis(1) sums(dy) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x64xf32>) outs(%s : tensor<64xf64>)
      -> tensor<64xf64>
  %y = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x64xf32>) coefficients(%a : tensor<64xf32>)
      outs(%dx : tensor<1024x64xf32>) -> tensor<1024x64xf32>
  return %r, %y : tensor<64xf64>, tensor<1024x64xf32>
}

func.func @parts_of_lines(%dy: tensor<1024x68xf32>, %a: tensor<68xf32>,
    %s: tensor<68xf64>, %dx: tensor<1024x68xf32>)
    -> (tensor<68xf64>, tensor<1024x68xf32>) {
  %r = bn.backward_reduce axis(1) sums(dy) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x68xf32>) outs(%s : tensor<68xf64>)
      -> tensor<68xf64>
  %y = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x68xf32>) coefficients(%a : tensor<68xf32>)
      outs(%dx : tensor<1024x68xf32>) -> tensor<1024x68xf32>
  return %r, %y : tensor<68xf64>, tensor<1024x68xf32>
}

func.func @one_tile(%dy: tensor<1024x16xf32>, %a: tensor<16xf32>,
    %s: tensor<16xf64>, %dx: tensor<1024x16xf32>)
    -> (tensor<16xf64>, tensor<1024x16xf32>) {
  %r = bn.backward_reduce axis(1) sums(dy) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x16xf32>) outs(%s : tensor<16xf64>)
      -> tensor<16xf64>
  %y = bn.backward_input axis(1) {bn.lowering_strategy = #rows}
      ins(%dy : tensor<1024x16xf32>) coefficients(%a : tensor<16xf32>)
      outs(%dx : tensor<1024x16xf32>) -> tensor<1024x16xf32>
  return %r, %y : tensor<16xf64>, tensor<1024x16xf32>
}
