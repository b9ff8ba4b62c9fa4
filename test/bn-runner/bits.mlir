// What a ReLU behind a sum lets pass goes from the forward to the backward call
// as a bit for each element: by bytes that one function writes and another one
// reads. NumPy, at float64, is the reference.

// REQUIRES: numpy
// RUN: rm -rf %t && mkdir %t
// RUN: %python %S/Inputs/bits.py make %t
// RUN: bn-runner %s --entry=forward --input=%t/x.npy --input=%t/r.npy \
// RUN:   --input=zeros --input=zeros --input=zeros --input=zeros \
// RUN:   --output=%t/z.npy --output=%t/mean.npy --output=%t/variance.npy \
// RUN:   --output=%t/bytes.npy
// RUN: bn-runner %s --entry=backward --input=%t/dz.npy --input=%t/x.npy \
// RUN:   --input=%t/bytes.npy --input=%t/mean.npy --input=%t/variance.npy \
// RUN:   --input=zeros --input=zeros --output=%t/dx.npy --output=%t/dr.npy
// RUN: %python %S/Inputs/bits.py check %t

!data = tensor<4x5x6x12xf32>
!bits = tensor<4x5x6x12xi8>
!channels = tensor<5xf32>

func.func @forward(%x: !data, %r: !data, %z0: !data, %m0: !channels,
    %v0: !channels, %bytes: memref<180xi8>)
    -> (!data, !channels, !channels, memref<180xi8>) {
  %bits = bn.view_bits %bytes : memref<180xi8> to memref<4x5x6x12xi8>
  %b0 = bufferization.to_tensor %bits restrict writable
      : memref<4x5x6x12xi8> to !bits
  %z, %m, %v, %b = bn.training axis(1) epsilon(1.0e-3) ins(%x : !data)
      outs(%z0, %m0, %v0, %b0 : !data, !channels, !channels, !bits)
      epilogue(%r : !data) {
    ^bb0(%y: f32, %e: f32):
      %zero = arith.constant 0.0 : f32
      %sum = arith.addf %y, %e : f32
      %passes = arith.cmpf ogt, %sum, %zero : f32
      %bit = arith.extui %passes : i1 to i8
      %relu = arith.maximumf %sum, %zero : f32
      bn.yield %relu, %bit : f32, i8
    } -> !data, !channels, !channels, !bits
  bufferization.materialize_in_destination %b in restrict writable %bits
      : (!bits, memref<4x5x6x12xi8>) -> ()
  return %z, %m, %v, %bytes : !data, !channels, !channels, memref<180xi8>
}

func.func @backward(%dz: !data, %x: !data, %bytes: memref<180xi8>,
    %m: !channels, %v: !channels, %dx0: !data, %dr0: !data)
    -> (!data, !data) {
  %bits = bn.view_bits %bytes : memref<180xi8> to memref<4x5x6x12xi8>
  %b = bufferization.to_tensor %bits restrict : memref<4x5x6x12xi8> to !bits
  %dx, %dr = bn.backward axis(1) epsilon(1.0e-3) wrt(input, normalized)
      ins(%dz, %x : !data, !data) statistics(%m, %v : !channels, !channels)
      outs(%dx0, %dr0 : !data, !data) prologue(%b : !bits) {
    ^bb0(%dy: f32, %bit: i8):
      %zero = arith.constant 0.0 : f32
      %none = arith.constant 0 : i8
      %passes = arith.cmpi ne, %bit, %none : i8
      %g = arith.select %passes, %dy, %zero : f32
      bn.yield %g : f32
    } -> !data, !data
  return %dx, %dr : !data, !data
}
