// What costs work and changes nothing is dropped.

// RUN: bn-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func @identity_scale_and_offset
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[C:[a-z0-9]+]]: tensor<4xf32>
//       CHECK:   bn.inference axis(1) epsilon(1.000000e-03)
//  CHECK-SAME:     ins(%[[X]] : tensor<8x4xf32>) statistics(
func.func @identity_scale_and_offset(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %zero = arith.constant dense<0.0> : tensor<4xf64>
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      scale(%one : tensor<4xf32>) offset(%zero : tensor<4xf64>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// Only where all entries are 1: one scale for all is still a scale.
// CHECK-LABEL: func @other_constants
//   CHECK-DAG:   %[[TWO:.*]] = arith.constant dense<2.0{{.*}}> : tensor<4xf32>
//   CHECK-DAG:   %[[MIXED:.*]] = arith.constant dense<[0.0{{.*}}, 1.0
//       CHECK:   bn.training
//  CHECK-SAME:     scale(%[[TWO]] : tensor<4xf32>) offset(%[[MIXED]] : tensor<4xf32>)
func.func @other_constants(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %two = arith.constant dense<2.0> : tensor<4xf32>
  %mixed = arith.constant dense<[0.0, 1.0, 0.0, 0.0]> : tensor<4xf32>
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      scale(%two : tensor<4xf32>) offset(%mixed : tensor<4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// An absent offset stands for +0, not for -0.
// CHECK-LABEL: func @negative_zero_offset
//       CHECK:   %[[ZERO:.*]] = arith.constant dense<-0.0
//       CHECK:   bn.training axis(1) epsilon(1.000000e-03) ins(
//  CHECK-SAME:     offset(%[[ZERO]] : tensor<4xf32>)
func.func @negative_zero_offset(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %zero = arith.constant dense<-0.0> : tensor<4xf32>
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      scale(%one : tensor<4xf32>) offset(%zero : tensor<4xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// CHECK-LABEL: func @zero_mean
//       CHECK:   bn.normalize axis(1) epsilon(1.000000e-03)
//  CHECK-SAME:     ins(%{{[^ ]+}} : tensor<8x4xf32>) variance(
func.func @zero_mean(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %zero = arith.constant dense<0.0> : tensor<4xf64>
  %y = bn.normalize axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      mean(%zero : tensor<4xf64>) variance(%c : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// Parameters are in the order of the dimensions of the input, however the list
// is written: sorting it changes nothing.
// CHECK-LABEL: func @axis
//       CHECK:   bn.training axis(1, 3)
//       CHECK:   bn.inference axis(3)
//       CHECK:   bn.stats axis(0, 1)
//       CHECK:   bn.normalize axis(3)
//       CHECK:   bn.backward axis(2)
//       CHECK:   bn.backward_reduce axis(3)
//       CHECK:   bn.backward_input axis(0, 3)
func.func @axis(%x: tensor<4x4x4x4xf64>, %c: tensor<4xf64>,
    %d: tensor<4x4xf64>)
    -> (tensor<4x4x4x4xf64>, tensor<4x4x4x4xf64>, tensor<4x4xf64>,
        tensor<4x4x4x4xf64>, tensor<4xf64>, tensor<4xf64>,
        tensor<4x4x4x4xf64>) {
  %a:3 = bn.training axis(-1, 1) epsilon(1.0) ins(%x : tensor<4x4x4x4xf64>)
      outs(%x, %d, %d : tensor<4x4x4x4xf64>, tensor<4x4xf64>, tensor<4x4xf64>)
      -> tensor<4x4x4x4xf64>, tensor<4x4xf64>, tensor<4x4xf64>
  %b = bn.inference axis(-1) epsilon(1.0) ins(%x : tensor<4x4x4x4xf64>)
      statistics(%c, %c : tensor<4xf64>, tensor<4xf64>)
      outs(%x : tensor<4x4x4x4xf64>) -> tensor<4x4x4x4xf64>
  %e:3 = bn.stats axis(1, 0) ins(%x : tensor<4x4x4x4xf64>)
      outs(%d, %d, %d : tensor<4x4xf64>, tensor<4x4xf64>, tensor<4x4xf64>)
      -> tensor<4x4xf64>, tensor<4x4xf64>, tensor<4x4xf64>
  %f = bn.normalize axis(-1) ins(%x : tensor<4x4x4x4xf64>)
      scale(%c : tensor<4xf64>) outs(%x : tensor<4x4x4x4xf64>)
      -> tensor<4x4x4x4xf64>
  %g = bn.backward axis(-2) epsilon(1.0) wrt(scale)
      ins(%x, %x : tensor<4x4x4x4xf64>, tensor<4x4x4x4xf64>)
      statistics(%c, %c : tensor<4xf64>, tensor<4xf64>)
      outs(%c : tensor<4xf64>) -> tensor<4xf64>
  %h:2 = bn.backward_reduce axis(-1)
      ins(%x, %x : tensor<4x4x4x4xf64>, tensor<4x4x4x4xf64>)
      mean(%c : tensor<4xf64>) outs(%c, %c : tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>
  %i = bn.backward_input axis(-1, -4)
      ins(%x, %x : tensor<4x4x4x4xf64>, tensor<4x4x4x4xf64>)
      coefficients(%d, %d, %d
                   : tensor<4x4xf64>, tensor<4x4xf64>, tensor<4x4xf64>)
      outs(%x : tensor<4x4x4x4xf64>) -> tensor<4x4x4x4xf64>
  return %a#0, %b, %e#1, %f, %g, %h#0, %i
      : tensor<4x4x4x4xf64>, tensor<4x4x4x4xf64>, tensor<4x4xf64>,
        tensor<4x4x4x4xf64>, tensor<4xf64>, tensor<4xf64>,
        tensor<4x4x4x4xf64>
}

// -----

// CHECK-LABEL: func @cast
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[C:[a-z0-9]+]]: tensor<4xf32>
//   CHECK-NOT:   tensor.cast
//       CHECK:   %[[Y:.*]] = bn.inference axis(1) epsilon(1.000000e-03)
//  CHECK-SAME:     ins(%[[X]] : tensor<8x4xf32>)
//  CHECK-SAME:     statistics(%[[C]], %[[C]] : tensor<4xf32>, tensor<4xf32>)
//  CHECK-SAME:     outs(%[[X]] : tensor<8x4xf32>) -> tensor<8x4xf32>
//       CHECK:   %[[D:.*]] = tensor.cast %[[Y]] : tensor<8x4xf32> to tensor<?x?xf32>
//       CHECK:   return %[[D]]
func.func @cast(%x: tensor<8x4xf32>, %c: tensor<4xf32>) -> tensor<?x?xf32> {
  %dx = tensor.cast %x : tensor<8x4xf32> to tensor<?x?xf32>
  %dc = tensor.cast %c : tensor<4xf32> to tensor<?xf32>
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%dx : tensor<?x?xf32>)
      statistics(%dc, %dc : tensor<?xf32>, tensor<?xf32>)
      outs(%dx : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// Nobody reads the new running statistics.
// CHECK-LABEL: func @unused_running_statistics
//       CHECK:   %[[R:.*]]:3 = bn.training axis(1) epsilon(1.000000e-03) {note = "kept"}
//  CHECK-SAME:     ins(%{{[^ ]+}} : tensor<8x4xf32>) offset(%{{[^ ]+}} : tensor<4xf32>) outs(
//       CHECK:   return %[[R]]#0, %[[R]]#2
func.func @unused_running_statistics(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> (tensor<8x4xf32>, tensor<4xf32>) {
  %r:5 = bn.training axis(1) epsilon(1.0e-3) momentum(0.5)
      running_variance_kind(sample) {note = "kept"} ins(%x : tensor<8x4xf32>)
      offset(%c : tensor<4xf32>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>,
           tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return %r#0, %r#2 : tensor<8x4xf32>, tensor<4xf32>
}

// -----

// One of them is read: both stay.
// CHECK-LABEL: func @used_running_variance
//       CHECK:   bn.training axis(1) epsilon(1.000000e-03) momentum(5.000000e-01) ins(
func.func @used_running_variance(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<4xf32> {
  %r:5 = bn.training axis(1) epsilon(1.0e-3) momentum(0.5)
      ins(%x : tensor<8x4xf32>) running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>,
           tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return %r#4 : tensor<4xf32>
}

// -----

// On tensors an op has no effect but its results.
// CHECK-LABEL: func @unused_ops
//  CHECK-NEXT:   return
func.func @unused_ops(%x: tensor<8x4xf32>, %n: tensor<4xf64>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      outs(%x, %n, %n : tensor<8x4xf32>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<8x4xf32>, tensor<4xf64>, tensor<4xf64>
  %s:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %z = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%n : tensor<4xf64>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return
}

// -----

// On buffers an op writes its outs.
// CHECK-LABEL: func @buffers
//       CHECK:   bn.normalize axis(1) ins(%{{[^ ]+}} : memref<8x4xf32>) outs(
func.func @buffers(%x: memref<8x4xf32>, %y: memref<8x4xf32>) {
  bn.normalize axis(-1) ins(%x : memref<8x4xf32>) outs(%y : memref<8x4xf32>)
  return
}

// -----

// A mask of ones excludes nothing; others stay.
// CHECK-LABEL: func @mask_of_ones
//       CHECK:   bn.training
//   CHECK-NOT:   mask
//       CHECK:   bn.stats
//   CHECK-NOT:   mask
//       CHECK:   bn.stats {{.*}} mask(
func.func @mask_of_ones(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %s: tensor<4xf64>) -> (tensor<8x4xf32>, tensor<4xf64>, tensor<4xf64>) {
  %ones = arith.constant dense<1.0> : tensor<8x1xf32>
  %halves = arith.constant dense<0.5> : tensor<8x1xf32>
  %y:3 = bn.training axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      mask(%ones : tensor<8x1xf32>)
      outs(%x, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  %p:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      mask(%ones : tensor<8x1xf32>)
      outs(%s, %s, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %q:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      mask(%halves : tensor<8x1xf32>)
      outs(%s, %s, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %y#0, %p#1, %q#0 : tensor<8x4xf32>, tensor<4xf64>, tensor<4xf64>
}

// -----

// What does nothing costs nothing: a scale of ones, a mean of zeros.
// CHECK-LABEL: func @gradients
//       CHECK:   bn.backward axis(1)
//   CHECK-NOT:     scale(
//  CHECK-SAME:     statistics(
//       CHECK:   bn.backward_input axis(1)
//   CHECK-NOT:     mean(
//  CHECK-SAME:     coefficients(
func.func @gradients(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %zero = arith.constant dense<0.0> : tensor<4xf64>
  %a = bn.backward axis(1) epsilon(1.0) wrt(input)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>) scale(%one : tensor<4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  %b = bn.backward_input axis(1)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>) mean(%zero : tensor<4xf64>)
      coefficients(%c, %c, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %a, %b : tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// Epilogue inputs that are not used, or taken twice, are dropped.
// CHECK-LABEL: func @unused_epilogue_inputs
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[A:[a-z0-9]+]]: tensor<8x4xf32>, %[[B:[a-z0-9]+]]: tensor<8x4xf32>
//       CHECK:   bn.normalize {{.*}} epilogue(%[[A]] : tensor<8x4xf32>) {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32, %[[E:.*]]: f32):
//  CHECK-NEXT:     %[[S:.*]] = arith.addf %[[Y]], %[[E]] : f32
//  CHECK-NEXT:     %[[T:.*]] = arith.mulf %[[S]], %[[E]] : f32
//  CHECK-NEXT:     bn.yield %[[T]] : f32
func.func @unused_epilogue_inputs(%x: tensor<8x4xf32>, %a: tensor<8x4xf32>,
    %b: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %z = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x : tensor<8x4xf32>)
      epilogue(%a, %b, %a
               : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>) {
    ^bb0(%y: f32, %e: f32, %f: f32, %g: f32):
      %s = arith.addf %y, %e : f32
      %t = arith.mulf %s, %g : f32
      bn.yield %t : f32
    } -> tensor<8x4xf32>
  return %z : tensor<8x4xf32>
}

// -----

// An epilogue that does nothing is none; one that stays goes on without the
// running statistics.
// CHECK-LABEL: func @identity_epilogue
//   CHECK-NOT:   epilogue
//       CHECK:   bn.training {{.*}} epilogue {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32):
//  CHECK-NEXT:     arith.negf %[[Y]]
func.func @identity_epilogue(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %z = bn.inference axis(1) epsilon(1.0) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) epilogue(%x : tensor<8x4xf32>) {
    ^bb0(%y: f32, %e: f32):
      bn.yield %y : f32
    } -> tensor<8x4xf32>
  %t:5 = bn.training axis(1) epsilon(1.0) momentum(0.9)
      ins(%z : tensor<8x4xf32>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>,
                                tensor<4xf32>, tensor<4xf32>) epilogue {
    ^bb0(%y: f32):
      %n = arith.negf %y : f32
      bn.yield %n : f32
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>
  return %t#0 : tensor<8x4xf32>
}

// -----

// One that saves something does something, and saves it without the running
// statistics, too.
// CHECK-LABEL: func @identity_that_saves
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[C:[a-z0-9]+]]: tensor<4xf32>, %[[B:[a-z0-9]+]]: tensor<8x4xi8>
//       CHECK:   %[[T:.*]]:4 = bn.training axis(1) epsilon(1.000000e+00) ins({{.*}}) outs(%[[X]], %[[C]], %[[C]], %[[B]] : {{.*}}) epilogue {
//  CHECK-NEXT:   ^bb0(%[[Y:.*]]: f32):
//       CHECK:     bn.yield %[[Y]], %{{.*}} : f32, i8
//       CHECK:   return %[[T]]#3, %[[T]]#0
func.func @identity_that_saves(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %b: tensor<8x4xi8>) -> (tensor<8x4xi8>, tensor<8x4xf32>) {
  %t:6 = bn.training axis(1) epsilon(1.0) momentum(0.9)
      ins(%x : tensor<8x4xf32>)
      running(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x, %c, %c, %c, %c, %b
           : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
             tensor<4xf32>, tensor<8x4xi8>) epilogue {
    ^bb0(%y: f32):
      %zero = arith.constant 0.0 : f32
      %passes = arith.cmpf ogt, %y, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
         tensor<4xf32>, tensor<8x4xi8>
  return %t#5, %t#0 : tensor<8x4xi8>, tensor<8x4xf32>
}

// -----

// Only the gradient of the input depends on a mask, by way of the statistics.
// CHECK-LABEL: func @unused_masks
//   CHECK-NOT:   mask(
//       CHECK:   return
func.func @unused_masks(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %w: tensor<8x1xf32>) -> (tensor<8x4xf32>, tensor<4xf32>) {
  %dx = bn.backward axis(1) epsilon(1.0) wrt(input) frozen
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      mask(%w : tensor<8x1xf32>) outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  %dg = bn.backward axis(1) epsilon(1.0) wrt(scale)
      ins(%x, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      mask(%w : tensor<8x1xf32>) outs(%c : tensor<4xf32>) -> tensor<4xf32>
  return %dx, %dg : tensor<8x4xf32>, tensor<4xf32>
}
