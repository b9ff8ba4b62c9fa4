// After phase 'buffer' there are memrefs, and nothing of the size of the data is
// allocated: what is, has one entry per channel, or per channel and row block.

// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline="compile-to=buffer threads=2" | FileCheck %s --implicit-check-not=tensor. --implicit-check-not="memref.alloc({{.*}}memref<8x" --implicit-check-not="memref.alloc({{.*}}memref<24x" --implicit-check-not="memref.alloc({{.*}}memref<6272x" --implicit-check-not="memref.alloc({{.*}}memref<?x?"

// CHECK-LABEL: func @nchw
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<24x64x28x28xf32>
//  CHECK-SAME:     %[[Y0:[a-z0-9]+]]: memref<24x64x28x28xf32>, %[[M0:[a-z0-9]+]]: memref<64xf32>, %[[V0:[a-z0-9]+]]: memref<64xf32>)
//   CHECK-DAG:   memref.collapse_shape %[[X]]
//   CHECK-DAG:   memref.collapse_shape %[[Y0]]
//       CHECK:   scf.forall (%{{.*}}) = (0) to (64) step (32)
// The statistics of a channel, and of a run of channels, are on the stack.
//   CHECK-NOT:     memref.alloc(
//       CHECK:     memref.alloca() {{.*}} : memref<1xf64>
//       CHECK:     memref.alloca() {{.*}} : memref<32xf64>
//   CHECK-NOT:     memref.alloc(
// The results are the caller's buffers.
//       CHECK:   return %{{.*}}, %[[M0]], %[[V0]]

// CHECK-LABEL: func @nhwc
//   CHECK-NOT:   memref.alloc(
//       CHECK:   memref.alloca() {{.*}} : memref<4x100xf64>
//       CHECK:   scf.forall

// CHECK-LABEL: func @inference
//   CHECK-NOT:   memref.alloc(
//       CHECK:   scf.forall
//   CHECK-NOT:   memref.alloc(
//       CHECK:   return

// How many channels a run has is not known; what there is per channel of one
// is the only thing that is allocated.
// CHECK-LABEL: func @dynamic
//       CHECK:   scf.if
//       CHECK:     scf.forall
//       CHECK:       memref.alloc({{.*}} : memref<?xf64>
//   CHECK-NOT:   memref.alloc({{.*}}x{{.*}}x
//       CHECK:   return
