// What the structural ops on statistics refuse.
// The functions are named @error_<constraint>, after docs/Spec.md; the message
// says what was expected and what was found.

// RUN: bn-opt %s --verify-diagnostics --split-input-file

func.func @error_stats_c1(%x: tensor<8x4xf32>, %n: tensor<4xf64>) {
  // expected-error @below {{expected 'axis' to be in [-2, 2) for 'input' of rank 2, got -3}}
  %r:3 = bn.stats axis(-3) ins(%x : tensor<8x4xf32>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return
}

// -----

func.func @error_stats_c2(%x: tensor<8x4xf32>, %n: tensor<4xf64>) {
  // expected-error @below {{expected 3 outs (count, mean, m2), got 2}}
  %r:2 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %n : tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>
  return
}

// -----

func.func @error_stats_c2_size(%x: tensor<8x4xf32>, %n: tensor<4xf64>,
    %d: tensor<5xf64>) {
  // expected-error @below {{expected 'm2' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %n, %d : tensor<4xf64>, tensor<4xf64>, tensor<5xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<5xf64>
  return
}

// -----

func.func @error_stats_c3(%x: tensor<8x4xf32>, %n: tensor<4xf64>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'count' to have element type 'f64', got 'f32'}}
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%c, %n, %n : tensor<4xf32>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf32>, tensor<4xf64>, tensor<4xf64>
  return
}

// -----

func.func @error_stats_c3_mean(%x: tensor<8x4xf32>, %n: tensor<4xf64>,
    %h: tensor<4xf16>) {
  // expected-error @below {{expected 'mean' to have element type 'f32' (that of 'input') or a wider one, got 'f16'}}
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %h, %n : tensor<4xf64>, tensor<4xf16>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf16>, tensor<4xf64>
  return
}

// -----

func.func @error_stats_c3_two_types(%x: tensor<8x4xf32>, %n: tensor<4xf64>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected means and m2s to have one element type ('f32'), got 'f64'}}
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %c, %n : tensor<4xf64>, tensor<4xf32>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf32>, tensor<4xf64>
  return
}

// -----

func.func @error_stats_c4(%x: tensor<8x4xf32>, %n: tensor<4xf64>) {
  // expected-error @below {{expected 'mask' to have the rank of 'input' (2), got 1}}
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>) mask(%n : tensor<4xf64>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return
}

// -----

func.func @error_stats_c5(%x: tensor<8x4xf32>, %n: tensor<4xf64>) {
  // expected-error @below {{expected 3 results, got 1}}
  %r = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>
  return
}

// -----

func.func @error_stats_c6(%x: tensor<8x4xf32>, %n: tensor<4xf64>,
                          %p: tensor<5xf64>) {
  // expected-error @below {{expected 'pivot' to have size 4 (dimension 1 of 'input') in dimension 0, got 5}}
  %r:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>) pivot(%p : tensor<5xf64>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return
}

// -----

func.func @error_merge_stats_c1(%n: tensor<4xf64>) {
  // expected-error @below {{expected 3 outs (count, mean, m2), got 2}}
  %r:2 = bn.merge_stats
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%n, %n : tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>
  return
}

// -----

func.func @error_merge_stats_c2(%n: tensor<4xf64>, %d: tensor<5xf64>) {
  // expected-error @below {{expected operands to have the shape of 'count' ('tensor<4xf64>'), got 'tensor<5xf64>'}}
  %r:3 = bn.merge_stats
      ins(%n, %n, %d : tensor<4xf64>, tensor<4xf64>, tensor<5xf64>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return
}

// -----

func.func @error_merge_stats_c2_rank(%n: tensor<4xf64>, %d: tensor<1x4xf64>) {
  // expected-error @below {{expected operands to have the shape of 'count' ('tensor<4xf64>'), got 'tensor<1x4xf64>'}}
  %r:3 = bn.merge_stats
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%n, %n, %d : tensor<4xf64>, tensor<4xf64>, tensor<1x4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<1x4xf64>
  return
}

// -----

func.func @error_merge_stats_c3(%n: tensor<4xf64>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'count' to have element type 'f64', got 'f32'}}
  %r:3 = bn.merge_stats
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%c, %n, %n : tensor<4xf32>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf32>, tensor<4xf64>, tensor<4xf64>
  return
}

// -----

func.func @error_merge_stats_c3_means(%n: tensor<4xf64>, %c: tensor<4xf32>) {
  // expected-error @below {{expected means and m2s to have one element type ('f64'), got 'f32'}}
  %r:3 = bn.merge_stats
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%n, %n, %c : tensor<4xf64>, tensor<4xf64>, tensor<4xf32>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf32>
  return
}

// -----

func.func @error_merge_stats_c4(%n: tensor<4xf64>) {
  // expected-error @below {{expected result 1 to have the type of its out ('tensor<4xf64>'), got 'tensor<4xf32>'}}
  %r:3 = bn.merge_stats
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf32>, tensor<4xf64>
  return
}

// -----

func.func @error_update_running_stats_c1(%n: tensor<4xf64>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'momentum' to be finite, got NaN}}
  %r:2 = bn.update_running_stats momentum(0x7FF8000000000000)
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_update_running_stats_c2(%n: tensor<4xf64>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 2 outs (new running mean, new running variance), got 1}}
  %r = bn.update_running_stats momentum(0.5)
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>) outs(%c : tensor<4xf32>)
      -> tensor<4xf32>
  return
}

// -----

func.func @error_update_running_stats_c2_shape(%n: tensor<4xf64>,
    %c: tensor<4xf32>, %d: tensor<5xf32>) {
  // expected-error @below {{expected operands to have the shape of 'count' ('tensor<4xf64>'), got 'tensor<5xf32>'}}
  %r:2 = bn.update_running_stats momentum(0.5)
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      running(%c, %d : tensor<4xf32>, tensor<5xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_update_running_stats_c3(%n: tensor<4xf64>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 'count' to have element type 'f64', got 'f32'}}
  %r:2 = bn.update_running_stats momentum(0.5)
      ins(%c, %n, %n : tensor<4xf32>, tensor<4xf64>, tensor<4xf64>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @error_update_running_stats_c3_mean(%n: tensor<4xf64>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'new_running_mean' to have the type of 'running_mean' ('tensor<4xf32>'), got 'tensor<4xf64>'}}
  %r:2 = bn.update_running_stats momentum(0.5)
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%n, %c : tensor<4xf64>, tensor<4xf32>)
      -> tensor<4xf64>, tensor<4xf32>
  return
}

// -----

func.func @error_update_running_stats_c3_variance(%n: tensor<4xf64>,
    %c: tensor<4xf32>) {
  // expected-error @below {{expected 'new_running_variance' to have the type of 'running_variance' ('tensor<4xf32>'), got 'tensor<4xf64>'}}
  %r:2 = bn.update_running_stats momentum(0.5)
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%c, %n : tensor<4xf32>, tensor<4xf64>)
      -> tensor<4xf32>, tensor<4xf64>
  return
}

// -----

func.func @error_update_running_stats_c4(%n: tensor<4xf64>, %c: tensor<4xf32>) {
  // expected-error @below {{expected 2 results, got 0}}
  bn.update_running_stats momentum(0.5)
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%c, %c : tensor<4xf32>, tensor<4xf32>)
  return
}
