# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results in bf16 are rounded to nearest, ties to even, and NaN stays NaN."""

import ml_dtypes
import numpy as np
import pytest

import bn_mlir
from test_cpus import list_cpus

BF16 = ml_dtypes.bfloat16

#: Rows in the lanes and channels in the lanes, of one register and of many, and
#: ends of all lengths; what is left over is rounded one by one.
LAYOUTS = [((2, 24, 6, 8), 1), ((3, 6, 49), 1), ((2, 5, 215), 1),
           ((6, 8, 48), -1), ((7, 7, 31), -1), ((3, 300), -1), ((1, 8), -1)]
layouts = pytest.mark.parametrize("shape, axis", LAYOUTS)


@pytest.fixture(autouse=True, params=["", *list_cpus()])
def cpu(request):
    with bn_mlir.knobs.scope(cpu=request.param):
        yield


def add_to_all(x, offset, axis):
    """``x + offset`` by inference: with no mean and a deviation of 1."""
    zeros, ones = np.zeros_like(offset), np.ones_like(offset)
    return bn_mlir.inference(
        x, ones, offset, zeros, ones, axis=axis, epsilon=0.0)


def spread(values, shape, axis):
    """``values``, one per channel, as an array that broadcasts to ``shape``."""
    return values.reshape(
        [-1 if dim == axis % len(shape) else 1 for dim in range(len(shape))])


@layouts
def test_ties_and_neighbours(shape, axis):
    """Sums of a bf16 and an f32, many near half of a last place."""
    generator = np.random.default_rng(7)
    exponents = generator.integers(100, 150, shape, dtype=np.uint16)
    x = (exponents << 7 | generator.integers(0, 128, shape, dtype=np.uint16)
         | generator.integers(0, 2, shape, dtype=np.uint16) << 15).view(BF16)
    channels = shape[axis]
    offset = np.ldexp(np.float32(1), generator.integers(-28, 16, channels))
    offset = (offset * generator.choice([-1, 1, 3], channels)).astype(np.float32)
    with np.errstate(over="ignore"):
        expected = (x.astype(np.float32) + spread(offset, shape, axis)).astype(BF16)
    np.testing.assert_array_equal(
        add_to_all(x, offset, axis).view(np.uint16), expected.view(np.uint16))


@layouts
def test_infinity(shape, axis):
    """What is too large for bf16 becomes infinite, and infinity stays."""
    channels = shape[axis]
    largest = np.array(0x7F7F, np.uint16).view(BF16)
    for x in (largest, -largest, BF16(np.inf), BF16(-np.inf)):
        offset = np.full(channels, np.float32(x) * 2.0**-8, np.float32)
        y = add_to_all(np.full(shape, x), offset, axis).astype(np.float32)
        np.testing.assert_array_equal(y, np.sign(np.float32(x)) * np.inf)


@layouts
@pytest.mark.parametrize("bits", [
    0xFFFFFFFF, 0x7FFFFFFF, 0x7FFF8000, 0xFFC00000, 0x7FC00001, 0x7F800001,
    0xFF800001, 0x7F80FFFF])
def test_nan_of_any_bits(shape, axis, bits):
    """A carry of the rounding would make a number of some of these."""
    channels = shape[axis]
    offset = np.zeros(channels, np.float32)
    offset.view(np.uint32)[::2] = bits
    y = add_to_all(np.ones(shape, BF16), offset, axis).astype(np.float32)
    expected = np.broadcast_to(spread(np.isnan(offset), shape, axis), shape)
    np.testing.assert_array_equal(np.isnan(y), expected)
    np.testing.assert_array_equal(y[~expected], 1)


@layouts
def test_nan_in_the_data(shape, axis):
    """All NaN that bf16 has, with a result for each element."""
    x = np.ones(shape, BF16)
    flat = x.reshape(-1).view(np.uint16)
    where = np.arange(0, flat.size, 3)
    nans = np.concatenate([np.arange(0x7F81, 0x8000), np.arange(0xFF81, 0x10000)])
    flat[where] = np.resize(nans, where.size)
    y = add_to_all(x, np.full(shape[axis], 0.5, np.float32), axis)
    expected = np.isnan(x.astype(np.float32))
    np.testing.assert_array_equal(np.isnan(y.astype(np.float32)), expected)
    np.testing.assert_array_equal(y[~expected], BF16(1.5))
