// Each structural op as linalg: the arithmetic of docs/Numerics.md.

// RUN: bn-opt %s --convert-bn-to-linalg --canonicalize --split-input-file | FileCheck %s --implicit-check-not="= bn."

// Two passes, then Chan's merge with what is in the outs.
//   CHECK-DAG: #[[$DATA:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
//   CHECK-DAG: #[[$CHANNEL:.*]] = affine_map<(d0, d1, d2) -> (d1)>
// CHECK-LABEL: func @stats
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x10xf32>, %[[N:[a-z0-9]+]]: tensor<4xf64>, %[[M:[a-z0-9]+]]: tensor<4xf64>, %[[S:[a-z0-9]+]]: tensor<4xf64>
//   CHECK-DAG:   %[[COUNT:.*]] = arith.constant 8.0{{0*}}e+01 : f64
//   CHECK-DAG:   %[[SCALE:.*]] = arith.constant 1.28{{0*}}e+02 : f64
//   CHECK-DAG:   %[[DOWN:.*]] = arith.constant 7.8125{{0*}}e-03 : f32
//       CHECK:   %[[INVERSE:.*]] = arith.truncf %{{.*}} : f64 to f32
// The mean of the tile: sum(x * 1/n) cannot overflow where the mean does not.
//       CHECK:   %[[P:.*]] = linalg.generic {indexing_maps = [#[[$DATA]], #[[$CHANNEL]]], iterator_types = ["reduction", "parallel", "reduction"]} ins(%[[X]] :
//  CHECK-NEXT:   ^bb0(%[[IN:[^:]+]]: f32, %[[OUT:[^:]+]]: f32):
//  CHECK-NEXT:     %[[T:.*]] = arith.mulf %[[IN]], %[[INVERSE]]
//  CHECK-NEXT:     %[[U:.*]] = arith.addf %[[T]], %[[OUT]]
//  CHECK-NEXT:     linalg.yield %[[U]]
// Sums about it. The first is taken of x - p over 128, the power of two that is
// at least the count, which is exact.
//       CHECK:   %[[Q:.*]]:2 = linalg.generic {indexing_maps = [#[[$DATA]], #[[$CHANNEL]], #[[$CHANNEL]], #[[$CHANNEL]]], iterator_types = ["reduction", "parallel", "reduction"]} ins(%[[X]], %[[P]] :
//       CHECK:     %[[D:.*]] = arith.subf
//  CHECK-NEXT:     %[[SCALED:.*]] = arith.mulf %[[D]], %[[DOWN]]
//  CHECK-NEXT:     arith.addf %[[SCALED]]
//  CHECK-NEXT:     arith.mulf %[[D]], %[[D]]
//  CHECK-NEXT:     arith.addf
// The merge, in f64.
//       CHECK:   linalg.generic {{.*}} ins(%[[P]], %[[Q]]#0, %[[Q]]#1 : {{.*}}) outs(%[[N]], %[[M]], %[[S]] :
//       CHECK:     %[[SUM:.*]] = arith.mulf %{{.*}}, %[[SCALE]]
//       CHECK:     arith.divf %[[SUM]], %[[COUNT]]
//       CHECK:     arith.addf %{{.*}}, %[[COUNT]] {{.*}} : f64
func.func @stats(%x: tensor<8x4x10xf32>, %n: tensor<4xf64>, %m: tensor<4xf64>,
    %s: tensor<4xf64>) -> (tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4x10xf32>)
      outs(%n, %m, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#0, %r#1, %r#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
}

// -----

// With a pivot, one pass.
// CHECK-LABEL: func @stats_about_pivot
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x10xf32>, %[[GIVEN:[a-z0-9]+]]: tensor<4xf64>
//       CHECK:   %[[P:.*]] = linalg.generic {{.*}} ins(%[[GIVEN]] :
//       CHECK:     arith.truncf {{.*}} : f64 to f32
//       CHECK:   %[[Q:.*]]:2 = linalg.generic {{.*}}["reduction", "parallel", "reduction"]} ins(%[[X]], %[[P]] :
//   CHECK-NOT:   "reduction"
//       CHECK:   linalg.generic {{.*}} ins(%[[P]], %[[Q]]#0, %[[Q]]#1 :
//       CHECK:   return
func.func @stats_about_pivot(%x: tensor<8x4x10xf32>, %p: tensor<4xf64>,
    %c: tensor<4xf64>) -> tensor<4xf64> {
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4x10xf32>) pivot(%p : tensor<4xf64>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#1 : tensor<4xf64>
}

// -----

// What no elements are in yet is not read, and the tile is the result.
// CHECK-LABEL: func @stats_of_first_tile
//   CHECK-DAG:   %[[COUNT:.*]] = arith.constant 8.0{{0*}}e+01 : f64
//   CHECK-NOT:   linalg.fill ins(%{{.*}} : f64)
//       CHECK:   %[[Q:.*]]:2 = linalg.generic {{.*}}["reduction", "parallel", "reduction"]} ins(%{{[a-z0-9]+}}, %[[P:[a-z0-9]+]] :
//       CHECK:   %[[R:.*]]:3 = linalg.generic {{.*}} ins(%[[P]], %[[Q]]#0, %[[Q]]#1 :
//       CHECK:   ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32, %{{[^:]+}}: f64, %{{[^:]+}}: f64, %{{[^:]+}}: f64):
//       CHECK:     arith.cmpf olt
//  CHECK-NEXT:     %[[M2:.*]] = arith.select
//       CHECK:     %[[MEAN:.*]] = arith.addf
//       CHECK:     linalg.yield %[[COUNT]], %[[MEAN]], %[[M2]] : f64, f64, f64
//       CHECK:   return %[[R]]#0, %[[R]]#1, %[[R]]#2
func.func @stats_of_first_tile(%x: tensor<8x4x10xf32>, %p: tensor<4xf64>)
    -> (tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<4xf64>
  %c = linalg.fill ins(%zero : f64) outs(%e : tensor<4xf64>) -> tensor<4xf64>
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4x10xf32>) pivot(%p : tensor<4xf64>)
      outs(%c, %p, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#0, %r#1, %r#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
}

// -----

// What may have no elements is merged: its mean would be the pivot.
// CHECK-LABEL: func @first_tile_of_nothing
//       CHECK:   linalg.generic {{.*}} outs(%{{[0-9]+}}, %arg1, %{{[0-9]+}} :
//       CHECK:     %[[DELTA:.*]] = arith.subf
//       CHECK:     arith.select %{{.*}}, %{{.*}}, %[[DELTA]]
func.func @first_tile_of_nothing(%x: tensor<?x4xf32>, %p: tensor<4xf64>)
    -> (tensor<4xf64>, tensor<4xf64>) {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<4xf64>
  %c = linalg.fill ins(%zero : f64) outs(%e : tensor<4xf64>) -> tensor<4xf64>
  %r:3 = bn.stats axis(1) ins(%x : tensor<?x4xf32>) pivot(%p : tensor<4xf64>)
      outs(%c, %p, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#1, %r#2 : tensor<4xf64>, tensor<4xf64>
}

// -----

// CHECK-LABEL: func @first_tile_with_mask
//       CHECK:   %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<4xf64>
//       CHECK:   linalg.generic {{.*}} outs(%[[ZERO]], %arg2, %[[ZERO]] :
func.func @first_tile_with_mask(%x: tensor<8x4xf32>, %w: tensor<8x1xf32>,
    %p: tensor<4xf64>) -> (tensor<4xf64>, tensor<4xf64>) {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<4xf64>
  %c = linalg.fill ins(%zero : f64) outs(%e : tensor<4xf64>) -> tensor<4xf64>
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>) mask(%w : tensor<8x1xf32>)
      pivot(%p : tensor<4xf64>)
      outs(%c, %p, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#1, %r#2 : tensor<4xf64>, tensor<4xf64>
}

// -----

// No elements: 1/0 is 0, so the mean is 0 and nothing is merged.
// CHECK-LABEL: func @stats_of_nothing
//       CHECK:   arith.constant 0.0{{0*}}e+00 : f32
//   CHECK-NOT:   0x7F800000
//       CHECK:   return
func.func @stats_of_nothing(%x: tensor<0x4xf32>, %c: tensor<4xf64>)
    -> tensor<4xf64> {
  %r:3 = bn.stats axis(1) ins(%x : tensor<0x4xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#1 : tensor<4xf64>
}

// -----

// The count of elements that are not known until the run, in 64 bits.
// CHECK-LABEL: func @stats_dynamic
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x?x10xf16>
//       CHECK:   %[[D0:.*]] = tensor.dim %[[X]], %c0
//       CHECK:   %[[COUNT:.*]] = arith.muli %[[D0]], %c10
//       CHECK:   %[[INT:.*]] = arith.index_cast %[[COUNT]] : index to i64
//       CHECK:   arith.sitofp %[[INT]] : i64 to f64
// f16 and bf16 are converted where they are loaded.
//       CHECK:   linalg.generic
//  CHECK-NEXT:   ^bb0(%[[IN:[^:]+]]: f16, %{{.*}}: f32):
//  CHECK-NEXT:     arith.extf %[[IN]] : f16 to f32
func.func @stats_dynamic(%x: tensor<?x?x10xf16>, %c: tensor<?xf64>)
    -> tensor<?xf64> {
  %r:3 = bn.stats axis(1) ins(%x : tensor<?x?x10xf16>)
      outs(%c, %c, %c : tensor<?xf64>, tensor<?xf64>, tensor<?xf64>)
      -> tensor<?xf64>, tensor<?xf64>, tensor<?xf64>
  return %r#1 : tensor<?xf64>
}

// -----

// f64 data accumulate in f64.
// CHECK-LABEL: func @stats_f64
//       CHECK:   ^bb0(%{{.*}}: f64, %{{.*}}: f64):
//   CHECK-NOT:   f32
//       CHECK:   return
func.func @stats_f64(%x: tensor<8x4xf64>, %c: tensor<4xf64>) -> tensor<4xf64> {
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4xf64>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#1 : tensor<4xf64>
}

// -----

// CHECK-LABEL: func @merge_stats
//       CHECK:   ^bb0(%[[NB:[^:]+]]: f64, %[[MB:[^:]+]]: f64, %[[SB:[^:]+]]: f64, %[[NA:[^:]+]]: f64, %[[MA:[^:]+]]: f64, %[[SA:[^:]+]]: f64):
//       CHECK:     %[[N:.*]] = arith.addf %[[NA]], %[[NB]]
// Nothing changes nothing, even where its mean is NaN.
//       CHECK:     %[[EMPTY:.*]] = arith.cmpf oeq, %[[NB]],
//       CHECK:     %[[APART:.*]] = arith.subf %[[MB]], %[[MA]]
//       CHECK:     %[[DELTA:.*]] = arith.select %[[EMPTY]], %{{.*}}, %[[APART]]
//       CHECK:     arith.cmpf ogt, %[[N]]
//       CHECK:     arith.divf %[[NB]], %[[N]]
//       CHECK:     %[[SHARE:.*]] = arith.select
//       CHECK:     %[[STEP:.*]] = arith.mulf %[[DELTA]], %[[SHARE]]
//       CHECK:     %[[M:.*]] = arith.addf %[[MA]], %[[STEP]]
//       CHECK:     linalg.yield %[[N]], %[[M]],
func.func @merge_stats(%n: tensor<4xf64>, %m: tensor<4xf64>, %s: tensor<4xf64>)
    -> (tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %r:3 = bn.merge_stats
      ins(%n, %m, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%n, %m, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#0, %r#1, %r#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
}

// -----

// The weight of the old value is momentum, that of the new one 1 - momentum; a
// count of 1 has the factor 1, a count of 0 keeps the old value.
// CHECK-LABEL: func @update_running_stats
//   CHECK-DAG:   %[[OLD:.*]] = arith.constant 7.5{{0*}}e-01 : f64
//   CHECK-DAG:   %[[NEW:.*]] = arith.constant 2.5{{0*}}e-01 : f64
//   CHECK-DAG:   %[[ONE:.*]] = arith.constant 1.0{{0*}}e+00 : f64
//   CHECK-DAG:   %[[ZERO:.*]] = arith.constant 0.0{{0*}}e+00 : f64
//       CHECK:   ^bb0(%[[N:[^:]+]]: f64, %[[M:[^:]+]]: f64, %[[V:[^:]+]]: f64, %[[RM:[^:]+]]: f32, %[[RV:[^:]+]]: f32, %{{.*}}: f32, %{{.*}}: f32):
//       CHECK:     %[[N1:.*]] = arith.subf %[[N]], %[[ONE]]
//       CHECK:     %[[RATIO:.*]] = arith.divf %[[N]], %[[N1]]
//       CHECK:     %[[MORE:.*]] = arith.cmpf ogt, %[[N]], %[[ONE]]
//       CHECK:     %[[FACTOR:.*]] = arith.select %[[MORE]], %[[RATIO]], %[[ONE]]
//       CHECK:     %[[SAMPLE:.*]] = arith.mulf %[[V]], %[[FACTOR]]
//       CHECK:     %[[ANY:.*]] = arith.cmpf ogt, %[[N]], %[[ZERO]]
//       CHECK:     %[[RMW:.*]] = arith.extf %[[RM]]
//       CHECK:     arith.mulf %[[RMW]], %[[OLD]]
//       CHECK:     arith.mulf %[[M]], %[[NEW]]
//       CHECK:     arith.select %[[ANY]], %{{.*}}, %[[RMW]]
//       CHECK:     %[[RVW:.*]] = arith.extf %[[RV]]
//       CHECK:     arith.mulf %[[RVW]], %[[OLD]]
//       CHECK:     arith.mulf %[[SAMPLE]], %[[NEW]]
//       CHECK:     arith.select %[[ANY]], %{{.*}}, %[[RVW]]
func.func @update_running_stats(%n: tensor<4xf64>, %rm: tensor<4xf32>,
    %rv: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %r:2 = bn.update_running_stats momentum(0.75) running_variance_kind(sample)
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      running(%rm, %rv : tensor<4xf32>, tensor<4xf32>)
      outs(%rm, %rv : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return %r#0, %r#1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// What is absent costs nothing.
// CHECK-LABEL: func @normalize
//       CHECK:   linalg.generic
//  CHECK-NEXT:   ^bb0(%[[X:[^:]+]]: f32, %[[M:[^:]+]]: f32, %{{.*}}: f32):
//  CHECK-NEXT:     %[[Y:.*]] = arith.subf %[[X]], %[[M]]
//  CHECK-NEXT:     linalg.yield %[[Y]]
func.func @normalize(%x: tensor<8x4xf32>, %m: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%m : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// A wide mean m is a rounded one and an offset: a = scale, and
// offset - (m - rounded m) * a.
// CHECK-LABEL: func @normalize_wide_mean
//       CHECK:   %[[C:.*]]:3 = linalg.generic
//  CHECK-NEXT:   ^bb0(%[[M:[^:]+]]: f64, %[[A:[^:]+]]: f32, %[[B:[^:]+]]: f32,
//   CHECK-DAG:     %[[AW:.*]] = arith.extf %[[A]]
//   CHECK-DAG:     %[[BW:.*]] = arith.extf %[[B]]
//   CHECK-DAG:     %[[R:.*]] = arith.truncf %[[M]]
//   CHECK-DAG:     %[[RW:.*]] = arith.extf %[[R]]
//       CHECK:     %[[REST:.*]] = arith.subf %[[M]], %[[RW]]
//       CHECK:     %[[T:.*]] = arith.mulf %[[REST]], %[[AW]]
//       CHECK:     %[[S:.*]] = arith.select %{{.*}}, %{{.*}}, %[[T]]
//       CHECK:     arith.subf %[[BW]], %[[S]]
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}}, %[[C]]#0, %[[C]]#1, %[[C]]#2 :
//       CHECK:     arith.subf
//       CHECK:     arith.mulf
//       CHECK:     arith.addf
func.func @normalize_wide_mean(%x: tensor<8x4xf32>, %m: tensor<4xf64>,
    %a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<8x4xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%m : tensor<4xf64>)
      scale(%a : tensor<4xf32>) offset(%b : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// User-level ops go all the way, on any rank and any axes.
// CHECK-LABEL: func @user_level
//       CHECK:   linalg.generic {{.*}}iterator_types = ["reduction", "parallel", "reduction", "parallel"]
//       CHECK:   linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel"]
func.func @user_level(%x: tensor<2x3x4x5xf32>, %c: tensor<3x5xf32>)
    -> tensor<2x3x4x5xf32> {
  %y, %m, %v = bn.training axis(1, -1) epsilon(1.0e-3)
      ins(%x : tensor<2x3x4x5xf32>)
      outs(%x, %c, %c
           : tensor<2x3x4x5xf32>, tensor<3x5xf32>, tensor<3x5xf32>)
      -> tensor<2x3x4x5xf32>, tensor<3x5xf32>, tensor<3x5xf32>
  return %y : tensor<2x3x4x5xf32>
}

// -----

// With a mask: the sum of the weights and the mean of the tile, then sums about
// it. What has weight 0 is left out by a choice, not by a product, so that NaN
// is, too. The mask has no dimensions along which it is broadcast any more, and
// the count is one per channel.
//   CHECK-DAG: #[[$DATA:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
//   CHECK-DAG: #[[$MASK:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
//   CHECK-DAG: #[[$CHANNEL:.*]] = affine_map<(d0, d1, d2) -> (d1)>
// CHECK-LABEL: func @masked_stats
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x10xf32>, %[[W:[a-z0-9]+]]: tensor<8x1x10xf16>, %[[C:[a-z0-9]+]]: tensor<4xf64>)
//   CHECK-DAG:   %[[ZERO:.*]] = arith.constant 0.0{{0*}}e+00 : f32
//   CHECK-DAG:   %[[DOWN:.*]] = arith.constant 7.8125{{0*}}e-03 : f32
//       CHECK:   %[[W2:.*]] = tensor.extract_slice %[[W]][0, 0, 0] [8, 1, 10] [1, 1, 1] : tensor<8x1x10xf16> to tensor<8x10xf16>
//       CHECK:   %[[S:.*]]:2 = linalg.generic {indexing_maps = [#[[$DATA]], #[[$MASK]], #[[$CHANNEL]], #[[$CHANNEL]]], {{.*}} ins(%[[X]], %[[W2]] :
//  CHECK-NEXT:   ^bb0(%[[IN:[^:]+]]: f32, %[[WIN:[^:]+]]: f16, %[[N:[^:]+]]: f32, %[[T:[^:]+]]: f32):
//  CHECK-NEXT:     %[[WEIGHT:.*]] = arith.extf %[[WIN]] : f16 to f32
//  CHECK-NEXT:     %[[OUT:.*]] = arith.cmpf oeq, %[[WEIGHT]], %[[ZERO]]
//  CHECK-NEXT:     %[[CHOSEN:.*]] = arith.select %[[OUT]], %[[ZERO]], %[[IN]]
//  CHECK-NEXT:     %[[SCALED:.*]] = arith.mulf %[[CHOSEN]], %[[DOWN]]
//  CHECK-NEXT:     arith.addf %[[WEIGHT]], %[[N]]
//  CHECK-NEXT:     %[[PRODUCT:.*]] = arith.mulf %[[SCALED]], %[[WEIGHT]]
//  CHECK-NEXT:     arith.addf %[[PRODUCT]], %[[T]]
//       CHECK:   %[[P:.*]] = linalg.generic {{.*}} ins(%[[S]]#0, %[[S]]#1 :
//       CHECK:     arith.divf {{.*}} : f64
//       CHECK:   %[[Q:.*]]:2 = linalg.generic {{.*}} ins(%[[X]], %[[W2]], %[[P]] :
//       CHECK:     %[[D:.*]] = arith.subf
//       CHECK:     %[[D0:.*]] = arith.select %{{.*}}, %[[ZERO]], %[[D]]
//  CHECK-NEXT:     %[[WD:.*]] = arith.mulf %[[D0]], %{{.*}}
//  CHECK-NEXT:     arith.mulf %[[WD]], %[[DOWN]]
//  CHECK-NEXT:     arith.addf
//  CHECK-NEXT:     arith.mulf %[[WD]], %[[D0]]
//  CHECK-NEXT:     arith.addf
//       CHECK:   linalg.generic {{.*}} ins(%[[P]], %[[Q]]#0, %[[Q]]#1, %[[S]]#0 : {{.*}}) outs(%[[C]], %[[C]], %[[C]] :
func.func @masked_stats(%x: tensor<8x4x10xf32>, %w: tensor<8x1x10xf16>,
    %c: tensor<4xf64>) -> (tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4x10xf32>)
      mask(%w : tensor<8x1x10xf16>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %r#0, %r#1, %r#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
}

// -----

// About a pivot, one pass. One weight for all, and weights of channels.
//   CHECK-DAG: #[[$NONE:.*]] = affine_map<(d0, d1) -> ()>
//   CHECK-DAG: #[[$LANES:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @masked_stats_about_pivot
//       CHECK:   %[[ONE:.*]] = tensor.extract_slice %{{.*}} : tensor<1x1xf32> to tensor<f32>
//       CHECK:   linalg.generic {indexing_maps = [#{{[^,]+}}, #[[$NONE]], #[[$LANES]], #[[$LANES]], #[[$LANES]], #[[$LANES]]], {{.*}} ins(%{{[^,]+}}, %[[ONE]], %{{[^,]+}} :
//       CHECK:   linalg.generic {indexing_maps = [#{{[^,]+}}, #[[$LANES]], #[[$LANES]], #[[$LANES]], #[[$LANES]], #[[$LANES]]],
func.func @masked_stats_about_pivot(%x: tensor<80x4xf32>, %p: tensor<4xf64>,
    %c: tensor<4xf64>, %u: tensor<1x1xf32>, %w: tensor<1x4xf32>)
    -> (tensor<4xf64>, tensor<4xf64>) {
  %q:3 = bn.stats axis(1) ins(%x : tensor<80x4xf32>)
      mask(%u : tensor<1x1xf32>) pivot(%p : tensor<4xf64>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %r:3 = bn.stats axis(1) ins(%x : tensor<80x4xf32>)
      mask(%w : tensor<1x4xf32>) pivot(%p : tensor<4xf64>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %q#1, %r#1 : tensor<4xf64>, tensor<4xf64>
}

// -----

// f32 counts no more than 2^24 ones; nor, for all that is known, a size that is
// not.
// CHECK-LABEL: func @large_counts
//       CHECK:   linalg.generic {{.*}} outs({{.*}} : tensor<4xf32>, tensor<4xf32>)
//       CHECK:   linalg.generic {{.*}} outs({{.*}} : tensor<4xf64>, tensor<4xf32>)
//       CHECK:   linalg.generic {{.*}} outs({{.*}} : tensor<4xf64>, tensor<4xf32>)
func.func @large_counts(%x: tensor<16777216x4xf32>, %y: tensor<16777217x4xf32>,
    %z: tensor<?x4xf32>, %c: tensor<4xf64>, %w: tensor<1x4xf32>)
    -> (tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %p:3 = bn.stats axis(1) ins(%x : tensor<16777216x4xf32>)
      mask(%w : tensor<1x4xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %q:3 = bn.stats axis(1) ins(%y : tensor<16777217x4xf32>)
      mask(%w : tensor<1x4xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %r:3 = bn.stats axis(1) ins(%z : tensor<?x4xf32>)
      mask(%w : tensor<1x4xf32>)
      outs(%c, %c, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %p#0, %q#0, %r#0 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
}

// -----

// An epilogue is part of the body, in the type of the accumulator: one rounding
// at the end.
// CHECK-LABEL: func @epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xbf16>, %[[M:[a-z0-9]+]]: tensor<4xf32>, %[[R:[a-z0-9]+]]: tensor<8x4xbf16>, %[[A:[a-z0-9]+]]: f32
//       CHECK:   linalg.generic {{.*}}["parallel", "parallel"]} ins(%[[X]], %[[M]], %[[R]] : {{.*}}) outs(%[[R]] :
//  CHECK-NEXT:   ^bb0(%[[IN:[^:]+]]: bf16, %[[MEAN:[^:]+]]: f32, %[[E:[^:]+]]: bf16, %{{.*}}: bf16):
//  CHECK-NEXT:     %[[WIDE:.*]] = arith.extf %[[IN]] : bf16 to f32
//  CHECK-NEXT:     %[[Y:.*]] = arith.subf %[[WIDE]], %[[MEAN]] : f32
//  CHECK-NEXT:     %[[F:.*]] = arith.extf %[[E]] : bf16 to f32
//  CHECK-NEXT:     %[[P:.*]] = arith.mulf %[[Y]], %[[A]] : f32
//  CHECK-NEXT:     %[[S:.*]] = arith.addf %[[P]], %[[F]] : f32
//  CHECK-NEXT:     %[[Z:.*]] = arith.truncf %[[S]] : f32 to bf16
//  CHECK-NEXT:     linalg.yield %[[Z]] : bf16
func.func @epilogue(%x: tensor<8x4xbf16>, %m: tensor<4xf32>,
    %r: tensor<8x4xbf16>, %a: f32) -> tensor<8x4xbf16> {
  %z = bn.normalize axis(1) ins(%x : tensor<8x4xbf16>)
      mean(%m : tensor<4xf32>) outs(%r : tensor<8x4xbf16>)
      epilogue(%r : tensor<8x4xbf16>) {
    ^bb0(%y: f32, %e: f32):
      %p = arith.mulf %y, %a : f32
      %s = arith.addf %p, %e : f32
      bn.yield %s : f32
    } -> tensor<8x4xbf16>
  return %z : tensor<8x4xbf16>
}
