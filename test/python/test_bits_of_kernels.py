# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels that save and read bits: their schedules, and those of specs."""

import re

import numpy as np
import pytest

import bn_mlir
import reference as ref
from relu_bits import (
    ROWS, assert_bits, assert_forward, check_layer, differentiate, expect,
    make_spec, pack, random_passes, train)
from test_backward import compare, make_case
from test_backward_epilogues import assert_gradients, names


def check_kernel(kind, shape, call_shape, axis, dtype):
    """A kernel of `shape`, called with `call_shape`, against float64."""
    spec = make_spec(kind, shape, axis, dtype)
    if kind == "backward":
        spec = make_spec(kind, shape, axis, dtype, which=names("add_relu"))
    kernel = bn_mlir.compile(spec)
    dtype = ref.DTYPES[dtype]
    case = make_case(call_shape, axis, dtype)
    dy, x, scale, mean, variance = case
    if kind == "backward":
        passes = random_passes(x)
        got = kernel(*case, pack(passes))
        assert_gradients(got, expect(case, "add_relu", passes, axis), dtype,
                         "add_relu")
        return
    addend = ref.random_array(call_shape, dtype, 11)
    if kind == "training":
        results = kernel(x, scale, mean, addend)
        assert_forward(results, x, scale, mean, axis, "add_relu")
        return
    arguments = ((scale, mean, mean, variance) if kind == "inference" else
                 (mean, variance, scale, mean))
    y, bits = kernel(x, *arguments, addend)
    passes = assert_bits(bits, y)
    exact = ref.inference(x, scale, mean, mean, variance, axis) + addend.astype(
        np.float64)
    size = np.max(np.abs(exact), initial=0.0)
    wrong = np.abs(exact[passes != (exact > 0)])
    assert np.max(wrong, initial=0.0) <= 4e-6 * size


KINDS = ["training", "inference", "normalize", "backward"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape, axis, dtype", [
    ((5, 3, 2, 12), 1, "f32"), ((7, 40), -1, "f16"), ((4, 3, 8), -1, "f64")])
def test_kernels(kind, shape, axis, dtype):
    check_kernel(kind, shape, shape, axis, dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape, axis, dtype, batches", [
    ((None, 24), -1, "f32", [(5,), (0,), (777,)]),
    ((None, 6, 5, 8), 1, "bf16", [(5,), (0,), (64,)]),
    ((None, 24, 8, 16), 1, "f32", [(3,), (0,), (40,)]),
    ((None, None, 40), 1, "f64", [(5, 3), (0, 3), (64, 9)]),
    ((None, None, 40), -1, "f32", [(5, 3), (0, 3), (64, 9)]),
])
def test_dynamic_sizes(kind, shape, axis, dtype, batches):
    for batch in batches:
        check_kernel(kind, shape, batch + shape[len(batch):], axis, dtype)


@pytest.mark.parametrize("shape, axis, allows", [
    ((8, 3, 4, 6), 1, True), ((8, 3, 5, 6), 1, False),
    ((9, 7, 7, 24), -1, True), ((9, 8, 8, 3), -1, False),
    ((None, None, 2, 4), 1, True), ((None, None, 8), -1, True),
    ((8, 8, None), 1, False), ((3, 16, 1, 1), 1, True),
    ((8, 3, 24, 1), 1, True), ((24, 1), -1, False), ((3, 2, 4), (1, 2), True)])
def test_allows_bits(shape, axis, allows):
    spec = make_spec("training", shape, axis, "f32", has_bits=False)
    assert spec.allows_bits == allows
    if not allows:
        with pytest.raises(ValueError, match=re.escape(ROWS)):
            make_spec("training", shape, axis, "f32")


@pytest.mark.parametrize("kind", ["training", "backward"])
@pytest.mark.parametrize("shape, axis, mask_shape, dtype", [
    ((5, None, 112), 0, (1, None, 112), "f64"),
    ((40, None, 5, 16), 0, (1, None, 5, 1), "f32")])
def test_dynamic_sizes_and_masks(shape, axis, mask_shape, dtype, kind):
    """What a spec allows, a kernel can do."""
    options = {"mask_shape": mask_shape,
               "mask_dtype": ref.wide(ref.DTYPES[dtype])}
    if make_spec(kind, shape, axis, dtype, has_bits=False,
                 **options).allows_bits:
        bn_mlir.compile(make_spec(kind, shape, axis, dtype, **options))


def test_spec():
    spec = make_spec("training", (None, 24), -1, "f32")
    assert spec != make_spec("training", (None, 24), -1, "f32", has_bits=False)
    assert " bits" in spec.key
    kernel = bn_mlir.compile(spec)
    assert kernel.arguments[-1] == ("bits", "i8", (None,), "write")
    assert "bn.view_bits" in kernel.ir["input"]
    kernel = bn_mlir.compile(make_spec("backward", (5, 24), -1, "f32"))
    assert ("bits", "i8", (15,), "read") in kernel.arguments
    assert "output" not in [name for name, *_ in kernel.arguments]


def test_kernels_check_bits():
    x, c = np.ones((5, 24), np.float32), np.ones(24, np.float32)
    dynamic, static = (
        bn_mlir.compile(make_spec("backward", (rows, 24), -1, "f32"))
        for rows in (None, 5))
    for kernel, end in ((dynamic, ", a bit for each element of 'output_grad'"),
                        (static, "")):
        for size in (14, 16, 0):
            with pytest.raises(ValueError, match=re.escape(
                    f"expected 'bits' to have shape (15,){end}, got "
                    f"({size},)")):
                kernel(x, x, c, c, c, np.zeros(size, np.int8))
        with pytest.raises(TypeError, match=(
                "expected 'bits' to have element type int8, got float32")):
            kernel(x, x, c, c, c, np.zeros(15, np.float32))
    forward = bn_mlir.compile(
        make_spec("training", (None, 24), -1, "f32", epilogue="relu"))
    with pytest.raises(ValueError, match=re.escape(
            "expected 'bits' to have shape (15,), a bit for each element of "
            "'input', got (30,)")):
        forward(x, c, c, out=(None, None, None, np.zeros(30, np.int8)))
    with pytest.raises(ValueError, match="expected 'out' to have 4 entries, "
                                         "got 3"):
        forward(x, c, c, out=(None, None, None))


@pytest.mark.parametrize("shape, axis, dtype", [
    ((16, 64, 28, 28), 1, "f32"),   # slabs of channels
    ((4, 28, 28, 64), -1, "bf16"),  # row blocks
    ((503, 2048), -1, "f32"),       # more channels than the L1 cache holds
    ((1201, 104), -1, "f16"),       # rows that start within cache lines
    ((50, 30, 7, 8), 1, "f16"),     # tiles of many rows
    ((50, 30, 2, 4), 1, "f64"),
    ((1000, 8), -1, "f32"),         # the fewest channels
    ((1000, 8), -1, "f64"),
    ((8, 3, 64, 64), 1, "f32"),
])
def test_schedules(shape, axis, dtype):
    dtype = ref.DTYPES[dtype]
    dy, x, scale, offset, _ = make_case(shape, axis, dtype)
    check_layer(dy, x, scale, offset, axis, "add_relu")


@pytest.mark.parametrize("shape, dtype", [
    ((2, 3, 56, 56), "f32"),   # 32 pieces of 98 positions
    ((2, 8, 300, 300), "bf16"),
    ((3, 5, 7, 12, 16), "f64"),
    ((2, 5, 12, 72, 4), "f64"),
])
def test_pieces_of_rows(shape, dtype):
    """Few channels: positions are cut in pieces, none within a byte."""
    dtype = ref.DTYPES[dtype]
    dy, x, scale, offset, _ = make_case(shape, 1, dtype)
    check_layer(dy, x, scale, offset, 1, "relu")


@pytest.mark.parametrize("kind", ["inference", "normalize"])
@pytest.mark.parametrize("shape, dtype", [
    ((8, 3, 56, 56), "f32"), ((8, 3, 112, 112), "bf16"),
    ((2, 3, 60, 60), "f64"), ((1, 20008), "f32")])
def test_pieces_of_sweeps(shape, dtype, kind):
    check_kernel(kind, shape, shape, 1, dtype)


@pytest.mark.parametrize("dtype", ["f16", "f32"])
def test_past_the_caches(dtype):
    """Stores go past the caches, but not those of bits; nothing depends on
    where lines begin."""
    dtype = ref.DTYPES[dtype]
    image = (64, 28, 28)
    shape = (ref.batch_past_caches(np.prod(image) * dtype.itemsize), *image)
    for kind in ("training", "backward"):
        ref.assert_past_caches(kind, shape, dtype, epilogue="relu",
                               has_bits=True)
    some = ref.random_array((3, *image), dtype)
    x = np.tile(some, (-(-shape[0] // 3), 1, 1, 1))[:shape[0]]
    dy = np.roll(x, 1, 0)
    scale, offset, _, _ = ref.parameters(shape, 1, ref.DTYPES["f32"])
    first, mean, variance, bits = train(x, scale, offset, 1, "relu")
    passes = assert_bits(bits, first)
    case = (dy, x, scale, mean, variance)
    got = differentiate(case, "relu", bits, 1)
    y = np.empty(x.size + 13, dtype)[13:].reshape(shape)
    *_, same_bits = train(x, scale, offset, 1, "relu", out=y)
    assert bits.tobytes() == same_bits.tobytes()
    assert first.tobytes() == y.tobytes()
    dx, *_ = differentiate(case, "relu", bits, 1, out=y)
    assert dx is y and dx.tobytes() == got[0].tobytes()
    # Of some channels: float64 is slow.
    some = slice(None, None, 31)
    case = (dy[:, some], x[:, some], scale[some], mean[some], variance[some])
    expected = expect(case, "relu", passes[:, some], 1)
    compare((got[0][:, some], *(g[some] for g in got[1:])), expected, dtype)
