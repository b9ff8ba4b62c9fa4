# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where results go: given memory, in place, and the pool."""

import gc

import numpy as np
import pytest

import bn_mlir
import reference as ref

F32 = ref.DTYPES["f32"]


def test_inference_out():
    x = ref.random_array((4, 5, 6), np.float32)
    arguments = ref.parameters(x.shape, 1, F32)
    expected = bn_mlir.inference(x, *arguments, axis=1)
    out = np.empty_like(x)
    assert bn_mlir.inference(x, *arguments, axis=1, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert bn_mlir.inference(x, *arguments, axis=1, out=x) is x
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("axis", [1, 2])
def test_training_out(axis):
    x = ref.random_array((4, 5, 6), np.float32)
    scale, offset, old_mean, old_variance = ref.parameters(x.shape, axis, F32)
    expected = bn_mlir.training(
        x, scale, offset, old_mean, old_variance, axis=axis)
    mean = np.empty_like(old_mean)
    out = (x, None, mean, old_mean, old_variance)
    results = bn_mlir.training(
        x, scale, offset, old_mean, old_variance, axis=axis, out=out)
    for given, result, ideal in zip(out, results, expected):
        assert given is None or given is result
        np.testing.assert_array_equal(result, ideal)


def test_training_out_of_one_array():
    x = ref.random_array((4, 5), np.float32)
    out = np.empty_like(x)
    results = bn_mlir.training(x, out=out)
    assert len(results) == 3 and results[0] is out
    np.testing.assert_array_equal(results[0], bn_mlir.training(x)[0])


def test_type_of_statistics_follows_out():
    x = ref.random_array((4, 5), np.float32)
    mean, variance = np.empty(5), np.empty(5)
    bn_mlir.training(x, out=(None, mean, variance))
    np.testing.assert_allclose(mean, x.astype(np.float64).mean(0), atol=1e-6)


def test_partial_overlap_is_refused():
    memory = np.zeros((5, 4), np.float32)
    with pytest.raises(ValueError, match="expected 'output' not to overlap "
                                         "'input', or to be exactly in place"):
        bn_mlir.training(memory[:4], out=memory[1:])
    with pytest.raises(ValueError, match="expected 'variance' not to overlap "
                                         "'mean'"):
        mean = np.empty(4, np.float32)
        bn_mlir.training(memory, out=(None, mean, mean))


def address(array):
    return array.__array_interface__["data"][0]


def call(x):
    return bn_mlir.training(x)[0]


def test_pool_reuses_memory():
    x = np.ones((512, 4096), np.float32)  # 8 MiB
    bn_mlir.clear_pool()
    first = call(x)
    place = address(first)
    assert place % (2 << 20) == 0
    second = call(x)
    assert address(second) != place
    before = bn_mlir.pool_statistics()
    del first
    third = call(x)
    assert address(third) == place
    assert bn_mlir.pool_statistics()["reused"] > before["reused"]


def test_views_keep_the_memory():
    x = ref.random_array((256, 64), np.float32)
    bn_mlir.clear_pool()
    y = call(x)
    expected, view = y.copy(), y[3:, 5:]
    del y
    gc.collect()
    for _ in range(4):
        call(x + 1)
    np.testing.assert_array_equal(view, expected[3:, 5:])


def test_results_are_aligned():
    for size in (1, 3, 17, 1000, 5000, 600000):
        y, mean, _ = bn_mlir.training(np.ones((size, 3), np.float32))
        assert address(y) % 64 == 0 and address(mean) % 64 == 0


def test_pool_is_bounded_and_cleared():
    limit = bn_mlir.config.pool_limit
    assert limit > 0
    try:
        bn_mlir.config.pool_limit = 1 << 20
        x = np.ones((512, 1024), np.float32)  # 2 MiB
        for _ in range(3):
            del x
            x = call(np.ones((512, 1024), np.float32))
        del x
        assert bn_mlir.pool_statistics()["kept_bytes"] <= 1 << 20
    finally:
        bn_mlir.config.pool_limit = limit
    call(np.ones((64, 64), np.float32))
    bn_mlir.clear_pool()
    assert bn_mlir.pool_statistics()["kept_bytes"] == 0
