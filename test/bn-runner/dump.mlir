// --dump-dir writes the module after each phase, LLVM IR and assembly.

// RUN: rm -rf %t
// RUN: bn-runner %s --input=2 --dump-dir=%t | FileCheck %s
// CHECK: result 0: f64 min 2
// RUN: ls %t | FileCheck %s --check-prefix=FILES
// FILES: 00-input.mlir
// FILES: 06-llvm.mlir
// FILES: 07-llvm.ll
// FILES: 08-kernel.s
// RUN: FileCheck %s --check-prefix=LLVM --input-file=%t/07-llvm.ll
// LLVM: target triple
func.func @f(%a: f64) -> f64 {
  return %a : f64
}
