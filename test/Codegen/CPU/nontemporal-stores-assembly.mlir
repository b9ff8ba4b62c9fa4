// Non-temporal stores are in the code, for rows that start at any element; and
// every element is written once.

// REQUIRES: avx2, f16c
// RUN: rm -rf %t && mkdir %t
// RUN: sed -e s/TYPE/f32/ -e s/WIDE/f64/ -e s/SIZE/1024/ -e s/END/1024/ %s > %t/f32.mlir
// RUN: sed -e s/TYPE/f32/ -e s/WIDE/f64/ -e s/SIZE/1001/ -e s/END/992/ %s > %t/f32-odd.mlir
// RUN: sed -e s/TYPE/bf16/ -e s/WIDE/f32/ -e s/SIZE/1024/ -e s/END/1024/ %s > %t/bf16.mlir
// RUN: sed -e s/TYPE/bf16/ -e s/WIDE/f32/ -e s/SIZE/1001/ -e s/END/992/ %s > %t/bf16-odd.mlir
// RUN: sed -e s/TYPE/f16/ -e s/WIDE/f32/ -e s/SIZE/1024/ -e s/END/1024/ %s > %t/f16.mlir
// RUN: sed -e s/TYPE/f16/ -e s/WIDE/f32/ -e s/SIZE/1001/ -e s/END/992/ %s > %t/f16-odd.mlir

// Of 1001 elements, 9 keep their 5.
// RUN: bn-runner %t/f32.mlir --target-cpu=x86-64-v3 --dump-dir=%t/f32 --input=3 --input=5 | FileCheck %s --check-prefix=ALL
// RUN: bn-runner %t/f32-odd.mlir --target-cpu=x86-64-v3 --dump-dir=%t/f32-odd --input=3 --input=5 | FileCheck %s --check-prefix=MOST
// RUN: bn-runner %t/bf16.mlir --target-cpu=x86-64-v3 --dump-dir=%t/bf16 --input=3 --input=5 | FileCheck %s --check-prefix=ALL
// RUN: bn-runner %t/bf16-odd.mlir --target-cpu=x86-64-v3 --dump-dir=%t/bf16-odd --input=3 --input=5 | FileCheck %s --check-prefix=MOST
// RUN: bn-runner %t/f16.mlir --target-cpu=x86-64-v3 --dump-dir=%t/f16 --input=3 --input=5 | FileCheck %s --check-prefix=ALL
// RUN: bn-runner %t/f16-odd.mlir --target-cpu=x86-64-v3 --dump-dir=%t/f16-odd --input=3 --input=5 | FileCheck %s --check-prefix=MOST
// ALL: argument 1: {{.*}} min 6 mean 6 max 6
// MOST: argument 1: {{.*}} min 5 mean 5.99101 max 6

// RUN: FileCheck %s --input-file=%t/f32/08-kernel.s
// RUN: FileCheck %s --input-file=%t/f32-odd/08-kernel.s
// RUN: FileCheck %s --input-file=%t/bf16/08-kernel.s
// RUN: FileCheck %s --input-file=%t/bf16-odd/08-kernel.s
// RUN: FileCheck %s --input-file=%t/f16/08-kernel.s
// RUN: FileCheck %s --input-file=%t/f16-odd/08-kernel.s
// CHECK: vmovnt

!data = memref<16xSIZExTYPE>
!row = vector<32xTYPE>
!wide = vector<32xWIDE>
func.func @f(%x: !data, %y: !data) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %end = arith.constant END : index
  %p = ub.poison : TYPE
  %two = arith.constant dense<2.0> : !wide
  scf.forall (%r) in (16) {
    scf.for %i = %c0 to %end step %c32 {
      %v = vector.transfer_read %x[%r, %i], %p {in_bounds = [true]}
          : !data, !row
      %w = arith.extf %v : !row to !wide
      %u = arith.mulf %w, %two : !wide
      %t = arith.truncf %u : !wide to !row
      vector.transfer_write %t, %y[%r, %i] {in_bounds = [true]} : !row, !data
    } {bn.nontemporal = 32 : i64}
  }
  return
}
