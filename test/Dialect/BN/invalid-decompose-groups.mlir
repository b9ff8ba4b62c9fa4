// Groups are a loop before anything else is done with them: whoever leaves out
// the pass that makes it is told so.

// RUN: bn-opt %s --bn-decompose --verify-diagnostics --split-input-file
// RUN: bn-opt %s --convert-bn-to-linalg --verify-diagnostics --split-input-file

func.func @training_groups(%x: tensor<8x4xf32>, %c: tensor<2x4xf32>)
    -> tensor<8x4xf32> {
  // expected-error @below {{expected 'groups' to be 1, got 2: bn-expand-groups makes a loop of them}}
  %y, %m, %v = bn.training axis(1) epsilon(1.0) groups(2)
      ins(%x : tensor<8x4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>)
      -> tensor<8x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

func.func @backward_groups(%x: tensor<8x4xf32>, %c: tensor<2x4xf32>)
    -> tensor<8x4xf32> {
  // expected-error @below {{expected 'groups' to be 1, got 2: bn-expand-groups makes a loop of them}}
  %dx = bn.backward axis(1) epsilon(1.0) wrt(input) groups(2)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<2x4xf32>, tensor<2x4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}
