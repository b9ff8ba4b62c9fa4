// The gradients of groups: each group's own for the input; for scale and
// offset, which all groups share, the sum of f64 numbers in the order of the
// groups, rounded once.

// RUN: bn-opt %s --bn-expand-groups --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @nhwc
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<32x7x7x64xf32>, %[[X:[a-z0-9]+]]: tensor<32x7x7x64xf32>, %[[S:[a-z0-9]+]]: tensor<64xf32>, %[[MG:[a-z0-9]+]]: tensor<4x64xf32>, %[[VG:[a-z0-9]+]]: tensor<4x64xf32>, %[[DX0:[a-z0-9]+]]: tensor<32x7x7x64xf32>, %[[G0:[a-z0-9]+]]: tensor<64xf32>, %[[B0:[a-z0-9]+]]: tensor<64xf32>)
//       CHECK:   %[[DY5:.*]] = tensor.expand_shape %[[DY]] {{\[}}[0, 1], [2], [3], [4]] output_shape [4, 8, 7, 7, 64]
//       CHECK:   %[[DYG:.*]] = tensor.collapse_shape %[[DY5]] {{\[}}[0], [1, 2, 3], [4]] : tensor<4x8x7x7x64xf32> into tensor<4x392x64xf32>
//       CHECK:   %[[XG:.*]] = tensor.collapse_shape
//       CHECK:   %[[DXG:.*]] = tensor.collapse_shape
//       CHECK:   %[[ZERO:.*]] = linalg.fill ins(%{{.*}} : f64) outs(%{{.*}} : tensor<64xf64>)
//       CHECK:   %[[R:.*]]:3 = scf.for %[[I:.*]] = %c0 to %c4 step %c1
//  CHECK-SAME:       iter_args(%[[DX:.*]] = %[[DXG]], %[[GS:.*]] = %[[ZERO]], %[[BS:.*]] = %{{.*}})
//   CHECK-DAG:     %[[DXI:.*]] = tensor.extract_slice %[[DX]][%[[I]], 0, 0] [1, 392, 64] [1, 1, 1] : tensor<4x392x64xf32> to tensor<392x64xf32>
//   CHECK-DAG:     %[[DYI:.*]] = tensor.extract_slice %[[DYG]][%[[I]], 0, 0]
//   CHECK-DAG:     %[[XI:.*]] = tensor.extract_slice %[[XG]][%[[I]], 0, 0]
//   CHECK-DAG:     %[[MI:.*]] = tensor.extract_slice %[[MG]][%[[I]], 0] [1, 64] [1, 1] : tensor<4x64xf32> to tensor<64xf32>
//   CHECK-DAG:     %[[VI:.*]] = tensor.extract_slice %[[VG]][%[[I]], 0]
//   CHECK-DAG:     %[[GI:.*]] = tensor.empty() : tensor<64xf64>
//       CHECK:     %[[P:.*]]:3 = bn.backward axis(1) epsilon(1.000000e-03) wrt(input, scale, offset) ins(%[[DYI]], %[[XI]] : tensor<392x64xf32>, tensor<392x64xf32>)
//  CHECK-SAME:       scale(%[[S]] : tensor<64xf32>) statistics(%[[MI]], %[[VI]] : tensor<64xf32>, tensor<64xf32>)
//  CHECK-SAME:       outs(%[[DXI]], %[[GI]], %{{[^ ,]+}} : tensor<392x64xf32>, tensor<64xf64>, tensor<64xf64>)
//   CHECK-DAG:     %[[DXN:.*]] = tensor.insert_slice %[[P]]#0 into %[[DX]][%[[I]], 0, 0]
//       CHECK:     %[[GN:.*]] = linalg.generic {{.*}} ins(%[[P]]#1 : tensor<64xf64>) outs(%[[GS]] : tensor<64xf64>)
//       CHECK:     ^bb0(%[[PART:.*]]: f64, %[[SUM:.*]]: f64):
//       CHECK:       arith.addf %[[SUM]], %[[PART]] : f64
//       CHECK:     %[[BN:.*]] = linalg.generic {{.*}} ins(%[[P]]#2 : tensor<64xf64>) outs(%[[BS]] : tensor<64xf64>)
//       CHECK:     scf.yield %[[DXN]], %[[GN]], %[[BN]]
//       CHECK:   %[[E:.*]] = tensor.expand_shape %[[R]]#0 {{\[}}[0], [1, 2, 3], [4]]
//       CHECK:   %[[C:.*]] = tensor.collapse_shape %[[E]] {{\[}}[0, 1], [2], [3], [4]] : tensor<4x8x7x7x64xf32> into tensor<32x7x7x64xf32>
//       CHECK:   %[[G:.*]] = linalg.generic {{.*}} ins(%[[R]]#1 : tensor<64xf64>) outs(%[[G0]] : tensor<64xf32>)
//       CHECK:     arith.truncf
//       CHECK:   %[[B:.*]] = linalg.generic {{.*}} ins(%[[R]]#2 : tensor<64xf64>) outs(%[[B0]] : tensor<64xf32>)
//       CHECK:   return %[[C]], %[[G]], %[[B]]
!data = tensor<32x7x7x64xf32>
!groups = tensor<4x64xf32>
!channels = tensor<64xf32>
func.func @nhwc(%dy: !data, %x: !data, %s: !channels, %m: !groups, %v: !groups,
    %dx0: !data, %g0: !channels, %b0: !channels)
    -> (!data, !channels, !channels) {
  %dx, %g, %b = bn.backward axis(3) epsilon(1.0e-3) wrt(input, scale, offset)
      groups(4) ins(%dy, %x : !data, !data) scale(%s : !channels)
      statistics(%m, %v : !groups, !groups)
      outs(%dx0, %g0, %b0 : !data, !channels, !channels)
      -> !data, !channels, !channels
  return %dx, %g, %b : !data, !channels, !channels
}

// -----

// In place over the gradient of the output: a group of that is what the loop
// carries. Nothing is summed up over groups. The mask is cut, too.
// CHECK-LABEL: func @in_place
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<6x5x7xf16>, %[[X:[a-z0-9]+]]: tensor<6x5x7xf16>, %{{[a-z0-9]+}}: tensor<2x5xf32>, %[[W:[a-z0-9]+]]: tensor<6x1x7xf16>)
//   CHECK-DAG:   %[[DYG:.*]] = tensor.expand_shape %[[DY]]
//   CHECK-DAG:   %[[WG:.*]] = tensor.expand_shape %[[W]]
//       CHECK:   scf.for %[[I:.*]] = {{.*}} iter_args(%[[DX:[^ ]+]] = %[[DYG]]) -> (tensor<2x3x5x7xf16>)
//   CHECK-DAG:     %[[DXI:.*]] = tensor.extract_slice %[[DX]][%[[I]],
//   CHECK-DAG:     %[[WI:.*]] = tensor.extract_slice %[[WG]][%[[I]],
//       CHECK:     bn.backward axis(1) statistics_kind(inverse_std) wrt(input) ins(%[[DXI]], %{{[^ ]+}} :
//  CHECK-SAME:       mask(%[[WI]] : tensor<3x1x7xf16>) outs(%[[DXI]] : tensor<3x5x7xf16>)
func.func @in_place(%dy: tensor<6x5x7xf16>, %x: tensor<6x5x7xf16>,
    %s: tensor<2x5xf32>, %w: tensor<6x1x7xf16>) -> tensor<6x5x7xf16> {
  %dx = bn.backward axis(1) statistics_kind(inverse_std) wrt(input) groups(2)
      ins(%dy, %x : tensor<6x5x7xf16>, tensor<6x5x7xf16>)
      statistics(%s, %s : tensor<2x5xf32>, tensor<2x5xf32>)
      mask(%w : tensor<6x1x7xf16>) outs(%dy : tensor<6x5x7xf16>)
      -> tensor<6x5x7xf16>
  return %dx : tensor<6x5x7xf16>
}

// -----

// Dynamic sizes, adjacent axes, frozen statistics, no gradient of the input.
// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x3x?x?xf32>, %[[S:[a-z0-9]+]]: tensor<5x3x?xf32>, %[[G0:[a-z0-9]+]]: tensor<3x?xf32>
//       CHECK:   tensor.collapse_shape %[[S]] {{\[}}[0], [1, 2]] : tensor<5x3x?xf32> into tensor<5x?xf32>
//       CHECK:   %[[GC:.*]] = tensor.collapse_shape %[[G0]] {{\[}}[0, 1]] : tensor<3x?xf32> into tensor<?xf32>
//       CHECK:   scf.for {{.*}} -> (tensor<?xf64>)
//       CHECK:     bn.backward axis(1) epsilon(1.000000e+00) wrt(scale) frozen ins(%{{.*}} : tensor<?x?x?xf32>, tensor<?x?x?xf32>)
//       CHECK:   %[[G:.*]] = linalg.generic {{.*}} outs(%[[GC]] : tensor<?xf32>)
//       CHECK:   tensor.expand_shape %[[G]] {{\[}}[0, 1]] output_shape [3, %{{.*}}] : tensor<?xf32> into tensor<3x?xf32>
func.func @dynamic(%x: tensor<?x3x?x?xf32>, %s: tensor<5x3x?xf32>,
    %g0: tensor<3x?xf32>) -> tensor<3x?xf32> {
  %g = bn.backward axis(1, 2) epsilon(1.0) wrt(scale) frozen groups(5)
      ins(%x, %x : tensor<?x3x?x?xf32>, tensor<?x3x?x?xf32>)
      statistics(%s, %s : tensor<5x3x?xf32>, tensor<5x3x?xf32>)
      outs(%g0 : tensor<3x?xf32>) -> tensor<3x?xf32>
  return %g : tensor<3x?xf32>
}

// -----

// Many small groups are shared out among threads; the sums are taken after
// that, in order.
// CHECK-LABEL: func @small_groups
//  CHECK-SAME:     %[[DY:[a-z0-9]+]]: tensor<1024x64xf32>, %{{.*}}: tensor<1024x64xf32>, %{{.*}}: tensor<8x64xf32>, %[[G0:[a-z0-9]+]]: tensor<64xf64>)
//       CHECK:   %[[DYG:.*]] = tensor.expand_shape %[[DY]]
//       CHECK:   %[[P:.*]]:2 = scf.forall (%[[I:[a-z0-9]+]]) in (8)
//  CHECK-SAME:       shared_outs(%[[DX:.*]] = %[[DYG]], %[[GS:.*]] = %{{[^ ]+}}) -> (tensor<8x128x64xf32>, tensor<8x64xf64>)
//   CHECK-DAG:     %[[DXI:.*]] = tensor.extract_slice %[[DX]][%[[I]], 0, 0] [1, 128, 64]
//   CHECK-DAG:     %[[GI:.*]] = tensor.extract_slice %[[GS]][%[[I]], 0] [1, 64] [1, 1]
//       CHECK:     %[[T:.*]]:2 = bn.backward axis(1) {{.*}} ins(%[[DXI]], %{{.*}} : {{.*}} outs(%[[DXI]], %[[GI]] :
//       CHECK:     scf.forall.in_parallel
//       CHECK:       tensor.parallel_insert_slice %[[T]]#0 into %[[DX]][%[[I]], 0, 0]
//       CHECK:       tensor.parallel_insert_slice %[[T]]#1 into %[[GS]][%[[I]], 0]
//       CHECK:   %[[Q:.*]] = scf.for %[[K:[a-z0-9]+]] = %c0 to %c8 step %c1 iter_args(%[[SUM:.*]] = %{{.*}})
//       CHECK:     %[[GK:.*]] = tensor.extract_slice %[[P]]#1[%[[K]], 0]
//       CHECK:     linalg.generic {{.*}} ins(%[[GK]] : tensor<64xf64>) outs(%[[SUM]] : tensor<64xf64>)
//       CHECK:   linalg.copy ins(%[[Q]] : tensor<64xf64>) outs(%[[G0]] : tensor<64xf64>)
func.func @small_groups(%dy: tensor<1024x64xf32>, %x: tensor<1024x64xf32>,
    %s: tensor<8x64xf32>, %g0: tensor<64xf64>)
    -> (tensor<1024x64xf32>, tensor<64xf64>) {
  %dx, %g = bn.backward axis(1) epsilon(1.0) wrt(input, offset) groups(8)
      ins(%dy, %x : tensor<1024x64xf32>, tensor<1024x64xf32>)
      statistics(%s, %s : tensor<8x64xf32>, tensor<8x64xf32>)
      outs(%dy, %g0 : tensor<1024x64xf32>, tensor<64xf64>)
      -> tensor<1024x64xf32>, tensor<64xf64>
  return %dx, %g : tensor<1024x64xf32>, tensor<64xf64>
}

// -----

// No elements: gradients of 0.
// CHECK-LABEL: func @empty
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<0x?x5xf32>, %{{[a-z0-9]+}}: tensor<2x5xf32>, %[[G0:[a-z0-9]+]]: tensor<5xf32>)
//   CHECK-NOT:   bn.backward
//       CHECK:   %[[G:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[G0]] : tensor<5xf32>)
//       CHECK:   return %[[X]], %[[G]]
func.func @empty(%x: tensor<0x?x5xf32>, %s: tensor<2x5xf32>,
    %g0: tensor<5xf32>) -> (tensor<0x?x5xf32>, tensor<5xf32>) {
  %dx, %g = bn.backward axis(2) epsilon(1.0) wrt(input, scale) groups(2)
      ins(%x, %x : tensor<0x?x5xf32>, tensor<0x?x5xf32>)
      statistics(%s, %s : tensor<2x5xf32>, tensor<2x5xf32>)
      outs(%x, %g0 : tensor<0x?x5xf32>, tensor<5xf32>)
      -> tensor<0x?x5xf32>, tensor<5xf32>
  return %dx, %g : tensor<0x?x5xf32>, tensor<5xf32>
}
