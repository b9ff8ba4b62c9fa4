// Vectors of f16 and bf16 that fill registers of 512 bits are stored past the
// caches by inline assembly.

// RUN: bn-opt %s --bn-stream-16-bit-registers | FileCheck %s
// RUN: bn-opt %s --bn-stream-16-bit-registers --convert-func-to-llvm \
// RUN:   --reconcile-unrealized-casts | mlir-translate --mlir-to-llvmir \
// RUN:   | llc -mtriple=x86_64 -mcpu=sapphirerapids | FileCheck %s --check-prefix=ASM
// ASM-LABEL: bf16:
// ASM-COUNT-2: vmovntps %zmm
// ASM-LABEL: f16:
// ASM-COUNT-2: vmovntps %zmm
// ASM-LABEL: stay:

// CHECK-LABEL: func @bf16(
//  CHECK-SAME:     %[[X:.*]]: vector<64xbf16>, %[[P:.*]]: !llvm.ptr
//       CHECK:   %[[LOW:.*]] = llvm.bitcast %{{.*}} : vector<32xbf16> to vector<16xi32>
//       CHECK:   llvm.inline_asm has_side_effects asm_dialect = att "vmovntps $0, ($1)", "v,r,~{memory}" %[[LOW]], %
//       CHECK:   %[[P1:.*]] = llvm.getelementptr %[[P]][32] : {{.*}}, bf16
//       CHECK:   llvm.inline_asm {{.*}}, %[[P1]]
//   CHECK-NOT:   llvm.store
func.func @bf16(%x: vector<64xbf16>, %p: !llvm.ptr) {
  llvm.store %x, %p {alignment = 64 : i64, nontemporal}
      : vector<64xbf16>, !llvm.ptr
  return
}

// CHECK-LABEL: func @f16(
//  CHECK-SAME:     %[[X:.*]]: vector<64xf16>, %[[P:.*]]: !llvm.ptr
//       CHECK:   %[[LOW:.*]] = llvm.bitcast %{{.*}} : vector<32xf16> to vector<16xi32>
//       CHECK:   llvm.inline_asm has_side_effects asm_dialect = att "vmovntps $0, ($1)", "v,r,~{memory}" %[[LOW]], %
//       CHECK:   %[[P1:.*]] = llvm.getelementptr %[[P]][32] : {{.*}}, f16
//       CHECK:   llvm.inline_asm {{.*}}, %[[P1]]
//   CHECK-NOT:   llvm.store
func.func @f16(%x: vector<64xf16>, %p: !llvm.ptr) {
  llvm.store %x, %p {alignment = 64 : i64, nontemporal}
      : vector<64xf16>, !llvm.ptr
  return
}

// Less aligned, ordinary, or of another type: left alone.
// CHECK-LABEL: func @stay(
//   CHECK-NOT:   llvm.inline_asm
func.func @stay(%x: vector<64xbf16>, %y: vector<16xf32>, %p: !llvm.ptr) {
  llvm.store %x, %p {alignment = 32 : i64, nontemporal}
      : vector<64xbf16>, !llvm.ptr
  llvm.store %x, %p {alignment = 64 : i64} : vector<64xbf16>, !llvm.ptr
  llvm.store %y, %p {alignment = 64 : i64, nontemporal}
      : vector<16xf32>, !llvm.ptr
  return
}
