// A group of samples is a batch of its own: a loop over slices of the data, on
// their canonical view, each inserted where it was. The view is taken of the
// whole data, whose strides are known.

// RUN: bn-opt %s --bn-expand-groups --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @nhwc
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<32x7x7x64xf32>, %[[S:[a-z0-9]+]]: tensor<64xf32>, %[[Y0:[a-z0-9]+]]: tensor<32x7x7x64xf32>, %[[M0:[a-z0-9]+]]: tensor<4x64xf32>, %[[V0:[a-z0-9]+]]: tensor<4x64xf32>
//       CHECK:   %[[X5:.*]] = tensor.expand_shape %[[X]] {{\[}}[0, 1], [2], [3], [4]] output_shape [4, 8, 7, 7, 64]
//       CHECK:   %[[XG:.*]] = tensor.collapse_shape %[[X5]] {{\[}}[0], [1, 2, 3], [4]] : tensor<4x8x7x7x64xf32> into tensor<4x392x64xf32>
//       CHECK:   %[[Y5:.*]] = tensor.expand_shape %[[Y0]]
//       CHECK:   %[[YG:.*]] = tensor.collapse_shape %[[Y5]]
//       CHECK:   %[[R:.*]]:3 = scf.for %[[I:.*]] = %c0 to %c4 step %c1
//  CHECK-SAME:       iter_args(%[[Y:.*]] = %[[YG]], %[[M:.*]] = %[[M0]], %[[V:.*]] = %[[V0]])
//   CHECK-DAG:     %[[YI:.*]] = tensor.extract_slice %[[Y]][%[[I]], 0, 0] [1, 392, 64] [1, 1, 1] : tensor<4x392x64xf32> to tensor<392x64xf32>
//   CHECK-DAG:     %[[MI:.*]] = tensor.extract_slice %[[M]][%[[I]], 0] [1, 64] [1, 1] : tensor<4x64xf32> to tensor<64xf32>
//   CHECK-DAG:     %[[VI:.*]] = tensor.extract_slice %[[V]][%[[I]], 0]
//   CHECK-DAG:     %[[XI:.*]] = tensor.extract_slice %[[XG]][%[[I]], 0, 0]
//       CHECK:     %[[P:.*]]:3 = bn.training axis(1) epsilon(1.000000e-03) ins(%[[XI]] : tensor<392x64xf32>)
//  CHECK-SAME:       scale(%[[S]] : tensor<64xf32>) outs(%[[YI]], %[[MI]], %[[VI]]
//       CHECK:     %[[YN:.*]] = tensor.insert_slice %[[P]]#0 into %[[Y]][%[[I]], 0, 0]
//       CHECK:     %[[MN:.*]] = tensor.insert_slice %[[P]]#1 into %[[M]][%[[I]], 0]
//       CHECK:     %[[VN:.*]] = tensor.insert_slice %[[P]]#2 into %[[V]][%[[I]], 0]
//       CHECK:     scf.yield %[[YN]], %[[MN]], %[[VN]]
//       CHECK:   %[[E:.*]] = tensor.expand_shape %[[R]]#0 {{\[}}[0], [1, 2, 3], [4]]
//       CHECK:   %[[C:.*]] = tensor.collapse_shape %[[E]] {{\[}}[0, 1], [2], [3], [4]] : tensor<4x8x7x7x64xf32> into tensor<32x7x7x64xf32>
//       CHECK:   return %[[C]], %[[R]]#1, %[[R]]#2
func.func @nhwc(%x: tensor<32x7x7x64xf32>, %s: tensor<64xf32>,
    %y0: tensor<32x7x7x64xf32>, %m0: tensor<4x64xf32>, %v0: tensor<4x64xf32>)
    -> (tensor<32x7x7x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>) {
  %y, %m, %v = bn.training axis(3) epsilon(1.0e-3) groups(4)
      ins(%x : tensor<32x7x7x64xf32>) scale(%s : tensor<64xf32>)
      outs(%y0, %m0, %v0
           : tensor<32x7x7x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>)
      -> tensor<32x7x7x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>
  return %y, %m, %v
      : tensor<32x7x7x64xf32>, tensor<4x64xf32>, tensor<4x64xf32>
}

// -----

// Running statistics are f64 until their mean is rounded. The mean of equal
// numbers is exact, and infinity does not become NaN.
// CHECK-LABEL: func @running
//  CHECK-SAME:     %[[RM:[a-z0-9]+]]: tensor<5xf32>, %[[RV:[a-z0-9]+]]: tensor<5xf32>)
//       CHECK:   %[[WM:.*]] = linalg.generic {{.*}} ins(%[[RM]] : tensor<5xf32>) outs(%{{.*}} : tensor<5xf64>)
//       CHECK:   %[[WV:.*]] = linalg.generic {{.*}} ins(%[[RV]] : tensor<5xf32>)
//       CHECK:   %[[R:.*]]:5 = scf.for %[[I:.*]] = {{.*}} iter_args(%{{.*}}, %{{.*}}, %{{.*}}, %[[SM:.*]] = %{{.*}}, %[[SV:.*]] = %{{.*}})
//       CHECK:     %[[P:.*]]:5 = bn.training axis(1) epsilon(1.000000e+00) momentum(9.000000e-01) running_variance_kind(sample)
//  CHECK-SAME:       running(%[[WM]], %[[WV]] : tensor<5xf64>, tensor<5xf64>)
//       CHECK:     %[[N1:.*]] = arith.addi %[[I]], %c1
//       CHECK:     %[[K:.*]] = arith.sitofp
//       CHECK:     linalg.generic {{.*}} ins(%[[P]]#3 : tensor<5xf64>) outs(%[[SM]] : tensor<5xf64>)
//       CHECK:     ^bb0(%[[U:.*]]: f64, %[[OLD:.*]]: f64):
//       CHECK:       %[[D:.*]] = arith.subf %[[U]], %[[OLD]]
//       CHECK:       %[[STEP:.*]] = arith.divf %[[D]], %[[K]]
//       CHECK:       %[[INF:.*]] = arith.cmpf oeq
//       CHECK:       %[[BY:.*]] = arith.select %[[INF]], %[[U]], %[[STEP]]
//       CHECK:       arith.addf %[[OLD]], %[[BY]]
//       CHECK:     linalg.generic {{.*}} ins(%[[P]]#4 : tensor<5xf64>) outs(%[[SV]] : tensor<5xf64>)
//       CHECK:   linalg.generic {{.*}} ins(%[[R]]#3 : tensor<5xf64>) outs(%[[RM]] : tensor<5xf32>)
//       CHECK:     arith.truncf
func.func @running(%x: tensor<6x5x3xf32>, %s: tensor<2x5xf32>,
    %rm: tensor<5xf32>, %rv: tensor<5xf32>)
    -> (tensor<5xf32>, tensor<5xf32>) {
  %r:5 = bn.training axis(1) epsilon(1.0) momentum(0.9)
      running_variance_kind(sample) groups(2) ins(%x : tensor<6x5x3xf32>)
      running(%rm, %rv : tensor<5xf32>, tensor<5xf32>)
      outs(%x, %s, %s, %rm, %rv : tensor<6x5x3xf32>, tensor<2x5xf32>,
           tensor<2x5xf32>, tensor<5xf32>, tensor<5xf32>)
      -> tensor<6x5x3xf32>, tensor<2x5xf32>, tensor<2x5xf32>, tensor<5xf32>,
         tensor<5xf32>
  return %r#3, %r#4 : tensor<5xf32>, tensor<5xf32>
}

// -----

// In place, each group is read from what the loop carries.
// CHECK-LABEL: func @in_place
//       CHECK:   scf.for %{{.*}} iter_args(%[[Y:[^ ]+]] =
//       CHECK:     %[[YI:.*]] = tensor.extract_slice %[[Y]]
//       CHECK:     bn.training axis(1) epsilon(1.000000e+00) ins(%[[YI]] : tensor<3x5x7xf32>) outs(%[[YI]],
func.func @in_place(%x: tensor<6x5x7xf32>, %s: tensor<2x5xf32>)
    -> tensor<6x5x7xf32> {
  %y, %m, %v = bn.training axis(1) epsilon(1.0) groups(2)
      ins(%x : tensor<6x5x7xf32>)
      outs(%x, %s, %s : tensor<6x5x7xf32>, tensor<2x5xf32>, tensor<2x5xf32>)
      -> tensor<6x5x7xf32>, tensor<2x5xf32>, tensor<2x5xf32>
  return %y : tensor<6x5x7xf32>
}

// -----

// A dynamic batch; adjacent axes, also of the statistics.
// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x3x4x?xf16>, %[[S:[a-z0-9]+]]: tensor<5x3x4xf32>
//   CHECK-DAG:   %[[N:.*]] = tensor.dim %[[X]], %c0
//       CHECK:   %[[PART:.*]] = affine.apply #{{.*}}()[%[[N]]]
//       CHECK:   tensor.expand_shape %[[X]] {{\[}}[0, 1], [2], [3], [4]] output_shape [5, %[[PART]], 3, 4, %{{.*}}] : tensor<?x3x4x?xf16> into tensor<5x?x3x4x?xf16>
//       CHECK:   tensor.collapse_shape %{{.*}} {{\[}}[0], [1], [2, 3], [4]] : tensor<5x?x3x4x?xf16> into tensor<5x?x12x?xf16>
//       CHECK:   tensor.collapse_shape %[[S]] {{\[}}[0], [1, 2]] : tensor<5x3x4xf32> into tensor<5x12xf32>
//       CHECK:   scf.for
//       CHECK:     bn.training axis(1) {{.*}} ins(%{{.*}} : tensor<?x12x?xf16>)
//       CHECK:   tensor.collapse_shape %{{.*}} {{\[}}[0, 1], [2], [3], [4]] : tensor<5x?x3x4x?xf16> into tensor<?x3x4x?xf16>
func.func @dynamic(%x: tensor<?x3x4x?xf16>, %s: tensor<5x3x4xf32>)
    -> (tensor<?x3x4x?xf16>, tensor<5x3x4xf32>) {
  %y, %m, %v = bn.training axis(1, 2) epsilon(1.0) groups(5)
      ins(%x : tensor<?x3x4x?xf16>)
      outs(%x, %s, %s
           : tensor<?x3x4x?xf16>, tensor<5x3x4xf32>, tensor<5x3x4xf32>)
      -> tensor<?x3x4x?xf16>, tensor<5x3x4xf32>, tensor<5x3x4xf32>
  return %y, %m : tensor<?x3x4x?xf16>, tensor<5x3x4xf32>
}

// -----

// A strategy by hand is about the dimensions that the op has, and goes with
// each group.
// CHECK-LABEL: func @keeps_its_view
//       CHECK:   scf.for
//       CHECK:     bn.training axis(3) {{.*}} {bn.lowering_strategy = #bn.lowering_strategy<single,
//  CHECK-SAME:       ins(%{{[^ ]+}} : tensor<3x2x2x5xf32>)
func.func @keeps_its_view(%x: tensor<6x2x2x5xf32>, %s: tensor<2x5xf32>)
    -> tensor<6x2x2x5xf32> {
  %y, %m, %v = bn.training axis(3) epsilon(1.0) groups(2)
      {bn.lowering_strategy = #bn.lowering_strategy<single, threads = 1,
       parallel = [0, 0, 0, 0], tile = [0, 0, 0, 0], vector_bits = 256,
       unroll = 4, stores = temporal>}
      ins(%x : tensor<6x2x2x5xf32>)
      outs(%x, %s, %s
           : tensor<6x2x2x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>)
      -> tensor<6x2x2x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>
  return %y : tensor<6x2x2x5xf32>
}

// -----

// Many small groups, of 32 KiB, are shared out among threads. The means of the
// running statistics are made after that, in order.
// CHECK-LABEL: func @small_groups
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<1024x64xf32>, %[[S:[a-z0-9]+]]: tensor<8x64xf32>, %[[R:[a-z0-9]+]]: tensor<64xf64>, %[[N:[a-z0-9]+]]: tensor<64xf64>)
//       CHECK:   %[[XG:.*]] = tensor.expand_shape %[[X]] {{.*}} into tensor<8x128x64xf32>
//       CHECK:   %[[U0:.*]] = tensor.empty() : tensor<8x64xf64>
//       CHECK:   %[[P:.*]]:5 = scf.forall (%[[I:[a-z0-9]+]]) in (8)
//  CHECK-SAME:       shared_outs(%[[Y:.*]] = %[[XG]], %[[M:.*]] = %[[S]], %{{.*}} = %[[S]], %[[U:.*]] = %{{.*}}, %{{.*}} = %{{.*}})
//   CHECK-DAG:     %[[YI:.*]] = tensor.extract_slice %[[Y]][%[[I]], 0, 0] [1, 128, 64] [1, 1, 1] : tensor<8x128x64xf32> to tensor<128x64xf32>
//   CHECK-DAG:     %[[UI:.*]] = tensor.extract_slice %[[U]][%[[I]], 0] [1, 64] [1, 1]
//       CHECK:     %[[T:.*]]:5 = bn.training axis(1) {{.*}} ins(%[[YI]] : tensor<128x64xf32>) running(%[[R]], %[[R]] :
//  CHECK-SAME:       outs(%[[YI]], %{{[^,]+}}, %{{[^,]+}}, %[[UI]],
//       CHECK:     scf.forall.in_parallel
//       CHECK:       tensor.parallel_insert_slice %[[T]]#0 into %[[Y]][%[[I]], 0, 0]
//       CHECK:       tensor.parallel_insert_slice %[[T]]#3 into %[[U]][%[[I]], 0]
//       CHECK:   %[[Q:.*]]:2 = scf.for %[[K:[a-z0-9]+]] = %c0 to %c8 step %c1
//       CHECK:     %[[UK:.*]] = tensor.extract_slice %[[P]]#3[%[[K]], 0]
//       CHECK:     linalg.generic {{.*}} ins(%[[UK]] : tensor<64xf64>)
//       CHECK:   linalg.copy ins(%[[Q]]#0 : tensor<64xf64>) outs(%[[N]] : tensor<64xf64>)
func.func @small_groups(%x: tensor<1024x64xf32>, %s: tensor<8x64xf32>,
    %r: tensor<64xf64>, %n: tensor<64xf64>)
    -> (tensor<1024x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>, tensor<64xf64>,
        tensor<64xf64>) {
  %y:5 = bn.training axis(1) epsilon(1.0) momentum(0.9) groups(8)
      ins(%x : tensor<1024x64xf32>)
      running(%r, %r : tensor<64xf64>, tensor<64xf64>)
      outs(%x, %s, %s, %n, %n : tensor<1024x64xf32>, tensor<8x64xf32>,
           tensor<8x64xf32>, tensor<64xf64>, tensor<64xf64>)
      -> tensor<1024x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>,
         tensor<64xf64>, tensor<64xf64>
  return %y#0, %y#1, %y#2, %y#3, %y#4
      : tensor<1024x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>, tensor<64xf64>,
        tensor<64xf64>
}

// -----

// A mask is cut with the data, or is the same for all groups. A group of one
// sample has a mask without a dimension for samples, which need not be repeated.
// CHECK-LABEL: func @masks
//  CHECK-SAME:     %[[W:[a-z0-9]+]]: tensor<6x7x1xf32>, %[[V:[a-z0-9]+]]: tensor<1x7x5xf32>, %[[U:[a-z0-9]+]]: tensor<6x1x5xf32>
//       CHECK:   %[[W4:.*]] = tensor.expand_shape %[[W]] {{.*}} into tensor<2x3x7x1xf32>
//       CHECK:   %[[WG:.*]] = tensor.collapse_shape %[[W4]] {{\[}}[0], [1, 2], [3]] : tensor<2x3x7x1xf32> into tensor<2x21x1xf32>
//       CHECK:   scf.for %[[I:[a-z0-9]+]] =
//       CHECK:     %[[WI:.*]] = tensor.extract_slice %[[WG]][%[[I]], 0, 0] [1, 21, 1] [1, 1, 1] : tensor<2x21x1xf32> to tensor<21x1xf32>
//       CHECK:     bn.training axis(1) {{.*}} ins(%{{.*}} : tensor<21x5xf32>) mask(%[[WI]] : tensor<21x1xf32>)
//       CHECK:   scf.for
//       CHECK:     bn.training axis(2) {{.*}} ins(%{{.*}} : tensor<3x7x5xf32>) mask(%[[V]] : tensor<1x7x5xf32>)
//   CHECK-NOT:   linalg.broadcast
//       CHECK:   scf.for
//       CHECK:     bn.training axis(1) {{.*}} ins(%{{.*}} : tensor<7x5xf32>) mask(%{{.*}} : tensor<1x5xf32>)
func.func @masks(%x: tensor<6x7x5xf32>, %s: tensor<2x5xf32>,
    %t: tensor<6x5xf32>, %w: tensor<6x7x1xf32>, %v: tensor<1x7x5xf32>,
    %u: tensor<6x1x5xf32>)
    -> (tensor<6x7x5xf32>, tensor<6x7x5xf32>, tensor<6x7x5xf32>) {
  %p:3 = bn.training axis(2) epsilon(1.0) groups(2)
      ins(%x : tensor<6x7x5xf32>) mask(%w : tensor<6x7x1xf32>)
      outs(%x, %s, %s : tensor<6x7x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>)
      -> tensor<6x7x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>
  %q:3 = bn.training axis(2) epsilon(1.0) groups(2)
      ins(%x : tensor<6x7x5xf32>) mask(%v : tensor<1x7x5xf32>)
      outs(%x, %s, %s : tensor<6x7x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>)
      -> tensor<6x7x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>
  %r:3 = bn.training axis(2) epsilon(1.0) groups(6)
      ins(%x : tensor<6x7x5xf32>) mask(%u : tensor<6x1x5xf32>)
      outs(%x, %t, %t : tensor<6x7x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>)
      -> tensor<6x7x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>
  return %p#0, %q#0, %r#0
      : tensor<6x7x5xf32>, tensor<6x7x5xf32>, tensor<6x7x5xf32>
}

// -----

// No elements: nothing to slice. The statistics are 0, and running ones stay.
// CHECK-LABEL: func @empty
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<0x?x5xf32>, %[[S:[a-z0-9]+]]: tensor<2x5xf32>, %[[R:[a-z0-9]+]]: tensor<5xf32>, %[[N:[a-z0-9]+]]: tensor<5xf32>)
//   CHECK-NOT:   bn.training
//       CHECK:   %[[M:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[S]] : tensor<2x5xf32>)
//       CHECK:   %[[NEW:.*]] = linalg.copy ins(%[[R]] : tensor<5xf32>) outs(%[[N]] : tensor<5xf32>)
//       CHECK:   return %[[X]], %[[M]], %[[NEW]]
func.func @empty(%x: tensor<0x?x5xf32>, %s: tensor<2x5xf32>,
    %r: tensor<5xf32>, %n: tensor<5xf32>)
    -> (tensor<0x?x5xf32>, tensor<2x5xf32>, tensor<5xf32>) {
  %y:5 = bn.training axis(2) epsilon(1.0) momentum(0.9) groups(2)
      ins(%x : tensor<0x?x5xf32>)
      running(%r, %r : tensor<5xf32>, tensor<5xf32>)
      outs(%x, %s, %s, %n, %n : tensor<0x?x5xf32>, tensor<2x5xf32>,
           tensor<2x5xf32>, tensor<5xf32>, tensor<5xf32>)
      -> tensor<0x?x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>, tensor<5xf32>,
         tensor<5xf32>
  return %y#0, %y#1, %y#3 : tensor<0x?x5xf32>, tensor<2x5xf32>, tensor<5xf32>
}

// -----

// Nothing to do.
// CHECK-LABEL: func @one_group
//   CHECK-NOT:   scf.for
//       CHECK:   return
func.func @one_group(%x: tensor<6x5xf32>, %s: tensor<5xf32>)
    -> tensor<6x5xf32> {
  %y, %m, %v = bn.training axis(1) epsilon(1.0) ins(%x : tensor<6x5xf32>)
      outs(%x, %s, %s : tensor<6x5xf32>, tensor<5xf32>, tensor<5xf32>)
      -> tensor<6x5xf32>, tensor<5xf32>, tensor<5xf32>
  return %y : tensor<6x5xf32>
}

// -----

// Epilogue inputs are cut like the data. In place over one of them, its part is
// the one that is then written.
// CHECK-LABEL: func @epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x64xf32>, %[[A:[a-z0-9]+]]: tensor<8x64xf32>, %[[B:[a-z0-9]+]]: tensor<8x64xf32>
//   CHECK-DAG:   %[[AG:.*]] = tensor.expand_shape %[[A]]
//   CHECK-DAG:   %[[BG:.*]] = tensor.expand_shape %[[B]]
//       CHECK:   scf.for %[[I:.*]] = %c0 to %c2 step %c1 iter_args(%[[Y:.*]] = %[[BG]],
//   CHECK-DAG:     %[[YI:.*]] = tensor.extract_slice %[[Y]][%[[I]], 0, 0]
//   CHECK-DAG:     %[[AI:.*]] = tensor.extract_slice %[[AG]][%[[I]], 0, 0]
//       CHECK:     bn.training {{.*}} outs(%[[YI]], {{.*}}) epilogue(%[[AI]], %[[YI]] : tensor<4x64xf32>, tensor<4x64xf32>) {
//       CHECK:       arith.mulf
//       CHECK:       bn.yield
func.func @epilogue(%x: tensor<8x64xf32>, %a: tensor<8x64xf32>,
    %b: tensor<8x64xf32>, %m0: tensor<2x64xf32>, %v0: tensor<2x64xf32>)
    -> tensor<8x64xf32> {
  %z, %m, %v = bn.training axis(1) epsilon(1.0e-3) groups(2)
      ins(%x : tensor<8x64xf32>)
      outs(%b, %m0, %v0
           : tensor<8x64xf32>, tensor<2x64xf32>, tensor<2x64xf32>)
      epilogue(%a, %b : tensor<8x64xf32>, tensor<8x64xf32>) {
    ^bb0(%y: f32, %e: f32, %f: f32):
      %s = arith.addf %y, %e : f32
      %t = arith.mulf %s, %f : f32
      bn.yield %t : f32
    } -> tensor<8x64xf32>, tensor<2x64xf32>, tensor<2x64xf32>
  return %z : tensor<8x64xf32>
}

// -----

// What an epilogue takes per channel is the same for all groups.
// CHECK-LABEL: func @per_channel
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x3x4x5xf32>, %[[A:[a-z0-9]+]]: tensor<3x4xf64>
//       CHECK:   %[[AC:.*]] = tensor.collapse_shape %[[A]] {{\[}}[0, 1]] : tensor<3x4xf64> into tensor<12xf64>
//       CHECK:   scf.for
//       CHECK:     bn.training axis(1) {{.*}} epilogue(%[[AC]] : tensor<12xf64>) {
func.func @per_channel(%x: tensor<8x3x4x5xf32>, %a: tensor<3x4xf64>,
    %m0: tensor<2x3x4xf32>) -> tensor<8x3x4x5xf32> {
  %z, %m, %v = bn.training axis(1, 2) epsilon(1.0e-3) groups(2)
      ins(%x : tensor<8x3x4x5xf32>)
      outs(%x, %m0, %m0
           : tensor<8x3x4x5xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>)
      epilogue(%a : tensor<3x4xf64>) {
    ^bb0(%y: f32, %e: f32):
      %s = arith.mulf %y, %e : f32
      bn.yield %s : f32
    } -> tensor<8x3x4x5xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>
  return %z : tensor<8x3x4x5xf32>
}

// -----

// What an epilogue saves is cut like the data. It stands behind what all groups
// make together.
// CHECK-LABEL: func @saved
//  CHECK-SAME:     %[[B:[a-z0-9]+]]: tensor<8x64xi8>
//       CHECK:   %[[BG:.*]] = tensor.expand_shape %[[B]] {{.*}} into tensor<2x4x64xi8>
//       CHECK:   %[[R:.*]]:6 = scf.for %[[I:.*]] = %c0 to %c2 step %c1 iter_args({{.*}}, %[[S:[^ ]+]] = %[[BG]])
//       CHECK:     %[[SI:.*]] = tensor.extract_slice %[[S]][%[[I]], 0, 0] [1, 4, 64]
//       CHECK:     %[[P:.*]]:6 = bn.training {{.*}} outs({{.*}}, %[[SI]] : {{.*}}, tensor<4x64xi8>) epilogue {
//       CHECK:       bn.yield %{{.*}}, %{{.*}} : f32, i8
//       CHECK:     %[[SN:.*]] = tensor.insert_slice %[[P]]#5 into %[[S]][%[[I]], 0, 0]
//       CHECK:     scf.yield {{.*}}, %[[SN]] :
//       CHECK:   %[[C:.*]] = tensor.collapse_shape %[[R]]#5
//       CHECK:   return %[[C]]
func.func @saved(%x: tensor<8x64xf32>, %m0: tensor<2x64xf32>,
    %c: tensor<64xf32>, %b0: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %r:6 = bn.training axis(1) epsilon(1.0e-3) momentum(0.5) groups(2)
      ins(%x : tensor<8x64xf32>)
      running(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%x, %m0, %m0, %c, %c, %b0
           : tensor<8x64xf32>, tensor<2x64xf32>, tensor<2x64xf32>,
             tensor<64xf32>, tensor<64xf32>, tensor<8x64xi8>) epilogue {
    ^bb0(%y: f32):
      %zero = arith.constant 0.0 : f32
      %passes = arith.cmpf ogt, %y, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x64xf32>, tensor<2x64xf32>, tensor<2x64xf32>, tensor<64xf32>,
         tensor<64xf32>, tensor<8x64xi8>
  return %r#5 : tensor<8x64xi8>
}
