# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Orders of dimensions in memory: each is a kernel, none is a copy."""

import itertools
import re

import numpy as np
import pytest

import bn_mlir
import reference as ref


def in_memory_order(x, order):
    """A view of x's shape whose memory has its dimensions in `order`."""
    return np.ascontiguousarray(x.transpose(order)).transpose(
        np.argsort(order))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("axis", [1, [0, 2]])
def test_orders(order, axis):
    x = in_memory_order(ref.random_array((3, 4, 5), np.float32), order)
    size = ref.channel_shape(x.shape, axis)
    scale, offset, _, _ = ref.parameters(
        x.shape, axis, ref.DTYPES["f32"])
    if len(size) == 2 and order.index(0) > order.index(2):
        # Parameters follow the order that their dimensions have in x.
        scale, offset = np.asfortranarray(scale), np.asfortranarray(offset)
    y, mean, variance = bn_mlir.training(x, scale, offset, axis=axis)
    assert y.strides == x.strides
    expected = ref.statistics(x, axis)
    ref.assert_close(mean, expected.mean)
    ref.assert_close(variance, expected.variance)
    ref.assert_close(y, ref.inference(
        x, scale, offset, expected.mean, expected.variance, axis))


def test_channels_last_view_is_the_channels_last_kernel():
    nhwc = ref.random_array((2, 6, 7, 5), np.float32)
    arguments = ref.parameters(nhwc.shape, -1, ref.DTYPES["f32"])
    expected = bn_mlir.inference(nhwc, *arguments, axis=-1)
    before = bn_mlir.compile_statistics()
    view = nhwc.transpose(0, 3, 1, 2)
    y = bn_mlir.inference(view, *arguments, axis=1)
    assert bn_mlir.compile_statistics() == before
    assert y.strides == view.strides
    np.testing.assert_array_equal(y.transpose(0, 2, 3, 1), expected)


def test_out_needs_the_layout_of_x():
    x = ref.random_array((2, 5, 3, 4), np.float32)
    arguments = ref.parameters(x.shape, 1, ref.DTYPES["f32"])
    out = in_memory_order(np.empty_like(x), (0, 2, 3, 1))
    with pytest.raises(ValueError, match=(
            r"expected 'output' to have strides \(60, 12, 4, 1\), those of "
            r"'input', got \(60, 1, 20, 5\)")):
        bn_mlir.inference(x, *arguments, axis=1, out=out)


@pytest.mark.parametrize("view", [
    lambda x: x[:, ::2], lambda x: x[..., ::-1], lambda x: x[:, :3],
    lambda x: np.broadcast_to(x[:1], x.shape)])
def test_views_with_holes_are_refused(view):
    x = view(ref.random_array((4, 6, 5), np.float32))
    with pytest.raises(ValueError, match=(
            "expected 'input' to be contiguous in some order of its "
            r"dimensions, for example with strides \(.*\), got \(")):
        bn_mlir.training(x, axis=1)


def test_unaligned_bases():
    """Rows that begin anywhere in a cache line."""
    for begin in range(4):
        memory = ref.random_array(4 + 3 * 7 * 5, np.float32)
        x = memory[begin:begin + 3 * 7 * 5].reshape(3, 7, 5)
        y, _, _ = bn_mlir.training(x, axis=1)
        expected = ref.statistics(x, 1)
        ref.assert_close(y, ref.inference(
            x, None, None, expected.mean, expected.variance, 1))


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("image, axis", [((63, 55, 57), 1), ((55, 29, 128), -1)])
def test_outputs_past_the_caches_begin_anywhere(image, axis, dtype):
    """Lines of the output begin elsewhere in each row, or with each, and in each
    of these arrays. No bit depends on it, and nothing around the array is
    written."""
    dtype = ref.DTYPES[dtype]
    shape = (ref.batch_past_caches(np.prod(image) * dtype.itemsize), *image)
    for kind in ("training", "backward"):
        ref.assert_past_caches(kind, shape, dtype, axis)
    dy, x = (ref.random_array(shape, dtype, seed) for seed in (1, 2))
    scale, offset, mean, variance = ref.parameters(
        shape, axis, ref.DTYPES["f32"])
    statistics = ref.statistics(x, axis)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    expected = {
        bn_mlir.training: ref.inference(x, scale, offset, statistics.mean,
                                        statistics.variance, axis),
        bn_mlir.backward: ref.backward(dy, x, scale, mean, inverse,
                                        axis)[0]}
    first = {}
    for begin in (0, 1, 13, 31):
        memory = np.full(x.size + 96, 7, dtype)
        begin += -memory.ctypes.data % 64 // dtype.itemsize
        out = memory[begin:begin + x.size].reshape(shape)
        for function, arguments in (
                (bn_mlir.training, (x, scale, offset)),
                (bn_mlir.backward, (dy, x, scale, mean, variance))):
            result, *sums = function(*arguments, axis=axis,
                                     out=(out, None, None))
            assert np.all(memory[:begin] == 7)
            assert np.all(memory[begin + x.size:] == 7)
            bits = [array.tobytes() for array in (result, *sums)]
            if function not in first:
                first[function] = bits
                ref.assert_close(result, expected[function])
            assert bits == first[function]


def check_layer(shape, axis, dtype):
    """All that is computed of `shape`, against float64."""
    dy, x = (ref.random_array(shape, dtype, seed) for seed in (1, 2))
    scale, offset, mean, variance = ref.parameters(
        shape, axis, ref.DTYPES["f32"])
    ref.assert_close(
        bn_mlir.inference(x, scale, offset, mean, variance, axis=axis),
        ref.inference(x, scale, offset, mean, variance, axis))
    y, *_ = bn_mlir.training(x, scale, offset, axis=axis)
    expected = ref.statistics(x, axis)
    ref.assert_close(y, ref.inference(
        x, scale, offset, expected.mean, expected.variance, axis))
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    results = bn_mlir.backward(dy, x, scale, mean, variance, axis=axis)
    for a, b in zip(results,
                    ref.backward(dy, x, scale, mean, inverse, axis)):
        ref.assert_close(a, b)


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
@pytest.mark.parametrize("shape, axis", [
    ((33, 16, 14, 14), 1), ((34, 48, 7, 7), 1), ((37, 7, 7, 24), -1),
    ((7, 322), 1), ((131, 3), 1), ((450, 64, 14, 14), 1)])
def test_rows_that_share_coefficients(dtype, shape, axis):
    """Short rows and channels last, of numbers of rows that are no multiples of
    those that are written at the same time."""
    check_layer(shape, axis, ref.DTYPES[dtype])


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_short_rows_past_the_caches(dtype):
    """Several channels are one row, which is asked for ahead."""
    dtype = ref.DTYPES[dtype]
    image = (64, 14, 14)
    shape = (ref.batch_past_caches(np.prod(image) * dtype.itemsize), *image)
    for kind in ("training", "backward"):
        ref.assert_past_caches(kind, shape, dtype)
    check_layer(shape, 1, dtype)


NEARLY_FULL_CACHE = """
module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<"L3_cache_size_in_bytes" = BYTES : i64>>
} {
  func.func @step(%x: tensor<SHAPE>, %dy: tensor<SHAPE>, %scale: tensor<CxACC>,
      %offset: tensor<CxACC>, %y0: tensor<SHAPE>, %m0: tensor<CxACC>,
      %v0: tensor<CxACC>, %dx0: tensor<SHAPE>)
      -> (tensor<SHAPE>, tensor<CxACC>, tensor<CxACC>, tensor<SHAPE>) {
    %y, %m, %v = bn.training axis(1) epsilon(1.0e-3) ins(%x : tensor<SHAPE>)
        scale(%scale : tensor<CxACC>) offset(%offset : tensor<CxACC>)
        outs(%y0, %m0, %v0 : tensor<SHAPE>, tensor<CxACC>, tensor<CxACC>)
        -> tensor<SHAPE>, tensor<CxACC>, tensor<CxACC>
    %dx = bn.backward axis(1) epsilon(1.0e-3) wrt(input)
        ins(%dy, %x : tensor<SHAPE>, tensor<SHAPE>)
        scale(%scale : tensor<CxACC>)
        statistics(%m, %v : tensor<CxACC>, tensor<CxACC>)
        outs(%dx0 : tensor<SHAPE>) -> tensor<SHAPE>
    return %y, %m, %v, %dx
        : tensor<SHAPE>, tensor<CxACC>, tensor<CxACC>, tensor<SHAPE>
  }
}
"""


@pytest.mark.parametrize("name", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("images, channels, row", [
    (8, 24, 513), (13, 67, 150), (37, 31, 140), (50, 9, 256), (50, 40, 49)])
@pytest.mark.parametrize("factor", [3, 6])
def test_pieces_of_images(name, images, channels, row, factor):
    """Channels first, where the last-level cache is as large as 3 or 6 of the
    arrays: training nearly fills the one, gradients the other. Without masks,
    rows of fewer than 128 elements are too short for pieces."""
    shape = (images, channels, row)
    x, dy = (ref.random_array(shape, ref.DTYPES[name], seed)
             for seed in (1, 2))
    text = NEARLY_FULL_CACHE.replace("BYTES", str(factor * x.nbytes))
    text = text.replace("SHAPE", "x".join(map(str, shape)) + "x" + name)
    text = text.replace("CxACC", f"{channels}xf32")
    kernel = bn_mlir.compile(text)
    tiled = kernel.ir["tiled"]
    if row >= 128 or "vector_bits = 512" in tiled:
        op = "bn.stats" if factor == 3 else "bn.backward_reduce"
        assert re.search(f"{op} .*<split", tiled)
    scale, offset, _, _ = ref.parameters(shape, 1, ref.DTYPES["f32"])
    y, dx = np.empty_like(x), np.empty_like(x)
    mean, variance = np.empty((2, channels), np.float32)
    kernel(x, dy, scale, offset, y, mean, variance, dx)
    expected = ref.statistics(x, 1)
    ref.assert_close(mean, expected.mean)
    ref.assert_close(variance, expected.variance)
    ref.assert_close(y, ref.inference(
        x, scale, offset, expected.mean, expected.variance, 1))
    inverse = 1 / np.sqrt(expected.variance + 1e-3)
    ref.assert_close(dx, ref.backward(
        dy, x, scale, expected.mean, inverse, 1)[0])


HANDWRITTEN = """
func.func @inference(%x: tensor<ROWSx37xbf16>, %scale: tensor<37xf32>,
    %offset: tensor<37xf32>, %mean: tensor<37xf32>, %variance: tensor<37xf32>,
    %y0: tensor<ROWSx37xbf16>) -> tensor<ROWSx37xbf16> {
  %y = bn.inference axis(1) epsilon(1.0e-3)
      {bn.lowering_strategy = #bn.lowering_strategy<sweep, threads = 1,
       parallel = [0, 0], tile = [0, 0], vector_bits = BITS, unroll = 2,
       stores = temporal, jam = JAM>}
      ins(%x : tensor<ROWSx37xbf16>)
      scale(%scale : tensor<37xf32>) offset(%offset : tensor<37xf32>)
      statistics(%mean, %variance : tensor<37xf32>, tensor<37xf32>)
      outs(%y0 : tensor<ROWSx37xbf16>) -> tensor<ROWSx37xbf16>
  return %y : tensor<ROWSx37xbf16>
}
"""


@pytest.mark.parametrize("rows", [1, 3, 7])
@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("jam", [1, 3, 8])
def test_jam_by_hand(rows, bits, jam):
    """The field `jam` of a strategy that is written by hand."""
    kernel = bn_mlir.compile(HANDWRITTEN.replace("ROWS", str(rows)).replace(
        "BITS", str(bits)).replace("JAM", str(jam)))
    x = ref.random_array((rows, 37), ref.DTYPES["bf16"])
    arguments = ref.parameters(x.shape, 1, ref.DTYPES["f32"])
    y = np.empty_like(x)
    kernel(x, *arguments, y)
    ref.assert_close(y, ref.inference(x, *arguments, 1))


def test_half_aligned_elements_are_refused():
    memory = np.zeros(4 * 12 + 2, np.uint8)
    x = memory[2:].view(np.float32).reshape(3, 4)
    with pytest.raises(ValueError, match="expected 'input' to be aligned to 4 "
                                         "bytes, got address"):
        bn_mlir.training(x)
