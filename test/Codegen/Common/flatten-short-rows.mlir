// Data of a channel group, (image, channel, row) with short rows, become (image,
// channel and row), so that vectors run across channels.

// RUN: bn-opt %s --bn-flatten-short-rows --canonicalize --cse --split-input-file | FileCheck %s
// RUN: bn-opt %s --bn-flatten-short-rows="longest-row=48" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=SHORTER --implicit-check-not=collapse_shape

#data = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d1)>

// What there is per channel is spread over the elements of its row.
// CHECK-DAG: #[[$DATA:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ELEMENT:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @elementwise
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<50x16x49xf32>, %[[M:[a-z0-9]+]]: tensor<16xf32>, %[[Y:[a-z0-9]+]]:
//   CHECK-DAG:   %[[X1:.*]] = tensor.collapse_shape %[[X]] {{\[\[0\], \[1, 2\]\]}}
//   CHECK-DAG:   %[[Y1:.*]] = tensor.collapse_shape %[[Y]] {{\[\[0\], \[1, 2\]\]}}
//   CHECK-DAG:   %[[SPREAD:.*]] = linalg.broadcast ins(%[[M]] : {{.*}} outs(%{{.*}} : tensor<16x49xf32>) dimensions = [1]
//   CHECK-DAG:   %[[M1:.*]] = tensor.collapse_shape %[[SPREAD]] {{.*}} into tensor<784xf32>
//       CHECK:   %[[R:.*]] = linalg.generic {indexing_maps = [#[[$DATA]], #[[$ELEMENT]], #[[$DATA]]], iterator_types = ["parallel", "parallel"]}
//  CHECK-SAME:     ins(%[[X1]], %[[M1]] : tensor<50x784xf32>, tensor<784xf32>) outs(%[[Y1]] :
//  CHECK-SAME:     bn.lowering_strategy = #bn.lowering_strategy<slab,
//       CHECK:   %[[R1:.*]] = tensor.expand_shape %[[R]] {{.*}} output_shape [50, 16, 49]
//       CHECK:   return %[[R1]]
// SHORTER-LABEL: func @elementwise
func.func @elementwise(%x: tensor<50x16x49xf32>, %m: tensor<16xf32>,
    %y: tensor<50x16x49xf32>) -> tensor<50x16x49xf32> {
  %r = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %m : tensor<50x16x49xf32>, tensor<16xf32>)
      outs(%y : tensor<50x16x49xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 256,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %d = arith.subf %in, %mean : f32
    linalg.yield %d : f32
  } -> tensor<50x16x49xf32>
  return %r : tensor<50x16x49xf32>
}

// -----

#data = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d1)>

// Sums are taken per element, over any number of images, and then over rows,
// into what was there.
// CHECK-LABEL: func @sum
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x16x49xf32>, %[[S:[a-z0-9]+]]: tensor<16xf32>
//       CHECK:   %[[X1:.*]] = tensor.collapse_shape %[[X]]
//       CHECK:   %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<784xf32>
//       CHECK:   %[[P:.*]] = linalg.generic {{.*}}["reduction", "parallel"]} ins(%[[X1]] : tensor<?x784xf32>) outs(%[[ZERO]] :
//       CHECK:   %[[P1:.*]] = tensor.expand_shape %[[P]] {{.*}} output_shape [16, 49]
//       CHECK:   %[[R:.*]] = linalg.reduce ins(%[[P1]] : tensor<16x49xf32>) outs(%[[S]] : tensor<16xf32>) dimensions = [1]
//  CHECK-SAME:     bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
//       CHECK:   return %[[R]]
// SHORTER-LABEL: func @sum
func.func @sum(%x: tensor<?x16x49xf32>, %s: tensor<16xf32>) -> tensor<16xf32> {
  %r = linalg.generic {indexing_maps = [#data, #channel],
                       iterator_types = ["reduction", "parallel", "reduction"]}
      ins(%x : tensor<?x16x49xf32>) outs(%s : tensor<16xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<pipelined_slab,
               threads = 0, parallel = [0, 0, 0], tile = [0, 0, 0],
               vector_bits = 256, unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %out: f32):
    %t = arith.addf %in, %out : f32
    linalg.yield %t : f32
  } -> tensor<16xf32>
  return %r : tensor<16xf32>
}

// -----

#data = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d1)>

// Left alone: a maximum, which zeros are not neutral for; one channel; so many
// channels that what is spread would leave the L1 cache; an op whose schedule
// is another.
// CHECK-LABEL: func @alone
//   CHECK-NOT:   collapse_shape
//       CHECK:   return
func.func @alone(%x: tensor<50x16x49xf32>, %s: tensor<16xf32>,
    %x1: tensor<50x1x49xf32>, %x2: tensor<8x256x49xf32>)
    -> (tensor<16xf32>, tensor<50x1x49xf32>, tensor<8x256x49xf32>,
        tensor<50x16x49xf32>) {
  %m = linalg.generic {indexing_maps = [#data, #channel],
                       iterator_types = ["reduction", "parallel", "reduction"]}
      ins(%x : tensor<50x16x49xf32>) outs(%s : tensor<16xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 256,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %out: f32):
    %t = arith.maximumf %in, %out : f32
    linalg.yield %t : f32
  } -> tensor<16xf32>
  %y1 = linalg.generic {indexing_maps = [#data, #data],
                        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x1 : tensor<50x1x49xf32>) outs(%x1 : tensor<50x1x49xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<slab, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 256,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %out: f32):
    %t = arith.negf %in : f32
    linalg.yield %t : f32
  } -> tensor<50x1x49xf32>
  %y2 = linalg.generic {indexing_maps = [#data, #data],
                        iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x2 : tensor<8x256x49xf32>) outs(%x2 : tensor<8x256x49xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 256,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %out: f32):
    %t = arith.negf %in : f32
    linalg.yield %t : f32
  } -> tensor<8x256x49xf32>
  %y = linalg.generic {indexing_maps = [#data, #data],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<50x16x49xf32>) outs(%x : tensor<50x16x49xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<split, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 256,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %out: f32):
    %t = arith.negf %in : f32
    linalg.yield %t : f32
  } -> tensor<50x16x49xf32>
  return %m, %y1, %y2, %y
      : tensor<16xf32>, tensor<50x1x49xf32>, tensor<8x256x49xf32>,
        tensor<50x16x49xf32>
}

// -----

#data = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d1)>

// What is spread has to be read often enough: inside the caches by 32 bytes of
// each of its elements, or by 32 rows where a row is whole cache lines; past
// them, by four rows. A piece of a sweep whose size is not known has few.
// CHECK-LABEL: func @few_rows
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<7x16x49xf32>,
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<8x784xf32>,
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<4x784xf32>,
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<31x16x64xf32>,
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<32x1024xf32>,
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}} : tensor<?x16x49xf32>,
// SHORTER-LABEL: func @few_rows
func.func @few_rows(%m: tensor<16xf32>, %a: tensor<7x16x49xf32>,
    %b: tensor<8x16x49xf32>,
    %c: tensor<4x16x49xf32>,
    %d: tensor<31x16x64xf32>,
    %e: tensor<32x16x64xf32>,
    %f: tensor<?x16x49xf32>)
    -> (tensor<7x16x49xf32>,
        tensor<8x16x49xf32>,
        tensor<4x16x49xf32>,
        tensor<31x16x64xf32>,
        tensor<32x16x64xf32>,
        tensor<?x16x49xf32>) {
  %ar = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a, %m : tensor<7x16x49xf32>, tensor<16xf32>)
      outs(%a : tensor<7x16x49xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %t = arith.subf %in, %mean : f32
    linalg.yield %t : f32
  } -> tensor<7x16x49xf32>
  %br = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%b, %m : tensor<8x16x49xf32>, tensor<16xf32>)
      outs(%b : tensor<8x16x49xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %t = arith.subf %in, %mean : f32
    linalg.yield %t : f32
  } -> tensor<8x16x49xf32>
  %cr = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%c, %m : tensor<4x16x49xf32>, tensor<16xf32>)
      outs(%c : tensor<4x16x49xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512,
               unroll = 4, stores = nontemporal>} {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %t = arith.subf %in, %mean : f32
    linalg.yield %t : f32
  } -> tensor<4x16x49xf32>
  %dr = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%d, %m : tensor<31x16x64xf32>, tensor<16xf32>)
      outs(%d : tensor<31x16x64xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %t = arith.subf %in, %mean : f32
    linalg.yield %t : f32
  } -> tensor<31x16x64xf32>
  %er = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%e, %m : tensor<32x16x64xf32>, tensor<16xf32>)
      outs(%e : tensor<32x16x64xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %t = arith.subf %in, %mean : f32
    linalg.yield %t : f32
  } -> tensor<32x16x64xf32>
  %fr = linalg.generic {indexing_maps = [#data, #channel, #data],
                       iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%f, %m : tensor<?x16x49xf32>, tensor<16xf32>)
      outs(%f : tensor<?x16x49xf32>)
      attrs = {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 0,
               parallel = [0, 0, 0], tile = [0, 0, 0], vector_bits = 512,
               unroll = 4, stores = temporal>} {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    %t = arith.subf %in, %mean : f32
    linalg.yield %t : f32
  } -> tensor<?x16x49xf32>
  return %ar, %br, %cr, %dr, %er, %fr
      : tensor<7x16x49xf32>,
        tensor<8x16x49xf32>,
        tensor<4x16x49xf32>,
        tensor<31x16x64xf32>,
        tensor<32x16x64xf32>,
        tensor<?x16x49xf32>
}
