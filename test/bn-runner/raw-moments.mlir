// Raw moments on any machine: of each channel, the relative difference of the
// variance and that of central moments. Channel 1 is moved from 0.

// RUN: bn-runner %s --entry=slab --input=random:1 --input=0 | FileCheck %s
// RUN: bn-runner %s --entry=slab --input=random:1 --input=2 | FileCheck %s
// RUN: bn-runner %s --entry=slab --input=random:1 --input=100 | FileCheck %s
// RUN: bn-runner %s --entry=row_blocks --input=random:1 --input=0 | FileCheck %s
// RUN: bn-runner %s --entry=row_blocks --input=random:1 --input=3.5 | FileCheck %s
// RUN: bn-runner %s --entry=pipelined --input=random:1 --input=2 | FileCheck %s
// RUN: bn-runner %s --entry=split --input=random:1 --input=-2.9 | FileCheck %s
// CHECK: result 0: {{.*}} max {{(0|[0-9.]+e-0[6-9]|[0-9.]+e-1[0-9])}} values

func.func @slab(%x: tensor<50x4x49xbf16>, %offset: tensor<bf16>) -> tensor<4xf32> {
  %moved = linalg.generic {indexing_maps = [
      affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> ()>,
      affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %offset : tensor<50x4x49xbf16>, tensor<bf16>) outs(%x : tensor<50x4x49xbf16>) {
  ^bb0(%in: bf16, %by: bf16, %out: bf16):
    %channel = linalg.index 1 : index
    %one = arith.constant 1 : index
    %is = arith.cmpi eq, %channel, %one : index
    %sum = arith.addf %in, %by : bf16
    %chosen = arith.select %is, %sum, %in : bf16
    linalg.yield %chosen : bf16
  } -> tensor<50x4x49xbf16>
  %empty = tensor.empty() : tensor<50x4x49xbf16>
  %c = tensor.empty() : tensor<4xf32>
  %y, %m, %raw = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 2,
       parallel = [0, 2, 0], tile = [0, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal, moments = raw>}
      ins(%moved : tensor<50x4x49xbf16>) outs(%empty, %c, %c : tensor<50x4x49xbf16>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<50x4x49xbf16>, tensor<4xf32>, tensor<4xf32>
  %z, %n, %central = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 2,
       parallel = [0, 2, 0], tile = [0, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%moved : tensor<50x4x49xbf16>) outs(%empty, %c, %c : tensor<50x4x49xbf16>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<50x4x49xbf16>, tensor<4xf32>, tensor<4xf32>
  %error = linalg.generic {indexing_maps = [
      affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>,
      affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%raw, %central : tensor<4xf32>, tensor<4xf32>) outs(%c : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %difference = arith.subf %a, %b : f32
    %relative = arith.divf %difference, %b : f32
    %absolute = math.absf %relative : f32
    linalg.yield %absolute : f32
  } -> tensor<4xf32>
  return %error : tensor<4xf32>
}

func.func @row_blocks(%x: tensor<1003x40xbf16>, %offset: tensor<bf16>) -> tensor<40xf32> {
  %moved = linalg.generic {indexing_maps = [
      affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> ()>,
      affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %offset : tensor<1003x40xbf16>, tensor<bf16>) outs(%x : tensor<1003x40xbf16>) {
  ^bb0(%in: bf16, %by: bf16, %out: bf16):
    %channel = linalg.index 1 : index
    %one = arith.constant 1 : index
    %is = arith.cmpi eq, %channel, %one : index
    %sum = arith.addf %in, %by : bf16
    %chosen = arith.select %is, %sum, %in : bf16
    linalg.yield %chosen : bf16
  } -> tensor<1003x40xbf16>
  %empty = tensor.empty() : tensor<1003x40xbf16>
  %c = tensor.empty() : tensor<40xf32>
  %y, %m, %raw = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 2,
       parallel = [-4, 0], tile = [64, 0], vector_bits = 256, unroll = 4,
       stores = temporal, streams = 4, moments = raw>}
      ins(%moved : tensor<1003x40xbf16>) outs(%empty, %c, %c : tensor<1003x40xbf16>, tensor<40xf32>, tensor<40xf32>)
      -> tensor<1003x40xbf16>, tensor<40xf32>, tensor<40xf32>
  %z, %n, %central = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<row_blocks, threads = 2,
       parallel = [-4, 0], tile = [64, 0], vector_bits = 256, unroll = 4,
       stores = temporal, streams = 4>}
      ins(%moved : tensor<1003x40xbf16>) outs(%empty, %c, %c : tensor<1003x40xbf16>, tensor<40xf32>, tensor<40xf32>)
      -> tensor<1003x40xbf16>, tensor<40xf32>, tensor<40xf32>
  %error = linalg.generic {indexing_maps = [
      affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>,
      affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%raw, %central : tensor<40xf32>, tensor<40xf32>) outs(%c : tensor<40xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %difference = arith.subf %a, %b : f32
    %relative = arith.divf %difference, %b : f32
    %absolute = math.absf %relative : f32
    linalg.yield %absolute : f32
  } -> tensor<40xf32>
  return %error : tensor<40xf32>
}

func.func @pipelined(%x: tensor<50x4x700xf32>, %offset: tensor<f32>) -> tensor<4xf32> {
  %moved = linalg.generic {indexing_maps = [
      affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> ()>,
      affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %offset : tensor<50x4x700xf32>, tensor<f32>) outs(%x : tensor<50x4x700xf32>) {
  ^bb0(%in: f32, %by: f32, %out: f32):
    %channel = linalg.index 1 : index
    %one = arith.constant 1 : index
    %is = arith.cmpi eq, %channel, %one : index
    %sum = arith.addf %in, %by : f32
    %chosen = arith.select %is, %sum, %in : f32
    linalg.yield %chosen : f32
  } -> tensor<50x4x700xf32>
  %empty = tensor.empty() : tensor<50x4x700xf32>
  %c = tensor.empty() : tensor<4xf32>
  %y, %m, %raw = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab, threads = 2,
       parallel = [0, 2, 0], tile = [1, 1, 0], vector_bits = 256, unroll = 4,
       stores = temporal, moments = raw>}
      ins(%moved : tensor<50x4x700xf32>) outs(%empty, %c, %c : tensor<50x4x700xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<50x4x700xf32>, tensor<4xf32>, tensor<4xf32>
  %z, %n, %central = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab, threads = 2,
       parallel = [0, 2, 0], tile = [1, 1, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%moved : tensor<50x4x700xf32>) outs(%empty, %c, %c : tensor<50x4x700xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<50x4x700xf32>, tensor<4xf32>, tensor<4xf32>
  %error = linalg.generic {indexing_maps = [
      affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>,
      affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%raw, %central : tensor<4xf32>, tensor<4xf32>) outs(%c : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %difference = arith.subf %a, %b : f32
    %relative = arith.divf %difference, %b : f32
    %absolute = math.absf %relative : f32
    linalg.yield %absolute : f32
  } -> tensor<4xf32>
  return %error : tensor<4xf32>
}

func.func @split(%x: tensor<50x8x196xbf16>, %offset: tensor<bf16>) -> tensor<8xf32> {
  %moved = linalg.generic {indexing_maps = [
      affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> ()>,
      affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %offset : tensor<50x8x196xbf16>, tensor<bf16>) outs(%x : tensor<50x8x196xbf16>) {
  ^bb0(%in: bf16, %by: bf16, %out: bf16):
    %channel = linalg.index 1 : index
    %one = arith.constant 1 : index
    %is = arith.cmpi eq, %channel, %one : index
    %sum = arith.addf %in, %by : bf16
    %chosen = arith.select %is, %sum, %in : bf16
    linalg.yield %chosen : bf16
  } -> tensor<50x8x196xbf16>
  %empty = tensor.empty() : tensor<50x8x196xbf16>
  %c = tensor.empty() : tensor<8xf32>
  %y, %m, %raw = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<split, threads = 2,
       parallel = [13, 0, 0], tile = [7, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal, moments = raw>}
      ins(%moved : tensor<50x8x196xbf16>) outs(%empty, %c, %c : tensor<50x8x196xbf16>, tensor<8xf32>, tensor<8xf32>)
      -> tensor<50x8x196xbf16>, tensor<8xf32>, tensor<8xf32>
  %z, %n, %central = bn.training axis(1) epsilon(1.0)
      {bn.lowering_strategy = #bn.lowering_strategy<split, threads = 2,
       parallel = [13, 0, 0], tile = [7, 0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%moved : tensor<50x8x196xbf16>) outs(%empty, %c, %c : tensor<50x8x196xbf16>, tensor<8xf32>, tensor<8xf32>)
      -> tensor<50x8x196xbf16>, tensor<8xf32>, tensor<8xf32>
  %error = linalg.generic {indexing_maps = [
      affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>,
      affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
      ins(%raw, %central : tensor<8xf32>, tensor<8xf32>) outs(%c : tensor<8xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %difference = arith.subf %a, %b : f32
    %relative = arith.divf %difference, %b : f32
    %absolute = math.absf %relative : f32
    linalg.yield %absolute : f32
  } -> tensor<8xf32>
  return %error : tensor<8xf32>
}
