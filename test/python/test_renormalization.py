# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Batch renormalization: the batch's statistics, corrected towards those of
earlier batches. And its gradients.
"""

import re

import numpy as np
import pytest

import bn_mlir
import reference as ref
from test_backward import compare

LIMITS = {"r_min": 0.5, "r_max": 1.25, "d_max": 0.75}


def averages(shape, axis, dtype):
    """Mean and deviation of earlier batches, some far from those of arrays of
    `ref.random_array`.
    """
    size = ref.channel_shape(shape, axis)
    return (ref.random_array(size, dtype, 5, spread=2.0),
            abs(ref.random_array(size, dtype, 6, spread=2.0)) + dtype.type(0.2))


def correction(stats, mean, std, epsilon=1e-3, r_min=0.0, r_max=np.inf,
               d_max=np.inf):
    """The deviation, r and d."""
    mean, std = (np.asarray(a).astype(np.float64) for a in (mean, std))
    known = np.maximum(std, np.sqrt(epsilon))
    batch = np.sqrt(stats.variance + epsilon)
    if stats.count == 0:
        return batch, np.ones_like(std), np.zeros_like(std)
    return (batch, np.clip(batch / known, r_min, r_max),
            np.clip((stats.mean - mean) / known, -d_max, d_max))


def average(old, batch, momentum, stats):
    old = np.asarray(old).astype(np.float64)
    return old if stats.count == 0 else old * momentum + batch * (1 - momentum)


def forward(x, scale, offset, stats, r, d, axis):
    """y, of which r and d are constants."""
    one = np.float64(1.0)
    scale = one if scale is None else np.asarray(scale).astype(np.float64)
    offset = 0.0 if offset is None else np.asarray(offset).astype(np.float64)
    return ref.inference(
        x, scale * r, offset + scale * d, stats.mean, stats.variance, axis)


@pytest.mark.parametrize("shape, axis", ref.SHAPES)
@pytest.mark.parametrize("dtype", ref.DTYPES)
def test_forward(shape, axis, dtype):
    x = ref.random_array(shape, ref.DTYPES[dtype])
    wide = ref.wide(x.dtype)
    scale, offset, running_mean, running_std = ref.parameters(shape, axis, wide)
    mean, std = averages(shape, axis, wide)
    stats = ref.statistics(x, axis)
    batch_std, r, d = correction(stats, mean, std, **LIMITS)
    results = bn_mlir.renormalization(
        x, scale, offset, mean, std, running_mean, running_std, axis=axis,
        renorm_momentum=0.5, momentum=0.875, **LIMITS)
    expected = [
        forward(x, scale, offset, stats, r, d, axis), stats.mean,
        stats.variance, r, d, average(mean, stats.mean, 0.5, stats),
        average(std, batch_std, 0.5, stats),
        average(running_mean, stats.mean, 0.875, stats),
        average(running_std, batch_std, 0.875, stats)]
    assert len(results) == len(expected)
    for index, pair in enumerate(zip(results, expected)):
        ref.assert_close(*pair, f"result {index}")
    assert results[0].dtype == x.dtype
    assert x.size == 0 or results[0].strides == x.strides
    assert all(result.dtype == wide for result in results[1:])


@pytest.mark.parametrize("scale, offset", [(0, 0), (0, 1), (1, 0)])
def test_absent_parameters(scale, offset):
    shape, axis = (4, 5, 6, 7), 1
    x = ref.random_array(shape, np.float32)
    given = ref.parameters(shape, axis, x.dtype)
    scale, offset = (p if take else None
                     for p, take in zip(given, (scale, offset)))
    mean, std = averages(shape, axis, x.dtype)
    stats = ref.statistics(x, axis)
    _, r, d = correction(stats, mean, std)
    y, *_ = bn_mlir.renormalization(x, scale, offset, mean, std, axis=axis)
    ref.assert_close(y, forward(x, scale, offset, stats, r, d, axis))


def test_without_limits_normalizes_with_averages():
    """What is corrected in full is what inference would give."""
    x = ref.random_array((8, 5, 7), np.float32)
    scale, offset, *_ = ref.parameters(x.shape, 1, x.dtype)
    mean, std = averages(x.shape, 1, x.dtype)
    y, *_ = bn_mlir.renormalization(x, scale, offset, mean, std, axis=1)
    ref.assert_close(y, ref.inference(
        x, scale, offset, mean, np.float64(std) ** 2 - 1e-3, 1))


def test_narrow_limits_are_batch_normalization():
    x = ref.random_array((8, 5, 7), np.float32)
    mean, std = averages(x.shape, 1, x.dtype)
    y, *_ = bn_mlir.renormalization(
        x, None, None, mean, std, axis=1, r_min=1, r_max=1, d_max=0)
    ref.assert_close(y, np.float64(bn_mlir.training(x, axis=1)[0]))


def test_limits_are_numbers_of_the_call():
    x = ref.random_array((8, 5, 7), np.float32)
    mean, std = averages(x.shape, 1, x.dtype)

    def run(limit):
        return bn_mlir.renormalization(
            x, None, None, mean, std, axis=1, r_max=limit, d_max=limit - 1)

    run(1.5)
    before = bn_mlir.compile_statistics()
    _, _, _, r, d, *_ = run(np.float32(2.5))
    assert bn_mlir.compile_statistics() == before
    _, expected_r, expected_d = correction(
        ref.statistics(x, 1), mean, std, r_max=2.5, d_max=1.5)
    ref.assert_close(r, expected_r)
    ref.assert_close(d, expected_d)


def test_in_place():
    x = ref.random_array((6, 4, 5), np.float32)
    state = [*averages(x.shape, 1, x.dtype), *averages(x.shape, 1, x.dtype)]
    expected = bn_mlir.renormalization(x, None, None, *state, axis=1, **LIMITS)
    out = bn_mlir.renormalization(
        x, None, None, *state, axis=1, **LIMITS,
        out=(x, None, None, None, None, *state))
    assert out[0] is x and all(a is b for a, b in zip(out[5:], state))
    for actual, other in zip(out, expected):
        np.testing.assert_array_equal(actual, other)


def test_mask():
    x = ref.random_array((6, 4, 5), np.float32)
    mean, std = averages(x.shape, 1, x.dtype)
    mask = np.zeros((6, 1, 1), bool)
    mask[:4] = True
    part, rest = x[:4], x[4:].copy()
    x[4:] = np.nan
    results = bn_mlir.renormalization(
        x, None, None, mean, std, axis=1, mask=mask, **LIMITS)
    expected = bn_mlir.renormalization(
        part, None, None, mean, std, axis=1, **LIMITS)
    np.testing.assert_allclose(results[0][:4], expected[0], rtol=1e-5, atol=1e-6)
    assert np.isnan(results[0][4:]).all() and np.isfinite(rest).all()
    for actual, other in zip(results[1:], expected[1:]):
        np.testing.assert_allclose(actual, other, rtol=1e-6)


def test_epilogue():
    x = ref.random_array((6, 4, 5), np.float32)
    mean, std = averages(x.shape, 1, x.dtype)
    addend = ref.random_array(x.shape, x.dtype, 7)
    y, *_ = bn_mlir.renormalization(x, None, None, mean, std, axis=1)
    z, *_ = bn_mlir.renormalization(
        x, None, None, mean, std, axis=1, epilogue="add_relu", addend=addend)
    ref.assert_close(z, np.maximum(np.float64(y) + addend, 0))


@pytest.mark.parametrize("shape, axis", ref.SHAPES)
@pytest.mark.parametrize("dtype", ref.DTYPES)
def test_backward(shape, axis, dtype):
    x = ref.random_array(shape, ref.DTYPES[dtype])
    dy = ref.random_array(shape, ref.DTYPES[dtype], 8)
    wide = ref.wide(x.dtype)
    scale, *_ = ref.parameters(shape, axis, wide)
    y, mean, variance, r, d, *_ = bn_mlir.renormalization(
        x, scale, None, *averages(shape, axis, wide), axis=axis, **LIMITS)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    wide_r, wide_d = r.astype(np.float64), d.astype(np.float64)
    expected = ref.backward(
        dy, x, scale.astype(np.float64) * wide_r, mean, inverse, axis)
    dx, dscale, doffset = expected
    actual = bn_mlir.renormalization_backward(
        dy, x, scale, mean, variance, r, d, axis=axis)
    compare(actual, (dx, dscale * wide_r + doffset * wide_d, doffset), x.dtype)


def test_backward_is_the_slope():
    """Finite differences, in float64, of y with r and d as they are."""
    x = ref.random_array((5, 3, 4), np.float64)
    scale, offset, *_ = ref.parameters(x.shape, 1, x.dtype)
    dy = ref.random_array(x.shape, x.dtype, 9)
    y, mean, variance, r, d, *_ = bn_mlir.renormalization(
        x, scale, offset, *averages(x.shape, 1, x.dtype), axis=1, **LIMITS)

    def loss(x, scale, offset):
        return (dy * forward(
            x, scale, offset, ref.statistics(x, 1), r, d, 1)).sum()

    gradients = bn_mlir.renormalization_backward(
        dy, x, scale, mean, variance, r, d, axis=1)
    at, step = [x, scale, offset], 1e-6
    for place, gradient in enumerate(gradients):
        for index in np.ndindex(gradient.shape):
            ends = []
            for sign in (1, -1):
                moved = [a.copy() for a in at]
                moved[place][index] += sign * step
                ends.append(loss(*moved))
            slope = (ends[0] - ends[1]) / (2 * step)
            assert abs(slope - gradient[index]) < 1e-7 * (1 + abs(slope))


@pytest.mark.parametrize("which", [
    ("input", "scale", "offset", "addend"), ("addend",), ("addend", "offset")])
def test_backward_through_an_epilogue(which):
    """As that of the gradient that the ReLU lets pass."""
    x = ref.random_array((5, 6, 7), np.float64)
    dz, addend = (ref.random_array(x.shape, x.dtype, s) for s in (3, 4))
    scale, offset, *_ = ref.parameters(x.shape, 1, x.dtype)
    z, mean, variance, r, d, *_ = bn_mlir.renormalization(
        x, scale, offset, *averages(x.shape, 1, x.dtype), axis=1,
        epilogue="add_relu", addend=addend)
    dy = np.where(z > 0, dz, 0.0)
    expected = dict(zip(("input", "scale", "offset"),
                        bn_mlir.renormalization_backward(
                            dy, x, scale, mean, variance, r, d, axis=1)))
    expected["addend"] = dy
    got = bn_mlir.renormalization_backward(
        dz, x, scale, mean, variance, r, d, axis=1, epilogue="add_relu",
        output=z, which=which)
    for name, gradient in zip(which, got):
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-12,
                                   atol=1e-12, err_msg=name)


@pytest.mark.parametrize("which", [
    ("offset",), ("scale",), ("input",), ("offset", "input"),
    ("scale", "offset")])
def test_which(which):
    x = ref.random_array((6, 4, 5), np.float32)
    dy = ref.random_array(x.shape, x.dtype, 3)
    _, mean, variance, r, d, *_ = bn_mlir.renormalization(
        x, None, None, *averages(x.shape, 1, x.dtype), axis=1)
    arguments = (dy, x, None, mean, variance, r, d)
    names = ("input", "scale", "offset")
    whole = dict(zip(names, bn_mlir.renormalization_backward(
        *arguments, axis=1)))
    some = bn_mlir.renormalization_backward(*arguments, axis=1, which=which)
    for name, gradient in zip(which, some):
        np.testing.assert_allclose(gradient, whole[name], rtol=1e-6)


def test_kernel_of_a_spec():
    spec = bn_mlir.Spec("training", (None, 4, 5), axis=1, renormalized=True,
                        has_scale=False, has_offset=False,
                        has_running_stats=False, renorm_momentum=0.5)
    assert "renormalized" in spec.key
    kernel = bn_mlir.compile(spec)
    assert [name for name, *_ in kernel.arguments] == [
        "input", "renorm_mean", "renorm_std", "r_min", "r_max", "d_max",
        "output", "mean", "variance", "r", "d", "new_renorm_mean",
        "new_renorm_std"]
    x = ref.random_array((6, 4, 5), np.float32)
    state = averages(x.shape, 1, x.dtype)
    limits = [np.array(LIMITS[name]) for name in ("r_min", "r_max", "d_max")]
    for actual, expected in zip(
            kernel(x, *state, *limits), bn_mlir.renormalization(
                x, None, None, *state, axis=1, renorm_momentum=0.5, **LIMITS)):
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


X = ref.random_array((2, 3, 4), np.float32)
C = np.ones(3, np.float32)


def renormalization(renorm_mean=C, renorm_std=C, *running, **options):
    return bn_mlir.renormalization(
        X, None, None, renorm_mean, renorm_std, *running, axis=1, **options)


@pytest.mark.parametrize("call, kind, message", [
    (lambda: renormalization(r_min=4, r_max=3), ValueError,
     "expected 'r_min' to be at most 'r_max' (3.00), got 4.00"),
    (lambda: renormalization(r_max=np.nan), ValueError,
     "expected 'r_min' to be at most 'r_max' (nan), got 0.00"),
    (lambda: renormalization(d_max=-1), ValueError,
     "expected 'd_max' to be 0 or more, got -1.00"),
    (lambda: renormalization(C, C, C), ValueError,
     "expected 'running_mean' and 'running_std' or neither, got only "
     "'running_mean'"),
    (lambda: renormalization(renorm_std=np.ones(3)), TypeError,
     "expected 'renorm_std' to have element type float32, got float64"),
    (lambda: renormalization(renorm_std=np.ones(4, np.float32)), ValueError,
     "expected 'renorm_std' to have shape"),
    (lambda: renormalization(renorm_momentum=np.inf), ValueError,
     "expected 'renormMomentum' to be finite, got INF"),
    (lambda: bn_mlir.renormalization_backward(
        X, X, None, C, C, C, np.ones(3), axis=1), TypeError,
     "expected 'd' to have element type float32, got float64"),
    (lambda: bn_mlir.Spec("training", (6, 3), renormalized=True, groups=2),
     ValueError, "expected 'groups' to be 1 for a renormalization, got 2"),
])
def test_errors(call, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        call()
