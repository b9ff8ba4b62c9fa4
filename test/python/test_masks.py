# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Statistics with a mask: elements count with their weight."""

import itertools

import numpy as np
import pytest

import bn_mlir
import reference as ref

CASES = [((4, 5, 6, 7), 1), ((4, 6, 7, 5), -1), ((9, 17), -1), ((13,), 0),
         ((6, 3, 1, 5), (1, 2)), ((32, 40, 33), 2), ((2, 16, 28, 28), 1)]


def mask_shapes(shape):
    for along in itertools.product([False, True], repeat=len(shape)):
        yield tuple(n if full else 1 for n, full in zip(shape, along))


def weighted_statistics(x, mask, axis):
    dims = ref.other_dims(x.ndim, axis)
    x = x.astype(np.float64)
    w = np.broadcast_to(np.asarray(mask).astype(np.float64), x.shape)
    x = np.where(w == 0, 0, x)
    count = w.sum(dims)
    safe = np.where(count == 0, 1, count)
    mean = (w * x).sum(dims) / safe
    centred = x - np.expand_dims(mean, dims)
    return count, mean, (w * centred**2).sum(dims) / safe


@pytest.mark.parametrize("shape, axis", CASES)
@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16"])
def test_training(shape, axis, dtype):
    x = ref.random_array(shape, ref.DTYPES[dtype])
    scale, offset, old_mean, old_variance = ref.parameters(
        shape, axis, ref.wide(x.dtype))
    for number, mask_shape in enumerate(mask_shapes(shape)):
        random = np.random.default_rng(number)
        mask = random.uniform(size=mask_shape) < 0.7
        if number % 3 == 1:
            mask = random.uniform(0.5, 2, mask_shape).astype(np.float32)
        y, mean, variance, new_mean, new_variance = bn_mlir.training(
            x, scale, offset, old_mean, old_variance, axis=axis, mask=mask,
            momentum=0.75)
        count, expected_mean, expected_variance = weighted_statistics(
            x, mask, axis)
        ref.assert_close(mean, expected_mean)
        ref.assert_close(variance, expected_variance)
        ref.assert_close(y, ref.inference(
            x, scale, offset, expected_mean, expected_variance, axis))
        kept = count == 0
        np.testing.assert_array_equal(new_mean[kept], old_mean[kept])
        ref.assert_close(
            new_mean, np.where(kept, old_mean, old_mean.astype(np.float64) *
                               0.75 + expected_mean * 0.25))
        ref.assert_close(
            new_variance, np.where(
                kept, old_variance, old_variance.astype(np.float64) * 0.75 +
                expected_variance * 0.25))


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.int32, np.int64, np.longlong])
@pytest.mark.parametrize("data", [np.float32, np.float64, np.float16])
def test_kinds_of_masks(dtype, data):
    """bool and integers give what floats do, and so does any layout."""
    x = ref.random_array((6, 5, 7), data)
    mask = np.random.default_rng(0).uniform(size=(6, 1, 7)) < 0.5
    wide = np.float64 if data == np.float64 else np.float32
    expected = bn_mlir.training(x, axis=1, mask=mask.astype(wide))
    strided = np.zeros((12, 2, 21), dtype)[::-2, :1, ::3]
    strided[...] = mask
    for other in (mask.astype(dtype), strided,
                  np.asfortranarray(mask.astype(dtype))):
        for actual, result in zip(
                bn_mlir.training(x, axis=1, mask=other), expected):
            np.testing.assert_array_equal(actual, result)


def test_strided_floats():
    x = ref.random_array((6, 5, 7), np.float32)
    for dtype in ref.DTYPES.values():
        mask = ref.random_array((7, 5, 6), dtype, spread=0.1).T
        assert not mask.flags.c_contiguous
        for actual, expected in zip(
                bn_mlir.training(x, axis=1, mask=mask),
                bn_mlir.training(x, axis=1, mask=mask.copy("C"))):
            np.testing.assert_array_equal(actual, expected)


def test_channels_last_view():
    """A mask is in the user's order of dimensions, whatever that in memory."""
    x = ref.random_array((4, 6, 7, 5), np.float32)
    mask = np.random.default_rng(1).uniform(size=(4, 6, 7, 1)) < 0.5
    y, mean, variance = bn_mlir.training(
        x.transpose(0, 3, 1, 2), axis=1, mask=mask.transpose(0, 3, 1, 2))
    for actual, expected in zip(
            (y.transpose(0, 2, 3, 1), mean, variance),
            bn_mlir.training(x, axis=3, mask=mask)):
        np.testing.assert_array_equal(actual, expected)


def test_excluded_elements_may_be_anything():
    x = ref.random_array((3, 50, 8), np.float32)
    mask = np.arange(50)[None, :, None] < np.array([50, 20, 3])[:, None, None]
    clean = bn_mlir.training(x, axis=2, mask=mask)
    x[np.broadcast_to(~mask, x.shape)] = np.nan
    y, mean, variance = bn_mlir.training(x, axis=2, mask=mask)
    np.testing.assert_array_equal(mean, clean[1])
    np.testing.assert_array_equal(variance, clean[2])
    inside = np.broadcast_to(mask, x.shape)
    np.testing.assert_array_equal(y[inside], clean[0][inside])
    assert np.isnan(y[~inside]).all()


def test_groups_and_mask():
    x = ref.random_array((6, 5, 7), np.float32)
    mask = np.random.default_rng(2).uniform(size=(6, 1, 7)) < 0.5
    y, mean, variance = bn_mlir.training(x, axis=1, mask=mask, groups=3)
    for part in range(3):
        part_of = slice(2 * part, 2 * part + 2)
        _, expected_mean, expected_variance = weighted_statistics(
            x[part_of], mask[part_of], 1)
        ref.assert_close(mean[part], expected_mean)
        ref.assert_close(variance[part], expected_variance)


def test_stats():
    x = ref.random_array((6, 5, 7), np.float32)
    mask = np.random.default_rng(3).uniform(size=(6, 1, 7)) < 0.5
    count, mean, m2 = bn_mlir.stats(x, axis=1, mask=mask)
    expected = weighted_statistics(x, mask, 1)
    np.testing.assert_array_equal(count, expected[0])
    ref.assert_close(mean.astype(np.float32), expected[1])
    ref.assert_close((m2 / count).astype(np.float32), expected[2])
    # Merging is as with other statistics.
    merged = bn_mlir.merge_stats(
        bn_mlir.stats(x[:2], axis=1, mask=mask[:2]),
        bn_mlir.stats(x[2:], axis=1, mask=mask[2:]))
    np.testing.assert_array_equal(merged[0], count)
    np.testing.assert_allclose(merged[1], mean, rtol=1e-6)


def test_kernel_of_a_spec():
    spec = bn_mlir.Spec("training", (None, 5, 7), axis=1,
                        mask_shape=(None, 1, 7), mask_dtype="float16",
                        has_scale=False, has_offset=False,
                        has_running_stats=False)
    assert "mask f16" in spec.key
    kernel = bn_mlir.compile(spec)
    assert kernel.arguments[1] == ("mask", "f16", (None, 1, 7), "read")
    x = ref.random_array((6, 5, 7), np.float32)
    mask = np.random.default_rng(4).integers(0, 2, (6, 1, 7))
    for actual, expected in zip(kernel(x, mask.astype(np.float16)),
                                bn_mlir.training(x, axis=1, mask=mask)):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


X = ref.random_array((6, 4, 5), np.float32)


@pytest.mark.parametrize("mask, kind, message", [
    (np.ones(6, np.float32), ValueError,
     "expected 'mask' to have rank 3, that of 'input', got 1"),
    (np.ones((6, 1, 4), np.float32), ValueError,
     "expected 'mask' to have size 1 or 5 in dimension 2, got 4"),
    (np.ones((6, 1, 5), np.complex64), TypeError,
     "expected 'mask' to have element type bool, int8, int32, int64 or a "
     "float, got complex64"),
    ([[[1]]], TypeError, "expected 'mask' to be an array of NumPy or one with "
     "DLPack, got list"),
])
def test_errors(mask, kind, message):
    for function in (bn_mlir.training, bn_mlir.stats):
        with pytest.raises(kind) as raised:
            function(X, axis=1, mask=mask)
        assert str(raised.value) == message


def test_a_result_is_not_the_mask():
    x, mask = X.copy(), np.ones_like(X)
    with pytest.raises(ValueError, match="overlap"):
        bn_mlir.training(x, axis=1, mask=mask, out=mask)


@pytest.mark.parametrize("shape, axis", CASES)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_backward(shape, axis, dtype):
    x = ref.random_array(shape, ref.DTYPES[dtype])
    dy = ref.random_array(shape, x.dtype, 7)
    scale = ref.parameters(shape, axis, x.dtype)[0]
    dims = ref.other_dims(x.ndim, axis)

    def spread(per_channel):
        return np.expand_dims(per_channel.astype(np.float64), dims)

    for number, mask_shape in enumerate(mask_shapes(shape)):
        mask = np.random.default_rng(number).uniform(size=mask_shape) < 0.7
        count, mean, variance = (
            a.astype(x.dtype) for a in weighted_statistics(x, mask, axis))
        got = bn_mlir.backward(dy, x, scale, mean, variance, mask=mask,
                               axis=axis)
        r = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
        centred = x - spread(mean)
        offset_grad = dy.astype(np.float64).sum(dims)
        scale_grad = (dy * centred).sum(dims) * r
        n = np.where(count == 0, np.inf, count)
        rest = spread(offset_grad / n) + centred * spread(r * scale_grad / n)
        input_grad = spread(scale * r) * (dy - mask * rest)
        for a, b in zip(got, (input_grad, scale_grad, offset_grad)):
            tolerance = 1e-12 if dtype == "f64" else 3e-5
            np.testing.assert_allclose(
                a, b, rtol=0, atol=tolerance * np.max(np.abs(b), initial=1))
