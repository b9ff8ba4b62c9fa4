// Gradients of what stood behind a batch norm as ops on tensors, which become
// prologues: of an addition and a ReLU, and of a leaky one with slopes per
// channel, by bits that were saved. The gradient of the addend, which is
// returned, is written by bn.backward. NumPy, at float64, is the reference.

// REQUIRES: numpy
// RUN: bn-opt %s --bn-cpu-pipeline="compile-to=bn" | FileCheck %s
// RUN: rm -rf %t && mkdir %t
// RUN: %python %S/Inputs/prologue.py make %t
// RUN: bn-runner %s --entry=add_relu --input=%t/dz.npy --input=%t/x.npy \
// RUN:   --input=%t/z.npy --input=%t/mean.npy --input=%t/variance.npy \
// RUN:   --output=%t/dx.npy --output=%t/dscale.npy --output=%t/doffset.npy \
// RUN:   --output=%t/dr.npy
// RUN: %python %S/Inputs/prologue.py check %t relu
// RUN: bn-runner %s --entry=leaky --input=%t/dz.npy --input=%t/x.npy \
// RUN:   --input=%t/bits.npy --input=%t/slopes.npy --input=%t/mean.npy \
// RUN:   --input=%t/variance.npy --output=%t/dx.npy --output=%t/dscale.npy \
// RUN:   --output=%t/doffset.npy --output=%t/dr.npy
// RUN: %python %S/Inputs/prologue.py check %t leaky

!data = tensor<6x16x30x30xf32>
!channels = tensor<16xf32>

// CHECK-LABEL: func @add_relu
//   CHECK-NOT:   linalg
//       CHECK:   bn.backward {{.*}} wrt(input, scale, offset, normalized) {{.*}} prologue(
//   CHECK-NOT:   linalg
//       CHECK:   return
func.func @add_relu(%dz: !data, %x: !data, %z: !data, %m: !channels,
    %v: !channels) -> (!data, !channels, !channels, !data) {
  %zero = arith.constant dense<0.0> : !data
  %passes = arith.cmpf ogt, %z, %zero : !data
  %dy = arith.select %passes, %dz, %zero : tensor<6x16x30x30xi1>, !data
  %dx0 = tensor.empty() : !data
  %ds0 = tensor.empty() : !channels
  %db0 = tensor.empty() : !channels
  %dx, %ds, %db = bn.backward axis(1) epsilon(1.0e-3) wrt(input, scale, offset)
      ins(%dy, %x : !data, !data) statistics(%m, %v : !channels, !channels)
      outs(%dx0, %ds0, %db0 : !data, !channels, !channels)
      -> !data, !channels, !channels
  return %dx, %ds, %db, %dy : !data, !channels, !channels, !data
}

// CHECK-LABEL: func @leaky
//       CHECK:   bn.backward {{.*}} wrt(input, scale, offset, normalized) {{.*}} prologue(
//   CHECK-NOT:   linalg
//       CHECK:   return
#all = affine_map<(n, c, h, w) -> (n, c, h, w)>
#channel = affine_map<(n, c, h, w) -> (c)>
func.func @leaky(%dz: !data, %x: !data, %bits: tensor<6x16x30x30xi8>,
    %slopes: tensor<16xf64>, %m: !channels, %v: !channels)
    -> (!data, !channels, !channels, !data) {
  %s = arith.truncf %slopes : tensor<16xf64> to !channels
  %dy0 = tensor.empty() : !data
  %scaled = linalg.generic {indexing_maps = [#all, #channel, #all],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%dz, %s : !data, !channels) outs(%dy0 : !data) {
  ^bb0(%e: f32, %slope: f32, %o: f32):
    %product = arith.mulf %e, %slope : f32
    linalg.yield %product : f32
  } -> !data
  %dy = linalg.map ins(%bits, %dz, %scaled
                       : tensor<6x16x30x30xi8>, !data, !data) outs(%dy0 : !data)
    (%bit: i8, %e: f32, %f: f32, %o: f32) {
      %none = arith.constant 0 : i8
      %passes = arith.cmpi ne, %bit, %none : i8
      %g = arith.select %passes, %e, %f : f32
      linalg.yield %g : f32
    }
  %dx0 = tensor.empty() : !data
  %ds0 = tensor.empty() : !channels
  %db0 = tensor.empty() : !channels
  %dx, %ds, %db = bn.backward axis(1) epsilon(1.0e-3) wrt(input, scale, offset)
      ins(%dy, %x : !data, !data) statistics(%m, %v : !channels, !channels)
      outs(%dx0, %ds0, %db0 : !data, !channels, !channels)
      -> !data, !channels, !channels
  return %dx, %ds, %db, %dy : !data, !channels, !channels, !data
}
