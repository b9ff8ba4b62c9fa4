// Elementwise ops that make the gradient of the output become the prologue, and
// others stay.

// RUN: bn-opt %s --convert-elementwise-to-linalg --bn-fuse-prologues --split-input-file | FileCheck %s

// A ReLU. The comparison is fused because its result is no tensor that a
// prologue takes; what the ops need besides the gradient is a prologue input.
// CHECK-LABEL: func @relu
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<8x4xf32>, %[[Z:[a-z0-9]+]]: tensor<8x4xf32>, %[[X:[a-z0-9]+]]: tensor<8x4xf32>
//   CHECK-NOT:   linalg
//       CHECK:   bn.backward {{.*}} wrt(input) ins(%[[DZ]], %[[X]] :
//  CHECK-SAME:     prologue(%[[Z]] : tensor<8x4xf32>) {
//  CHECK-NEXT:   ^bb0(%[[E:.*]]: f32, %[[Y:.*]]: f32):
//  CHECK-NEXT:     %[[ZERO:.*]] = arith.constant 0.0{{0*}}e+00 : f32
//  CHECK-NEXT:     %[[P:.*]] = arith.cmpf ogt, %[[Y]], %[[ZERO]] : f32
//       CHECK:     %[[G:.*]] = arith.select %[[P]], %[[E]], %{{.*}} : f32
//  CHECK-NEXT:     bn.yield %[[G]] : f32
//  CHECK-NEXT:   } -> tensor<8x4xf32>
//   CHECK-NOT:   linalg
//       CHECK:   return
func.func @relu(%dz: tensor<8x4xf32>, %z: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %dx0: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<8x4xf32>
  %p = arith.cmpf ogt, %z, %zero : tensor<8x4xf32>
  %dy = arith.select %p, %dz, %zero : tensor<8x4xi1>, tensor<8x4xf32>
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0 : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}

// -----

// A leaky ReLU in one op, on bf16: f32 in the prologue. The order in which the
// op takes its tensors does not matter.
// CHECK-LABEL: func @leaky
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<8x4xbf16>, %[[Z:[a-z0-9]+]]: tensor<8x4xbf16>, %[[X:[a-z0-9]+]]: tensor<8x4xbf16>
//       CHECK:   bn.backward {{.*}} ins(%[[DZ]], %[[X]] :
//  CHECK-SAME:     prologue(%[[Z]] : tensor<8x4xbf16>) {
//  CHECK-NEXT:   ^bb0(%[[E:.*]]: f32, %[[Y:.*]]: f32):
//       CHECK:     %[[P:.*]] = arith.cmpf oge, %[[Y]], %{{.*}} : f32
//  CHECK-NEXT:     %[[M:.*]] = arith.mulf %[[E]], %{{.*}} : f32
//  CHECK-NEXT:     %[[G:.*]] = arith.select %[[P]], %[[E]], %[[M]] : f32
//  CHECK-NEXT:     bn.yield %[[G]] : f32
//   CHECK-NOT:   linalg
//       CHECK:   return
func.func @leaky(%dz: tensor<8x4xbf16>, %z: tensor<8x4xbf16>,
    %x: tensor<8x4xbf16>, %c: tensor<4xf32>, %dx0: tensor<8x4xbf16>)
    -> tensor<8x4xbf16> {
  %empty = tensor.empty() : tensor<8x4xbf16>
  %dy = linalg.map ins(%z, %dz : tensor<8x4xbf16>, tensor<8x4xbf16>)
      outs(%empty : tensor<8x4xbf16>)
    (%y: bf16, %e: bf16, %o: bf16) {
      %zero = arith.constant 0.0 : bf16
      %slope = arith.constant 1.0e-2 : bf16
      %p = arith.cmpf oge, %y, %zero : bf16
      %m = arith.mulf %e, %slope : bf16
      %g = arith.select %p, %e, %m : bf16
      linalg.yield %g : bf16
    }
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dy, %x : tensor<8x4xbf16>, tensor<8x4xbf16>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0 : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  return %dx : tensor<8x4xbf16>
}

// -----

// A ReLU behind an addition: the gradient of the addend, which is returned, is
// that of the normalized elements, in the memory that the op had for it. An op
// between the two that needs it comes behind the op; sizes do not keep it.
// CHECK-LABEL: func @addend
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<?x4xf32>, %[[Z:[a-z0-9]+]]: tensor<?x4xf32>, %[[X:[a-z0-9]+]]: tensor<?x4xf32>, %{{[a-z0-9]+}}: tensor<4xf32>, %[[DR0:[a-z0-9]+]]: tensor<?x4xf32>
//       CHECK:   tensor.dim %[[DR0]]
//       CHECK:   %[[DX0:.*]] = tensor.empty
//       CHECK:   %[[G:.*]]:3 = bn.backward {{.*}} wrt(input, scale, normalized) ins(%[[DZ]], %[[X]] :
//  CHECK-SAME:     outs(%[[DX0]], %{{.*}}, %[[DR0]] : tensor<?x4xf32>, tensor<4xf32>, tensor<?x4xf32>)
//  CHECK-SAME:     prologue(%[[Z]] : tensor<?x4xf32>) {
//       CHECK:   %[[EXP:.*]] = linalg.exp ins(%[[G]]#2 :
//       CHECK:   return %[[G]]#0, %[[G]]#1, %[[G]]#2, %[[EXP]]
func.func @addend(%dz: tensor<?x4xf32>, %z: tensor<?x4xf32>,
    %x: tensor<?x4xf32>, %c: tensor<4xf32>, %dr0: tensor<?x4xf32>)
    -> (tensor<?x4xf32>, tensor<4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %c0 = arith.constant 0 : index
  %dy = linalg.map ins(%dz, %z : tensor<?x4xf32>, tensor<?x4xf32>)
      outs(%dr0 : tensor<?x4xf32>)
    (%e: f32, %y: f32, %o: f32) {
      %zero = arith.constant 0.0 : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %e, %zero : f32
      linalg.yield %g : f32
    }
  %exp = linalg.exp ins(%dy : tensor<?x4xf32>) outs(%x : tensor<?x4xf32>)
      -> tensor<?x4xf32>
  %size = tensor.dim %dy, %c0 : tensor<?x4xf32>
  %dx0 = tensor.empty(%size) : tensor<?x4xf32>
  %g:2 = bn.backward axis(1) epsilon(1.0e-3) wrt(input, scale)
      ins(%dy, %x : tensor<?x4xf32>, tensor<?x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0, %c : tensor<?x4xf32>, tensor<4xf32>)
      -> tensor<?x4xf32>, tensor<4xf32>
  return %g#0, %g#1, %dy, %exp
      : tensor<?x4xf32>, tensor<4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Two branches of a residual block: one makes the gradient for the other. An op
// on tensors has no memory of its own for its result.
// CHECK-LABEL: func @two_branches
//  CHECK-SAME:     %[[A:[a-z0-9]+]]: tensor<8x4xf32>, %[[B:[a-z0-9]+]]: tensor<8x4xf32>, %[[X:[a-z0-9]+]]: tensor<8x4xf32>
//   CHECK-NOT:   linalg
//       CHECK:   %[[DR0:.*]] = tensor.empty() : tensor<8x4xf32>
//       CHECK:   %[[ONE:.*]]:2 = bn.backward {{.*}} wrt(input, normalized) ins(%[[A]], %[[X]] :
//  CHECK-SAME:     outs(%{{.*}}, %[[DR0]] :
//  CHECK-SAME:     prologue(%[[B]] : tensor<8x4xf32>) {
//       CHECK:     arith.addf
//       CHECK:   %[[TWO:.*]] = bn.backward {{.*}} wrt(input) ins(%[[ONE]]#1, %[[X]] :
//   CHECK-NOT:     prologue
//       CHECK:   return %[[ONE]]#0, %[[TWO]]
func.func @two_branches(%a: tensor<8x4xf32>, %b: tensor<8x4xf32>,
    %x: tensor<8x4xf32>, %c: tensor<4xf32>, %o: tensor<8x4xf32>)
    -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %dy = arith.addf %a, %b : tensor<8x4xf32>
  %one = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%o : tensor<8x4xf32>) -> tensor<8x4xf32>
  %two = bn.backward axis(1) epsilon(1.0e-5) wrt(input)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%o : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %one, %two : tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// A chain: of what makes the gradient, and of what makes another input of the
// prologue. %w has two users, both in the prologue in the end. Bits are i8.
// CHECK-LABEL: func @chain
//  CHECK-SAME:     %[[A:[a-z0-9]+]]: tensor<8x4xf32>, %[[B:[a-z0-9]+]]: tensor<8x4xf32>, %[[BITS:[a-z0-9]+]]: tensor<8x4xi8>
//   CHECK-NOT:   linalg
//       CHECK:   bn.backward {{.*}} ins(%[[A]], %{{.*}} prologue(%[[BITS]], %[[B]] : tensor<8x4xi8>, tensor<8x4xf32>) {
//  CHECK-NEXT:   ^bb0(%[[E:.*]]: f32, %[[BIT:.*]]: i8, %[[F:.*]]: f32):
//   CHECK-DAG:     %[[W:.*]] = arith.addf %[[E]], %[[F]] : f32
//   CHECK-DAG:     %[[N:.*]] = arith.negf %[[W]] : f32
//   CHECK-DAG:     %[[P:.*]] = arith.trunci %[[BIT]] : i8 to i1
//       CHECK:     %[[G:.*]] = arith.select %[[P]], %[[W]], %[[N]] : f32
//  CHECK-NEXT:     bn.yield %[[G]] : f32
//   CHECK-NOT:   linalg
//       CHECK:   return
func.func @chain(%a: tensor<8x4xf32>, %b: tensor<8x4xf32>,
    %bits: tensor<8x4xi8>, %x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %w = arith.addf %a, %b : tensor<8x4xf32>
  %n = arith.negf %w : tensor<8x4xf32>
  %p = arith.trunci %bits : tensor<8x4xi8> to tensor<8x4xi1>
  %dy = arith.select %p, %w, %n : tensor<8x4xi1>, tensor<8x4xf32>
  %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}

// -----

// Entries per channel, by a map and broadcast, in front of a prologue that is
// there, with an input that both take: any tensor of the type may take the
// place of the gradient. Of a structural op.
// CHECK-LABEL: func @per_channel
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<8x4xf16>, %[[Z:[a-z0-9]+]]: tensor<8x4xf16>, %[[S:[a-z0-9]+]]: tensor<4xf32>, %[[B:[a-z0-9]+]]: tensor<4xf16>
//   CHECK-NOT:   linalg
//       CHECK:   bn.backward_reduce {{.*}} ins(%[[Z]] : {{.*}} prologue(%[[S]], %[[DZ]], %[[B]] : tensor<4xf32>, tensor<8x4xf16>, tensor<4xf16>) {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32, %[[SLOPE:.*]]: f32, %[[E:.*]]: f32, %[[BIAS:.*]]: f32):
//       CHECK:     %[[A:.*]] = arith.addf %[[E]], %[[BIAS]] : f32
//       CHECK:     %[[M:.*]] = arith.mulf %[[A]], %[[SLOPE]] : f32
//       CHECK:     %[[T:.*]] = arith.mulf %[[M]], %[[Y]] : f32
//       CHECK:     %[[G:.*]] = arith.mulf %[[T]], %[[Y]] : f32
//  CHECK-NEXT:     bn.yield %[[G]] : f32
//   CHECK-NOT:   linalg
//       CHECK:   return
#all = affine_map<(d0, d1) -> (d0, d1)>
#channel = affine_map<(d0, d1) -> (d1)>
func.func @per_channel(%dz: tensor<8x4xf16>, %z: tensor<8x4xf16>,
    %s: tensor<4xf32>, %b: tensor<4xf16>, %sum: tensor<4xf64>)
    -> tensor<4xf64> {
  %empty = tensor.empty() : tensor<8x4xf16>
  %bias = linalg.broadcast ins(%b : tensor<4xf16>)
      outs(%empty : tensor<8x4xf16>) dimensions = [0]
  %a = linalg.add ins(%dz, %bias : tensor<8x4xf16>, tensor<8x4xf16>)
      outs(%empty : tensor<8x4xf16>) -> tensor<8x4xf16>
  %dy = linalg.generic {indexing_maps = [#all, #channel, #all, #all],
                        iterator_types = ["parallel", "parallel"]}
      ins(%a, %s, %z : tensor<8x4xf16>, tensor<4xf32>, tensor<8x4xf16>)
      outs(%empty : tensor<8x4xf16>) {
  ^bb0(%e: f16, %slope: f32, %y: f16, %o: f16):
    %w = arith.extf %e : f16 to f32
    %m = arith.mulf %w, %slope : f32
    %n = arith.truncf %m : f32 to f16
    %t = arith.mulf %n, %y : f16
    linalg.yield %t : f16
  } -> tensor<8x4xf16>
  %r = bn.backward_reduce axis(1) sums(dy) ins(%dy : tensor<8x4xf16>)
      outs(%sum : tensor<4xf64>) prologue(%z : tensor<8x4xf16>) {
    ^bb0(%e: f32, %y: f32):
      %g = arith.mulf %e, %y : f32
      bn.yield %g : f32
    } -> tensor<4xf64>
  return %r : tensor<4xf64>
}

// -----

// An exponential is computed in one sweep, where there are no sums, and not in
// two.
// CHECK-LABEL: func @exponential
//       CHECK:   bn.backward {{.*}} frozen {{.*}} prologue {
//       CHECK:     math.exp
//       CHECK:   %[[EXP:.*]] = linalg.exp
//       CHECK:   bn.backward {{.*}} ins(%[[EXP]],
//   CHECK-NOT:   prologue
//       CHECK:   return
func.func @exponential(%dz: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %c: tensor<4xf32>, %o: tensor<8x4xf32>)
    -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %once = linalg.exp ins(%dz : tensor<8x4xf32>) outs(%o : tensor<8x4xf32>)
      -> tensor<8x4xf32>
  %0 = bn.backward axis(1) epsilon(1.0) wrt(input) frozen
      ins(%once, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%o : tensor<8x4xf32>) -> tensor<8x4xf32>
  %twice = linalg.exp ins(%dz : tensor<8x4xf32>) outs(%o : tensor<8x4xf32>)
      -> tensor<8x4xf32>
  %1 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%twice, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%o : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %0, %1 : tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// A normalized gradient that is a result already is that of the others, too.
// CHECK-LABEL: func @taken
//   CHECK-NOT:   linalg
//       CHECK:   %[[G:.*]]:2 = bn.backward {{.*}} wrt(input, normalized) {{.*}} prologue {
//       CHECK:     arith.negf
//       CHECK:   return %[[G]]#0, %[[G]]#1, %[[G]]#1
func.func @taken(%dz: tensor<8x4xf32>, %x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %o: tensor<8x4xf32>)
    -> (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>) {
  %dy = arith.negf %dz : tensor<8x4xf32>
  %g:2 = bn.backward axis(1) epsilon(1.0) wrt(input, normalized)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%o, %o : tensor<8x4xf32>, tensor<8x4xf32>)
      -> tensor<8x4xf32>, tensor<8x4xf32>
  return %g#0, %g#1, %dy : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// Not fused, as the result is needed elsewhere: by what the op depends on;
// where the op does not write data; as its input; where a prologue yields
// something else; and where it cannot be a tensor of the prologue, a comparison.
// CHECK-LABEL: func @other_users
//       CHECK:   linalg.abs
//   CHECK-NOT:   normalized
//       CHECK:   prologue {
//   CHECK-NOT:   prologue
//       CHECK:   return
func.func @other_users(%dz: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %c: tensor<4xf32>)
    -> (tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xf32>, tensor<8x4xf32>,
        tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xi1>) {
  %empty = tensor.empty() : tensor<8x4xf32>
  %first = linalg.abs ins(%dz : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>)
      -> tensor<8x4xf32>
  %scale = linalg.reduce ins(%first : tensor<8x4xf32>) outs(%c : tensor<4xf32>)
    dimensions = [0] (%a: f32, %b: f32) {
      %s = arith.addf %a, %b : f32
      linalg.yield %s : f32
    }
  %0 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%first, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      scale(%scale : tensor<4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<8x4xf32>) -> tensor<8x4xf32>

  %second = linalg.abs ins(%dz : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>)
      -> tensor<8x4xf32>
  %1 = bn.backward axis(1) epsilon(1.0) wrt(offset)
      ins(%second, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%c : tensor<4xf32>) -> tensor<4xf32>

  %third = linalg.abs ins(%dz : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>)
      -> tensor<8x4xf32>
  %2 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%third, %third : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<8x4xf32>) -> tensor<8x4xf32>

  %fourth = linalg.abs ins(%dz : tensor<8x4xf32>) outs(%empty : tensor<8x4xf32>)
      -> tensor<8x4xf32>
  %3 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%fourth, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<8x4xf32>) prologue {
    ^bb0(%e: f32):
      %g = arith.negf %e : f32
      bn.yield %g : f32
    } -> tensor<8x4xf32>

  %fifth = arith.cmpf ogt, %dz, %x : tensor<8x4xf32>
  %dy = arith.select %fifth, %dz, %x : tensor<8x4xi1>, tensor<8x4xf32>
  %4 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %0, %1, %second, %2, %3, %fourth, %4, %fifth
      : tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xf32>, tensor<8x4xf32>,
        tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xi1>
}

// -----

// Not fused: an element comes from another index; from its row; is that of a
// tensor of another type; is a sum; is the same for all of a channel, so that
// no tensor is left that the gradient could be.
// CHECK-LABEL: func @others
//   CHECK-NOT:   prologue
//       CHECK:   return
#id = affine_map<(d0, d1) -> (d0, d1)>
#turned = affine_map<(d0, d1) -> (d1, d0)>
#row = affine_map<(d0, d1) -> (d0)>
func.func @others(%dz: tensor<4x4xf32>, %rows: tensor<4xf32>,
    %wide: tensor<4x4xf64>, %cube: tensor<4x4x2xf32>, %x: tensor<4x4xf32>)
    -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>,
        tensor<4x4xf32>) {
  %empty = tensor.empty() : tensor<4x4xf32>
  %turned = linalg.generic {indexing_maps = [#turned, #id],
                            iterator_types = ["parallel", "parallel"]}
      ins(%dz : tensor<4x4xf32>) outs(%empty : tensor<4x4xf32>) {
  ^bb0(%e: f32, %o: f32):
    %n = arith.negf %e : f32
    linalg.yield %n : f32
  } -> tensor<4x4xf32>
  %0 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%turned, %x : tensor<4x4xf32>, tensor<4x4xf32>)
      statistics(%rows, %rows : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>

  %scaled = linalg.generic {indexing_maps = [#id, #row, #id],
                            iterator_types = ["parallel", "parallel"]}
      ins(%dz, %rows : tensor<4x4xf32>, tensor<4xf32>)
      outs(%empty : tensor<4x4xf32>) {
  ^bb0(%e: f32, %r: f32, %o: f32):
    %m = arith.mulf %e, %r : f32
    linalg.yield %m : f32
  } -> tensor<4x4xf32>
  %1 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%scaled, %x : tensor<4x4xf32>, tensor<4x4xf32>)
      statistics(%rows, %rows : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>

  %narrow = arith.truncf %wide : tensor<4x4xf64> to tensor<4x4xf32>
  %2 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%narrow, %x : tensor<4x4xf32>, tensor<4x4xf32>)
      statistics(%rows, %rows : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>

  %sum = linalg.reduce ins(%cube : tensor<4x4x2xf32>)
      outs(%dz : tensor<4x4xf32>) dimensions = [2] (%a: f32, %b: f32) {
      %s = arith.addf %a, %b : f32
      linalg.yield %s : f32
    }
  %3 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%sum, %x : tensor<4x4xf32>, tensor<4x4xf32>)
      statistics(%rows, %rows : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>

  %same = linalg.broadcast ins(%rows : tensor<4xf32>)
      outs(%empty : tensor<4x4xf32>) dimensions = [0]
  %4 = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%same, %x : tensor<4x4xf32>, tensor<4x4xf32>)
      statistics(%rows, %rows : tensor<4xf32>, tensor<4xf32>)
      outs(%empty : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0, %1, %2, %3, %4
      : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>,
        tensor<4x4xf32>
}
