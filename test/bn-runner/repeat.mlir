// The timing of --repeat: what is counted as bytes, and what is printed. The
// results are those of the first call, although calls change an argument.

// RUN: bn-runner %s --entry=increment --input=1 --repeat=3 --threads=2 \
// RUN:   | FileCheck %s --check-prefix=INCREMENT
// INCREMENT: result 0: 1000xf32 {{.*}} values 2 2 2 2 ...
// INCREMENT-NEXT: timing: 3 calls, at least 8000 bytes each; copies by 1 thread
// INCREMENT-NEXT: time: min {{[0-9.]+}} ms median {{[0-9.]+}} ms, {{[0-9.]+}} GB/s
// INCREMENT-NEXT: copy: min {{[0-9.]+}} ms median {{[0-9.]+}} ms, {{[0-9.]+}} GB/s
// INCREMENT-NEXT: time/copy: {{[0-9.]+}} of medians, {{[0-9.]+}} of minima
#map = affine_map<(i) -> (i)>
func.func @increment(%a: tensor<1000xf32>) -> tensor<1000xf32> {
  %one = arith.constant 1.0 : f32
  %sum = linalg.generic {indexing_maps = [#map, #map],
                         iterator_types = ["parallel"]}
      ins(%a : tensor<1000xf32>) outs(%a : tensor<1000xf32>) {
  ^bb0(%x: f32, %out: f32):
    %y = arith.addf %x, %one : f32
    linalg.yield %y : f32
  } -> tensor<1000xf32>
  return %sum : tensor<1000xf32>
}

// A destination is only written to, also behind a reshape or in a loop.
// RUN: bn-runner %s --entry=destination --input=random:1 --input=zeros \
// RUN:   --repeat=2 --threads=2 --output=%t.npy \
// RUN:   | FileCheck %s --check-prefix=DESTINATION
// DESTINATION-NOT: result
// DESTINATION: timing: 2 calls, at least 2097152 bytes each; copies by 2 threads
func.func @destination(%a: tensor<262144xf32>, %out: tensor<512x512xf32>)
    -> tensor<512x512xf32> {
  %0 = tensor.collapse_shape %out [[0, 1]]
      : tensor<512x512xf32> into tensor<262144xf32>
  %1 = linalg.exp ins(%a : tensor<262144xf32>) outs(%0 : tensor<262144xf32>)
      -> tensor<262144xf32>
  %2 = tensor.expand_shape %1 [[0, 1]] output_shape [512, 512]
      : tensor<262144xf32> into tensor<512x512xf32>
  return %2 : tensor<512x512xf32>
}
