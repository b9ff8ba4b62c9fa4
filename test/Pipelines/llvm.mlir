// After phase 'llvm' there are the LLVM and the OpenMP dialects: one team per
// parallel loop, and a C interface for every function.

// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline=compile-to=llvm > %t
// RUN: FileCheck %s --input-file=%t --implicit-check-not=omp.parallel --implicit-check-not=memref. --implicit-check-not=scf. --implicit-check-not=" vector." --implicit-check-not=tensor. --implicit-check-not=unrealized
// RUN: mlir-translate --mlir-to-llvmir %t | FileCheck %s --check-prefix=IR

// The size of the team is an option; without it the runtime decides.
// RUN: bn-opt %S/Inputs/ops.mlir --bn-cpu-pipeline="threads=3" | FileCheck %s --check-prefix=THREADS

// CHECK-LABEL: llvm.func @nchw(
//       CHECK:   omp.parallel {
// Stack buffers belong to the thread, not to an iteration.
//       CHECK:     llvm.alloca
//       CHECK:     omp.wsloop
//   CHECK-NOT:     llvm.alloca
//       CHECK:       llvm.load {{.*}} -> vector<32xf32>
//       CHECK: llvm.func @_mlir_ciface_nchw(

// CHECK-LABEL: llvm.func @nhwc(
//       CHECK:   omp.parallel {
//       CHECK:   omp.parallel {
//       CHECK: llvm.func @_mlir_ciface_nhwc(

// Rounding to bf16 is in integers, with or without subtractions.
// CHECK-LABEL: llvm.func @inference(
//       CHECK:   omp.parallel {
//   CHECK-NOT:     llvm.fptrunc {{.*}} to vector<32xbf16>
//       CHECK:   omp.parallel {
//   CHECK-NOT:     llvm.fptrunc {{.*}} to vector<32xbf16>
//       CHECK: llvm.func @_mlir_ciface_inference(

// A team for each of the three versions.
// CHECK-LABEL: llvm.func @dynamic(
//       CHECK:   omp.parallel {
//       CHECK:   omp.parallel {
//       CHECK:   omp.parallel {
//       CHECK: llvm.func @_mlir_ciface_dynamic(

// IR: define void @_mlir_ciface_nchw(ptr
// IR: call void (ptr, i32, ptr, ...) @__kmpc_fork_call(

// THREADS-LABEL: llvm.func @nchw(
//       THREADS:   %[[N:.*]] = llvm.mlir.constant(3 : i32)
//       THREADS:   omp.parallel num_threads(%[[N]] : i32)
