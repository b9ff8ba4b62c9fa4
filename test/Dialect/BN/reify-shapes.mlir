// The sizes of results are those of the outs, on every op, so that a size that
// is asked for does not keep the op alive.

// RUN: bn-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize | FileCheck %s

// CHECK-LABEL: func @training
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x?xf32>, %[[Y0:[a-z0-9]+]]: tensor<?x?xf32>, %[[C:[a-z0-9]+]]: tensor<?xf32>
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
//   CHECK-DAG:   %[[N:.*]] = tensor.dim %[[Y0]], %[[C0]]
//   CHECK-DAG:   %[[K:.*]] = tensor.dim %[[C]], %[[C0]]
//   CHECK-NOT:   bn.training
//       CHECK:   return %[[N]], %[[K]]
func.func @training(%x: tensor<?x?xf32>, %y0: tensor<?x?xf32>, %c: tensor<?xf32>)
    -> (index, index) {
  %c0 = arith.constant 0 : index
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<?x?xf32>)
      outs(%y0, %c, %c : tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>)
      -> tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>
  %n = tensor.dim %y, %c0 : tensor<?x?xf32>
  %k = tensor.dim %v, %c0 : tensor<?xf32>
  return %n, %k : index, index
}

// CHECK-LABEL: func @stats
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x?xf32>, %[[C:[a-z0-9]+]]: tensor<?xf64>
//       CHECK:   %[[K:.*]] = tensor.dim %[[C]],
//       CHECK:   return %[[K]]
func.func @stats(%x: tensor<?x?xf32>, %c: tensor<?xf64>) -> index {
  %c0 = arith.constant 0 : index
  %n, %m, %s = bn.stats axis(1) ins(%x : tensor<?x?xf32>)
      outs(%c, %c, %c : tensor<?xf64>, tensor<?xf64>, tensor<?xf64>)
      -> tensor<?xf64>, tensor<?xf64>, tensor<?xf64>
  %k = tensor.dim %s, %c0 : tensor<?xf64>
  return %k : index
}

// Static where the out is static, although the input is not.
// CHECK-LABEL: func @normalize
//       CHECK:   %[[N:.*]] = arith.constant 8 : index
//       CHECK:   return %[[N]]
func.func @normalize(%x: tensor<?x?xf32>, %y0: tensor<8x?xf32>) -> index {
  %c0 = arith.constant 0 : index
  %y = bn.normalize axis(1) ins(%x : tensor<?x?xf32>)
      outs(%y0 : tensor<8x?xf32>) -> tensor<8x?xf32>
  %n = tensor.dim %y, %c0 : tensor<8x?xf32>
  return %n : index
}
