// Elementwise consumers become the epilogue of the op whose output they alone
// use.

// RUN: bn-opt %s --convert-elementwise-to-linalg --bn-fuse-epilogues --split-input-file | FileCheck %s

// The residual block: one op, which writes to where the last result was to be.
// CHECK-LABEL: func @add_relu
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[R:[a-z0-9]+]]: tensor<8x4xf32>
//  CHECK-SAME:     %[[Z0:[a-z0-9]+]]: tensor<8x4xf32>, %[[C:[a-z0-9]+]]: tensor<4xf32>
//       CHECK:   %[[ALL:.*]]:3 = bn.training axis(1) epsilon({{.*}}) ins(%[[X]] :
//  CHECK-SAME:     outs(%[[Z0]], %[[C]], %[[C]] : {{.*}}) epilogue(%[[R]] : tensor<8x4xf32>) {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32, %[[E:.*]]: f32):
//  CHECK-NEXT:     %[[SUM:.*]] = arith.addf %[[Y]], %[[E]] : f32
//       CHECK:     %[[RELU:.*]] = arith.maximumf %[[SUM]], %{{.*}} : f32
//  CHECK-NEXT:     bn.yield %[[RELU]] : f32
//   CHECK-NOT:   linalg
//       CHECK:   return %[[ALL]]#0, %[[ALL]]#1
func.func @add_relu(%x: tensor<8x4xf32>, %r: tensor<8x4xf32>,
    %z0: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> (tensor<8x4xf32>, tensor<4xf32>) {
  %y0 = tensor.empty() : tensor<8x4xf32>
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      outs(%y0, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  %zero = arith.constant 0.0 : f32
  %s = linalg.add ins(%y, %r : tensor<8x4xf32>, tensor<8x4xf32>)
      outs(%y0 : tensor<8x4xf32>) -> tensor<8x4xf32>
  %z = linalg.map ins(%s : tensor<8x4xf32>) outs(%z0 : tensor<8x4xf32>)
    (%e: f32, %o: f32) {
      %relu = arith.maximumf %e, %zero : f32
      linalg.yield %relu : f32
    }
  return %z, %m : tensor<8x4xf32>, tensor<4xf32>
}

// -----

// Arithmetic on tensors. bf16 is f32 in the epilogue: conversions are gone, and
// constants wider. %w has two users, but only one result is needed. The op
// keeps its destination: the ops on tensors had none.
// CHECK-LABEL: func @silu
//  CHECK-SAME:     tensor<4xf32>, %[[Y0:[a-z0-9]+]]: tensor<8x4xbf16>
//       CHECK:   bn.inference {{.*}} outs(%[[Y0]] : tensor<8x4xbf16>) epilogue {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32):
//  CHECK-NEXT:     %[[N:.*]] = arith.negf %[[Y]] : f32
//  CHECK-NEXT:     %[[E:.*]] = math.exp %[[N]] : f32
//       CHECK:     %[[D:.*]] = arith.addf %[[E]], %{{.*}} : f32
//  CHECK-NEXT:     %[[Q:.*]] = arith.divf %[[Y]], %[[D]] : f32
//       CHECK:     %[[TWO:.*]] = arith.constant 2.0{{0*}}e+00 : f32
//  CHECK-NEXT:     %[[T:.*]] = arith.mulf %[[Q]], %[[TWO]] : f32
//  CHECK-NEXT:     bn.yield %[[T]] : f32
//   CHECK-NOT:   linalg
//       CHECK:   return
func.func @silu(%x: tensor<8x4xbf16>, %c: tensor<4xf32>,
    %y0: tensor<8x4xbf16>) -> tensor<8x4xbf16> {
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xbf16>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%y0 : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  %one = arith.constant dense<1.0> : tensor<8x4xf32>
  %two = arith.constant dense<2.0> : tensor<8x4xbf16>
  %w = arith.extf %y : tensor<8x4xbf16> to tensor<8x4xf32>
  %n = arith.negf %w : tensor<8x4xf32>
  %e = math.exp %n : tensor<8x4xf32>
  %d = arith.addf %e, %one : tensor<8x4xf32>
  %q = arith.divf %w, %d : tensor<8x4xf32>
  %s = arith.truncf %q : tensor<8x4xf32> to tensor<8x4xbf16>
  %t = arith.mulf %s, %two : tensor<8x4xbf16>
  return %t : tensor<8x4xbf16>
}

// -----

// A body with a comparison and a scalar from outside, of a bn.normalize on f16;
// what the destination held is an input.
// CHECK-LABEL: func @accumulate
//  CHECK-SAME:     tensor<4xf32>, %[[ACC:[a-z0-9]+]]: tensor<8x4xf16>, %[[A:[a-z0-9]+]]: f16
//       CHECK:   bn.normalize {{.*}} outs(%[[ACC]] : tensor<8x4xf16>) epilogue(%[[ACC]] : tensor<8x4xf16>) {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32, %[[E:.*]]: f32):
//  CHECK-NEXT:     %[[WIDE:.*]] = arith.extf %[[A]] : f16 to f32
//  CHECK-NEXT:     %[[ZERO:.*]] = arith.constant 0.0{{0*}}e+00 : f32
//  CHECK-NEXT:     %[[P:.*]] = arith.cmpf ogt, %[[Y]], %[[ZERO]] : f32
//  CHECK-NEXT:     %[[M:.*]] = arith.mulf %[[Y]], %[[WIDE]] : f32
//  CHECK-NEXT:     %[[L:.*]] = arith.select %[[P]], %[[Y]], %[[M]] : f32
//  CHECK-NEXT:     %[[S:.*]] = arith.addf %[[L]], %[[E]] : f32
//  CHECK-NEXT:     bn.yield %[[S]] : f32
#map = affine_map<(d0, d1) -> (d0, d1)>
#scalar = affine_map<(d0, d1) -> ()>
func.func @accumulate(%x: tensor<8x4xf16>, %c: tensor<4xf32>,
    %acc: tensor<8x4xf16>, %a: f16) -> tensor<8x4xf16> {
  %y0 = tensor.empty() : tensor<8x4xf16>
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf16>)
      mean(%c : tensor<4xf32>) outs(%y0 : tensor<8x4xf16>) -> tensor<8x4xf16>
  %z = linalg.generic {indexing_maps = [#map, #scalar, #map],
                       iterator_types = ["parallel", "parallel"]}
      ins(%y, %a : tensor<8x4xf16>, f16) outs(%acc : tensor<8x4xf16>) {
  ^bb0(%e: f16, %s: f16, %o: f16):
    %zero = arith.constant 0.0 : f16
    %p = arith.cmpf ogt, %e, %zero : f16
    %m = arith.mulf %e, %s : f16
    %l = arith.select %p, %e, %m : f16
    %sum = arith.addf %l, %o : f16
    linalg.yield %sum : f16
  } -> tensor<8x4xf16>
  return %z : tensor<8x4xf16>
}

// -----

// What the consumer needs is moved in front of the op; sizes come from the
// destination; an epilogue that is there goes on.
// CHECK-LABEL: func @moved
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<?x4xf32>, %[[R:[a-z0-9]+]]: tensor<?x4xf32>, %[[Y0:[a-z0-9]+]]: tensor<?x4xf32>
//       CHECK:   %[[EXP:.*]] = linalg.exp ins(%[[R]]
//       CHECK:   bn.inference {{.*}} outs(%[[Y0]] : tensor<?x4xf32>) epilogue(%[[R]], %[[EXP]] : tensor<?x4xf32>, tensor<?x4xf32>) {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32, %[[A:.*]]: f32, %[[B:.*]]: f32):
//  CHECK-NEXT:     %[[M:.*]] = arith.mulf %[[Y]], %[[A]] : f32
//  CHECK-NEXT:     %[[S:.*]] = arith.addf %[[M]], %[[B]] : f32
//  CHECK-NEXT:     bn.yield %[[S]] : f32
//       CHECK:   return
func.func @moved(%x: tensor<?x4xf32>, %r: tensor<?x4xf32>,
    %y0: tensor<?x4xf32>, %c: tensor<4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<?x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%y0 : tensor<?x4xf32>) epilogue(%r : tensor<?x4xf32>) {
    ^bb0(%e: f32, %s: f32):
      %m = arith.mulf %e, %s : f32
      bn.yield %m : f32
    } -> tensor<?x4xf32>
  %size = tensor.dim %y, %c0 : tensor<?x4xf32>
  %empty = tensor.empty(%size) : tensor<?x4xf32>
  %exp = linalg.exp ins(%r : tensor<?x4xf32>) outs(%r : tensor<?x4xf32>)
      -> tensor<?x4xf32>
  %z = linalg.add ins(%y, %exp : tensor<?x4xf32>, tensor<?x4xf32>)
      outs(%empty : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----

// The sum of two outputs is the epilogue of the first; the second comes before.
// CHECK-LABEL: func @two_branches
//       CHECK:   %[[B:.*]] = bn.inference
//       CHECK:   bn.inference {{.*}} epilogue(%[[B]] : tensor<8x4xf32>)
//   CHECK-NOT:   linalg
//       CHECK:   return
func.func @two_branches(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %a0: tensor<8x4xf32>, %b0: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %a = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%a0 : tensor<8x4xf32>) -> tensor<8x4xf32>
  %b = bn.inference axis(1) epsilon(1.0e-5) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%b0 : tensor<8x4xf32>) -> tensor<8x4xf32>
  %z = arith.addf %a, %b : tensor<8x4xf32>
  return %z : tensor<8x4xf32>
}

// -----

// Entries per channel: slopes of a PReLU, which are wider than the data, by a
// map; a bias that is broadcast; and a scale that a generic op broadcasts, after
// which nothing is left of that.
// CHECK-LABEL: func @per_channel
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4x?xbf16>, %[[S:[a-z0-9]+]]: tensor<4xf32>, %[[B:[a-z0-9]+]]: tensor<4xbf16>, %[[O:[a-z0-9]+]]: tensor<8x4x?xbf16>)
//   CHECK-NOT:   linalg
//       CHECK:   bn.inference {{.*}} outs(%[[O]] : {{.*}}) epilogue(%[[S]], %[[B]], %[[X]] : tensor<4xf32>, tensor<4xbf16>, tensor<8x4x?xbf16>) {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32, %[[SLOPE:.*]]: f32, %[[BIAS:.*]]: f32, %[[E:.*]]: f32):
//   CHECK-NOT:     arith.extf
//       CHECK:     %[[SCALED:.*]] = arith.mulf %[[Y]], %[[SLOPE]] : f32
//       CHECK:     %[[P:.*]] = arith.select %{{.*}}, %[[Y]], %[[SCALED]] : f32
//       CHECK:     %[[A:.*]] = arith.addf %[[P]], %[[BIAS]] : f32
//       CHECK:     %[[M:.*]] = arith.mulf %[[A]], %[[BIAS]] : f32
//       CHECK:     arith.addf %[[M]], %[[E]] : f32
//   CHECK-NOT:   linalg
//       CHECK:   return
#all = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d1)>
func.func @per_channel(%x: tensor<8x4x?xbf16>, %s: tensor<4xf32>,
    %b: tensor<4xbf16>, %o: tensor<8x4x?xbf16>) -> tensor<8x4x?xbf16> {
  %y = bn.inference axis(-2) epsilon(1.0) ins(%x : tensor<8x4x?xbf16>)
      statistics(%s, %s : tensor<4xf32>, tensor<4xf32>)
      outs(%o : tensor<8x4x?xbf16>) -> tensor<8x4x?xbf16>
  %prelu = linalg.generic {indexing_maps = [#all, #channel, #all],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y, %s : tensor<8x4x?xbf16>, tensor<4xf32>)
      outs(%o : tensor<8x4x?xbf16>) {
  ^bb0(%a: bf16, %slope: f32, %d: bf16):
    %zero = arith.constant 0.0 : f32
    %w = arith.extf %a : bf16 to f32
    %p = arith.cmpf oge, %w, %zero : f32
    %m = arith.mulf %w, %slope : f32
    %r = arith.select %p, %w, %m : f32
    %n = arith.truncf %r : f32 to bf16
    linalg.yield %n : bf16
  } -> tensor<8x4x?xbf16>
  %bias = linalg.broadcast ins(%b : tensor<4xbf16>)
      outs(%o : tensor<8x4x?xbf16>) dimensions = [0, 2]
  %scale = linalg.generic {indexing_maps = [#channel, #all],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%b : tensor<4xbf16>) outs(%o : tensor<8x4x?xbf16>) {
  ^bb0(%a: bf16, %d: bf16):
    linalg.yield %a : bf16
  } -> tensor<8x4x?xbf16>
  %1 = linalg.add ins(%prelu, %bias : tensor<8x4x?xbf16>, tensor<8x4x?xbf16>)
      outs(%o : tensor<8x4x?xbf16>) -> tensor<8x4x?xbf16>
  %2 = linalg.mul ins(%1, %scale : tensor<8x4x?xbf16>, tensor<8x4x?xbf16>)
      outs(%o : tensor<8x4x?xbf16>) -> tensor<8x4x?xbf16>
  %3 = linalg.add ins(%2, %x : tensor<8x4x?xbf16>, tensor<8x4x?xbf16>)
      outs(%o : tensor<8x4x?xbf16>) -> tensor<8x4x?xbf16>
  return %3 : tensor<8x4x?xbf16>
}

// -----

// Not fused: entries of other dimensions than the channels'; of two axes in
// another order; wider than the accumulator.
// CHECK-LABEL: func @not_per_channel
//   CHECK-NOT:   epilogue
//       CHECK:   return
#both = affine_map<(d0, d1) -> (d0, d1)>
#rows = affine_map<(d0, d1) -> (d0)>
#columns = affine_map<(d0, d1) -> (d1)>
#cube = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#turned = affine_map<(d0, d1, d2) -> (d2, d1)>
func.func @not_per_channel(%x: tensor<4x4xf32>, %s: tensor<4xf32>,
    %w: tensor<4xf64>, %o: tensor<4x4xf32>, %z: tensor<2x4x4xf32>)
    -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<2x4x4xf32>) {
  %a = bn.normalize axis(1) ins(%x : tensor<4x4xf32>)
      outs(%o : tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = linalg.generic {indexing_maps = [#both, #rows, #both],
      iterator_types = ["parallel", "parallel"]}
      ins(%a, %s : tensor<4x4xf32>, tensor<4xf32>) outs(%o : tensor<4x4xf32>) {
  ^bb0(%e: f32, %f: f32, %d: f32):
    %m = arith.mulf %e, %f : f32
    linalg.yield %m : f32
  } -> tensor<4x4xf32>
  %b = bn.normalize axis(1) ins(%x : tensor<4x4xf32>)
      scale(%s : tensor<4xf32>) outs(%o : tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = linalg.generic {indexing_maps = [#both, #columns, #both],
      iterator_types = ["parallel", "parallel"]}
      ins(%b, %w : tensor<4x4xf32>, tensor<4xf64>) outs(%o : tensor<4x4xf32>) {
  ^bb0(%e: f32, %f: f64, %d: f32):
    %t = arith.truncf %f : f64 to f32
    %m = arith.mulf %e, %t : f32
    linalg.yield %m : f32
  } -> tensor<4x4xf32>
  %c = bn.normalize axis(1, 2) ins(%z : tensor<2x4x4xf32>)
      outs(%z : tensor<2x4x4xf32>) -> tensor<2x4x4xf32>
  %3 = linalg.generic {indexing_maps = [#cube, #turned, #cube],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%c, %x : tensor<2x4x4xf32>, tensor<4x4xf32>)
      outs(%z : tensor<2x4x4xf32>) {
  ^bb0(%e: f32, %f: f32, %d: f32):
    %m = arith.mulf %e, %f : f32
    linalg.yield %m : f32
  } -> tensor<2x4x4xf32>
  return %1, %2, %3 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<2x4x4xf32>
}

// -----

// Not fused: the output has another user; an operand is of its rows; the result
// is of another type; bits of a narrow number are no bits of a wide one; a
// reduction; an operand that depends on another result of the op.
// CHECK-LABEL: func @others
//   CHECK-NOT:   epilogue
//       CHECK:   return
#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
func.func @others(%x: tensor<8x4xbf16>, %c: tensor<4xbf16>,
    %rows: tensor<8xbf16>,
    %o: tensor<8x4xbf16>, %f: tensor<8x4xf32>, %m0: tensor<4xf32>)
    -> (tensor<8x4xbf16>, tensor<8x4xbf16>, tensor<8x4xbf16>, tensor<8x4xf32>,
        tensor<8x4xbf16>, tensor<4xbf16>, tensor<8x4xbf16>) {
  %two = bn.normalize axis(1) ins(%x : tensor<8x4xbf16>)
      mean(%c : tensor<4xbf16>) outs(%o : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  %exp = linalg.exp ins(%two : tensor<8x4xbf16>) outs(%o : tensor<8x4xbf16>)
      -> tensor<8x4xbf16>

  %first = bn.normalize axis(1) ins(%x : tensor<8x4xbf16>)
      scale(%c : tensor<4xbf16>) outs(%o : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  %broadcast = linalg.generic {indexing_maps = [#id, #row, #id],
                               iterator_types = ["parallel", "parallel"]}
      ins(%first, %rows : tensor<8x4xbf16>, tensor<8xbf16>)
      outs(%o : tensor<8x4xbf16>) {
  ^bb0(%a: bf16, %b: bf16, %d: bf16):
    %s = arith.addf %a, %b : bf16
    linalg.yield %s : bf16
  } -> tensor<8x4xbf16>

  %second = bn.normalize axis(1) ins(%x : tensor<8x4xbf16>)
      offset(%c : tensor<4xbf16>) outs(%o : tensor<8x4xbf16>)
      -> tensor<8x4xbf16>
  %wide = arith.extf %second : tensor<8x4xbf16> to tensor<8x4xf32>

  %third = bn.normalize axis(0) ins(%x : tensor<8x4xbf16>)
      outs(%o : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  %bits = linalg.map ins(%third : tensor<8x4xbf16>) outs(%o : tensor<8x4xbf16>)
    (%a: bf16, %d: bf16) {
      %i = arith.bitcast %a : bf16 to i16
      %j = arith.andi %i, %i : i16
      %b = arith.bitcast %j : i16 to bf16
      linalg.yield %b : bf16
    }

  %fourth = bn.normalize axis(1) ins(%x : tensor<8x4xbf16>)
      outs(%o : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  %sum = linalg.reduce ins(%fourth : tensor<8x4xbf16>) outs(%c : tensor<4xbf16>)
    dimensions = [0] (%a: bf16, %b: bf16) {
      %s = arith.addf %a, %b : bf16
      linalg.yield %s : bf16
    }

  %fifth, %mean, %variance = bn.training axis(1) epsilon(1.0)
      ins(%x : tensor<8x4xbf16>)
      outs(%o, %c, %m0 : tensor<8x4xbf16>, tensor<4xbf16>, tensor<4xf32>)
      -> tensor<8x4xbf16>, tensor<4xbf16>, tensor<4xf32>
  %means = linalg.broadcast ins(%mean : tensor<4xbf16>)
      outs(%o : tensor<8x4xbf16>) dimensions = [0]
  %back = linalg.add ins(%fifth, %means : tensor<8x4xbf16>, tensor<8x4xbf16>)
      outs(%o : tensor<8x4xbf16>) -> tensor<8x4xbf16>
  return %two, %exp, %broadcast, %wide, %bits, %sum, %back
      : tensor<8x4xbf16>, tensor<8x4xbf16>, tensor<8x4xbf16>, tensor<8x4xf32>,
        tensor<8x4xbf16>, tensor<4xbf16>, tensor<8x4xbf16>
}

// -----

// An op that saves something goes on saving that, of the same number. What is
// made of the saved result stays.
// CHECK-LABEL: func @saved
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[R:[a-z0-9]+]]: tensor<8x4xf32>
//       CHECK:   %[[Z:.*]]:2 = bn.normalize {{.*}} epilogue(%[[R]] : tensor<8x4xf32>) {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32, %[[E:.*]]: f32):
//       CHECK:     %[[P:.*]] = arith.cmpf ogt, %[[Y]], %{{.*}} : f32
//  CHECK-NEXT:     %[[BIT:.*]] = arith.extui %[[P]] : i1 to i8
//  CHECK-NEXT:     %[[S:.*]] = arith.addf %[[Y]], %[[E]] : f32
//  CHECK-NEXT:     bn.yield %[[S]], %[[BIT]] : f32, i8
//       CHECK:   linalg.generic {{.*}} ins(%[[Z]]#1 : tensor<8x4xi8>)
func.func @saved(%x: tensor<8x4xf32>, %r: tensor<8x4xf32>,
    %b0: tensor<8x4xi8>)
    -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %y, %b = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x, %b0 : tensor<8x4xf32>, tensor<8x4xi8>) epilogue {
    ^bb0(%e: f32):
      %zero = arith.constant 0.0 : f32
      %passes = arith.cmpf ogt, %e, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      bn.yield %e, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<8x4xi8>
  %s = arith.addf %y, %r : tensor<8x4xf32>
  %w = arith.uitofp %b : tensor<8x4xi8> to tensor<8x4xf32>
  return %s, %w : tensor<8x4xf32>, tensor<8x4xf32>
}
