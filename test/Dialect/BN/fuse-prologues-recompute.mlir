// A prologue that reads the output of the op in front of it: the output is
// computed again, from what that op reads, where nothing else needs it.

// RUN: bn-opt %s --convert-elementwise-to-linalg --bn-fuse-prologues --split-input-file | FileCheck %s

// An op that normalizes becomes scalar code on its coefficients: the sign of
// the output of a ReLU is computed again from the input.
// CHECK-LABEL: func @recomputed
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<8x4xbf16>, %[[X:[a-z0-9]+]]: tensor<8x4xbf16>
//       CHECK:   %[[C:.*]]:3 = linalg.generic {{.*}} outs(%{{.*}} : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
//   CHECK-NOT:   bn.inference
//       CHECK:   bn.backward {{.*}} prologue(%[[X]], %[[C]]#0, %[[C]]#1, %[[C]]#2 : tensor<8x4xbf16>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
//  CHECK-NEXT:   ^bb0(%[[E:.*]]: f32, %[[T:.*]]: f32, %[[M:.*]]: f32, %[[A:.*]]: f32, %[[B:.*]]: f32):
//  CHECK-NEXT:     %[[D:.*]] = arith.subf %[[T]], %[[M]] : f32
//  CHECK-NEXT:     %[[S:.*]] = arith.mulf %[[D]], %[[A]] {{.*}}: f32
//  CHECK-NEXT:     %[[Y:.*]] = arith.addf %[[S]], %[[B]] {{.*}}: f32
//       CHECK:     arith.cmpf ogt, %[[Y]], %{{.*}} : f32
func.func @recomputed(%dz: tensor<8x4xbf16>, %x: tensor<8x4xbf16>,
    %m: tensor<4xf64>, %v: tensor<4xf64>, %dx0: tensor<8x4xbf16>)
    -> tensor<8x4xbf16> {
  %z = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xbf16>)
      statistics(%m, %v : tensor<4xf64>, tensor<4xf64>)
      outs(%x : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  %zero = arith.constant dense<0.0> : tensor<8x4xbf16>
  %p = arith.cmpf ogt, %z, %zero : tensor<8x4xbf16>
  %dy = arith.select %p, %dz, %zero : tensor<8x4xi1>, tensor<8x4xbf16>
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dy, %x : tensor<8x4xbf16>, tensor<8x4xbf16>)
      statistics(%m, %v : tensor<4xf64>, tensor<4xf64>)
      outs(%dx0 : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  return %dx : tensor<8x4xbf16>
}

// -----

// Of an output that the prologue takes twice, too.
// CHECK-LABEL: func @recomputed_once
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<8x4xf32>, %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[M:[a-z0-9]+]]: tensor<4xf32>
//   CHECK-NOT:   bn.normalize
//       CHECK:   bn.backward {{.*}} prologue(%[[X]], %[[M]] : tensor<8x4xf32>, tensor<4xf32>) {
//  CHECK-NEXT:   ^bb0(%[[E:.*]]: f32, %[[T:.*]]: f32, %[[C:.*]]: f32):
//  CHECK-NEXT:     %[[Y:.*]] = arith.subf %[[T]], %[[C]] : f32
//  CHECK-NEXT:     %[[S:.*]] = arith.mulf %[[Y]], %[[Y]] : f32
//  CHECK-NEXT:     arith.mulf %[[E]], %[[S]] : f32
func.func @recomputed_once(%dz: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %m: tensor<4xf32>, %dx0: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %z = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%m : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dz, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%m, %m : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0 : tensor<8x4xf32>)
      prologue(%z, %z : tensor<8x4xf32>, tensor<8x4xf32>) {
    ^bb0(%e: f32, %y: f32, %w: f32):
      %s = arith.mulf %y, %w : f32
      %g = arith.mulf %e, %s : f32
      bn.yield %g : f32
    } -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}

// -----

// It stays where something else needs the output, or where it has other
// channels, or where the op has it as its input.
// CHECK-LABEL: func @needed
//       CHECK:   %[[Z:.*]] = bn.normalize
//       CHECK:   bn.backward {{.*}} prologue(%[[Z]] : tensor<4x4xf32>)
//       CHECK:   %[[O:.*]] = bn.normalize
//       CHECK:   bn.backward {{.*}} prologue(%[[O]] : tensor<4x4xf32>)
//       CHECK:   %[[I:.*]] = bn.normalize
//       CHECK:   bn.backward {{.*}} ins(%{{.*}}, %[[I]] : {{.*}} prologue(%[[I]] : tensor<4x4xf32>)
func.func @needed(%dz: tensor<4x4xf32>, %x: tensor<4x4xf32>, %m: tensor<4xf32>,
    %dx0: tensor<4x4xf32>)
    -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %z = bn.normalize axis(1) ins(%x : tensor<4x4xf32>) mean(%m : tensor<4xf32>)
      outs(%x : tensor<4x4xf32>) -> tensor<4x4xf32>
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dz, %x : tensor<4x4xf32>, tensor<4x4xf32>)
      statistics(%m, %m : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0 : tensor<4x4xf32>) prologue(%z : tensor<4x4xf32>) {
    ^bb0(%e: f32, %y: f32):
      %g = arith.mulf %e, %y : f32
      bn.yield %g : f32
    } -> tensor<4x4xf32>
  %other = bn.normalize axis(0) ins(%x : tensor<4x4xf32>)
      mean(%m : tensor<4xf32>) outs(%x : tensor<4x4xf32>) -> tensor<4x4xf32>
  %dx2 = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dz, %x : tensor<4x4xf32>, tensor<4x4xf32>)
      statistics(%m, %m : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0 : tensor<4x4xf32>) prologue(%other : tensor<4x4xf32>) {
    ^bb0(%e: f32, %y: f32):
      %g = arith.mulf %e, %y : f32
      bn.yield %g : f32
    } -> tensor<4x4xf32>
  %in = bn.normalize axis(1) ins(%x : tensor<4x4xf32>) mean(%m : tensor<4xf32>)
      outs(%x : tensor<4x4xf32>) -> tensor<4x4xf32>
  %dx3 = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dz, %in : tensor<4x4xf32>, tensor<4x4xf32>)
      statistics(%m, %m : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0 : tensor<4x4xf32>) prologue(%in : tensor<4x4xf32>) {
    ^bb0(%e: f32, %y: f32):
      %g = arith.mulf %e, %y : f32
      bn.yield %g : f32
    } -> tensor<4x4xf32>
  return %z, %dx, %dx2, %dx3
      : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// With an exponential in its epilogue it takes longer than the memory, and
// stays where the prologue is computed in two sweeps; in one it is fused.
// CHECK-LABEL: func @expensive
//       CHECK:   %[[Z:.*]] = bn.inference
//       CHECK:   bn.backward {{.*}} wrt(input) {{.*}} prologue(%[[Z]] : tensor<8x4xf32>)
//   CHECK-NOT:   bn.inference
//       CHECK:   bn.backward {{.*}} wrt(offset) {{.*}} prologue(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<8x4xf32>, tensor<4xf32>
//       CHECK:     math.exp
func.func @expensive(%dz: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %m: tensor<4xf32>, %v: tensor<4xf32>, %dx0: tensor<8x4xf32>,
    %db0: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<4xf32>) {
  %z = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) epilogue {
    ^bb0(%y: f32):
      %e = math.exp %y : f32
      bn.yield %e : f32
    } -> tensor<8x4xf32>
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dz, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0 : tensor<8x4xf32>) prologue(%z : tensor<8x4xf32>) {
    ^bb0(%e: f32, %y: f32):
      %g = arith.mulf %e, %y : f32
      bn.yield %g : f32
    } -> tensor<8x4xf32>
  %w = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) epilogue {
    ^bb0(%y: f32):
      %e = math.exp %y : f32
      bn.yield %e : f32
    } -> tensor<8x4xf32>
  %db = bn.backward axis(1) epsilon(1.0e-3) wrt(offset)
      ins(%dz, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%m, %v : tensor<4xf32>, tensor<4xf32>)
      outs(%db0 : tensor<4xf32>) prologue(%w : tensor<8x4xf32>) {
    ^bb0(%e: f32, %y: f32):
      %g = arith.mulf %e, %y : f32
      bn.yield %g : f32
    } -> tensor<4xf32>
  return %dx, %db : tensor<8x4xf32>, tensor<4xf32>
}
