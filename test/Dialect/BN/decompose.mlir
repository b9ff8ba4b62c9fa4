// User-level ops become structural ops, which later passes tile; what is left
// per channel is in linalg. Statistics travel as f64.

// RUN: bn-opt %s --bn-decompose --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @training
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x30xf32>, %[[G:[a-z0-9]+]]: tensor<4xf32>, %[[Y0:[a-z0-9]+]]: tensor<8x4x30xf32>, %[[M0:[a-z0-9]+]]: tensor<4xf32>, %[[V0:[a-z0-9]+]]: tensor<4xf32>
//       CHECK:   %[[ZEROS:.*]] = linalg.fill {{.*}} -> tensor<4xf64>
//       CHECK:   %[[S:.*]]:3 = bn.stats axis(1) ins(%[[X]] : tensor<8x4x30xf32>)
//  CHECK-SAME:     outs(%[[ZEROS]], %[[ZEROS]], %[[ZEROS]] : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
// The variance is m2 / count, or 0 where there are no elements.
//       CHECK:   %[[V64:.*]] = linalg.generic {{.*}} ins(%[[S]]#0, %[[S]]#2 :
//       CHECK:     arith.cmpf oeq
//       CHECK:     arith.divf
//       CHECK:     arith.select
//       CHECK:   %[[M:.*]] = linalg.generic {{.*}} ins(%[[S]]#1 : tensor<4xf64>) outs(%[[M0]] : tensor<4xf32>)
//       CHECK:     arith.truncf
//       CHECK:   %[[V:.*]] = linalg.generic {{.*}} ins(%[[V64]] : tensor<4xf64>) outs(%[[V0]] : tensor<4xf32>)
//       CHECK:     arith.truncf
//   CHECK-NOT:   bn.update_running_stats
// The mean that is subtracted is the f64 one, as an f32 and a rest, not the
// result; the f32 is a multiple of about half a deviation.
//       CHECK:   %[[C:.*]]:3 = linalg.generic {{.*}} ins(%[[S]]#1, %[[V64]], %[[G]] :
//       CHECK:   ^bb0(%[[MEAN:.*]]: f64, %[[VAR:.*]]: f64, %{{.*}}: f32, %
//       CHECK:     math.sqrt
//       CHECK:     arith.mulf %[[VAR]], %
//       CHECK:     %[[LARGE:.*]] = arith.mulf %{{.*}}, %cst
//       CHECK:     %[[SUM:.*]] = arith.addf %[[MEAN]], %[[LARGE]]
//       CHECK:     %[[COARSE:.*]] = arith.subf %[[SUM]], %[[LARGE]] : f64
//       CHECK:     %[[ROUNDED:.*]] = arith.truncf %[[COARSE]] : f64 to f32
//       CHECK:     %[[WIDE:.*]] = arith.extf %[[ROUNDED]]
//       CHECK:     arith.subf %[[MEAN]], %[[WIDE]]
//       CHECK:   %[[Y:.*]] = bn.normalize axis(1) ins(%[[X]] : tensor<8x4x30xf32>)
//  CHECK-SAME:     mean(%[[C]]#0 : tensor<4xf32>) scale(%[[C]]#1 : tensor<4xf32>) offset(%[[C]]#2 : tensor<4xf32>)
//  CHECK-SAME:     outs(%[[Y0]] : tensor<8x4x30xf32>)
//       CHECK:   return %[[Y]], %[[M]], %[[V]]
func.func @training(%x: tensor<8x4x30xf32>, %g: tensor<4xf32>,
    %y0: tensor<8x4x30xf32>, %m0: tensor<4xf32>, %v0: tensor<4xf32>)
    -> (tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>) {
  %y, %m, %v = bn.training axis(-2) epsilon(1.0e-3)
      ins(%x : tensor<8x4x30xf32>) scale(%g : tensor<4xf32>)
      outs(%y0, %m0, %v0 : tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>
  return %y, %m, %v : tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// CHECK-LABEL: func @running_statistics
//       CHECK:   %[[S:.*]]:3 = bn.stats
//       CHECK:   %[[V64:.*]] = linalg.generic {{.*}} ins(%[[S]]#0, %[[S]]#2 :
//       CHECK:   %[[U:.*]]:2 = bn.update_running_stats momentum(7.500000e-01) running_variance_kind(sample)
//  CHECK-SAME:     ins(%[[S]]#0, %[[S]]#1, %[[V64]] : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
//       CHECK:   bn.normalize
//       CHECK:   return %[[U]]#0, %[[U]]#1
func.func @running_statistics(%x: tensor<8x4xbf16>, %rm: tensor<4xf32>,
    %rv: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<4xf32>, tensor<8x4xbf16>) {
  %r:5 = bn.training axis(1) epsilon(1.0e-3) momentum(0.75)
      running_variance_kind(sample) ins(%x : tensor<8x4xbf16>)
      running(%rm, %rv : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %rm, %rv, %rm, %rv : tensor<8x4xbf16>, tensor<4xf32>,
           tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return %r#3, %r#4, %r#0 : tensor<4xf32>, tensor<4xf32>, tensor<8x4xbf16>
}

// -----

// Sizes that are not known come from the input.
// CHECK-LABEL: func @dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x?xf64>
//   CHECK-DAG:   %[[C1:.*]] = arith.constant 1 : index
//       CHECK:   %[[N:.*]] = tensor.dim %[[X]], %[[C1]]
//       CHECK:   tensor.empty(%[[N]]) : tensor<?xf64>
//       CHECK:   bn.stats axis(1) ins(%[[X]] : tensor<?x?xf64>)
//       CHECK:   bn.normalize axis(1) ins(%[[X]] : tensor<?x?xf64>)
func.func @dynamic(%x: tensor<?x?xf64>, %c: tensor<?xf64>) -> tensor<?x?xf64> {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<?x?xf64>)
      outs(%x, %c, %c : tensor<?x?xf64>, tensor<?xf64>, tensor<?xf64>)
      -> tensor<?x?xf64>, tensor<?xf64>, tensor<?xf64>
  return %y : tensor<?x?xf64>
}

// -----

// CHECK-LABEL: func @inference
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xbf16>, %[[M:[a-z0-9]+]]: tensor<4xf32>, %[[V:[a-z0-9]+]]: tensor<4xf32>
//       CHECK:   %[[C:.*]]:3 = linalg.generic {{.*}} ins(%[[M]], %[[V]] : tensor<4xf32>, tensor<4xf32>)
//  CHECK-SAME:     outs(%{{.*}} : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
//       CHECK:   bn.normalize axis(1) ins(%[[X]] : tensor<8x4xbf16>)
//  CHECK-SAME:     mean(%[[C]]#0 : tensor<4xf32>) scale(%[[C]]#1 : tensor<4xf32>) offset(%[[C]]#2 : tensor<4xf32>)
func.func @inference(%x: tensor<8x4xbf16>, %m: tensor<4xf32>, %v: tensor<4xf32>)
    -> tensor<8x4xbf16> {
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xbf16>)
      statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  return %y : tensor<8x4xbf16>
}

// -----

// Coefficients that can be applied as they are need no step between.
// CHECK-LABEL: func @normalize_with_coefficients
//   CHECK-NOT:   linalg.generic
//       CHECK:   bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<8x4xf32>) mean(%{{[^ ]+}} : tensor<4xf32>) outs(
func.func @normalize_with_coefficients(%x: tensor<8x4xf32>, %m: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%m : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// A mean wider than the accumulator is a rounded mean and an offset.
// CHECK-LABEL: func @normalize_with_wide_mean
//       CHECK:   linalg.generic
//       CHECK:   bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<8x4xf32>)
//  CHECK-SAME:     mean(%{{[^ ]+}} : tensor<4xf32>) scale(%{{[^ ]+}} : tensor<4xf32>) offset(%{{[^ ]+}} : tensor<4xf32>)
func.func @normalize_with_wide_mean(%x: tensor<8x4xf32>, %m: tensor<4xf64>)
    -> tensor<8x4xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%m : tensor<4xf64>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// The strategy goes with the ops that are tiled.
// CHECK-LABEL: func @strategy
//       CHECK:   bn.stats axis(1) {bn.lowering_strategy = #bn.lowering_strategy<single
//       CHECK:   bn.normalize axis(1) {bn.lowering_strategy = #bn.lowering_strategy<single
func.func @strategy(%x: tensor<8x4xf32>, %c: tensor<4xf32>) -> tensor<8x4xf32> {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      {bn.lowering_strategy = #bn.lowering_strategy<single, threads = 1,
       parallel = [0, 0], tile = [0, 0], vector_bits = 256, unroll = 4,
       stores = temporal>}
      ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// The structural ops themselves are as far as this pass goes.
// CHECK-LABEL: func @structural
//       CHECK:   bn.stats
//       CHECK:   bn.merge_stats
func.func @structural(%x: tensor<8x4xf32>, %n: tensor<4xf64>) -> tensor<4xf64> {
  %s:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %m:3 = bn.merge_stats
      ins(%s#0, %s#1, %s#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %m#1 : tensor<4xf64>
}

// -----

// A mask is of statistics alone: every element is normalized.
// CHECK-LABEL: func @mask
//  CHECK-SAME:     %[[W:[a-z0-9]+]]: tensor<8x1x30xf16>
//       CHECK:   bn.stats axis(1) ins(%{{.*}} : tensor<8x4x30xf32>) mask(%[[W]] : tensor<8x1x30xf16>)
//       CHECK:   bn.normalize axis(1) ins(%{{[^ ]+}} : tensor<8x4x30xf32>) mean(
func.func @mask(%x: tensor<8x4x30xf32>, %c: tensor<4xf32>,
    %w: tensor<8x1x30xf16>) -> tensor<8x4x30xf32> {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x4x30xf32>) mask(%w : tensor<8x1x30xf16>)
      outs(%x, %c, %c : tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4x30xf32>, tensor<4xf32>, tensor<4xf32>
  return %y : tensor<8x4x30xf32>
}

// -----

// The epilogue is that of the normalization, and stays with it.
// CHECK-LABEL: func @epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xbf16>, %[[R:[a-z0-9]+]]: tensor<8x4xbf16>
//       CHECK:   bn.stats
//       CHECK:   bn.normalize axis(1) ins(%[[X]] : {{.*}} epilogue(%[[R]] : tensor<8x4xbf16>) {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32, %[[E:.*]]: f32):
//  CHECK-NEXT:     arith.addf %[[Y]], %[[E]] : f32
//   CHECK-NOT:   epilogue
func.func @epilogue(%x: tensor<8x4xbf16>, %r: tensor<8x4xbf16>,
    %c: tensor<4xf32>) -> tensor<8x4xbf16> {
  %z, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xbf16>)
      outs(%x, %c, %c : tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>)
      epilogue(%r : tensor<8x4xbf16>) {
    ^bb0(%y: f32, %e: f32):
      %s = arith.addf %y, %e : f32
      bn.yield %s : f32
    } -> tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>
  return %z : tensor<8x4xbf16>
}

// -----

// Entries per channel are converted to the accumulator type once per channel.
// CHECK-LABEL: func @per_channel
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xbf16>, %[[C:[a-z0-9]+]]: tensor<4xf32>, %[[N:[a-z0-9]+]]: tensor<4xbf16>, %[[W:[a-z0-9]+]]: tensor<4xf64>)
//   CHECK-DAG:   %[[EXT:.*]] = linalg.generic {{.*}} ins(%[[N]] : tensor<4xbf16>) outs(%{{.*}} : tensor<4xf32>)
//   CHECK-DAG:   %[[TRUNC:.*]] = linalg.generic {{.*}} ins(%[[W]] : tensor<4xf64>) outs(%{{.*}} : tensor<4xf32>)
//       CHECK:   bn.normalize axis(1) ins(%[[X]] : {{.*}} epilogue(%[[C]], %[[EXT]], %[[TRUNC]], %[[X]] : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<8x4xbf16>) {
//   CHECK-NOT:   epilogue
func.func @per_channel(%x: tensor<8x4xbf16>, %c: tensor<4xf32>,
    %n: tensor<4xbf16>, %w: tensor<4xf64>) -> tensor<8x4xbf16> {
  %z = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xbf16>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xbf16>) epilogue(%c, %n, %w, %x
        : tensor<4xf32>, tensor<4xbf16>, tensor<4xf64>, tensor<8x4xbf16>) {
    ^bb0(%y: f32, %e: f32, %f: f32, %g: f32, %h: f32):
      %s = arith.mulf %y, %e : f32
      %t = arith.addf %s, %f : f32
      %u = arith.addf %t, %g : f32
      %v = arith.addf %u, %h : f32
      bn.yield %v : f32
    } -> tensor<8x4xbf16>
  return %z : tensor<8x4xbf16>
}
