// AggregatedOpInterface through its transform op: one step at a time.

// RUN: bn-opt %s --transform-interpreter --split-input-file | FileCheck %s

// CHECK-LABEL: func @inference
//       CHECK:   bn.normalize axis(1) epsilon(1.000000e-03)
//  CHECK-SAME:     mean({{.*}}) variance({{.*}}) outs(
//   CHECK-NOT:   linalg
func.func @inference(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.inference"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %steps = transform.structured.decompose_interface %op
        : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

// CHECK-LABEL: func @normalize
//   CHECK-NOT:   bn.normalize
//       CHECK:   linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
//       CHECK:     arith.subf
//       CHECK:   return
func.func @normalize(%x: tensor<8x4xf32>, %m: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%m : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(
      %root: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["bn.normalize"]} in %root
        : (!transform.any_op) -> !transform.any_op
    %steps = transform.structured.decompose_interface %op
        : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
