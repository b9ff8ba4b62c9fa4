// What the pass leaves for the scalar fallback (convert-linalg-to-loops).

// RUN: bn-opt %s --bn-vectorize-tiles --split-input-file | FileCheck %s --implicit-check-not=vector.

#c = affine_map<(d0) -> (d0)>
// CHECK-LABEL: func @index
//       CHECK:   linalg.index
func.func @index(%x: tensor<64xf32>) -> tensor<64xf32> {
  %y = linalg.generic {indexing_maps = [#c, #c], iterator_types = ["parallel"]}
      ins(%x : tensor<64xf32>) outs(%x : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %i = linalg.index 0 : index
    %j = arith.index_cast %i : index to i32
    %y = arith.sitofp %j : i32 to f32
    linalg.yield %y : f32
  } -> tensor<64xf32>
  return %y : tensor<64xf32>
}

// -----

// An i1 has a byte in memory and a bit in a vector.
#c = affine_map<(d0) -> (d0)>
// CHECK-LABEL: func @bits
//       CHECK:   linalg.generic
func.func @bits(%x: tensor<64xf32>, %m0: tensor<64xi1>) -> tensor<64xi1> {
  %zero = arith.constant 0.0 : f32
  %m = linalg.generic {indexing_maps = [#c, #c], iterator_types = ["parallel"]}
      ins(%x : tensor<64xf32>) outs(%m0 : tensor<64xi1>) {
  ^bb0(%in: f32, %out: i1):
    %positive = arith.cmpf ogt, %in, %zero : f32
    linalg.yield %positive : i1
  } -> tensor<64xi1>
  return %m : tensor<64xi1>
}

// -----

// There are no vectors of complex numbers.
// CHECK-LABEL: func @complex
//       CHECK:   linalg.copy
func.func @complex(%x: tensor<64xcomplex<f32>>, %y0: tensor<64xcomplex<f32>>)
    -> tensor<64xcomplex<f32>> {
  %y = linalg.copy ins(%x : tensor<64xcomplex<f32>>)
      outs(%y0 : tensor<64xcomplex<f32>>) -> tensor<64xcomplex<f32>>
  return %y : tensor<64xcomplex<f32>>
}

// -----

// An entry that each row overwrites.
#x = affine_map<(d0, d1) -> (d0, d1)>
#s = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func @last_row
//       CHECK:   linalg.generic
func.func @last_row(%x: tensor<8x64xf32>, %y0: tensor<64xf32>)
    -> tensor<64xf32> {
  %y = linalg.generic {indexing_maps = [#x, #s],
                       iterator_types = ["reduction", "parallel"]}
      ins(%x : tensor<8x64xf32>) outs(%y0 : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<64xf32>
  return %y : tensor<64xf32>
}

// -----

// On buffers.
// CHECK-LABEL: func @buffers
//       CHECK:   linalg.copy
func.func @buffers(%x: memref<64xf32>, %y: memref<64xf32>) {
  linalg.copy ins(%x : memref<64xf32>) outs(%y : memref<64xf32>)
  return
}
