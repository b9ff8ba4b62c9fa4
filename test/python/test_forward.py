# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""inference and training against float64, over types, layouts and sizes."""

import numpy as np
import pytest

import bn_mlir
import reference as ref

DTYPE_SHAPES = [((4, 5, 6, 7), 1), ((4, 6, 7, 5), -1), ((9, 17), -1)]
CASES = [(shape, axis, "f32") for shape, axis in ref.SHAPES] + [
    (shape, axis, dtype)
    for shape, axis in DTYPE_SHAPES
    for dtype in ("f16", "bf16", "f64")
] + [  # more channels than the L1 cache holds coefficients of
    ((70, 4096), -1, dtype) for dtype in ("bf16", "f32", "f64")
]
cases = pytest.mark.parametrize("shape, axis, dtype", CASES)


@cases
def test_inference(shape, axis, dtype):
    dtype = ref.DTYPES[dtype]
    x = ref.random_array(shape, dtype)
    arguments = ref.parameters(shape, axis, ref.wide(dtype))
    y = bn_mlir.inference(x, *arguments, axis=axis)
    assert y.dtype == dtype
    ref.assert_close(y, ref.inference(x, *arguments, axis))


@cases
def test_training(shape, axis, dtype):
    dtype = ref.DTYPES[dtype]
    x = ref.random_array(shape, dtype)
    scale, offset, old_mean, old_variance = ref.parameters(
        shape, axis, ref.wide(dtype))
    results = bn_mlir.training(
        x, scale, offset, old_mean, old_variance, axis=axis, momentum=0.75,
        running_variance_kind="sample")
    y, mean, variance, new_mean, new_variance = results
    expected = ref.statistics(x, axis)
    assert y.dtype == dtype and mean.dtype == ref.wide(dtype)
    ref.assert_close(mean, expected.mean)
    ref.assert_close(variance, expected.variance)
    ref.assert_close(y, ref.inference(
        x, scale, offset, expected.mean, expected.variance, axis))
    running = ref.running(
        old_mean, old_variance, expected, 0.75, "sample")
    ref.assert_close(new_mean, running[0])
    ref.assert_close(new_variance, running[1])


@pytest.mark.parametrize("has_scale", [False, True])
@pytest.mark.parametrize("has_offset", [False, True])
def test_absent_parameters(has_scale, has_offset):
    shape, axis = (4, 5, 6, 7), 1
    x = ref.random_array(shape, np.float32)
    scale, offset, mean, variance = ref.parameters(
        shape, axis, ref.DTYPES["f32"])
    scale = scale if has_scale else None
    offset = offset if has_offset else None
    y = bn_mlir.inference(x, scale, offset, mean, variance, axis=axis)
    ref.assert_close(y, ref.inference(x, scale, offset, mean, variance, axis))
    results = bn_mlir.training(x, scale, offset, axis=axis)
    assert len(results) == 3
    expected = ref.statistics(x, axis)
    ref.assert_close(results[0], ref.inference(
        x, scale, offset, expected.mean, expected.variance, axis))


def test_population_variance_and_epsilon():
    x = ref.random_array((3, 4), np.float32)
    old = np.zeros(4, np.float32), np.ones(4, np.float32)
    y, mean, variance, new_mean, new_variance = bn_mlir.training(
        x, None, None, *old, momentum=0.5, epsilon=0.25)
    expected = ref.statistics(x, -1)
    running = ref.running(*old, expected, 0.5, "population")
    ref.assert_close(new_variance, running[1])
    ref.assert_close(y, ref.inference(
        x, None, None, expected.mean, expected.variance, -1, 0.25))


def test_narrow_parameters():
    """Parameters and statistics of the type of the data."""
    dtype = ref.DTYPES["bf16"]
    x = ref.random_array((4, 5, 6), dtype)
    arguments = ref.parameters(x.shape, 1, dtype)
    y = bn_mlir.inference(x, *arguments, axis=1)
    ref.assert_close(y, ref.inference(x, *arguments, 1))
    results = bn_mlir.training(x, *arguments, axis=1)
    assert [result.dtype for result in results] == [dtype] * 5


def test_one_element_per_channel():
    x = ref.random_array((1, 7, 1, 1), np.float32)
    old = np.zeros(7, np.float32), np.ones(7, np.float32)
    y, mean, variance, _, new_variance = bn_mlir.training(
        x, None, None, *old, axis=1, running_variance_kind="sample")
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_array_equal(mean, x.ravel())
    np.testing.assert_array_equal(variance, 0)
    assert np.isfinite(new_variance).all()


def test_empty_batch():
    x = np.empty((0, 3, 4), np.float32)
    old = np.full(3, 2, np.float32), np.full(3, 5, np.float32)
    y, mean, variance, new_mean, new_variance = bn_mlir.training(
        x, None, None, *old, axis=1)
    assert y.shape == x.shape
    np.testing.assert_array_equal(mean, 0)
    np.testing.assert_array_equal(variance, 0)
    np.testing.assert_array_equal(new_mean, old[0])
    np.testing.assert_array_equal(new_variance, old[1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("axis", [1, 3])
def test_poison_stays_in_its_channel(value, axis):
    x = ref.random_array((4, 6, 5, 6), np.float32)
    clean = bn_mlir.training(x, axis=axis)
    index = [1, 1, 1, 1]
    index[axis] = 2
    x[tuple(index)] = value
    y, mean, variance = bn_mlir.training(x, axis=axis)
    others = np.arange(6) != 2
    assert np.isnan(variance[2]) and not np.isfinite(mean[2])
    for result, expected in zip((mean, variance), clean[1:]):
        np.testing.assert_array_equal(result[others], expected[others])
    y, expected = np.moveaxis(y, axis, 0), np.moveaxis(clean[0], axis, 0)
    np.testing.assert_array_equal(y[others], expected[others])


@pytest.mark.parametrize("offset", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("axis", [1, 3])
def test_large_offsets(offset, axis):
    """Within the bounds that docs/Numerics.md states for any layout."""
    x = ref.random_array((8, 8, 16, 8), np.float32, spread=1, offset=offset)
    y, mean, variance = bn_mlir.training(x, axis=axis)
    expected = ref.statistics(x, axis)
    error = np.abs(variance - expected.variance) / expected.variance
    assert error.max() < 6e-7
    ideal = ref.inference(
        x, None, None, expected.mean, expected.variance, axis)
    assert np.abs(y - ideal).max() < 4e-6


@pytest.mark.parametrize("axis", [np.int64(1), [np.int32(-2)], (1,)])
def test_any_integer_is_an_axis(axis):
    x = ref.random_array((4, 6, 5), np.float32)
    for result, expected in zip(bn_mlir.training(x, axis=axis),
                                bn_mlir.training(x, axis=1)):
        np.testing.assert_array_equal(result, expected)
