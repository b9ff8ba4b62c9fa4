// Every op, with each optional clause present and absent, survives printing and
// parsing; over the element types, over static, dynamic and mixed shapes, on
// tensors and on buffers.

// RUN: bn-opt %s | bn-opt | FileCheck %s
// RUN: bn-opt %s --mlir-print-op-generic | bn-opt | FileCheck %s

// CHECK-LABEL: func @training
func.func @training(%x: tensor<8x64x28x28xf32>, %y0: tensor<8x64x28x28xf32>,
    %c: tensor<64xf32>)
    -> (tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>) {
  // CHECK: bn.training axis(1) epsilon(1.000000e-03)
  // CHECK-SAME: ins(%{{[^ ,]+}} : tensor<8x64x28x28xf32>)
  // CHECK-SAME: outs(%{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>)
  // CHECK-SAME: -> tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3)
      ins(%x : tensor<8x64x28x28xf32>)
      outs(%y0, %c, %c
           : tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>)
      -> tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
  return %y, %m, %v
      : tensor<8x64x28x28xf32>, tensor<64xf32>, tensor<64xf32>
}

// CHECK-LABEL: func @training_all_clauses
func.func @training_all_clauses(%x: tensor<8x4x5xbf16>, %y0: tensor<8x4x5xbf16>,
    %c: tensor<4xf32>, %w: tensor<8x1x1xbf16>, %mv: tensor<2x4xf32>)
    -> tensor<8x4x5xbf16> {
  // CHECK: bn.training axis(1) epsilon(0.000000e+00) momentum(7.500000e-01)
  // CHECK-SAME: running_variance_kind(sample) groups(2)
  // CHECK-SAME: ins(%{{[^ ,]+}} : tensor<8x4x5xbf16>)
  // CHECK-SAME: scale(%{{[^ ,]+}} : tensor<4xf32>) offset(%{{[^ ,]+}} : tensor<4xf32>)
  // CHECK-SAME: running(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4xf32>, tensor<4xf32>)
  // CHECK-SAME: mask(%{{[^ ,]+}} : tensor<8x1x1xbf16>) outs(
  %r:5 = bn.training axis(1) epsilon(0.0) momentum(0.75)
      running_variance_kind(sample) groups(2)
      ins(%x : tensor<8x4x5xbf16>)
      scale(%c : tensor<4xf32>) offset(%c : tensor<4xf32>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      mask(%w : tensor<8x1x1xbf16>)
      outs(%y0, %mv, %mv, %c, %c : tensor<8x4x5xbf16>, tensor<2x4xf32>,
           tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4x5xbf16>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return %r#0 : tensor<8x4x5xbf16>
}

// The values that attributes have by default are not printed.
// CHECK-LABEL: func @training_defaults
func.func @training_defaults(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<4xf32> {
  // CHECK: bn.training axis(1) epsilon(1.000000e+00) momentum(-5.000000e-01) ins(
  %r:5 = bn.training axis(1) epsilon(1.0) momentum(-0.5)
      running_variance_kind(population) groups(1) ins(%x : tensor<8x4xf32>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>,
           tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return %r#3 : tensor<4xf32>
}

// The text keeps axes as they were written; the canonicalizer normalizes them.
// CHECK-LABEL: func @inference
func.func @inference(%x: tensor<?x3x?x5xf16>, %c: tensor<3x5xf16>,
    %d: tensor<3x5xf64>) -> tensor<?x3x?x5xf16> {
  // CHECK: bn.inference axis(-1, 1) epsilon(1.000000e-03)
  // CHECK-SAME: ins(%{{[^ ,]+}} : tensor<?x3x?x5xf16>)
  // CHECK-SAME: scale(%{{[^ ,]+}} : tensor<3x5xf16>) offset(%{{[^ ,]+}} : tensor<3x5xf64>)
  // CHECK-SAME: statistics(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<3x5xf64>, tensor<3x5xf16>)
  // CHECK-SAME: outs(%{{[^ ,]+}} : tensor<?x3x?x5xf16>) -> tensor<?x3x?x5xf16>
  %y = bn.inference axis(-1, 1) epsilon(1.0e-3) ins(%x : tensor<?x3x?x5xf16>)
      scale(%c : tensor<3x5xf16>) offset(%d : tensor<3x5xf64>)
      statistics(%d, %c : tensor<3x5xf64>, tensor<3x5xf16>)
      outs(%x : tensor<?x3x?x5xf16>) -> tensor<?x3x?x5xf16>
  return %y : tensor<?x3x?x5xf16>
}

// A size may be known in one operand and not in another.
// CHECK-LABEL: func @inference_mixed_shapes
func.func @inference_mixed_shapes(%x: tensor<?x?xf64>, %m: tensor<?xf64>,
    %v: tensor<7xf64>, %y0: tensor<9x?xf64>) -> tensor<9x?xf64> {
  // CHECK: bn.inference axis(1) epsilon(-1.000000e+00)
  // CHECK-SAME: statistics(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<?xf64>, tensor<7xf64>)
  // CHECK-SAME: outs(%{{[^ ,]+}} : tensor<9x?xf64>) -> tensor<9x?xf64>
  %y = bn.inference axis(1) epsilon(-1.0) ins(%x : tensor<?x?xf64>)
      statistics(%m, %v : tensor<?xf64>, tensor<7xf64>)
      outs(%y0 : tensor<9x?xf64>) -> tensor<9x?xf64>
  return %y : tensor<9x?xf64>
}

// Gradients are printed in their fixed order.
// CHECK-LABEL: func @backward
func.func @backward(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %w: tensor<8x1xf32>) -> (tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>) {
  // CHECK: bn.backward axis(1) epsilon(1.000000e-03) wrt(input, scale, offset) ins(
  // CHECK-SAME: statistics(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4xf32>, tensor<4xf32>) outs(
  // CHECK-SAME: -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  %r:3 = bn.backward axis(1) epsilon(1.0e-3) wrt(offset, input, scale)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  // CHECK: bn.backward axis(1) epsilon(1.000000e-03) wrt(scale) frozen ins(
  // CHECK-SAME: scale(%{{[^ ,]+}} : tensor<4xf32>) statistics(
  // CHECK-SAME: mask(%{{[^ ,]+}} : tensor<8x1xf32>)
  // CHECK-SAME: outs(%{{[^ ,]+}} : tensor<4xf32>) -> tensor<4xf32>
  %d = bn.backward axis(1) epsilon(1.0e-3) wrt(scale) frozen
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      scale(%c : tensor<4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      mask(%w : tensor<8x1xf32>) outs(%c : tensor<4xf32>) -> tensor<4xf32>
  // CHECK: bn.backward axis(1) statistics_kind(inverse_std) wrt(input) ins(
  %e = bn.backward axis(1) statistics_kind(inverse_std) wrt(input)
      ins(%x, %r#0 : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %d : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %e, %r#1, %d : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func @backward_groups
func.func @backward_groups(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %m: tensor<2x4xf32>) -> (tensor<8x4xf32>, tensor<4xf32>) {
  // CHECK: bn.backward axis(1) epsilon(1.000000e-03) wrt(scale) frozen groups(2) ins(
  // CHECK-SAME: statistics(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x4xf32>, tensor<2x4xf32>) outs(
  %d = bn.backward axis(1) epsilon(1.0e-3) wrt(scale) frozen groups(2)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%m, %m : tensor<2x4xf32>, tensor<2x4xf32>)
      outs(%c : tensor<4xf32>) -> tensor<4xf32>
  // CHECK: bn.backward axis(1) epsilon(1.000000e-03) wrt(input) ins(
  %e = bn.backward axis(1) epsilon(1.0e-3) wrt(input) groups(1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%d, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %e, %d : tensor<8x4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func @statistics
func.func @statistics(%x: tensor<8x4xbf16>, %n: tensor<4xf64>,
    %s: tensor<4xf32>, %r: tensor<4xbf16>, %w: tensor<8x4xbf16>)
    -> (tensor<4xbf16>, tensor<4xbf16>) {
  // CHECK: %[[A:.*]]:3 = bn.stats axis(1) ins(%{{[^ ,]+}} : tensor<8x4xbf16>) outs(
  // CHECK-SAME: : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
  // CHECK-SAME: -> tensor<4xf64>, tensor<4xf32>, tensor<4xf32>
  %a:3 = bn.stats axis(1) ins(%x : tensor<8x4xbf16>)
      outs(%n, %s, %s : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf64>, tensor<4xf32>, tensor<4xf32>
  // CHECK: %[[B:.*]]:3 = bn.stats axis(1) ins(%{{[^ ,]+}} : tensor<8x4xbf16>)
  // CHECK-SAME: mask(%{{[^ ,]+}} : tensor<8x4xbf16>) outs(
  %b:3 = bn.stats axis(1) ins(%x : tensor<8x4xbf16>)
      mask(%w : tensor<8x4xbf16>)
      outs(%n, %s, %s : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf64>, tensor<4xf32>, tensor<4xf32>
  // CHECK: %[[M:.*]]:3 = bn.merge_stats
  // CHECK-SAME: ins(%[[B]]#0, %[[B]]#1, %[[B]]#2 : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
  // CHECK-SAME: outs(%[[A]]#0, %[[A]]#1, %[[A]]#2 : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
  // CHECK-SAME: -> tensor<4xf64>, tensor<4xf32>, tensor<4xf32>
  %m:3 = bn.merge_stats
      ins(%b#0, %b#1, %b#2 : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
      outs(%a#0, %a#1, %a#2 : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf64>, tensor<4xf32>, tensor<4xf32>
  // CHECK: bn.update_running_stats momentum(7.500000e-01) ins(%[[M]]#0, %[[M]]#1, %[[M]]#2 :
  // CHECK-SAME: running(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4xbf16>, tensor<4xbf16>) outs(
  %u:2 = bn.update_running_stats momentum(0.75)
      ins(%m#0, %m#1, %m#2 : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
      running(%r, %r : tensor<4xbf16>, tensor<4xbf16>)
      outs(%r, %r : tensor<4xbf16>, tensor<4xbf16>)
      -> tensor<4xbf16>, tensor<4xbf16>
  // CHECK: bn.update_running_stats momentum(2.000000e+00) running_variance_kind(sample) ins(
  %k:2 = bn.update_running_stats momentum(2.0) running_variance_kind(sample)
      ins(%m#0, %m#1, %m#2 : tensor<4xf64>, tensor<4xf32>, tensor<4xf32>)
      running(%u#0, %u#1 : tensor<4xbf16>, tensor<4xbf16>)
      outs(%r, %r : tensor<4xbf16>, tensor<4xbf16>)
      -> tensor<4xbf16>, tensor<4xbf16>
  return %k#0, %k#1 : tensor<4xbf16>, tensor<4xbf16>
}

// CHECK-LABEL: func @normalize
func.func @normalize(%x: tensor<?xf32>, %c: tensor<?xf64>) -> tensor<?xf32> {
  // CHECK: bn.normalize axis(0) ins(%{{[^ ,]+}} : tensor<?xf32>) outs(
  %a = bn.normalize axis(0) ins(%x : tensor<?xf32>) outs(%x : tensor<?xf32>)
      -> tensor<?xf32>
  // CHECK: bn.normalize axis(0) epsilon(1.000000e-05) ins(%{{[^ ,]+}} : tensor<?xf32>)
  // CHECK-SAME: mean(%{{[^ ,]+}} : tensor<?xf64>) variance(%{{[^ ,]+}} : tensor<?xf64>)
  // CHECK-SAME: scale(%{{[^ ,]+}} : tensor<?xf64>) offset(%{{[^ ,]+}} : tensor<?xf64>) outs(
  %b = bn.normalize axis(0) epsilon(1.0e-5) ins(%a : tensor<?xf32>)
      mean(%c : tensor<?xf64>) variance(%c : tensor<?xf64>)
      scale(%c : tensor<?xf64>) offset(%c : tensor<?xf64>)
      outs(%x : tensor<?xf32>) -> tensor<?xf32>
  return %b : tensor<?xf32>
}

// CHECK-LABEL: func @backward_steps
func.func @backward_steps(%x: tensor<2x3x4xf16>, %c: tensor<3xf32>,
    %w: tensor<2x1x4xf32>) -> (tensor<3xf32>, tensor<2x3x4xf16>) {
  // CHECK: bn.backward_reduce axis(-2)
  // CHECK-SAME: ins(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3x4xf16>, tensor<2x3x4xf16>)
  // CHECK-SAME: mean(%{{[^ ,]+}} : tensor<3xf32>) outs(
  // CHECK-SAME: -> tensor<3xf32>, tensor<3xf32>
  %s:2 = bn.backward_reduce axis(-2)
      ins(%x, %x : tensor<2x3x4xf16>, tensor<2x3x4xf16>)
      mean(%c : tensor<3xf32>) outs(%c, %c : tensor<3xf32>, tensor<3xf32>)
      -> tensor<3xf32>, tensor<3xf32>
  // CHECK: bn.backward_reduce axis(1)
  // CHECK-SAME: mean(%{{[^ ,]+}} : tensor<3xf32>) outs(
  %t:2 = bn.backward_reduce axis(1)
      ins(%x, %x : tensor<2x3x4xf16>, tensor<2x3x4xf16>)
      mean(%c : tensor<3xf32>)
      outs(%s#0, %s#1 : tensor<3xf32>, tensor<3xf32>)
      -> tensor<3xf32>, tensor<3xf32>
  // CHECK: bn.backward_input axis(1)
  // CHECK-SAME: ins(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3x4xf16>, tensor<2x3x4xf16>)
  // CHECK-SAME: coefficients(%{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  // CHECK-SAME: mask(%{{[^ ,]+}} : tensor<2x1x4xf32>)
  // CHECK-SAME: outs(%{{[^ ,]+}} : tensor<2x3x4xf16>) -> tensor<2x3x4xf16>
  %dx = bn.backward_input axis(1)
      ins(%x, %x : tensor<2x3x4xf16>, tensor<2x3x4xf16>)
      coefficients(%t#0, %t#1, %c
                   : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
      mask(%w : tensor<2x1x4xf32>)
      outs(%x : tensor<2x3x4xf16>) -> tensor<2x3x4xf16>
  // CHECK: bn.backward_reduce axis(1) sums(dy) ins(%{{[^ ,]+}} : tensor<2x3x4xf16>) outs(
  %u = bn.backward_reduce axis(1) sums(dy) ins(%dx : tensor<2x3x4xf16>)
      outs(%t#0 : tensor<3xf32>) -> tensor<3xf32>
  // CHECK: bn.backward_reduce axis(1) sums(dy_xmu) ins(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3x4xf16>, tensor<2x3x4xf16>) mean(
  %v = bn.backward_reduce axis(1) sums(dy_xmu)
      ins(%x, %x : tensor<2x3x4xf16>, tensor<2x3x4xf16>)
      mean(%u : tensor<3xf32>) outs(%c : tensor<3xf32>) -> tensor<3xf32>
  // CHECK: bn.backward_input axis(1)
  // CHECK-SAME: mean(%{{[^ ,]+}} : tensor<3xf64>) coefficients(
  %m = arith.extf %v : tensor<3xf32> to tensor<3xf64>
  %dx2 = bn.backward_input axis(1)
      ins(%x, %dx : tensor<2x3x4xf16>, tensor<2x3x4xf16>)
      mean(%m : tensor<3xf64>)
      coefficients(%c, %c, %c : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
      outs(%x : tensor<2x3x4xf16>) -> tensor<2x3x4xf16>
  return %t#0, %dx2 : tensor<3xf32>, tensor<2x3x4xf16>
}

// On buffers, as between bufferization and the end of its pass, there are no
// results.
// CHECK-LABEL: func @buffers
func.func @buffers(%x: memref<8x4xf32, strided<[?, 1], offset: ?>>,
    %y: memref<8x4xf32>, %c: memref<4xf32>, %n: memref<4xf64>) {
  // CHECK: bn.inference axis(1)
  // CHECK-SAME: ins(%{{[^ ,]+}} : memref<8x4xf32, strided<[?, 1], offset: ?>>)
  // CHECK-SAME: outs(%{{[^ ,]+}} : memref<8x4xf32>){{$}}
  bn.inference axis(1) epsilon(1.0e-3)
      ins(%x : memref<8x4xf32, strided<[?, 1], offset: ?>>)
      statistics(%c, %c : memref<4xf32>, memref<4xf32>)
      outs(%y : memref<8x4xf32>)
  // CHECK: bn.stats axis(1) ins(%{{[^ ,]+}} : memref<8x4xf32>)
  // CHECK-SAME: outs(%{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : memref<4xf64>, memref<4xf32>, memref<4xf32>){{$}}
  bn.stats axis(1) ins(%y : memref<8x4xf32>)
      outs(%n, %c, %c : memref<4xf64>, memref<4xf32>, memref<4xf32>)
  return
}

// Attributes that no clause prints stay between the attributes and `ins`.
// CHECK-LABEL: func @discardable_attributes
func.func @discardable_attributes(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // CHECK: bn.normalize axis(1) {note = "kept"} ins(
  %y = bn.normalize axis(1) {note = "kept"} ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// With and without epilogue inputs, like the data and with an entry per channel,
// on tensors and on buffers; a value from outside.
// CHECK-LABEL: func @epilogues
func.func @epilogues(%x: tensor<8x4xbf16>, %c: tensor<4xf32>, %s: f32,
    %xb: memref<8x?xf64>) -> tensor<8x4xbf16> {
  // CHECK: bn.training {{.*}} outs({{.*}}) epilogue(%[[A:[a-z0-9]+]], %[[A]] : tensor<8x4xbf16>, tensor<8x4xbf16>) {
  // CHECK-NEXT: ^bb0(%[[Y:.*]]: f32, %{{.*}}: f32, %[[E:.*]]: f32):
  // CHECK-NEXT:   %[[SUM:.*]] = arith.addf %[[Y]], %[[E]] : f32
  // CHECK-NEXT:   bn.yield %[[SUM]] : f32
  // CHECK-NEXT: } -> tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>
  %t, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xbf16>)
      outs(%x, %c, %c : tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>)
      epilogue(%x, %x : tensor<8x4xbf16>, tensor<8x4xbf16>) {
    ^bb0(%y: f32, %d: f32, %e: f32):
      %sum = arith.addf %y, %e : f32
      bn.yield %sum : f32
    } -> tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>
  // CHECK: bn.inference {{.*}} outs({{.*}}) epilogue {
  // CHECK-NEXT: ^bb0(%[[Y:.*]]: f32):
  // CHECK-NEXT:   %{{.*}} = arith.mulf %[[Y]], %{{.*}} : f32
  // CHECK: } -> tensor<8x4xbf16>
  %i = bn.inference axis(1) epsilon(1.0e-3) ins(%t : tensor<8x4xbf16>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xbf16>) epilogue {
    ^bb0(%y: f32):
      %p = arith.mulf %y, %s : f32
      bn.yield %p : f32
    } -> tensor<8x4xbf16>
  // CHECK: bn.normalize axis(0) ins({{.*}}) outs({{.*}}) epilogue(%{{.*}} : memref<8x?xf64>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: f64, %{{.*}}: f64):
  // CHECK: }{{$}}
  bn.normalize axis(0) ins(%xb : memref<8x?xf64>)
      outs(%xb : memref<8x?xf64>) epilogue(%xb : memref<8x?xf64>) {
    ^bb0(%y: f64, %e: f64):
      %p = arith.mulf %y, %e : f64
      bn.yield %p : f64
    }
  // CHECK: bn.normalize axis(-1) ins({{.*}}) outs({{.*}}) epilogue(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4xf32>, tensor<8x4xbf16>) {
  %n = bn.normalize axis(-1) ins(%i : tensor<8x4xbf16>)
      outs(%x : tensor<8x4xbf16>)
      epilogue(%c, %x : tensor<4xf32>, tensor<8x4xbf16>) {
    ^bb0(%y: f32, %slope: f32, %e: f32):
      %p = arith.mulf %y, %slope : f32
      %sum = arith.addf %p, %e : f32
      bn.yield %sum : f32
    } -> tensor<8x4xbf16>
  return %n : tensor<8x4xbf16>
}

// Ops with a prologue: the gradient of a ReLU by the sign of its output, by
// saved bits, and with a factor per channel, for sums, coefficients or none.
// CHECK-LABEL: func @prologues
func.func @prologues(%dy: tensor<8x4xbf16>, %y: tensor<8x4xbf16>,
    %bits: tensor<8x4xi8>, %c: tensor<4xf32>, %xb: memref<8x?xf64>)
    -> tensor<8x4xbf16> {
  // CHECK: bn.backward axis(1) epsilon(1.000000e-03) wrt(input, offset, normalized) ins({{.*}}) statistics({{.*}}) outs({{.*}}) prologue(%{{[^ ,]+}} : tensor<8x4xbf16>) {
  // CHECK-NEXT: ^bb0(%[[DY:.*]]: f32, %[[Y:.*]]: f32):
  // CHECK: %[[G:.*]] = arith.select %{{.*}}, %[[DY]], %{{.*}} : f32
  // CHECK-NEXT: bn.yield %[[G]] : f32
  // CHECK-NEXT: } -> tensor<8x4xbf16>, tensor<4xf32>, tensor<8x4xbf16>
  %dx, %db, %dz = bn.backward axis(1) epsilon(1.0e-3)
      wrt(normalized, offset, input)
      ins(%dy, %y : tensor<8x4xbf16>, tensor<8x4xbf16>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%dy, %c, %dy : tensor<8x4xbf16>, tensor<4xf32>, tensor<8x4xbf16>)
      prologue(%y : tensor<8x4xbf16>) {
    ^bb0(%e: f32, %z: f32):
      %zero = arith.constant 0.0 : f32
      %p = arith.cmpf ogt, %z, %zero : f32
      %g = arith.select %p, %e, %zero : f32
      bn.yield %g : f32
    } -> tensor<8x4xbf16>, tensor<4xf32>, tensor<8x4xbf16>
  // CHECK: bn.backward_reduce axis(1) sums(dy) ins({{.*}}) outs({{.*}}) prologue(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4xf32>, tensor<8x4xi8>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: i8):
  %s = bn.backward_reduce axis(1) sums(dy) ins(%dx : tensor<8x4xbf16>)
      outs(%db : tensor<4xf32>)
      prologue(%c, %bits : tensor<4xf32>, tensor<8x4xi8>) {
    ^bb0(%e: f32, %f: f32, %b: i8):
      %none = arith.constant 0 : i8
      %p = arith.cmpi ne, %b, %none : i8
      %m = arith.mulf %e, %f : f32
      %g = arith.select %p, %e, %m : f32
      bn.yield %g : f32
    } -> tensor<4xf32>
  // CHECK: bn.backward_input axis(1) ins(%{{[^ ,]+}} : tensor<8x4xbf16>) coefficients(%{{[^ ,]+}} : tensor<4xf32>) outs(%{{[^ ,]+}}, %{{[^ ,]+}} : tensor<8x4xbf16>, tensor<8x4xbf16>) prologue {
  %i:2 = bn.backward_input axis(1) ins(%dz : tensor<8x4xbf16>)
      coefficients(%s : tensor<4xf32>)
      outs(%dy, %dy : tensor<8x4xbf16>, tensor<8x4xbf16>) prologue {
    ^bb0(%e: f32):
      %g = arith.negf %e : f32
      bn.yield %g : f32
    } -> tensor<8x4xbf16>, tensor<8x4xbf16>
  // CHECK: bn.backward_input axis(0) ins(%{{[^ ,]+}} : memref<8x?xf64>) outs(%{{[^ ,]+}} : memref<8x?xf64>) prologue(%{{[^ ,]+}} : memref<8x?xf64>) {
  // CHECK: }{{$}}
  bn.backward_input axis(0) ins(%xb : memref<8x?xf64>)
      outs(%xb : memref<8x?xf64>) prologue(%xb : memref<8x?xf64>) {
    ^bb0(%e: f64, %z: f64):
      %g = arith.mulf %e, %z : f64
      bn.yield %g : f64
    }
  return %i#1 : tensor<8x4xbf16>
}

// An epilogue that saves an i8 beside the output; bits, of static and dynamic
// sizes.
// CHECK-LABEL: func @bits
func.func @bits(%x: tensor<8x4xbf16>, %c: tensor<4xf32>, %b0: tensor<8x4xi8>,
    %bytes: memref<?xi8>, %xb: memref<8x?xf64>, %n: index) -> tensor<8x4xi8> {
  // CHECK: bn.training {{.*}} outs({{.*}} : tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>, tensor<8x4xi8>) epilogue {
  // CHECK: bn.yield %{{[^ ,]+}}, %{{[^ ,]+}} : f32, i8
  // CHECK-NEXT: } -> tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>, tensor<8x4xi8>
  %y, %m, %v, %b = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xbf16>)
      outs(%x, %c, %c, %b0
           : tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>, tensor<8x4xi8>)
      epilogue {
    ^bb0(%e: f32):
      %bit = arith.constant 1 : i8
      bn.yield %e, %bit : f32, i8
    } -> tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>, tensor<8x4xi8>
  // CHECK: bn.view_bits %{{[^ ,]+}} : memref<?xi8> to memref<2x16xi8>
  %0 = bn.view_bits %bytes : memref<?xi8> to memref<2x16xi8>
  // CHECK: %[[BITS:.*]] = bn.view_bits %{{[^ ,]+}}[%{{[^ ,]+}}] : memref<?xi8> to memref<8x?xi8>
  %bits = bn.view_bits %bytes[%n] : memref<?xi8> to memref<8x?xi8>
  // CHECK: bn.normalize {{.*}} outs(%{{[^ ,]+}}, %[[BITS]] : memref<8x?xf64>, memref<8x?xi8>) epilogue {
  // CHECK: }{{$}}
  bn.normalize axis(1) ins(%xb : memref<8x?xf64>)
      outs(%xb, %bits : memref<8x?xf64>, memref<8x?xi8>) epilogue {
    ^bb0(%e: f64):
      %bit = arith.constant 1 : i8
      bn.yield %e, %bit : f64, i8
    }
  return %b : tensor<8x4xi8>
}
