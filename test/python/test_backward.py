# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients against float64 NumPy, and against PyTorch's own."""

import itertools

import numpy as np
import pytest

import bn_mlir
import reference as ref

GRADIENTS = ("input", "scale", "offset")
SUBSETS = [which for size in (1, 2, 3)
           for which in itertools.permutations(GRADIENTS, size)]


def make_case(shape, axis, dtype):
    """output_grad, input, scale, mean, variance."""
    x = ref.random_array(shape, dtype)
    dy = ref.random_array(shape, dtype, 7)
    scale, _, mean, variance = ref.parameters(shape, axis, ref.wide(dtype))
    return dy, x, scale, mean, variance


def compare(got, expected, dtype):
    """Sums of float32 have errors of their terms' size."""
    tolerance = 1e-13 if dtype == ref.DTYPES["f64"] else 4e-6
    for name, gradient in zip(GRADIENTS, got):
        wanted = expected[GRADIENTS.index(name)]
        size = np.max(np.abs(wanted), initial=1.0)
        digits = float(ref.ml_dtypes.finfo(gradient.dtype).eps)
        np.testing.assert_allclose(
            gradient.astype(np.float64), wanted, rtol=digits,
            atol=tolerance * size * 8, err_msg=name)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("dtype", ref.DTYPES)
@pytest.mark.parametrize("shape,axis", ref.SHAPES)
def test_backward(shape, axis, dtype, frozen):
    dtype = ref.DTYPES[dtype]
    case = make_case(shape, axis, dtype)
    got = bn_mlir.backward(*case, axis=axis, frozen=frozen)
    dy, x, scale, mean, variance = case
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    expected = ref.backward(dy, x, scale, mean, inverse, axis, frozen)
    assert got[0].dtype == dtype and got[0].shape == x.shape
    assert got[1].dtype == got[2].dtype == ref.wide(dtype)
    compare(got, expected, dtype)


@pytest.mark.parametrize("offset", [0.0, 2.0, 100.0])
@pytest.mark.parametrize("exponent", [0, -90, -110])
@pytest.mark.parametrize("shape,axis", [((2048, 48), 1), ((16, 24, 144), 1)])
def test_sums_of_products(shape, axis, exponent, offset):
    """Of bf16, where the processor has dot products, which take what underflows
    for 0; means near 0 and far from it, in one tile."""
    dtype = ref.DTYPES["bf16"]
    x = ref.random_array(shape, dtype).astype(np.float64)
    channels = np.arange(shape[axis]).reshape([-1] + [1] * (len(shape) - 2))
    x = (x + offset * (channels % 3)).astype(dtype)
    dy = np.full(shape, 2.0 ** exponent, dtype)
    dy += (ref.random_array(shape, np.float32, 7) * 2.0 ** exponent).astype(
        dtype)
    others = tuple(dim for dim in range(len(shape)) if dim != axis)
    mean = x.astype(np.float64).mean(others).astype(np.float32)
    variance = x.astype(np.float64).var(others).astype(np.float32)
    _, scale_grad, offset_grad = bn_mlir.backward(
        dy, x, None, mean, variance, axis=axis)
    sizes = [-1 if dim == axis else 1 for dim in range(len(shape))]
    centred = x.astype(np.float64) - mean.astype(np.float64).reshape(sizes)
    wide = dy.astype(np.float64)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    bound = 2e-6 * np.sum(np.abs(wide * centred), others) * inverse
    error = np.abs(scale_grad - np.sum(wide * centred, others) * inverse)
    assert np.all(error <= bound)
    np.testing.assert_allclose(
        offset_grad.astype(np.float64), np.sum(wide, others), rtol=0,
        atol=2e-6 * np.max(np.sum(np.abs(wide), others)))


@pytest.mark.parametrize("which", SUBSETS, ids="-".join)
@pytest.mark.parametrize("frozen", [False, True])
def test_subsets(which, frozen):
    """In any order, with and without a scale."""
    dy, x, scale, mean, variance = make_case((5, 6, 7), 1, ref.DTYPES["f32"])
    for scale in (scale, None):
        arguments = (dy, x, scale, mean, variance)
        full = bn_mlir.backward(*arguments, axis=1, frozen=frozen)
        some = bn_mlir.backward(*arguments, axis=1, frozen=frozen, which=which)
        some = some if isinstance(some, tuple) else (some,)
        assert len(some) == len(which)
        for name, gradient in zip(which, some):
            np.testing.assert_allclose(
                gradient, full[GRADIENTS.index(name)], rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("frozen", [False, True])
def test_inverse_std(frozen):
    dy, x, scale, mean, variance = make_case((8, 3, 10), 1, ref.DTYPES["f32"])
    inverse = (1 / np.sqrt(variance + 1e-3)).astype(np.float32)
    got = bn_mlir.backward(dy, x, scale, mean, inverse, axis=1, frozen=frozen,
                           statistics_kind="inverse_std")
    compare(got, ref.backward(dy, x, scale, mean, inverse, 1, frozen), x.dtype)


def test_in_place():
    case = make_case((8, 40, 700), 1, ref.DTYPES["f32"])
    expected = bn_mlir.backward(*case, axis=1)
    dy = case[0].copy()
    got = bn_mlir.backward(dy, *case[1:], axis=1, out=dy)
    assert got[0] is dy
    for a, b in zip(got, expected):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("epilogue", [None, "relu"])
@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32"])
def test_in_place_past_the_caches(dtype, epilogue, frozen):
    """Stores begin where lines do. With frozen statistics, one sweep sums up
    what it overwrites."""
    dtype = ref.DTYPES[dtype]
    image = (63, 55, 57)
    shape = (ref.batch_past_caches(np.prod(image) * dtype.itemsize), *image)
    ref.assert_past_caches("backward", shape, dtype, frozen=frozen,
                           epilogue=epilogue)
    case = make_case(shape, 1, dtype)
    output = {"output": case[1]} if epilogue else {}

    def call(dy, **out):
        return bn_mlir.backward(dy, *case[1:], axis=1, frozen=frozen,
                                epilogue=epilogue, **output, **out)

    expected = call(case[0])
    memory = np.empty(case[0].size + 5, dtype)
    dy = memory[5:].reshape(shape)
    dy[...] = case[0]
    for a, b in zip(call(dy, out=(dy, None, None)), expected):
        np.testing.assert_array_equal(a, b)


def test_synchronized_backward():
    """The sums of two halves of a batch are those of the whole."""
    dy, x, scale, mean, variance = make_case((8, 6, 9), 1, ref.DTYPES["f32"])
    x = x + np.float32(1e4)
    mean = mean.astype(np.float64) + 1e4
    sums = [bn_mlir.backward_reduce(dy[part], x[part], mean, axis=1)
            for part in (slice(3), slice(3, 8))]
    sum_dy, sum_dy_xmu = (a + b for a, b in zip(*sums))
    assert sum_dy.dtype == np.float64
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    a = scale * inverse
    b = -a * inverse**2 * sum_dy_xmu / (8 * 9)
    c = -a * sum_dy / (8 * 9)
    dx = bn_mlir.backward_input(dy, x, a, b, c, mean=mean, axis=1)
    expected = ref.backward(dy, x, scale, mean, inverse, 1)
    compare((dx, sum_dy_xmu * inverse, sum_dy), expected, x.dtype)


def test_kernel():
    """A compiled kernel, for any batch."""
    spec = bn_mlir.Spec("backward", (None, 6, 9), axis=1,
                        statistics_kind="inverse_std")
    assert "inverse_std" in spec.key
    kernel = bn_mlir.compile(spec)
    assert [argument[0] for argument in kernel.arguments] == [
        "output_grad", "input", "scale", "mean", "inverse_std", "input_grad",
        "scale_grad", "offset_grad"]
    dy, x, scale, mean, variance = make_case((5, 6, 9), 1, ref.DTYPES["f32"])
    got = kernel(dy, x, scale, mean, variance)
    compare(got, ref.backward(dy, x, scale, mean, variance, 1), x.dtype)


@pytest.mark.parametrize("training", [False, True])
def test_torch(training):
    """As torch.autograd has them."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    dy, x, scale, mean, variance = (
        torch.from_numpy(a)
        for a in make_case((4, 5, 6, 7), 1, ref.DTYPES["f64"]))
    offset = torch.zeros_like(scale)
    leaves = [t.clone().requires_grad_() for t in (x, scale, offset)]
    y = torch.nn.functional.batch_norm(
        leaves[0], mean.clone(), variance.clone(), leaves[1], leaves[2],
        training=training, eps=1e-3)
    expected = torch.autograd.grad(y, leaves, dy)
    if training:
        mean = x.mean((0, 2, 3))
        variance = x.var((0, 2, 3), correction=0)
    got = bn_mlir.backward(dy, x, scale, mean, variance, axis=1,
                           frozen=not training)
    for a, b in zip(got, expected):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)
