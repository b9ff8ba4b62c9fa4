# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training with groups: each part of the batch has statistics of its own. And
its gradients.
"""

import re

import numpy as np
import pytest

import bn_mlir
import reference as ref

CASES = [((6, 5, 7, 9), 1, 3), ((6, 7, 9, 5), -1, 2), ((12, 17), 1, 12),
         ((4, 64, 28, 28), 1, 2), ((10, 3, 4, 5), (1, 2), 5),
         ((0, 3, 4), 1, 4)]


@pytest.mark.parametrize("shape, axis, groups", CASES)
@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16"])
def test_groups(shape, axis, groups, dtype):
    x = ref.random_array(shape, ref.DTYPES[dtype])
    scale, offset, old_mean, old_variance = ref.parameters(
        shape, axis, ref.wide(x.dtype))
    y, mean, variance, new_mean, new_variance = bn_mlir.training(
        x, scale, offset, old_mean, old_variance, axis=axis, momentum=0.75,
        running_variance_kind="sample", groups=groups)
    channels = ref.channel_shape(shape, axis)
    assert mean.shape == variance.shape == (groups, *channels)
    means, variances = [], []
    for part, (part_x, part_y) in enumerate(
            zip(np.split(x, groups), np.split(y, groups))):
        expected = ref.statistics(part_x, axis)
        ref.assert_close(mean[part], expected.mean)
        ref.assert_close(variance[part], expected.variance)
        ref.assert_close(part_y, ref.inference(
            part_x, scale, offset, expected.mean, expected.variance, axis))
        updated = ref.running(old_mean, old_variance, expected, 0.75, "sample")
        means.append(np.asarray(updated[0], np.float64))
        variances.append(np.asarray(updated[1], np.float64))
    ref.assert_close(new_mean, np.mean(means, 0))
    ref.assert_close(new_variance, np.mean(variances, 0))


def test_in_place_and_out():
    x = ref.random_array((6, 4, 5), np.float32)
    y, mean, variance = bn_mlir.training(x, axis=1, groups=3)
    mean_out = np.empty_like(mean)
    out = bn_mlir.training(x, axis=1, groups=3, out=(x, mean_out, None))
    assert out[0] is x and out[1] is mean_out
    np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(mean_out, mean)
    np.testing.assert_array_equal(out[2], variance)


def test_channels_last_view():
    """Samples are the outermost dimension in memory, whatever comes after."""
    x = ref.random_array((4, 6, 7, 3, 5), np.float32)
    view = x.transpose(0, 4, 1, 3, 2)
    y, mean, variance = bn_mlir.training(view, axis=[1, 3], groups=2)
    expected = bn_mlir.training(
        np.ascontiguousarray(view), axis=[1, 3], groups=2)
    assert y.strides == view.strides
    for actual, other in zip((y, mean, variance), expected):
        np.testing.assert_allclose(actual, other, rtol=1e-5, atol=1e-6)


def test_kernel_of_a_spec():
    spec = bn_mlir.Spec("training", (None, 5, 3), axis=1, groups=4,
                        has_scale=False, has_offset=False,
                        has_running_stats=False)
    assert "groups 4" in spec.key
    kernel = bn_mlir.compile(spec)
    x = ref.random_array((8, 5, 3), np.float32)
    y, mean, variance = kernel(x)
    assert mean.shape == (4, 5)
    for actual, expected in zip(
            (y, mean, variance), bn_mlir.training(x, axis=1, groups=4)):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=re.escape(
            "expected 'input' to have a size in dimension 0 that is divisible "
            "by 'groups' (4), got 6")):
        kernel(x[:6])


@pytest.mark.parametrize("shape, axis, groups", CASES)
@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16"])
@pytest.mark.parametrize("frozen", [False, True])
def test_backward(shape, axis, groups, dtype, frozen):
    """Against float64 NumPy, and one call per group."""
    x = ref.random_array(shape, ref.DTYPES[dtype])
    dy = ref.random_array(shape, ref.DTYPES[dtype], 7)
    scale = ref.parameters(shape, axis, ref.wide(x.dtype))[0]
    _, mean, variance = bn_mlir.training(x, axis=axis, groups=groups)
    dx, dscale, doffset = bn_mlir.backward(
        dy, x, scale, mean, variance, axis=axis, groups=groups, frozen=frozen)
    assert dx.shape == shape and dx.dtype == x.dtype
    assert dscale.shape == doffset.shape == ref.channel_shape(shape, axis)
    assert dscale.dtype == ref.wide(x.dtype)
    sums = 0
    for part in range(groups):
        samples = slice(part * shape[0] // groups,
                        (part + 1) * shape[0] // groups)
        case = (dy[samples], x[samples], scale, mean[part])
        one = bn_mlir.backward(*case, variance[part], axis=axis, frozen=frozen)
        inverse = 1 / np.sqrt(variance[part].astype(np.float64) + 1e-3)
        expected = ref.backward(*case, inverse, axis, frozen)
        np.testing.assert_allclose(
            dx[samples].astype(np.float64), expected[0],
            rtol=float(ref.ml_dtypes.finfo(x.dtype).eps), atol=4e-5)
        np.testing.assert_allclose(
            dx[samples].astype(np.float64), one[0].astype(np.float64),
            rtol=float(ref.ml_dtypes.finfo(x.dtype).eps), atol=4e-5)
        sums = sums + np.array(expected[1:])
    tolerance = 1e-12 if dtype == "f64" else 4e-6
    for got, wanted in zip((dscale, doffset), sums):
        np.testing.assert_allclose(
            got, wanted, rtol=tolerance,
            atol=tolerance * 8 * np.max(np.abs(wanted), initial=1.0))


def test_backward_of_a_view():
    """Channels-last memory, two axes, inverse deviations, in place."""
    x = ref.random_array((4, 6, 7, 3, 5), np.float32).transpose(0, 4, 1, 3, 2)
    dy = ref.random_array((4, 6, 7, 3, 5), np.float32, 7).transpose(
        0, 4, 1, 3, 2)
    mask = np.arange(4 * 7).reshape(4, 1, 1, 1, 7) % 3 != 1
    _, mean, variance = bn_mlir.training(x, axis=[1, 3], groups=2, mask=mask)
    arguments = dict(axis=[1, 3], groups=2, mask=mask)
    expected = bn_mlir.backward(
        *(np.ascontiguousarray(array) for array in (dy, x)), None,
        np.ascontiguousarray(mean), np.ascontiguousarray(variance),
        which=("offset", "input"), **arguments)
    inverse = (1 / np.sqrt(variance + 1e-3)).astype(np.float32)
    got = bn_mlir.backward(
        dy, x, None, mean, inverse, statistics_kind="inverse_std",
        which=("offset", "input"), out=(None, dy), **arguments)
    assert got[1] is dy
    for actual, other in zip(got, expected):
        np.testing.assert_allclose(actual, other, rtol=1e-5, atol=2e-5)


def test_kernel_of_a_backward_spec():
    spec = bn_mlir.Spec("backward", (None, 5, 3), axis=1, groups=4)
    assert "groups 4" in spec.key
    kernel = bn_mlir.compile(spec)
    assert dict((a[0], a[2]) for a in kernel.arguments)["mean"] == (4, 5)
    x = ref.random_array((8, 5, 3), np.float32)
    _, mean, variance = bn_mlir.training(x, axis=1, groups=4)
    scale = np.full(5, 2, np.float32)
    got = kernel(x, x, scale, mean, variance)
    for actual, expected in zip(got, bn_mlir.backward(
            x, x, scale, mean, variance, axis=1, groups=4)):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


X = ref.random_array((6, 4, 5), np.float32)
ONES = np.ones((2, 4), np.float32)


@pytest.mark.parametrize("mean, options, message", [
    (ONES, dict(axis=1, groups=4),
     "expected 'input' to have a size in dimension 0 that is divisible by "
     "'groups' (4), got 6"),
    (ONES, dict(axis=1, groups=-1),
     "expected 'groups' to be 1 or more, got -1"),
    (ONES[0], dict(axis=1, groups=2),
     "expected 'mean' to have shape (2, 4), that of the groups and channels of "
     "'input' (axis=1), got (4,)"),
    (np.ones((3, 4), np.float32), dict(axis=1, groups=2),
     "expected 'mean' to have shape (2, 4), that of the groups and channels of "
     "'input' (axis=1), got (3, 4)"),
    (ONES, dict(axis=1),
     "expected 'mean' to have shape (4,), that of the channels of 'input' "
     "(axis=1), got (2, 4)"),
])
def test_backward_errors(mean, options, message):
    with pytest.raises(ValueError) as raised:
        bn_mlir.backward(X, X, None, mean, mean, **options)
    assert str(raised.value) == message


@pytest.mark.parametrize("x, options, message", [
    (X, dict(axis=1, groups=0), "expected 'groups' to be 1 or more, got 0"),
    (X, dict(axis=1, groups=4),
     "expected 'input' to have a size in dimension 0 that is divisible by "
     "'groups' (4), got 6"),
    (X, dict(axis=0, groups=2),
     "expected 'axis' not to name dimension 0, which 'groups' cuts"),
    (X.transpose(1, 0, 2), dict(axis=1, groups=2),
     "expected 'input' to have its samples one behind the other in memory, to "
     "be cut by 'groups', got strides (5, 20, 1)"),
    (X, dict(axis=1, groups=2, out=(None, np.empty(4, np.float32), None)),
     "expected 'mean' to have shape (2, 4), that of the groups and channels of "
     "'input' (axis=1), got (4,)"),
    (X[:0], dict(axis=1, groups=2**61),
     "expected 'mean' of 2305843009213693952 'groups' to have less than 2^63 "
     "bytes, got shape (2305843009213693952, 4)"),
])
def test_errors(x, options, message):
    with pytest.raises(ValueError) as raised:
        bn_mlir.training(x, **options)
    assert str(raised.value) == message
