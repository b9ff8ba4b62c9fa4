// An addition with a bias per channel and a ReLU in front of batch norms, as
// ops on tensors: there is no such op, and no tensor of their result, in the
// kernels. NumPy, at float64, is the reference.

// REQUIRES: numpy
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=linalg" | \
// RUN:   FileCheck %s --implicit-check-not="} -> tensor<6x16x"
// RUN: rm -rf %t && mkdir %t
// RUN: %python %S/Inputs/producers.py make %t
// RUN: bn-runner %s --entry=inference --input=%t/a.npy --input=%t/b.npy \
// RUN:   --input=%t/bias.npy --input=%t/mean.npy --input=%t/variance.npy \
// RUN:   --output=%t/first.npy
// RUN: %python %S/Inputs/producers.py check %t inference
// RUN: bn-runner %s --entry=training --input=%t/a.npy --input=%t/b.npy \
// RUN:   --input=%t/bias.npy --output=%t/first.npy --output=%t/second.npy \
// RUN:   --output=%t/third.npy
// RUN: %python %S/Inputs/producers.py check %t training
// RUN: bn-runner %s --entry=backward --input=%t/a.npy --input=%t/b.npy \
// RUN:   --input=%t/bias.npy --input=%t/mean.npy --input=%t/variance.npy \
// RUN:   --input=%t/dy.npy --output=%t/first.npy --output=%t/second.npy
// RUN: %python %S/Inputs/producers.py check %t backward

!data = tensor<6x16x30x30xf32>
!channels = tensor<16xf32>
#all = affine_map<(n, c, h, w) -> (n, c, h, w)>
#channel = affine_map<(n, c, h, w) -> (c)>

func.func private @make(%a: !data, %b: !data, %bias: !channels) -> !data {
  %sum = arith.addf %a, %b : !data
  %empty = tensor.empty() : !data
  %x = linalg.generic {indexing_maps = [#all, #channel, #all],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%sum, %bias : !data, !channels) outs(%empty : !data) {
  ^bb0(%e: f32, %f: f32, %o: f32):
    %zero = arith.constant 0.0 : f32
    %g = arith.addf %e, %f : f32
    %relu = arith.maximumf %g, %zero : f32
    linalg.yield %relu : f32
  } -> !data
  return %x : !data
}

// CHECK-LABEL: func @inference
//       CHECK:   scf.forall
//       CHECK:     arith.maximumf
func.func @inference(%a: !data, %b: !data, %bias: !channels, %m: !channels,
    %v: !channels) -> !data {
  %x = call @make(%a, %b, %bias) : (!data, !data, !channels) -> !data
  %y0 = tensor.empty() : !data
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : !data)
      statistics(%m, %v : !channels, !channels) outs(%y0 : !data) -> !data
  return %y : !data
}

// CHECK-LABEL: func @training
//       CHECK:   scf.forall
//       CHECK:     arith.maximumf
func.func @training(%a: !data, %b: !data, %bias: !channels)
    -> (!data, !channels, !channels) {
  %x = call @make(%a, %b, %bias) : (!data, !data, !channels) -> !data
  %y0 = tensor.empty() : !data
  %m0 = tensor.empty() : !channels
  %v0 = tensor.empty() : !channels
  %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : !data)
      outs(%y0, %m0, %v0 : !data, !channels, !channels)
      -> !data, !channels, !channels
  return %y, %m, %v : !data, !channels, !channels
}

// CHECK-LABEL: func @backward
//       CHECK:   scf.forall
//       CHECK:     arith.maximumf
func.func @backward(%a: !data, %b: !data, %bias: !channels, %m: !channels,
    %v: !channels, %dy: !data) -> (!data, !channels) {
  %x = call @make(%a, %b, %bias) : (!data, !data, !channels) -> !data
  %dx0 = tensor.empty() : !data
  %ds0 = tensor.empty() : !channels
  %dx, %ds = bn.backward axis(1) epsilon(1.0e-3) wrt(input, scale)
      ins(%dy, %x : !data, !data) statistics(%m, %v : !channels, !channels)
      outs(%dx0, %ds0 : !data, !channels) -> !data, !channels
  return %dx, %ds : !data, !channels
}
