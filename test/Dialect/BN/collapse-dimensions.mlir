// Every op is put on a view with as few dimensions as its axes allow, without
// moving data.

// RUN: bn-opt %s --bn-collapse-dimensions --split-input-file | FileCheck %s

// CHECK-LABEL: func @nchw
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x5x6xf32>, %[[Y0:[a-z0-9]+]]: tensor<8x4x5x6xf32>, %[[C:[a-z0-9]+]]: tensor<4xf32>
//   CHECK-DAG:   %[[X3:.*]] = tensor.collapse_shape %[[X]] {{\[}}[0], [1], [2, 3]] : tensor<8x4x5x6xf32> into tensor<8x4x30xf32>
//   CHECK-DAG:   %[[Y3:.*]] = tensor.collapse_shape %[[Y0]] {{\[}}[0], [1], [2, 3]]
//       CHECK:   %[[R:.*]]:3 = bn.training axis(1) epsilon(1.000000e-03)
//  CHECK-SAME:     ins(%[[X3]] : tensor<8x4x30xf32>) scale(%[[C]] : tensor<4xf32>)
//  CHECK-SAME:     outs(%[[Y3]], %[[C]], %[[C]] : tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>)
//       CHECK:   %[[Y:.*]] = tensor.expand_shape %[[R]]#0 {{\[}}[0], [1], [2, 3]] output_shape [8, 4, 5, 6]
//       CHECK:   return %[[Y]], %[[R]]#1
func.func @nchw(%x: tensor<8x4x5x6xf32>, %y0: tensor<8x4x5x6xf32>,
    %c: tensor<4xf32>) -> (tensor<8x4x5x6xf32>, tensor<4xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x4x5x6xf32>) scale(%c : tensor<4xf32>)
      outs(%y0, %c, %c : tensor<8x4x5x6xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4x5x6xf32>, tensor<4xf32>, tensor<4xf32>
  return %y, %m : tensor<8x4x5x6xf32>, tensor<4xf32>
}

// -----

// CHECK-LABEL: func @nhwc
//       CHECK:   tensor.collapse_shape %{{.*}} {{\[}}[0, 1, 2], [3]] : tensor<8x5x6x4xf32> into tensor<240x4xf32>
//       CHECK:   bn.inference axis(1)
//  CHECK-SAME:     ins(%{{[^ ]+}} : tensor<240x4xf32>)
//       CHECK:   tensor.expand_shape
func.func @nhwc(%x: tensor<8x5x6x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x5x6x4xf32> {
  %y = bn.inference axis(-1) epsilon(1.0) ins(%x : tensor<8x5x6x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x5x6x4xf32>) -> tensor<8x5x6x4xf32>
  return %y : tensor<8x5x6x4xf32>
}

// -----

// CHECK-LABEL: func @ndhwc
//       CHECK:   bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<120x7xf16>) mean(%{{[^ ]+}} : tensor<7xf32>)
func.func @ndhwc(%x: tensor<2x3x4x5x7xf16>, %c: tensor<7xf32>)
    -> tensor<2x3x4x5x7xf16> {
  %y = bn.normalize axis(4) ins(%x : tensor<2x3x4x5x7xf16>)
      mean(%c : tensor<7xf32>) outs(%x : tensor<2x3x4x5x7xf16>)
      -> tensor<2x3x4x5x7xf16>
  return %y : tensor<2x3x4x5x7xf16>
}

// -----

// NC, NCW and rank 1 are their own view.
// CHECK-LABEL: func @already_collapsed
//   CHECK-NOT:   collapse_shape
//       CHECK:   return
func.func @already_collapsed(%a: tensor<8x4xf32>, %b: tensor<8x4x5xf32>,
    %c: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4x5xf32>, tensor<4xf32>) {
  %x = bn.normalize axis(1) ins(%a : tensor<8x4xf32>) scale(%c : tensor<4xf32>)
      outs(%a : tensor<8x4xf32>) -> tensor<8x4xf32>
  %y = bn.normalize axis(1) ins(%b : tensor<8x4x5xf32>)
      scale(%c : tensor<4xf32>) outs(%b : tensor<8x4x5xf32>)
      -> tensor<8x4x5xf32>
  %z = bn.normalize axis(0) ins(%c : tensor<4xf32>) scale(%c : tensor<4xf32>)
      outs(%c : tensor<4xf32>) -> tensor<4xf32>
  return %x, %y, %z : tensor<8x4xf32>, tensor<8x4x5xf32>, tensor<4xf32>
}

// -----

// Neighbouring axes become one, and so do the dimensions of the parameters.
// CHECK-LABEL: func @adjacent_axes
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x3x4x5xf32>, %[[C:[a-z0-9]+]]: tensor<3x4xf64>
//   CHECK-DAG:   tensor.collapse_shape %[[X]] {{\[}}[0], [1, 2], [3]] : tensor<8x3x4x5xf32> into tensor<8x12x5xf32>
//   CHECK-DAG:   tensor.collapse_shape %[[C]] {{\[}}[0, 1]] : tensor<3x4xf64> into tensor<12xf64>
//       CHECK:   %[[S:.*]]:3 = bn.stats axis(1) ins(%{{[^ ]+}} : tensor<8x12x5xf32>)
//  CHECK-SAME:     -> tensor<12xf64>, tensor<12xf64>, tensor<12xf64>
//       CHECK:   tensor.expand_shape %[[S]]#0 {{\[}}[0, 1]] output_shape [3, 4] : tensor<12xf64> into tensor<3x4xf64>
func.func @adjacent_axes(%x: tensor<8x3x4x5xf32>, %c: tensor<3x4xf64>)
    -> tensor<3x4xf64> {
  %n, %m, %s = bn.stats axis(2, 1) ins(%x : tensor<8x3x4x5xf32>)
      outs(%c, %c, %c : tensor<3x4xf64>, tensor<3x4xf64>, tensor<3x4xf64>)
      -> tensor<3x4xf64>, tensor<3x4xf64>, tensor<3x4xf64>
  return %m : tensor<3x4xf64>
}

// -----

// Axes apart stay apart.
// CHECK-LABEL: func @separate_axes
//       CHECK:   tensor.collapse_shape %{{.*}} {{\[}}[0], [1], [2, 3], [4]] : tensor<8x3x4x5x6xf32> into tensor<8x3x20x6xf32>
//       CHECK:   bn.normalize axis(1, 3) ins(%{{[^ ]+}} : tensor<8x3x20x6xf32>) scale(%{{[^ ]+}} : tensor<3x6xf32>)
func.func @separate_axes(%x: tensor<8x3x4x5x6xf32>, %c: tensor<3x6xf32>)
    -> tensor<8x3x4x5x6xf32> {
  %y = bn.normalize axis(1, 4) ins(%x : tensor<8x3x4x5x6xf32>)
      scale(%c : tensor<3x6xf32>) outs(%x : tensor<8x3x4x5x6xf32>)
      -> tensor<8x3x4x5x6xf32>
  return %y : tensor<8x3x4x5x6xf32>
}

// -----

// All dimensions are channels.
// CHECK-LABEL: func @all_axes
//       CHECK:   bn.training axis(0)
//  CHECK-SAME:     ins(%{{[^ ]+}} : tensor<12xf32>) scale(%{{[^ ]+}} : tensor<12xf32>)
func.func @all_axes(%x: tensor<3x4xf32>, %c: tensor<3x4xf32>)
    -> tensor<3x4xf32> {
  %y, %m, %v = bn.training axis(0, 1) epsilon(1.0) ins(%x : tensor<3x4xf32>)
      scale(%c : tensor<3x4xf32>)
      outs(%x, %c, %c : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
      -> tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

// Reduced dimensions of size 1 vanish, wherever they are; channels of size 1
// do not.
// CHECK-LABEL: func @unit_dimensions
//   CHECK-DAG:   tensor.collapse_shape %{{.*}} {{\[}}[0, 1, 2, 3]] : tensor<1x4x1x1xf32> into tensor<4xf32>
//       CHECK:   bn.normalize axis(0) ins(%{{[^ ]+}} : tensor<4xf32>)
//       CHECK:   bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<8x1xf32>)
//       CHECK:   bn.normalize axis(0) ins(%{{[^ ]+}} : tensor<12xf32>) scale(%{{[^ ]+}} : tensor<12xf32>)
func.func @unit_dimensions(%a: tensor<1x4x1x1xf32>, %b: tensor<8x1x1xf32>,
    %c: tensor<3x1x4xf32>, %p: tensor<4xf32>, %q: tensor<1xf32>,
    %r: tensor<3x4xf32>)
    -> (tensor<1x4x1x1xf32>, tensor<8x1x1xf32>, tensor<3x1x4xf32>) {
  %x = bn.normalize axis(1) ins(%a : tensor<1x4x1x1xf32>)
      scale(%p : tensor<4xf32>) outs(%a : tensor<1x4x1x1xf32>)
      -> tensor<1x4x1x1xf32>
  %y = bn.normalize axis(1) ins(%b : tensor<8x1x1xf32>)
      scale(%q : tensor<1xf32>) outs(%b : tensor<8x1x1xf32>)
      -> tensor<8x1x1xf32>
  %z = bn.normalize axis(0, 2) ins(%c : tensor<3x1x4xf32>)
      scale(%r : tensor<3x4xf32>) outs(%c : tensor<3x1x4xf32>)
      -> tensor<3x1x4xf32>
  return %x, %y, %z
      : tensor<1x4x1x1xf32>, tensor<8x1x1xf32>, tensor<3x1x4xf32>
}

// -----

// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x4x?x?xf32>
//       CHECK:   tensor.collapse_shape %[[X]] {{\[}}[0], [1], [2, 3]] : tensor<?x4x?x?xf32> into tensor<?x4x?xf32>
//       CHECK:   %[[Y:.*]] = bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<?x4x?xf32>)
//   CHECK-DAG:   %[[N:.*]] = tensor.dim %[[X]], %c0
//   CHECK-DAG:   %[[H:.*]] = tensor.dim %[[X]], %c2
//   CHECK-DAG:   %[[W:.*]] = tensor.dim %[[X]], %c3
//       CHECK:   tensor.expand_shape %[[Y]] {{\[}}[0], [1], [2, 3]] output_shape [%[[N]], 4, %[[H]], %[[W]]]
func.func @dynamic(%x: tensor<?x4x?x?xf32>, %c: tensor<4xf32>)
    -> tensor<?x4x?x?xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<?x4x?x?xf32>)
      scale(%c : tensor<4xf32>) outs(%x : tensor<?x4x?x?xf32>)
      -> tensor<?x4x?x?xf32>
  return %y : tensor<?x4x?x?xf32>
}

// -----

// A strategy is chosen on the collapsed view; attributes of others move along.
// CHECK-LABEL: func @attributes
//       CHECK:   bn.normalize axis(1) {note = "kept"} ins(%{{[^ ]+}} : tensor<8x4x30xf32>)
func.func @attributes(%x: tensor<8x4x5x6xf32>) -> tensor<8x4x5x6xf32> {
  %y = bn.normalize axis(1) {note = "kept"} ins(%x : tensor<8x4x5x6xf32>)
      outs(%x : tensor<8x4x5x6xf32>) -> tensor<8x4x5x6xf32>
  return %y : tensor<8x4x5x6xf32>
}

// -----

// Groups cut the first dimension: bn-expand-groups takes the view of one.
// CHECK-LABEL: func @groups
//   CHECK-NOT:   collapse_shape
//       CHECK:   return
func.func @groups(%x: tensor<8x4x5x6xf32>, %g: tensor<2x4xf32>)
    -> tensor<8x4x5x6xf32> {
  %y:3 = bn.training axis(1) epsilon(1.0) groups(2)
      ins(%x : tensor<8x4x5x6xf32>)
      outs(%x, %g, %g : tensor<8x4x5x6xf32>, tensor<2x4xf32>, tensor<2x4xf32>)
      -> tensor<8x4x5x6xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  return %y#0 : tensor<8x4x5x6xf32>
}

// -----

// A mask is seen in the same way, where it is full along all merged dimensions
// (of pixels), or broadcast along all of them (of channels); what is of size 1
// in the data is both.
// CHECK-LABEL: func @mask
//  CHECK-SAME:     %[[C:[a-z0-9]+]]: tensor<4xf64>, %[[W:[a-z0-9]+]]: tensor<8x1x5x6xf16>, %[[V:[a-z0-9]+]]: tensor<1x4x1x1xf32>, %[[U:[a-z0-9]+]]: tensor<8x1x1x1xf32>
//       CHECK:   %[[W3:.*]] = tensor.collapse_shape %[[W]] {{\[}}[0], [1], [2, 3]] : tensor<8x1x5x6xf16> into tensor<8x1x30xf16>
//       CHECK:   bn.stats axis(1) ins(%{{.*}} : tensor<8x4x30xf32>) mask(%[[W3]] : tensor<8x1x30xf16>)
//       CHECK:   %[[V3:.*]] = tensor.collapse_shape %[[V]] {{.*}} into tensor<1x4x1xf32>
//       CHECK:   bn.stats axis(1) ins(%{{.*}} : tensor<8x4x30xf32>) mask(%[[V3]] : tensor<1x4x1xf32>)
//       CHECK:   %[[U2:.*]] = tensor.collapse_shape %[[U]] {{\[}}[0, 1, 2], [3]] : tensor<8x1x1x1xf32> into tensor<8x1xf32>
//       CHECK:   bn.stats axis(1) ins(%{{.*}} : tensor<8x4xf32>) mask(%[[U2]] : tensor<8x1xf32>)
func.func @mask(%x: tensor<8x4x5x6xf32>, %z: tensor<8x1x1x4xf32>,
    %c: tensor<4xf64>, %w: tensor<8x1x5x6xf16>, %v: tensor<1x4x1x1xf32>,
    %u: tensor<8x1x1x1xf32>) -> (tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %p:3 = bn.stats axis(1) ins(%x : tensor<8x4x5x6xf32>)
      mask(%w : tensor<8x1x5x6xf16>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %q:3 = bn.stats axis(1) ins(%x : tensor<8x4x5x6xf32>)
      mask(%v : tensor<1x4x1x1xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %r:3 = bn.stats axis(3) ins(%z : tensor<8x1x1x4xf32>)
      mask(%u : tensor<8x1x1x1xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %p#1, %q#1, %r#1 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
}

// -----

// Broadcast along some of the merged dimensions, and the same for all channels:
// repeated, for one channel.
// CHECK-LABEL: func @repeated_mask
//  CHECK-SAME:     %[[W:[a-z0-9]+]]: tensor<?x1x1x1xf32>)
//       CHECK:   %[[W1:.*]] = tensor.extract_slice %[[W]]{{.*}} : tensor<?x1x1x1xf32> to tensor<?xf32>
//       CHECK:   %[[EMPTY:.*]] = tensor.empty({{.*}}) : tensor<?x5x6xf32>
//       CHECK:   %[[R:.*]] = linalg.broadcast ins(%[[W1]] : tensor<?xf32>) outs(%[[EMPTY]] : tensor<?x5x6xf32>) dimensions = [1, 2]
//       CHECK:   %[[R4:.*]] = tensor.expand_shape %[[R]] {{\[}}[0], [1], [2, 3]] {{.*}} into tensor<?x5x6x1xf32>
//       CHECK:   %[[R2:.*]] = tensor.collapse_shape %[[R4]] {{\[}}[0, 1, 2], [3]] : tensor<?x5x6x1xf32> into tensor<?x1xf32>
//       CHECK:   bn.stats axis(1) ins(%{{.*}} : tensor<?x4xf32>) mask(%[[R2]] : tensor<?x1xf32>)
func.func @repeated_mask(%x: tensor<?x5x6x4xf32>, %c: tensor<4xf64>,
    %w: tensor<?x1x1x1xf32>) -> tensor<4xf64> {
  %p:3 = bn.stats axis(3) ins(%x : tensor<?x5x6x4xf32>)
      mask(%w : tensor<?x1x1x1xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %p#1 : tensor<4xf64>
}

// -----

// The same, and other weights for each channel: these would take as much memory
// as the data, so that the dimensions stay apart. Those of channels, too.
// CHECK-LABEL: func @mask_of_channels
//   CHECK-NOT:   linalg.broadcast
//       CHECK:   bn.training axis(2) {{.*}} ins(%{{.*}} : tensor<8x30x4xf32>) mask(%{{.*}} : tensor<8x1x4xf32>)
//       CHECK:   bn.stats axis(1, 2) ins(%{{.*}} : tensor<8x3x4x5xf32>) mask(%{{.*}} : tensor<8x3x1x1xf32>)
//  CHECK-SAME:     outs({{.*}} : tensor<3x4xf64>, tensor<3x4xf64>, tensor<3x4xf64>)
func.func @mask_of_channels(%x: tensor<8x5x6x4xf32>, %m: tensor<4xf32>,
    %w: tensor<8x1x1x4xf32>, %z: tensor<8x3x4x5xf32>, %c: tensor<3x4xf64>,
    %u: tensor<8x3x1x1xf32>) -> (tensor<8x5x6x4xf32>, tensor<3x4xf64>) {
  %p:3 = bn.training axis(3) epsilon(1.0) ins(%x : tensor<8x5x6x4xf32>)
      mask(%w : tensor<8x1x1x4xf32>)
      outs(%x, %m, %m : tensor<8x5x6x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x5x6x4xf32>, tensor<4xf32>, tensor<4xf32>
  %q:3 = bn.stats axis(1, 2) ins(%z : tensor<8x3x4x5xf32>)
      mask(%u : tensor<8x3x1x1xf32>)
      outs(%c, %c, %c : tensor<3x4xf64>, tensor<3x4xf64>, tensor<3x4xf64>)
      -> tensor<3x4xf64>, tensor<3x4xf64>, tensor<3x4xf64>
  return %p#0, %q#1 : tensor<8x5x6x4xf32>, tensor<3x4xf64>
}

// -----

// On buffers there is nothing to collapse any more.
// CHECK-LABEL: func @buffers
//       CHECK:   bn.normalize axis(1) ins(%{{[^ ]+}} : memref<8x4x5x6xf32>)
func.func @buffers(%x: memref<8x4x5x6xf32>) {
  bn.normalize axis(1) ins(%x : memref<8x4x5x6xf32>)
      outs(%x : memref<8x4x5x6xf32>)
  return
}

// -----

// A strategy by hand is about the dimensions that the op has.
// CHECK-LABEL: func @strategy_by_hand
//       CHECK:   bn.normalize axis(1)
//  CHECK-SAME:     parallel = [1, 0, 0, 0]
//  CHECK-SAME:     ins(%{{[^ ]+}} : tensor<8x4x5x6xf32>)
func.func @strategy_by_hand(%x: tensor<8x4x5x6xf32>) -> tensor<8x4x5x6xf32> {
  %y = bn.normalize axis(1)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
       parallel = [1, 0, 0, 0], tile = [0, 0, 0, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<8x4x5x6xf32>) outs(%x : tensor<8x4x5x6xf32>)
      -> tensor<8x4x5x6xf32>
  return %y : tensor<8x4x5x6xf32>
}

// -----

// There is no work on empty data, and a size of 0 next to `?` has no legal
// collapsed type.
// CHECK-LABEL: func @empty
//   CHECK-NOT:   collapse_shape
//       CHECK:   return
func.func @empty(%x: tensor<8x4x0x?xf32>) -> tensor<8x4x0x?xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x4x0x?xf32>)
      outs(%x : tensor<8x4x0x?xf32>) -> tensor<8x4x0x?xf32>
  return %y : tensor<8x4x0x?xf32>
}

// -----

// Epilogue inputs are data.
// CHECK-LABEL: func @epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x5x6xf32>, %[[R:[a-z0-9]+]]: tensor<8x4x5x6xf32>
//   CHECK-DAG:   %[[X3:.*]] = tensor.collapse_shape %[[X]] {{\[}}[0], [1], [2, 3]]
//   CHECK-DAG:   %[[R3:.*]] = tensor.collapse_shape %[[R]] {{\[}}[0], [1], [2, 3]]
//       CHECK:   bn.normalize axis(1) ins(%[[X3]] : {{.*}} outs(%[[R3]] : {{.*}} epilogue(%[[R3]] : tensor<8x4x30xf32>) {
//       CHECK:     arith.addf
//       CHECK:     bn.yield
func.func @epilogue(%x: tensor<8x4x5x6xf32>, %r: tensor<8x4x5x6xf32>)
    -> tensor<8x4x5x6xf32> {
  %z = bn.normalize axis(1) ins(%x : tensor<8x4x5x6xf32>)
      outs(%r : tensor<8x4x5x6xf32>) epilogue(%r : tensor<8x4x5x6xf32>) {
    ^bb0(%y: f32, %e: f32):
      %s = arith.addf %y, %e : f32
      bn.yield %s : f32
    } -> tensor<8x4x5x6xf32>
  return %z : tensor<8x4x5x6xf32>
}

// -----

// Or entries per channel.
// CHECK-LABEL: func @per_channel
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x5x6xf32>, %[[A:[a-z0-9]+]]: tensor<4x5xf32>
//   CHECK-DAG:   %[[X3:.*]] = tensor.collapse_shape %[[X]] {{\[}}[0], [1, 2], [3]]
//   CHECK-DAG:   %[[A1:.*]] = tensor.collapse_shape %[[A]] {{\[}}[0, 1]]
//       CHECK:   bn.normalize axis(1) ins(%[[X3]] : {{.*}} epilogue(%[[A1]] : tensor<20xf32>) {
func.func @per_channel(%x: tensor<8x4x5x6xf32>, %a: tensor<4x5xf32>)
    -> tensor<8x4x5x6xf32> {
  %z = bn.normalize axis(1, 2) ins(%x : tensor<8x4x5x6xf32>)
      outs(%x : tensor<8x4x5x6xf32>) epilogue(%a : tensor<4x5xf32>) {
    ^bb0(%y: f32, %e: f32):
      %s = arith.mulf %y, %e : f32
      bn.yield %s : f32
    } -> tensor<8x4x5x6xf32>
  return %z : tensor<8x4x5x6xf32>
}

// -----

// What an epilogue saves is data, too.
// CHECK-LABEL: func @saved
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x5x6xf32>, %[[B:[a-z0-9]+]]: tensor<8x4x5x6xi8>
//   CHECK-DAG:   %[[X3:.*]] = tensor.collapse_shape %[[X]] {{\[}}[0], [1], [2, 3]]
//   CHECK-DAG:   %[[B3:.*]] = tensor.collapse_shape %[[B]] {{\[}}[0], [1], [2, 3]] : tensor<8x4x5x6xi8> into tensor<8x4x30xi8>
//       CHECK:   %[[R:.*]]:2 = bn.normalize axis(1) {{.*}} outs(%[[X3]], %[[B3]] : tensor<8x4x30xf32>, tensor<8x4x30xi8>) epilogue {
//       CHECK:   %[[SAVED:.*]] = tensor.expand_shape %[[R]]#1 {{\[}}[0], [1], [2, 3]]
//       CHECK:   return %[[SAVED]]
func.func @saved(%x: tensor<8x4x5x6xf32>, %b0: tensor<8x4x5x6xi8>)
    -> tensor<8x4x5x6xi8> {
  %z, %b = bn.normalize axis(1) ins(%x : tensor<8x4x5x6xf32>)
      outs(%x, %b0 : tensor<8x4x5x6xf32>, tensor<8x4x5x6xi8>) epilogue {
    ^bb0(%y: f32):
      %zero = arith.constant 0.0 : f32
      %passes = arith.cmpf ogt, %y, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4x5x6xf32>, tensor<8x4x5x6xi8>
  return %b : tensor<8x4x5x6xi8>
}
