// bn-runner on plain MLIR without a bn op: a file, or standard input, and the
// summary of a result. The numbers of a seed are the same everywhere.

// RUN: bn-runner %s --input=random:1 --input=1 | FileCheck %s
// RUN: bn-runner - --input=random:1 --input=ones < %s | FileCheck %s
// RUN: bn-runner %s --input=random:1 --input=1 --output=- | FileCheck %s
// RUN: bn-runner %s --input=random:1 --input=1 --no-cache --threads=1 \
// RUN:   | FileCheck %s

// CHECK: result 0: 2x3xf32 min -0.474286 mean 0.732863 max 2.23143
// CHECK-SAME: values 0.472188 1.54539 2.23143 0.634814 ...{{$}}
func.func @add(%a: tensor<2x3xf32>, %b: f32) -> tensor<2x3xf32> {
  %init = tensor.empty() : tensor<2x3xf32>
  %sum = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (i, j)>,
                       affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%a : tensor<2x3xf32>) outs(%init : tensor<2x3xf32>) {
  ^bb0(%x: f32, %out: f32):
    %y = arith.addf %x, %b : f32
    linalg.yield %y : f32
  } -> tensor<2x3xf32>
  return %sum : tensor<2x3xf32>
}
