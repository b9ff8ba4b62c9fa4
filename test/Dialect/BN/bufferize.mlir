// An op works in the buffers of its outs: nothing is allocated where they are
// the caller's, and in place where the op is elementwise.

// RUN: bn-opt %s --split-input-file --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" | FileCheck %s

// CHECK-LABEL: func @out_of_place
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4xf32>, %[[C:[a-z0-9]+]]: memref<4xf32>, %[[Y0:[a-z0-9]+]]: memref<8x4xf32>
//   CHECK-NOT:   memref.alloc
//       CHECK:   bn.inference axis(1) epsilon(1.000000e-03)
//  CHECK-SAME:     ins(%[[X]] : memref<8x4xf32>)
//  CHECK-SAME:     statistics(%[[C]], %[[C]] : memref<4xf32>, memref<4xf32>)
//  CHECK-SAME:     outs(%[[Y0]] : memref<8x4xf32>){{$}}
//   CHECK-NOT:   memref.copy
//       CHECK:   return %[[Y0]]
func.func @out_of_place(%x: tensor<8x4xf32>, %c: tensor<4xf32>,
    %y0: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%y0 : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// CHECK-LABEL: func @in_place
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4xf32>
//   CHECK-NOT:   memref.alloc
//       CHECK:   bn.inference
//  CHECK-SAME:     ins(%[[X]] : memref<8x4xf32>)
//  CHECK-SAME:     outs(%[[X]] : memref<8x4xf32>)
//       CHECK:   return %[[X]]
func.func @in_place(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// -----

// The input is needed afterwards: one allocation, without a copy of what would
// be overwritten anyway.
// CHECK-LABEL: func @input_used_later
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4xf32>
//       CHECK:   %[[Y:.*]] = memref.alloc() {{.*}} : memref<8x4xf32>
//   CHECK-NOT:   memref.copy
//   CHECK-NOT:   memref.alloc
//       CHECK:   bn.normalize axis(1) ins(%[[X]] : memref<8x4xf32>)
//  CHECK-SAME:     outs(%[[Y]] : memref<8x4xf32>)
//       CHECK:   return %[[X]], %[[Y]]
func.func @input_used_later(%x: tensor<8x4xf32>, %c: tensor<4xf32>)
    -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %y = bn.normalize axis(1) ins(%x : tensor<8x4xf32>) mean(%c : tensor<4xf32>)
      outs(%x : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %x, %y : tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// The whole input is read before the output can be written: as one op, training
// is not in place (its tiles are, later).
// CHECK-LABEL: func @training
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4xf32>, %[[M:[a-z0-9]+]]: memref<4xf32>, %[[V:[a-z0-9]+]]: memref<4xf32>
//       CHECK:   %[[Y:.*]] = memref.alloc() {{.*}} : memref<8x4xf32>
//   CHECK-NOT:   memref.alloc
//       CHECK:   bn.training axis(1) epsilon(1.000000e-03) ins(%[[X]] : memref<8x4xf32>)
//  CHECK-SAME:     outs(%[[Y]], %[[M]], %[[V]] : memref<8x4xf32>, memref<4xf32>, memref<4xf32>)
func.func @training(%x: tensor<8x4xf32>, %m0: tensor<4xf32>, %v0: tensor<4xf32>)
    -> (tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      outs(%x, %m0, %v0 : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return %y, %m, %v : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// One number is one place: a mean and a variance cannot share a buffer.
// CHECK-LABEL: func @shared_outs
//       CHECK:   memref.alloc() {{.*}} : memref<4xf32>
//       CHECK:   bn.training
func.func @shared_outs(%x: tensor<8x4xf32>, %y0: tensor<8x4xf32>,
    %c: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<8x4xf32>)
      outs(%y0, %c, %c : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
  return %y, %m, %v : tensor<8x4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Statistics accumulate in the buffers that they start from.
// CHECK-LABEL: func @accumulate
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4xf32>, %[[N:[a-z0-9]+]]: memref<4xf64>, %[[M:[a-z0-9]+]]: memref<4xf64>, %[[S:[a-z0-9]+]]: memref<4xf64>
//   CHECK-NOT:   memref.alloc
//       CHECK:   bn.stats axis(1) ins(%[[X]] : memref<8x4xf32>) outs(%[[N]], %[[M]], %[[S]] :
//       CHECK:   bn.stats axis(1) ins(%[[X]] : memref<8x4xf32>) outs(%[[N]], %[[M]], %[[S]] :
//       CHECK:   bn.merge_stats
//  CHECK-SAME:     outs(%[[N]], %[[M]], %[[S]] :
func.func @accumulate(%x: tensor<8x4xf32>, %n: tensor<4xf64>, %m: tensor<4xf64>,
    %s: tensor<4xf64>, %p: tensor<4xf64>)
    -> (tensor<4xf64>, tensor<4xf64>, tensor<4xf64>) {
  %a:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %m, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %b:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%a#0, %a#1, %a#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  %c:3 = bn.merge_stats
      ins(%p, %p, %p : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      outs(%b#0, %b#1, %b#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %c#0, %c#1, %c#2 : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
}

// -----

// What a stats op adds to is read: it must not be overwritten where it is
// still needed.
// CHECK-LABEL: func @accumulate_from_used
//   CHECK-DAG:   memref.alloc() {{.*}} : memref<4xf64>
//   CHECK-DAG:   memref.copy
//       CHECK:   bn.stats
func.func @accumulate_from_used(%x: tensor<8x4xf32>, %n: tensor<4xf64>,
    %m: tensor<4xf64>, %s: tensor<4xf64>) -> (tensor<4xf64>, tensor<4xf64>) {
  %a:3 = bn.stats axis(1) ins(%x : tensor<8x4xf32>)
      outs(%n, %m, %s : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      -> tensor<4xf64>, tensor<4xf64>, tensor<4xf64>
  return %a#1, %m : tensor<4xf64>, tensor<4xf64>
}

// -----

// The running statistics are updated where they are.
// CHECK-LABEL: func @running_in_place
//  CHECK-SAME:     %[[RM:[a-z0-9]+]]: memref<4xf32>, %[[RV:[a-z0-9]+]]: memref<4xf32>
//   CHECK-NOT:   memref.alloc
//       CHECK:   bn.update_running_stats
//  CHECK-SAME:     running(%[[RM]], %[[RV]] :
//  CHECK-SAME:     outs(%[[RM]], %[[RV]] :
func.func @running_in_place(%rm: tensor<4xf32>, %rv: tensor<4xf32>,
    %n: tensor<4xf64>) -> (tensor<4xf32>, tensor<4xf32>) {
  %u:2 = bn.update_running_stats momentum(0.5)
      ins(%n, %n, %n : tensor<4xf64>, tensor<4xf64>, tensor<4xf64>)
      running(%rm, %rv : tensor<4xf32>, tensor<4xf32>)
      outs(%rm, %rv : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  return %u#0, %u#1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// The ops that have no lowering yet bufferize all the same.
// CHECK-LABEL: func @backward
//   CHECK-NOT:   memref.alloc
//       CHECK:   bn.backward_reduce {{.*}} : memref<4xf32>, memref<4xf32>){{$}}
//       CHECK:   bn.backward_input {{.*}} : memref<8x4xf32>){{$}}
func.func @backward(%x: tensor<8x4xf32>, %dy: tensor<8x4xf32>,
    %a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>)
    -> tensor<8x4xf32> {
  %s, %t = bn.backward_reduce axis(1)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>) mean(%c : tensor<4xf32>)
      outs(%a, %b : tensor<4xf32>, tensor<4xf32>)
      -> tensor<4xf32>, tensor<4xf32>
  %dx = bn.backward_input axis(1)
      ins(%dy, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      coefficients(%s, %t, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      outs(%dy : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %dx : tensor<8x4xf32>
}

// -----

// In place over an epilogue input, which is read.
// CHECK-LABEL: func @in_place_epilogue
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4xf32>, %[[R:[a-z0-9]+]]: memref<8x4xf32>
//   CHECK-NOT:   memref.alloc
//   CHECK-NOT:   memref.copy
//       CHECK:   bn.normalize axis(1) ins(%[[X]] : memref<8x4xf32>) outs(%[[R]] : memref<8x4xf32>) epilogue(%[[R]] : memref<8x4xf32>) {
//       CHECK:     bn.yield
//       CHECK:   return %[[R]]
func.func @in_place_epilogue(%x: tensor<8x4xf32>, %r: tensor<8x4xf32>)
    -> tensor<8x4xf32> {
  %z = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%r : tensor<8x4xf32>) epilogue(%r : tensor<8x4xf32>) {
    ^bb0(%y: f32, %e: f32):
      %s = arith.addf %y, %e : f32
      bn.yield %s : f32
    } -> tensor<8x4xf32>
  return %z : tensor<8x4xf32>
}

// -----

// What an epilogue saves goes to the bits of a caller's bytes, by no other
// buffer.
// CHECK-LABEL: func @bits
//  CHECK-SAME:     %[[X:[a-z0-9]+]]: memref<8x4xf32>, %[[BYTES:[a-z0-9]+]]: memref<4xi8>
//   CHECK-NOT:   memref.alloc
//       CHECK:   %[[BITS:.*]] = bn.view_bits %[[BYTES]]
//       CHECK:   bn.normalize axis(1) {{.*}} outs(%[[X]], %[[BITS]] : memref<8x4xf32>, memref<8x4xi8>) epilogue {
//       CHECK:     bn.yield %{{.*}}, %{{.*}} : f32, i8
//       CHECK:   memref.copy %[[BITS]], %[[BITS]]
//   CHECK-NOT:   memref.copy
//       CHECK:   return %[[X]]
func.func @bits(%x: tensor<8x4xf32>, %bytes: memref<4xi8>)
    -> tensor<8x4xf32> {
  %bits = bn.view_bits %bytes : memref<4xi8> to memref<8x4xi8>
  %b0 = bufferization.to_tensor %bits restrict writable
      : memref<8x4xi8> to tensor<8x4xi8>
  %z, %b = bn.normalize axis(1) ins(%x : tensor<8x4xf32>)
      outs(%x, %b0 : tensor<8x4xf32>, tensor<8x4xi8>) epilogue {
    ^bb0(%y: f32):
      %bit = arith.constant 1 : i8
      bn.yield %y, %bit : f32, i8
    } -> tensor<8x4xf32>, tensor<8x4xi8>
  bufferization.materialize_in_destination %b in restrict writable %bits
      : (tensor<8x4xi8>, memref<8x4xi8>) -> ()
  return %z : tensor<8x4xf32>
}
