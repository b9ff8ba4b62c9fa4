# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The steps of batch normalization, alone and put together again."""

import numpy as np
import pytest

import bn_mlir
import reference as ref


@pytest.mark.parametrize("dtype", ref.DTYPES)
@pytest.mark.parametrize("axis", [1, -1])
def test_stats(dtype, axis):
    x = ref.random_array((4, 5, 6, 7), ref.DTYPES[dtype])
    count, mean, m2 = bn_mlir.stats(x, axis=axis)
    expected = ref.statistics(x, axis)
    assert mean.dtype == np.float64
    np.testing.assert_array_equal(count, expected.count)
    np.testing.assert_allclose(mean, expected.mean, atol=1e-6)
    np.testing.assert_allclose(m2 / count, expected.variance, rtol=1e-6)


def test_stats_out_starts_from_zero():
    x = ref.random_array((4, 5), np.float32)
    out = tuple(np.full(5, 7.0) for _ in range(3))
    results = bn_mlir.stats(x, out=out)
    for given, result, expected in zip(out, results, bn_mlir.stats(x)):
        assert given is result
        np.testing.assert_array_equal(result, expected)


def test_synchronized_training():
    """Two halves of a batch, merged, are the whole."""
    x = ref.random_array((8, 6, 9), np.float32, offset=1e4)
    halves = [bn_mlir.stats(half, axis=1) for half in (x[:3], x[3:])]
    copy = tuple(part.copy() for part in halves[0])
    count, mean, m2 = bn_mlir.merge_stats(*halves)
    np.testing.assert_array_equal(halves[0], copy)
    merged = bn_mlir.merge_stats(*halves, out=halves[0])
    assert all(a is b for a, b in zip(merged, halves[0]))
    np.testing.assert_array_equal(merged, (count, mean, m2))

    expected = ref.statistics(x, 1)
    np.testing.assert_allclose(mean, expected.mean, rtol=1e-9)
    np.testing.assert_allclose(m2 / count, expected.variance, rtol=3e-7)
    scale, offset, old_mean, old_variance = ref.parameters(
        x.shape, 1, ref.DTYPES["f32"])
    y = bn_mlir.normalize(x, mean, m2 / count, scale, offset, axis=1)
    ideal = ref.inference(
        x, scale, offset, expected.mean, expected.variance, 1)
    assert np.abs(y - ideal).max() < 4e-6 * np.abs(ideal).max()

    for kind in ("population", "sample"):
        new = bn_mlir.update_running_stats(
            count, mean, m2 / count, old_mean, old_variance, momentum=0.75,
            running_variance_kind=kind)
        running = ref.running(old_mean, old_variance, expected, 0.75, kind)
        ref.assert_close(new[0], running[0])
        ref.assert_close(new[1], running[1])
    bn_mlir.update_running_stats(
        count, mean, m2 / count, old_mean, old_variance, momentum=0.75,
        running_variance_kind="sample", out=(old_mean, old_variance))
    np.testing.assert_array_equal(old_mean, new[0])


def test_nothing_merged_is_nothing():
    empty = bn_mlir.stats(np.empty((0, 3), np.float32))
    np.testing.assert_array_equal(bn_mlir.merge_stats(empty, empty), 0)
    some = bn_mlir.stats(ref.random_array((4, 3), np.float32))
    np.testing.assert_array_equal(bn_mlir.merge_stats(some, empty), some)


def test_normalize_without_operands():
    x = ref.random_array((4, 5, 6), np.float32)
    scale, offset, mean, variance = ref.parameters(
        x.shape, 1, ref.DTYPES["f32"])
    ref.assert_close(
        bn_mlir.normalize(x, mean, axis=1), x - mean[:, None].astype(float))
    ref.assert_close(
        bn_mlir.normalize(x, scale=scale, axis=1),
        x * scale[:, None].astype(float))
    ref.assert_close(
        bn_mlir.normalize(x, None, variance, offset=offset, axis=1),
        ref.inference(x, None, offset, None, variance, 1))


def test_structural_errors():
    x = ref.random_array((4, 5), np.float32)
    whole = bn_mlir.stats(x)
    with pytest.raises(ValueError, match=r"expected 'total' to be \(count, "
                                         r"mean, m2\), got 2 entries"):
        bn_mlir.merge_stats(whole[:2], whole)
    with pytest.raises(TypeError, match="expected 'count' to have element "
                                        "type float64, got float32"):
        bn_mlir.update_running_stats(
            *(part.astype(np.float32) for part in whole), *whole[1:])
    with pytest.raises(ValueError, match="expected 'total_mean' to have shape "
                                         r"\(5,\), that of 'count', got"):
        bn_mlir.merge_stats((whole[0], whole[1][:3], whole[2]), whole)
    with pytest.raises(ValueError, match=r"expected 'm2' to have shape \(5,\), "
                                         r"that of 'count', got \(3,\)"):
        bn_mlir.merge_stats(whole, (*whole[:2], whole[2][:3]))


def test_out_must_not_be_needed():
    """What a call still has to read is not overwritten before it is read."""
    rows = np.random.default_rng(5).standard_normal((60, 3))
    a = bn_mlir.stats(rows[:20], axis=1)
    b = bn_mlir.stats(rows[20:], axis=1)
    before = [array.copy() for array in b]
    with pytest.raises(ValueError, match="expected 'out' for 'total_count' not "
                                         "to overlap another array"):
        bn_mlir.merge_stats(a, b, out=b)
    for array, old in zip(b, before):
        np.testing.assert_array_equal(array, old)
    merged = bn_mlir.merge_stats(a, b, out=a)
    np.testing.assert_allclose(merged[1], rows.mean(0))

    x = np.arange(4.0)
    with pytest.raises(ValueError, match="expected 'out' for 'mean' not to "
                                         "overlap another array"):
        bn_mlir.stats(x, out=(None, x, None))
    np.testing.assert_array_equal(x, np.arange(4.0))


def test_constant_result_outlives_kernel():
    kernel = bn_mlir.compile(
        "func.func @f() -> tensor<4096xf32> {"
        "  %c = arith.constant dense<1.0> : tensor<4096xf32>"
        "  return %c : tensor<4096xf32> }")
    ones = kernel()
    del kernel
    bn_mlir.clear_kernels()
    assert ones.sum() == 4096
