# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch's own batch normalization in float64, and how far a result may be
from it: the table "Bounds" of docs/Numerics.md.

Of float64 data the reference is no more exact than the result, so that there
the bounds are twice as wide, and have what PyTorch's form of the result,
x * a + (bias - mean * a), loses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

W = 2.0**-53


def per_channel(values, x: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64).reshape(
        1, -1, *[1] * (x.dim() - 2))


def reduce_dims(x: Tensor) -> list[int]:
    return [0, *range(2, x.dim())]


@dataclass
class Reference:
    """A layer with its data in float64. `dtype` is what was computed in."""

    x: Tensor
    weight: Optional[Tensor]
    bias: Optional[Tensor]
    running_mean: Optional[Tensor]
    running_var: Optional[Tensor]
    training: bool
    momentum: float
    eps: float
    dtype: torch.dtype

    def __post_init__(self):
        x, dims = self.x, reduce_dims(self.x)
        self.n = n = x.numel() // x.size(1)
        self.u = 2.0**-53 if self.dtype == torch.float64 else 2.0**-24
        length = min(n, 256)
        self.g = 2 * math.sqrt(length)
        if self.dtype in (torch.float16, torch.bfloat16):
            self.g = max(self.g, length / 4)
        elif self.dtype == torch.float64:
            self.g += math.sqrt(n / 64)
        self.merge = (4 + math.sqrt(n)) * W
        if not self.training:
            self.mean, self.variance = self.running_mean, self.running_var
            self.mean_bound = torch.zeros_like(self.mean)
            self.variance_bound = torch.zeros_like(self.mean)
            return
        self.mean = x.mean(dims)
        self.variance = x.var(dims, correction=0)
        largest = x.abs().amax(dims)
        delta = (2 + length) * self.u * largest
        spread = self.variance + delta**2
        self.mean_bound = ((2 + self.g) * self.u * spread.sqrt()
                           + self.merge * largest)
        rest = self.merge * largest
        self.variance_bound = ((4 + self.g) * self.u * spread
                               + 2 * rest * self.variance.sqrt() + rest**2)

    def expand(self, values, absent=0.0):
        return per_channel(absent, self.x) if values is None else per_channel(
            values, self.x)

    def written(self, value: Tensor, dtype=None) -> Tensor:
        info = torch.finfo(dtype or self.dtype)
        unit = info.eps / 2 * (1 + self.u)
        return unit * value.abs() + info.tiny

    def widen(self, bound: Tensor) -> Tensor:
        return 2 * bound if self.dtype == torch.float64 else bound

    def forward(self):
        """y and its bound; running statistics are updated in place."""
        y = F.batch_norm(self.x, self.running_mean, self.running_var,
                         self.weight, self.bias, self.training, self.momentum,
                         self.eps)
        denominator = self.expand(self.variance + self.eps)
        a = self.expand(self.weight, 1.0) / denominator.sqrt()
        t = ((self.x - self.expand(self.mean)) * a).abs()
        pivot = (self.expand(self.mean) * a).abs()
        bound = self.u * (4 * t + 3 * self.expand(self.bias).abs()
                          + 2 * y.abs() + 4 * self.u * pivot)
        bound = bound + a.abs() * self.expand(self.mean_bound)
        bound = bound + t * self.expand(self.variance_bound) / (2 * denominator)
        bound = bound + 4 * W * (pivot + t + self.expand(self.bias).abs())
        return y, self.widen(bound + self.written(y))

    def running_bounds(self, dtype):
        """Of the running mean and variance, after `forward`."""
        factor = self.n / max(1, self.n - 1)
        for new, batch, bound in (
                (self.running_mean, self.mean, self.mean_bound),
                (self.running_var, self.variance * factor,
                 self.variance_bound * factor)):
            part = (self.momentum * batch).abs()
            sizes = 2 * part + new.abs()
            # What was read, and what is written, are of the type `dtype`.
            yield self.widen(abs(self.momentum) * bound + 4 * W * sizes
                             + self.written(new, dtype) + self.u * sizes)

    def backward(self, dy: Tensor):
        """Gradients of input, weight and bias, each with its bound.

        The mean and the variance that the forward call left have its errors,
        and were rounded; the bounds of the gradients take them as exact, so
        what follows from their errors is added.
        """
        dims, u, n = reduce_dims(self.x), self.u, self.n
        r = (self.variance + self.eps).rsqrt()
        centred = self.x - self.expand(self.mean)
        sum_dy, size = dy.sum(dims), dy.abs().sum(dims)
        sum_dy_xmu = (dy * centred).sum(dims)
        s = ((2 + self.g) * u + self.merge) * size
        distance = centred.abs() + u * self.expand(self.mean).abs()
        t = ((4 + self.g) * u + self.merge) * (dy.abs() * distance).sum(dims)
        t = t + u * self.mean.abs() * s
        mean_error = self.mean_bound + u * self.mean.abs()
        factor_error = (self.variance_bound + u * self.variance) * r**2 / 2

        dweight = sum_dy_xmu * r
        dweight_bound = (r * t + 4 * W * dweight.abs()
                         + r * mean_error * sum_dy.abs()
                         + factor_error * dweight.abs())
        a = self.expand(self.weight, 1.0) * self.expand(r)
        dx = a * dy
        bound = 3 * u * dx.abs() + self.expand(factor_error) * dx.abs()
        if self.training:
            mean_dy = self.expand(sum_dy / n)
            b = -a * self.expand(r**2 * sum_dy_xmu / n)
            dx = a * (dy - mean_dy) + b * centred
            step = (b * centred).abs()
            bound = u * (2 * (a * dy).abs() + 4 * step
                         + 4 * u * (b * self.expand(self.mean)).abs()
                         + 2 * (a * mean_dy).abs() + dx.abs())
            bound = bound + a.abs() * self.expand(s / n)
            side = a.abs() * self.expand(r**2 / n) * centred.abs()
            bound = bound + side * self.expand(t + mean_error * sum_dy.abs())
            relative = self.expand(factor_error)
            bound = bound + relative * (a * (dy - mean_dy)).abs()
            bound = bound + 3 * relative * step
            bound = bound + b.abs() * self.expand(mean_error)
        return [(value, self.widen(its_bound)) for value, its_bound in (
            (dx, bound + self.written(dx)), (dweight, dweight_bound),
            (sum_dy, s))]


def assert_within(actual: Tensor, expected: Tensor, bound: Tensor,
                  what: str = "") -> None:
    assert actual.shape == expected.shape, what
    error = (actual.detach().double() - expected).abs()
    bad = ~(error <= bound.expand_as(error))
    assert not bad.any(), (
        f"{what}: error {error[bad].max().item():.3e}, bound "
        f"{bound.expand_as(error)[bad].min().item():.3e}")
