// What an epilogue saves is written by the sweep that writes the output, of the
// same elements, before these are rounded.

// RUN: bn-opt %s --bn-decompose --canonicalize --split-input-file | FileCheck %s
// RUN: bn-opt %s --convert-bn-to-linalg --canonicalize --split-input-file | FileCheck %s --check-prefix=LINALG

// CHECK-LABEL: func @training
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xbf16>, %[[R:[a-z0-9]+]]: tensor<8x4xbf16>, %[[C:[a-z0-9]+]]: tensor<4xf32>, %[[Z0:[a-z0-9]+]]: tensor<8x4xbf16>, %[[B0:[a-z0-9]+]]: tensor<8x4xi8>
//       CHECK:   %[[U:.*]]:2 = bn.update_running_stats
//       CHECK:   %[[Z:.*]]:2 = bn.normalize axis(1) ins(%[[X]] : {{.*}}) {{.*}} outs(%[[Z0]], %[[B0]] : tensor<8x4xbf16>, tensor<8x4xi8>) epilogue(%[[R]] : tensor<8x4xbf16>) {
//       CHECK:     bn.yield %{{.*}}, %{{.*}} : f32, i8
//  CHECK-NEXT:   } -> tensor<8x4xbf16>, tensor<8x4xi8>
//       CHECK:   return %[[Z]]#0, %[[U]]#0, %[[Z]]#1

// LINALG-LABEL: func @training
//       LINALG:   %[[Z:.*]]:2 = linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]} {{.*}} outs(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<8x4xbf16>, tensor<8x4xi8>) {
//       LINALG:     %[[P:.*]] = arith.cmpf ogt, %[[S:.*]], %{{.*}} : f32
//  LINALG-NEXT:     %[[BIT:.*]] = arith.extui %[[P]] : i1 to i8
//  LINALG-NEXT:     %[[RELU:.*]] = arith.maximumf %[[S]], %{{.*}} : f32
//  LINALG-NEXT:     %[[ROUNDED:.*]] = arith.truncf %[[RELU]] : f32 to bf16
//  LINALG-NEXT:     linalg.yield %[[ROUNDED]], %[[BIT]] : bf16, i8
//       LINALG:   return %[[Z]]#0, %{{.*}}, %[[Z]]#1
func.func @training(%x: tensor<8x4xbf16>, %r: tensor<8x4xbf16>,
    %c: tensor<4xf32>, %z0: tensor<8x4xbf16>, %b0: tensor<8x4xi8>)
    -> (tensor<8x4xbf16>, tensor<4xf32>, tensor<8x4xi8>) {
  %t:6 = bn.training axis(1) epsilon(1.0e-3) momentum(0.5)
      ins(%x : tensor<8x4xbf16>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%z0, %c, %c, %c, %c, %b0
           : tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
             tensor<4xf32>, tensor<8x4xi8>)
      epilogue(%r : tensor<8x4xbf16>) {
    ^bb0(%y: f32, %e: f32):
      %zero = arith.constant 0.0 : f32
      %sum = arith.addf %y, %e : f32
      %passes = arith.cmpf ogt, %sum, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      %relu = arith.maximumf %sum, %zero : f32
      bn.yield %relu, %bit : f32, i8
    } -> tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>, tensor<8x4xi8>
  return %t#0, %t#3, %t#5 : tensor<8x4xbf16>, tensor<4xf32>, tensor<8x4xi8>
}

// -----

#sweep = #bn.lowering_strategy<sweep, threads = 1, parallel = [0, 0],
    tile = [0, 0], vector_bits = 256, unroll = 4, stores = temporal>

// Two versions, without and with the subtraction of the mean: both save.
// CHECK-LABEL: func @versions
//       CHECK:   %[[Z:.*]]:2 = scf.if %{{.*}} -> (tensor<64x64xbf16>, tensor<64x64xi8>) {
//       CHECK:     %[[A:.*]]:2 = bn.normalize {{.*}} epilogue {
//       CHECK:     scf.yield %[[A]]#0, %[[A]]#1
//       CHECK:     %[[B:.*]]:2 = bn.normalize {{.*}} mean({{.*}} epilogue {
//       CHECK:     scf.yield %[[B]]#0, %[[B]]#1
//       CHECK:   return %[[Z]]#0, %[[Z]]#1
// LINALG-LABEL: func @versions
//       LINALG:   scf.if
// LINALG-COUNT-2:   linalg.yield %{{.*}}, %{{.*}} : bf16, i8
func.func @versions(%x: tensor<64x64xbf16>, %c: tensor<64xf32>,
    %z0: tensor<64x64xbf16>, %b0: tensor<64x64xi8>)
    -> (tensor<64x64xbf16>, tensor<64x64xi8>) {
  %z, %b = bn.inference axis(1) epsilon(1.0e-3)
      {bn.lowering_strategy = #sweep} ins(%x : tensor<64x64xbf16>)
      statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%z0, %b0 : tensor<64x64xbf16>, tensor<64x64xi8>) epilogue {
    ^bb0(%y: f32):
      %zero = arith.constant 0.0 : f32
      %passes = arith.cmpf ogt, %y, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<64x64xbf16>, tensor<64x64xi8>
  return %z, %b : tensor<64x64xbf16>, tensor<64x64xi8>
}
