// What is written past the caches keeps its hint down to the last phase, where
// LLVM would drop it: f16 and bf16 are stored by inline assembly.

// RUN: bn-opt %s --bn-cpu-pipeline="avx512-bf16=true vector-bits=512" | FileCheck %s

module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<
      "L1_cache_size_in_bytes" = 32768 : i64,
      "L2_cache_size_in_bytes" = 524288 : i64,
      "L3_cache_size_in_bytes" = 1048576 : i64>>} {
  // CHECK-LABEL: llvm.func @f16(
  //       CHECK:   llvm.fptrunc {{.*}} to vector<64xf16>
  //   CHECK-NOT:   llvm.store {{.*}}nontemporal{{.*}}vector<64xf16>
  //       CHECK:   llvm.inline_asm {{.*}}"vmovntps $0, ($1)"
  func.func @f16(%x: tensor<4096x256xf16>, %o: tensor<4096x256xf16>,
      %c: tensor<256xf32>) -> tensor<4096x256xf16> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<4096x256xf16>)
        statistics(%c, %c : tensor<256xf32>, tensor<256xf32>)
        outs(%o : tensor<4096x256xf16>) -> tensor<4096x256xf16>
    return %y : tensor<4096x256xf16>
  }

  // CHECK-LABEL: llvm.func @bf16(
  //       CHECK:   llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
  //   CHECK-NOT:   llvm.store {{.*}}nontemporal{{.*}}vector<64xbf16>
  //       CHECK:   llvm.inline_asm {{.*}}"vmovntps $0, ($1)"
  func.func @bf16(%x: tensor<4096x256xbf16>, %o: tensor<4096x256xbf16>,
      %c: tensor<256xf32>) -> tensor<4096x256xbf16> {
    %y = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<4096x256xbf16>)
        statistics(%c, %c : tensor<256xf32>, tensor<256xf32>)
        outs(%o : tensor<4096x256xbf16>) -> tensor<4096x256xbf16>
    return %y : tensor<4096x256xbf16>
  }
}
