// A prologue goes to the sums and to the sweep that writes: each of them makes
// the gradient that it works on of what it reads.

// RUN: bn-opt %s --bn-decompose --split-input-file | FileCheck %s
// RUN: bn-opt %s --convert-bn-to-linalg --split-input-file | FileCheck %s --check-prefix=LINALG

// The gradients of input and addend of a sum with a ReLU behind it, in one sweep
// behind the sums.
// CHECK-LABEL: func @add_relu
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<8x4xbf16>, %[[X:[a-z0-9]+]]: tensor<8x4xbf16>, %[[Z:[a-z0-9]+]]: tensor<8x4xbf16>, %[[C:[a-z0-9]+]]: tensor<4xf32>, %[[DX0:[a-z0-9]+]]: tensor<8x4xbf16>, %[[DR0:[a-z0-9]+]]: tensor<8x4xbf16>
//       CHECK:   %[[S:.*]]:2 = bn.backward_reduce axis(1) ins(%[[DZ]], %[[X]] : {{.*}}) mean(%[[C]] : {{.*}}) outs({{.*}}) prologue(%[[Z]] : tensor<8x4xbf16>) {
//       CHECK:     arith.cmpf ogt
//       CHECK:     bn.yield
//       CHECK:   %[[K:.*]]:3 = linalg.generic
//       CHECK:   %[[G:.*]]:2 = bn.backward_input axis(1) ins(%[[DZ]], %[[X]] : {{.*}}) mean(%[[C]] : {{.*}}) coefficients(%{{.*}}) outs(%[[DX0]], %[[DR0]] : {{.*}}) prologue(%[[Z]] : tensor<8x4xbf16>) {
//       CHECK:     arith.cmpf ogt
//       CHECK:   return %[[G]]#0, %[[G]]#1

// The sums, of an unrounded gradient; and both gradients, each rounded once.
// LINALG-LABEL: func @add_relu
//       LINALG:   linalg.generic {{.*}}iterator_types = ["reduction", "parallel"]} ins(%{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} :
//  LINALG-NEXT:   ^bb0(%[[DZ:.*]]: bf16, %{{.*}}: bf16, %{{.*}}: f32, %[[Z:.*]]: bf16, %[[S:.*]]: f32, %{{.*}}: f32):
//   LINALG-DAG:     %[[DZ32:.*]] = arith.extf %[[DZ]] : bf16 to f32
//   LINALG-DAG:     %[[Z32:.*]] = arith.extf %[[Z]] : bf16 to f32
//       LINALG:     %[[P:.*]] = arith.cmpf ogt, %[[Z32]], %{{.*}} : f32
//  LINALG-NEXT:     %[[G:.*]] = arith.select %[[P]], %[[DZ32]], %{{.*}} : f32
//   LINALG-NOT:     truncf
//       LINALG:     linalg.yield
//       LINALG:   linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]}
//       LINALG:     %[[G:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
//       LINALG:     %[[AG:.*]] = arith.mulf %{{.*}}, %[[G]]
//       LINALG:     %[[DX:.*]] = arith.addf %[[AG]], %{{.*}} : f32
//   LINALG-DAG:     %[[DX16:.*]] = arith.truncf %[[DX]] : f32 to bf16
//   LINALG-DAG:     %[[G16:.*]] = arith.truncf %[[G]] : f32 to bf16
//       LINALG:     linalg.yield %[[DX16]], %[[G16]] : bf16, bf16
func.func @add_relu(%dz: tensor<8x4xbf16>, %x: tensor<8x4xbf16>,
    %z: tensor<8x4xbf16>, %c: tensor<4xf32>, %dx0: tensor<8x4xbf16>,
    %dr0: tensor<8x4xbf16>) -> (tensor<8x4xbf16>, tensor<8x4xbf16>) {
  %dx, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
      ins(%dz, %x : tensor<8x4xbf16>, tensor<8x4xbf16>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%dx0, %dr0 : tensor<8x4xbf16>, tensor<8x4xbf16>)
      prologue(%z : tensor<8x4xbf16>) {
    ^bb0(%e: f32, %y: f32):
      %zero = arith.constant 0.0 : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %e, %zero : f32
      bn.yield %g : f32
    } -> tensor<8x4xbf16>, tensor<8x4xbf16>
  return %dx, %dr : tensor<8x4xbf16>, tensor<8x4xbf16>
}

// -----

// Where statistics are constants, or the gradient of the input is not asked for,
// the sweep needs nothing of the sums. What a prologue takes per channel is
// converted once per channel.
// CHECK-LABEL: func @no_statistics
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<8x4xf32>, %[[X:[a-z0-9]+]]: tensor<8x4xf32>, %[[B:[a-z0-9]+]]: tensor<8x4xi8>, %[[C:[a-z0-9]+]]: tensor<4xf32>, %[[W:[a-z0-9]+]]: tensor<4xf64>
//       CHECK:   %[[S:.*]] = bn.backward_reduce axis(1) sums(dy) ins(%[[DZ]] : {{.*}}) outs({{.*}}) prologue(%[[B]], %[[W]] : tensor<8x4xi8>, tensor<4xf64>) {
//       CHECK:   %[[N:.*]] = linalg.generic {{.*}} ins(%[[W]] : tensor<4xf64>)
//       CHECK:     arith.truncf
//       CHECK:   bn.backward_input axis(1) ins(%[[DZ]] : tensor<8x4xf32>) coefficients(%[[C]] : tensor<4xf32>) outs({{.*}}) prologue(%[[B]], %[[N]] : tensor<8x4xi8>, tensor<4xf32>) {
//       CHECK:   bn.backward_input axis(1) ins(%[[DZ]] : tensor<8x4xf32>) outs({{.*}}) prologue(%[[B]], %{{.*}} : tensor<8x4xi8>, tensor<4xf32>) {
// LINALG-LABEL: func @no_statistics
//       LINALG:   linalg.generic {{.*}}iterator_types = ["reduction", "parallel"]}
//       LINALG:   ^bb0(%{{.*}}: f32, %[[BIT:.*]]: i8, %{{.*}}: f32, %{{.*}}: f32):
//       LINALG:     arith.cmpi ne, %[[BIT]], %{{.*}} : i8
func.func @no_statistics(%dz: tensor<8x4xf32>, %x: tensor<8x4xf32>,
    %bits: tensor<8x4xi8>, %c: tensor<4xf32>, %w: tensor<4xf64>,
    %o: tensor<8x4xf32>)
    -> (tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xf32>) {
  %dx, %db = bn.backward axis(1) statistics_kind(inverse_std)
      wrt(input, offset) frozen
      ins(%dz, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%o, %c : tensor<8x4xf32>, tensor<4xf32>)
      prologue(%bits, %w : tensor<8x4xi8>, tensor<4xf64>) {
    ^bb0(%e: f32, %b: i8, %slope: f32):
      %none = arith.constant 0 : i8
      %p = arith.cmpi ne, %b, %none : i8
      %m = arith.mulf %e, %slope : f32
      %g = arith.select %p, %e, %m : f32
      bn.yield %g : f32
    } -> tensor<8x4xf32>, tensor<4xf32>
  %dr = bn.backward axis(1) epsilon(1.0) wrt(normalized)
      ins(%dz, %x : tensor<8x4xf32>, tensor<8x4xf32>)
      statistics(%c, %c : tensor<4xf32>, tensor<4xf32>)
      outs(%o : tensor<8x4xf32>)
      prologue(%bits, %w : tensor<8x4xi8>, tensor<4xf64>) {
    ^bb0(%e: f32, %b: i8, %slope: f32):
      %none = arith.constant 0 : i8
      %p = arith.cmpi ne, %b, %none : i8
      %m = arith.mulf %e, %slope : f32
      %g = arith.select %p, %e, %m : f32
      bn.yield %g : f32
    } -> tensor<8x4xf32>
  return %dx, %db, %dr : tensor<8x4xf32>, tensor<4xf32>, tensor<8x4xf32>
}

// -----

#rows = #bn.lowering_strategy<row_blocks, threads = 2, parallel = [-4, 0],
    tile = [64, 0], vector_bits = 256, unroll = 4, stores = temporal,
    streams = 4>

// Where channels are contiguous, the gradient of the addend is written with the
// sums, and takes the place of what it was made of.
// CHECK-LABEL: func @with_the_sums
//  CHECK-SAME:     %[[DZ:[a-z0-9]+]]: tensor<1024x64xbf16>, %[[X:[a-z0-9]+]]: tensor<1024x64xbf16>, %[[Z:[a-z0-9]+]]: tensor<1024x64xbf16>, %[[C:[a-z0-9]+]]: tensor<64xf32>, %[[DX0:[a-z0-9]+]]: tensor<1024x64xbf16>, %[[DR0:[a-z0-9]+]]: tensor<1024x64xbf16>
//       CHECK:   bn.backward_reduce axis(1) {{.*}} ins(%[[DZ]], %[[X]] : {{.*}} prologue(%[[Z]] : tensor<1024x64xbf16>) {
//       CHECK:   %[[DR:.*]] = bn.backward_input axis(1) {{.*}} ins(%[[DZ]] : tensor<1024x64xbf16>) outs(%[[DR0]] : tensor<1024x64xbf16>) prologue(%[[Z]] : tensor<1024x64xbf16>) {
//       CHECK:   %[[DX:.*]] = scf.if
//       CHECK:     bn.backward_input axis(1) {{.*}} ins(%[[DR]], %[[X]] : {{.*}} coefficients(%{{.*}}) outs(%[[DX0]] : tensor<1024x64xbf16>) -> tensor<1024x64xbf16>
//       CHECK:   } else {
//       CHECK:     bn.backward_input axis(1) {{.*}} ins(%[[DR]], %[[X]] : {{.*}} mean(%[[C]] : {{.*}} coefficients(%{{.*}}) outs(%[[DX0]] : tensor<1024x64xbf16>) -> tensor<1024x64xbf16>
//       CHECK:   return %[[DX]], %[[DR]]
func.func @with_the_sums(%dz: tensor<1024x64xbf16>, %x: tensor<1024x64xbf16>,
    %z: tensor<1024x64xbf16>, %c: tensor<64xf32>, %dx0: tensor<1024x64xbf16>,
    %dr0: tensor<1024x64xbf16>)
    -> (tensor<1024x64xbf16>, tensor<1024x64xbf16>) {
  %dx, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
      {bn.lowering_strategy = #rows}
      ins(%dz, %x : tensor<1024x64xbf16>, tensor<1024x64xbf16>)
      statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%dx0, %dr0 : tensor<1024x64xbf16>, tensor<1024x64xbf16>)
      prologue(%z : tensor<1024x64xbf16>) {
    ^bb0(%e: f32, %y: f32):
      %zero = arith.constant 0.0 : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %e, %zero : f32
      bn.yield %g : f32
    } -> tensor<1024x64xbf16>, tensor<1024x64xbf16>
  return %dx, %dr : tensor<1024x64xbf16>, tensor<1024x64xbf16>
}

// Not where rounding to bf16 would lose something of it, nor where the sums
// would read what it overwrites, nor where rows start within cache lines.
// CHECK-LABEL: func @in_one
//       CHECK:   bn.backward_reduce
//       CHECK:   scf.if
//       CHECK:     bn.backward_input {{.*}} coefficients(%{{.*}}) outs(%{{.*}}, %{{.*}} :
//       CHECK:     bn.backward_input {{.*}} coefficients(%{{.*}}) outs(%{{.*}}, %{{.*}} :
//       CHECK:   bn.backward_reduce
//       CHECK:   scf.if
//       CHECK:     bn.backward_input {{.*}} coefficients(%{{.*}}) outs(%{{.*}}, %{{.*}} :
//       CHECK:     bn.backward_input {{.*}} coefficients(%{{.*}}) outs(%{{.*}}, %{{.*}} :
//       CHECK:   bn.backward_reduce
//       CHECK:   bn.backward_input {{.*}} coefficients(%{{.*}}) outs(%{{.*}}, %{{.*}} :
//   CHECK-NOT:   bn.backward_input
func.func @in_one(%dz: tensor<1024x64xbf16>, %x: tensor<1024x64xbf16>,
    %dx0: tensor<1024x64xbf16>, %dr0: tensor<1024x64xbf16>, %c: tensor<64xf32>,
    %dv: tensor<1024x68xf32>, %u: tensor<1024x68xf32>,
    %du0: tensor<1024x68xf32>, %ds0: tensor<1024x68xf32>, %d: tensor<68xf32>)
    -> (tensor<1024x64xbf16>, tensor<1024x64xbf16>, tensor<1024x64xbf16>,
        tensor<1024x64xbf16>, tensor<1024x68xf32>, tensor<1024x68xf32>) {
  %half = arith.constant 0.5 : f32
  %r:2 = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
      {bn.lowering_strategy = #rows}
      ins(%dz, %x : tensor<1024x64xbf16>, tensor<1024x64xbf16>)
      statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%dx0, %dr0 : tensor<1024x64xbf16>, tensor<1024x64xbf16>)
      prologue {
    ^bb0(%e: f32):
      %g = arith.mulf %e, %half : f32
      bn.yield %g : f32
    } -> tensor<1024x64xbf16>, tensor<1024x64xbf16>
  %s:2 = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
      {bn.lowering_strategy = #rows}
      ins(%dz, %x : tensor<1024x64xbf16>, tensor<1024x64xbf16>)
      statistics(%c, %c : tensor<64xf32>, tensor<64xf32>)
      outs(%dx0, %x : tensor<1024x64xbf16>, tensor<1024x64xbf16>)
      prologue {
    ^bb0(%e: f32):
      bn.yield %e : f32
    } -> tensor<1024x64xbf16>, tensor<1024x64xbf16>
  %t:2 = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
      {bn.lowering_strategy = #rows}
      ins(%dv, %u : tensor<1024x68xf32>, tensor<1024x68xf32>)
      statistics(%d, %d : tensor<68xf32>, tensor<68xf32>)
      outs(%du0, %ds0 : tensor<1024x68xf32>, tensor<1024x68xf32>)
      prologue {
    ^bb0(%e: f32):
      %g = arith.mulf %e, %half : f32
      bn.yield %g : f32
    } -> tensor<1024x68xf32>, tensor<1024x68xf32>
  return %r#0, %r#1, %s#0, %s#1, %t#0, %t#1
      : tensor<1024x64xbf16>, tensor<1024x64xbf16>, tensor<1024x64xbf16>,
        tensor<1024x64xbf16>, tensor<1024x68xf32>, tensor<1024x68xf32>
}
