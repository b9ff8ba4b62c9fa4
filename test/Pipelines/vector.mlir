// After phase 'vector', tiles are loops over vectors: main loops of register
// tiles, peeled tails, accumulators carried in registers, no masks.

// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline="compile-to=vector threads=2" | FileCheck %s --implicit-check-not=linalg. --implicit-check-not=mask

// 784 = 24 * 32 + 16: no scalar tail.
// CHECK-LABEL: func @nchw
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
//   CHECK-DAG:   %[[C8:.*]] = arith.constant 8 : index
//   CHECK-DAG:   %[[C31:.*]] = arith.constant 31 : index
//   CHECK-DAG:   %[[C32:.*]] = arith.constant 32 : index
//   CHECK-DAG:   %[[C768:.*]] = arith.constant 768 : index
//       CHECK:   scf.for %{{.*}} = %[[C0]] to %[[C31]]
// One load and one store of this channel normalize it; one load of the next
// channel feeds both of its sums.
//       CHECK:     scf.for %[[ROW:.*]] = %[[C0]] to %[[C8]] step
//       CHECK:     scf.for %[[I:.*]] = %[[C0]] to %[[C768]] step %[[C32]] iter_args({{.*}}) -> (tensor<8x1x784xf32>, vector<8xf32>, vector<8xf32>)
//  CHECK-NEXT:       vector.transfer_read %{{.*}}[%[[ROW]], %[[C0]], %[[I]]], {{.*}} vector<32xf32>
//       CHECK:       vector.transfer_write {{.*}} vector<32xf32>
//       CHECK:       vector.transfer_read %{{.*}}[%[[ROW]], %[[C0]], %[[I]]], {{.*}} vector<32xf32>
//   CHECK-NOT:       vector.transfer_
//       CHECK:       scf.yield
//       CHECK:     vector.transfer_read %{{.*}}[%[[ROW]], %[[C0]], %[[C768]]], {{.*}} vector<16xf32>
//       CHECK:     vector.transfer_write {{.*}} vector<16xf32>
//       CHECK:     } {bn.prefetch = 1 : i64}
// CHECK-COUNT-4:     vector.reduction <add>, {{.*}} : vector<{{8|16}}xf32> into f32
//       CHECK:   } {bn.pipelined}

// Channels are lanes: sums are vectors of channels, in memory, to which the sum
// of one row from each of the four places is added. No sum is horizontal.
// CHECK-LABEL: func @nhwc
//   CHECK-NOT:   vector.reduction
//       CHECK:   scf.forall
//       CHECK:     scf.for %[[ROW:.*]] = %c0 to %{{.*}} step %c1
//       CHECK:       scf.for %[[I:.*]] = %c0 to %c96 step %c32 iter_args(%[[S:.*]] = %{{.*}}, %[[Q:.*]] = %{{.*}})
//       CHECK:         vector.transfer_read %[[X:.*]][%c0, %[[ROW]], %[[I]]]
//       CHECK:         vector.transfer_read %[[X]][%c1, %[[ROW]], %[[I]]]
//       CHECK:         vector.transfer_read %[[X]][%c2, %[[ROW]], %[[I]]]
//       CHECK:         vector.transfer_read %[[X]][%c3, %[[ROW]], %[[I]]]
//       CHECK:         %[[S1:.*]] = vector.transfer_read %[[S]][%[[I]]]
//  CHECK-NEXT:         arith.addf %[[S1]],
//       CHECK:         vector.transfer_write %{{.*}}, %[[S]][%[[I]]]
//  CHECK-NEXT:         %[[Q1:.*]] = vector.transfer_read %[[Q]][%[[I]]]
//  CHECK-NEXT:         arith.addf %[[Q1]],
//       CHECK:         vector.transfer_write %{{.*}}, %[[Q]][%[[I]]]
//   CHECK-NOT:   vector.reduction
//       CHECK:   scf.forall
//       CHECK:     vector.transfer_write {{.*}} : vector<32xf32>, tensor<1568x100xf32>
//       CHECK:     vector.transfer_write {{.*}} : vector<4xf32>, tensor<1568x100xf32>

// CHECK-LABEL: func @inference
//       CHECK:   scf.forall
//       CHECK:     %[[X:.*]] = vector.transfer_read {{.*}} vector<32xbf16>
//       CHECK:     arith.extf %[[X]] : vector<32xbf16> to vector<32xf32>
//       CHECK:     %[[Y:.*]] = arith.truncf {{.*}} : vector<32xf32> to vector<32xbf16>
//       CHECK:     vector.transfer_write %[[Y]]

// Sizes that are not known: strips of 32, of 8, and single elements.
// CHECK-LABEL: func @dynamic
//       CHECK:   scf.for {{.*}} = %c0 to %[[A:.*]] step %c32 {{.*}} -> (vector<8xf32>)
//       CHECK:   scf.for {{.*}} = %[[A]] to %[[B:.*]] step %c8 {{.*}} -> (vector<8xf32>)
//       CHECK:   scf.for {{.*}} = %[[B]] to %{{.*}} step %c1 {{.*}} -> (f32)
//       CHECK:     tensor.extract
