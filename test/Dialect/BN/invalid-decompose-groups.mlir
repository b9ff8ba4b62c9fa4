// Groups are a loop before anything else is done with them: whoever leaves out
// the pass that makes it is told so.

// RUN: bn-opt %s --bn-decompose --verify-diagnostics
// RUN: bn-opt %s --convert-bn-to-linalg --verify-diagnostics

func.func @training_groups(%x: tensor<8x4xf32>, %c: tensor<2x4xf32>)
    -> tensor<8x4xf32> {
  // expected-error @below {{expected 'groups' to be 1, got 2: bn-expand-groups makes a loop of them}}
  %y, %m, %v = bn.training axis(1) epsilon(1.0) groups(2)
      ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>)
      -> tensor<8x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  return %y : tensor<8x4xf32>
}
