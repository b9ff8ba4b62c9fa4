// Gradients through what stood behind a batch norm, by hand-written prologues:
// of a ReLU by the sign of its output, and of a leaky one, with slopes per
// channel, by bits that were saved. NumPy, at float64, is the reference.

// REQUIRES: numpy
// RUN: rm -rf %t && mkdir %t
// RUN: %python %S/Inputs/prologue.py make %t
// RUN: bn-runner %s --entry=add_relu --input=%t/dz.npy --input=%t/x.npy \
// RUN:   --input=%t/z.npy --input=%t/mean.npy --input=%t/variance.npy \
// RUN:   --input=zeros --input=zeros --input=zeros --input=zeros \
// RUN:   --output=%t/dx.npy --output=%t/dscale.npy --output=%t/doffset.npy \
// RUN:   --output=%t/dr.npy
// RUN: %python %S/Inputs/prologue.py check %t relu
// RUN: bn-runner %s --entry=leaky --input=%t/dz.npy --input=%t/x.npy \
// RUN:   --input=%t/bits.npy --input=%t/slopes.npy --input=%t/mean.npy \
// RUN:   --input=%t/variance.npy --input=zeros --input=zeros --input=zeros \
// RUN:   --input=zeros --output=%t/dx.npy --output=%t/dscale.npy \
// RUN:   --output=%t/doffset.npy --output=%t/dr.npy
// RUN: %python %S/Inputs/prologue.py check %t leaky

!data = tensor<6x16x30x30xf32>
!channels = tensor<16xf32>

func.func @add_relu(%dz: !data, %x: !data, %z: !data, %m: !channels,
    %v: !channels, %dx0: !data, %ds0: !channels, %db0: !channels, %dr0: !data)
    -> (!data, !channels, !channels, !data) {
  %r:4 = bn.backward axis(1) epsilon(1.0e-3)
      wrt(input, scale, offset, normalized) ins(%dz, %x : !data, !data)
      statistics(%m, %v : !channels, !channels)
      outs(%dx0, %ds0, %db0, %dr0 : !data, !channels, !channels, !data)
      prologue(%z : !data) {
    ^bb0(%dy: f32, %y: f32):
      %zero = arith.constant 0.0 : f32
      %p = arith.cmpf ogt, %y, %zero : f32
      %g = arith.select %p, %dy, %zero : f32
      bn.yield %g : f32
    } -> !data, !channels, !channels, !data
  return %r#0, %r#1, %r#2, %r#3 : !data, !channels, !channels, !data
}

func.func @leaky(%dz: !data, %x: !data, %bits: tensor<6x16x30x30xi8>,
    %slopes: tensor<16xf64>, %m: !channels, %v: !channels, %dx0: !data,
    %ds0: !channels, %db0: !channels, %dr0: !data)
    -> (!data, !channels, !channels, !data) {
  %r:4 = bn.backward axis(1) epsilon(1.0e-3)
      wrt(input, scale, offset, normalized) ins(%dz, %x : !data, !data)
      statistics(%m, %v : !channels, !channels)
      outs(%dx0, %ds0, %db0, %dr0 : !data, !channels, !channels, !data)
      prologue(%bits, %slopes : tensor<6x16x30x30xi8>, tensor<16xf64>) {
    ^bb0(%dy: f32, %bit: i8, %slope: f32):
      %none = arith.constant 0 : i8
      %p = arith.cmpi ne, %bit, %none : i8
      %scaled = arith.mulf %dy, %slope : f32
      %g = arith.select %p, %dy, %scaled : f32
      bn.yield %g : f32
    } -> !data, !channels, !channels, !data
  return %r#0, %r#1, %r#2, %r#3 : !data, !channels, !channels, !data
}
