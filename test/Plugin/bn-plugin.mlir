// The stock mlir-opt, which knows nothing of bn, parses our ops and runs our
// passes once it has loaded the plugin.

// RUN: mlir-opt-22 %s --load-dialect-plugin=%bn_libs/bn-plugin.so | FileCheck %s
// RUN: mlir-opt-22 %s --load-dialect-plugin=%bn_libs/bn-plugin.so \
// RUN:   --load-pass-plugin=%bn_libs/bn-plugin.so \
// RUN:   --pass-pipeline="builtin.module(bn-cpu-pipeline{compile-to=llvm})" \
// RUN:   | FileCheck %s --check-prefix=LLVM
// RUN: not mlir-opt-22 %s 2>&1 | FileCheck %s --check-prefix=WITHOUT

// The plugin shares the host's MLIR.
// RUN: llvm-objdump -p %bn_libs/bn-plugin.so | FileCheck %s --check-prefix=NEEDED
// NEEDED: NEEDED libMLIR.so
// NEEDED: NEEDED libLLVM.so

// WITHOUT: error: Dialect `bn' not found

// CHECK-LABEL: func.func @normalize_with_given_statistics(
// CHECK: bn.inference axis(1)
// LLVM-LABEL: llvm.func @normalize_with_given_statistics(
// LLVM-NOT: bn.inference
func.func @normalize_with_given_statistics(
    %x: tensor<2x3x4x5xf32>, %mean: tensor<3xf32>, %variance: tensor<3xf32>,
    %y0: tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32> {
  %y = bn.inference axis(1) epsilon(1.0e-3)
      ins(%x : tensor<2x3x4x5xf32>)
      statistics(%mean, %variance : tensor<3xf32>, tensor<3xf32>)
      outs(%y0 : tensor<2x3x4x5xf32>) -> tensor<2x3x4x5xf32>
  return %y : tensor<2x3x4x5xf32>
}
