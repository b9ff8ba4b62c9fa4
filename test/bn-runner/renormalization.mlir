// Batch renormalization, written with bn.stats, bn.normalize and arithmetic on
// tensors with an entry per channel; the limits are numbers of the call.

// REQUIRES: numpy
// RUN: rm -rf %t && split-file %s %t
// RUN: bn-runner %t/renormalization.mlir --input=random:1:8x16x13x13 \
// RUN:   --input=random:2 --input=random:3 --input=0.32 --input=0.8 \
// RUN:   --input=0.75 --input=1.25 --input=0.4 --input=zeros:8x16x13x13 \
// RUN:   --output=%t/y.npy --output=%t/mean.npy --output=%t/std.npy
// RUN: bn-runner %t/copy.mlir --input=random:1:8x16x13x13 --input=random:2 \
// RUN:   --input=random:3 --output=%t/x.npy --output=%t/scale.npy \
// RUN:   --output=%t/offset.npy
// RUN: %python %t/check.py %t

//--- renormalization.mlir
!image = tensor<8x16x13x13xf32>
!channels = tensor<16xf32>
!wide = tensor<16xf64>

// Corrects per channel: std, r and d of the batch's statistics.
func.func private @correct(%count: !wide, %mean: !wide, %variance: !wide,
    %known_mean: !wide, %known_std: !wide, %r_min: f64, %r_max: f64,
    %d_max: f64) -> (!wide, !wide, !wide) {
  %epsilon = arith.constant dense<1.0e-3> : !wide
  %r_least = tensor.splat %r_min : !wide
  %r_most = tensor.splat %r_max : !wide
  %d_most = tensor.splat %d_max : !wide
  %d_least = arith.negf %d_most : !wide
  %sum = arith.addf %variance, %epsilon : !wide
  %std = math.sqrt %sum : !wide
  %r0 = arith.divf %std, %known_std : !wide
  %r1 = arith.maximumf %r0, %r_least : !wide
  %r = arith.minimumf %r1, %r_most : !wide
  %distance = arith.subf %mean, %known_mean : !wide
  %d0 = arith.divf %distance, %known_std : !wide
  %d1 = arith.maximumf %d0, %d_least : !wide
  %d = arith.minimumf %d1, %d_most : !wide
  return %std, %r, %d : !wide, !wide, !wide
}

// 0.75 of the old average, 0.25 of the batch's.
func.func private @average(%old: !wide, %new: !wide) -> !wide {
  %momentum = arith.constant dense<0.75> : !wide
  %rest = arith.constant dense<0.25> : !wide
  %kept = arith.mulf %old, %momentum : !wide
  %taken = arith.mulf %new, %rest : !wide
  %sum = arith.addf %kept, %taken : !wide
  return %sum : !wide
}

func.func @renormalization(%x: !image, %scale: !channels, %offset: !channels,
    %known_mean: !wide, %known_std: !wide, %r_min: f64, %r_max: f64,
    %d_max: f64, %y0: !image) -> (!image, !wide, !wide) {
  %zeros = arith.constant dense<0.0> : !wide
  %count, %mean, %m2 = bn.stats axis(1) ins(%x : !image)
      outs(%zeros, %zeros, %zeros : !wide, !wide, !wide)
      -> !wide, !wide, !wide
  %variance = arith.divf %m2, %count : !wide
  %std, %r, %d = func.call @correct(%count, %mean, %variance, %known_mean,
      %known_std, %r_min, %r_max, %d_max)
      : (!wide, !wide, !wide, !wide, !wide, f64, f64, f64)
      -> (!wide, !wide, !wide)
  %wide_scale = arith.extf %scale : !channels to !wide
  %wide_offset = arith.extf %offset : !channels to !wide
  %scale_r = arith.mulf %wide_scale, %r : !wide
  %scale_d = arith.mulf %wide_scale, %d : !wide
  %offset_d = arith.addf %wide_offset, %scale_d : !wide
  %new_mean = func.call @average(%known_mean, %mean) : (!wide, !wide) -> !wide
  %new_std = func.call @average(%known_std, %std) : (!wide, !wide) -> !wide
  %y = bn.normalize axis(1) epsilon(1.0e-3) ins(%x : !image)
      mean(%mean : !wide) variance(%variance : !wide) scale(%scale_r : !wide)
      offset(%offset_d : !wide) outs(%y0 : !image) -> !image
  return %y, %new_mean, %new_std : !image, !wide, !wide
}

//--- copy.mlir
func.func @copy(%x: tensor<8x16x13x13xf32>, %scale: tensor<16xf32>,
    %offset: tensor<16xf32>)
    -> (tensor<8x16x13x13xf32>, tensor<16xf32>, tensor<16xf32>) {
  return %x, %scale, %offset
      : tensor<8x16x13x13xf32>, tensor<16xf32>, tensor<16xf32>
}

//--- check.py
import sys

import numpy as np

y, new_mean, new_std, x, scale, offset = (
    np.load(f"{sys.argv[1]}/{name}.npy").astype(np.float64)
    for name in ("y", "mean", "std", "x", "scale", "offset"))
mean = x.mean((0, 2, 3))
std = np.sqrt(x.var((0, 2, 3)) + 1e-3)
r, d = np.clip(std / 0.8, 0.75, 1.25), np.clip((mean - 0.32) / 0.8, -0.4, 0.4)
# Some are clipped.
assert (d == -0.4).any() and (d > -0.4).any()
assert (r == 1.25).any() and (r < 1.25).any()


def expand(values):
    return values.reshape(1, -1, 1, 1)


expected = (x - expand(mean)) * expand(scale * r / std) + expand(
    scale * d + offset)
np.testing.assert_allclose(y, expected, atol=3e-6)
np.testing.assert_allclose(new_mean, 0.75 * 0.32 + 0.25 * mean, atol=1e-7)
np.testing.assert_allclose(new_std, 0.75 * 0.8 + 0.25 * std, atol=1e-7)
