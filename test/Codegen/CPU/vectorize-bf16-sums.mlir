// What is only summed needs no order. To widen bf16 in order moves elements
// between lanes; those with even and those with odd indices are a shift and a
// mask away.

// RUN: bn-opt %s --bn-vectorize-tiles="vector-bits=512" --canonicalize --split-input-file | FileCheck %s

// Two sums of 272 = 4 * 64 + 16 elements. The end is one register, whose halves
// would have to be put together again.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @sums
//       CHECK:   scf.for
//       CHECK:     %[[V:.*]] = vector.transfer_read {{.*}} vector<64xbf16>
//       CHECK:     %[[PAIRS:.*]] = vector.bitcast %[[V]] : vector<64xbf16> to vector<32xi32>
//       CHECK:     %[[SHIFTED:.*]] = arith.shli %[[PAIRS]], %{{.*}} : vector<32xi32>
//       CHECK:     %[[KEPT:.*]] = arith.andi %[[PAIRS]], %{{.*}} : vector<32xi32>
//       CHECK:     %[[EVEN:.*]] = arith.bitcast %[[SHIFTED]] : vector<32xi32> to vector<32xf32>
//       CHECK:     %[[ODD:.*]] = arith.bitcast %[[KEPT]] : vector<32xi32> to vector<32xf32>
//       CHECK:     %[[HALF:.*]] = vector.insert_strided_slice %[[EVEN]], %{{.*}} {offsets = [0],
//       CHECK:     %[[X:.*]] = vector.insert_strided_slice %[[ODD]], %[[HALF]] {offsets = [32],
//       CHECK:     arith.mulf %[[X]], %[[X]] : vector<64xf32>
//   CHECK-NOT:     arith.extf
//       CHECK:     scf.yield
//       CHECK:   arith.extf %{{.*}} : vector<16xbf16> to vector<16xf32>
func.func @sums(%x: tensor<272xbf16>, %s0: tensor<f32>, %q0: tensor<f32>)
    -> (tensor<f32>, tensor<f32>) {
  %s, %q = linalg.generic {indexing_maps = [#x, #s, #s],
                           iterator_types = ["reduction"]}
      ins(%x : tensor<272xbf16>) outs(%s0, %q0 : tensor<f32>, tensor<f32>) {
  ^bb0(%in: bf16, %out: f32, %out2: f32):
    %wide = arith.extf %in : bf16 to f32
    %t = arith.addf %out, %wide : f32
    %square = arith.mulf %wide, %wide : f32
    %u = arith.addf %out2, %square : f32
    linalg.yield %t, %u : f32, f32
  } -> (tensor<f32>, tensor<f32>)
  return %s, %q : tensor<f32>, tensor<f32>
}

// -----

// Elements that belong together change places together; a number that is the
// same for all of them has no place.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @products
// CHECK-COUNT-2: arith.shli {{.*}} vector<32xi32>
//     CHECK-NOT: arith.shli
func.func @products(%x: tensor<256xbf16>, %z: tensor<256xbf16>,
    %m: tensor<f32>, %s0: tensor<f32>) -> tensor<f32> {
  %s = linalg.generic {indexing_maps = [#x, #x, #s, #s],
                       iterator_types = ["reduction"]}
      ins(%x, %z, %m : tensor<256xbf16>, tensor<256xbf16>, tensor<f32>)
      outs(%s0 : tensor<f32>) {
  ^bb0(%in: bf16, %in2: bf16, %mean: f32, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %wide2 = arith.extf %in2 : bf16 to f32
    %d = arith.subf %wide2, %mean : f32
    %p = arith.mulf %wide, %d : f32
    %t = arith.addf %out, %p : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// In order: what goes with numbers that have an order of their own.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @weighted
//   CHECK-NOT:   arith.shli
//       CHECK:   arith.extf %{{.*}} : vector<64xbf16> to vector<64xf32>
func.func @weighted(%x: tensor<256xbf16>, %w: tensor<256xf32>, %s0: tensor<f32>)
    -> tensor<f32> {
  %s = linalg.generic {indexing_maps = [#x, #x, #s],
                       iterator_types = ["reduction"]}
      ins(%x, %w : tensor<256xbf16>, tensor<256xf32>) outs(%s0 : tensor<f32>) {
  ^bb0(%in: bf16, %weight: f32, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %p = arith.mulf %wide, %weight : f32
    %t = arith.addf %out, %p : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// And what is also used as it is.
#x = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>
// CHECK-LABEL: func @compared
//   CHECK-NOT:   arith.shli
//       CHECK:   arith.extf %{{.*}} : vector<64xbf16> to vector<64xf32>
func.func @compared(%x: tensor<256xbf16>, %s0: tensor<f32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : bf16
  %none = arith.constant 0.0 : f32
  %s = linalg.generic {indexing_maps = [#x, #s], iterator_types = ["reduction"]}
      ins(%x : tensor<256xbf16>) outs(%s0 : tensor<f32>) {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %positive = arith.cmpf ogt, %in, %zero : bf16
    %kept = arith.select %positive, %wide, %none : f32
    %t = arith.addf %out, %kept : f32
    linalg.yield %t : f32
  } -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// Sums across the strips keep their places.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @sum_of_rows
//   CHECK-NOT:   arith.shli
//       CHECK:   arith.extf %{{.*}} : vector<64xbf16> to vector<64xf32>
func.func @sum_of_rows(%x: tensor<8x256xbf16>, %s0: tensor<256xf32>)
    -> tensor<256xf32> {
  %s = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<8x256xbf16>) outs(%s0 : tensor<256xf32>) {
  ^bb0(%in: bf16, %out: f32):
    %wide = arith.extf %in : bf16 to f32
    %t = arith.addf %out, %wide : f32
    linalg.yield %t : f32
  } -> tensor<256xf32>
  return %s : tensor<256xf32>
}
