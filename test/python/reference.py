# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Batch normalization in float64 NumPy, written from its definition, and arrays
to compare with it.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import pytest

import bn_mlir

DTYPES = {
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
}

#: Shape and axis: what layers use, and what breaks careless code.
SHAPES = [
    ((4, 5, 6, 7), 1),
    ((4, 6, 7, 5), -1),
    ((2, 37, 9, 7), 1),
    ((5, 3, 3, 33), 3),
    ((9, 17), -1),
    ((13,), 0),
    ((3, 1, 5, 5), 1),
    ((1, 7, 1, 1), 1),
    ((0, 3, 4), 1),
    ((2, 3, 4, 5), (1, 2)),
    ((2, 3, 4, 5), [0, -1]),
]


def sorted_axis(axis, rank):
    axis = [axis] if isinstance(axis, int) else axis
    return sorted(dim % rank for dim in axis)


def channel_shape(shape, axis):
    return tuple(shape[dim] for dim in sorted_axis(axis, len(shape)))


def other_dims(rank, axis):
    return tuple(d for d in range(rank) if d not in sorted_axis(axis, rank))


def wide(dtype):
    """The default type of statistics."""
    return DTYPES["f64"] if dtype == DTYPES["f64"] else DTYPES["f32"]


def inference(x, scale, offset, mean, variance, axis, epsilon=1e-3):
    def expand(values, absent):
        if values is None:
            return absent
        dims = sorted_axis(axis, x.ndim)
        shape = [x.shape[d] if d in dims else 1 for d in range(x.ndim)]
        return np.asarray(values).astype(np.float64).reshape(shape)

    centred = x.astype(np.float64) - expand(mean, 0.0)
    factor = expand(scale, 1.0) / np.sqrt(expand(variance, 1.0) + epsilon)
    return centred * factor + expand(offset, 0.0)


def backward(output_grad, x, scale, mean, inverse, axis, frozen=False):
    """Gradients of input, scale and offset, with 1 / sqrt(variance + epsilon)
    given.
    """
    dims = sorted_axis(axis, x.ndim)
    shape = [x.shape[d] if d in dims else 1 for d in range(x.ndim)]
    others = other_dims(x.ndim, axis)
    dy = output_grad.astype(np.float64)
    factor = np.asarray(inverse).astype(np.float64).reshape(shape)
    hat = (x.astype(np.float64)
           - np.asarray(mean).astype(np.float64).reshape(shape)) * factor
    offset_grad = dy.sum(others, keepdims=True)
    scale_grad = (dy * hat).sum(others, keepdims=True)
    if scale is not None:
        factor = factor * np.asarray(scale).astype(np.float64).reshape(shape)
    if not frozen:
        count = max(1, np.prod([x.shape[d] for d in others]))
        dy = dy - offset_grad / count - hat * scale_grad / count
    channels = channel_shape(x.shape, axis)
    return (dy * factor, scale_grad.reshape(channels),
            offset_grad.reshape(channels))


@dataclass
class Statistics:
    count: int
    mean: np.ndarray
    variance: np.ndarray


def statistics(x, axis):
    dims = other_dims(x.ndim, axis)
    x = x.astype(np.float64)
    count = int(np.prod([x.shape[d] for d in dims]))
    if count == 0:
        zeros = np.zeros(channel_shape(x.shape, axis))
        return Statistics(0, zeros, zeros)
    return Statistics(count, x.mean(dims), x.var(dims))


def running(old_mean, old_variance, stats, momentum, kind):
    if stats.count == 0:
        return old_mean, old_variance
    factor = 1.0
    if kind == "sample" and stats.count > 1:
        factor = stats.count / (stats.count - 1)
    mean = old_mean * momentum + stats.mean * (1 - momentum)
    variance = stats.variance * factor
    return mean, old_variance * momentum + variance * (1 - momentum)


def random_array(shape, dtype, seed=0, spread=2.0, offset=0.5):
    values = np.random.default_rng(seed).standard_normal(shape)
    return (values * spread + offset).astype(dtype)


def parameters(shape, axis, dtype):
    """Scale, offset, mean and variance."""
    size = channel_shape(shape, axis)
    scale, offset, mean = (random_array(size, dtype, s) for s in (1, 2, 3))
    return scale, offset, mean, abs(random_array(size, dtype, 4)) + dtype.type(
        0.1)


def batch_past_caches(image_bytes):
    """How many images fill the last-level cache, as far as the compiler counts
    on it: input and output are twice that, and stores go past it.
    """
    entry = pathlib.Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
    if not entry.exists():
        pytest.skip("the size of the last-level cache is not known")
    cache_bytes = int(entry.read_text().strip().removesuffix("K")) << 10
    return -(-min(cache_bytes, 48 << 20) // image_bytes)


def assert_past_caches(kind, shape, dtype, axis=1, **options):
    """The kernel stores past the caches."""
    spec = bn_mlir.Spec(kind, shape, axis=axis, dtype=dtype, **options)
    assert "stores = nontemporal" in bn_mlir.compile(spec).strategy


def assert_close(actual, expected, message=""):
    """Compares with float64: rounding to the result's type, and, of float32
    sums, some units in the last place.
    """
    actual = np.asarray(actual)
    assert actual.shape == expected.shape, message
    digits = float(ml_dtypes.finfo(actual.dtype).eps)
    computed = 2e-15 if actual.dtype == np.float64 else 4e-7
    size = np.abs(expected)
    size = np.maximum(size, np.max(size, initial=0.0))
    np.testing.assert_array_less(
        np.abs(actual.astype(np.float64) - expected),
        0.51 * digits * np.abs(expected) + 4 * computed * size + 1e-300,
        message)
