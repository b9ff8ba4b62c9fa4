# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a ReLU lets pass, saved as a bit of each element and read by backward in
the place of the output.
"""

import itertools

import numpy as np
import pytest

import bn_mlir
import reference as ref
from relu_bits import (
    EPILOGUES, assert_bits, assert_forward, check_layer, differentiate, expect,
    pack, random_passes, train, unpack)
from test_backward import compare, make_case
from test_backward_epilogues import assert_gradients, names, through
from test_layouts import in_memory_order
from test_masks import weighted_statistics

#: Rows of all numbers of bytes that registers may hold, and some more.
SHAPES = [
    ((4, 5, 2, 4), 1),
    ((3, 6, 5, 8), 1),
    ((2, 9, 10, 20), 1),
    ((2, 3, 28, 28), 1),
    ((5, 7, 3, 8), -1),
    ((4, 3, 5, 24), -1),
    ((33, 40), -1),
    ((9, 136), -1),
    ((16,), 0),
    ((6, 4, 2), (1, 2)),
    ((2, 3, 5, 8), [0, -1]),
    ((3, 1, 5, 8), 1),
    ((5, 24, 1, 1), 1),
    ((0, 24), -1),
    ((0, 3, 8), 1),
    ((4, 3, 0), 1),
]
#: Each shape with all types, each of these with all epilogues.
CASES = [(shape, axis, dtype, EPILOGUES[(i + j) % 3])
         for i, (shape, axis) in enumerate(SHAPES)
         for j, dtype in enumerate(ref.DTYPES)]


@pytest.mark.parametrize("shape, axis, dtype, epilogue", CASES)
def test_layers(shape, axis, dtype, epilogue):
    dtype = ref.DTYPES[dtype]
    dy, x, scale, offset, _ = make_case(shape, axis, dtype)
    check_layer(dy, x, scale, offset, axis, epilogue)


@pytest.mark.parametrize("shape, axis, dtype, epilogue", CASES[::3])
def test_gradients_of_any_bits(shape, axis, dtype, epilogue):
    """Bits need not be those of the normalized elements."""
    dtype = ref.DTYPES[dtype]
    case = make_case(shape, axis, dtype)
    passes = random_passes(case[1])
    got = differentiate(case, epilogue, pack(passes), axis, frozen=True)
    expected = expect(case, epilogue, passes, axis, frozen=True)
    assert_gradients(got, expected, dtype, epilogue)


@pytest.mark.parametrize("slope", [0.0, -2.0])
def test_slopes_of_any_sign(slope):
    """The output of such a slope would not tell what has passed."""
    x = ref.random_array((5, 6, 24), np.float32)
    dy = ref.random_array(x.shape, x.dtype, 7)
    options = {"axis": 1, "epilogue": "leaky_relu", "slope": slope}
    y, mean, variance, bits = bn_mlir.training(x, save_bits=True, **options)
    normalized = bn_mlir.training(x, axis=1)[0]
    passes = unpack(bits, x)
    np.testing.assert_array_equal(passes, normalized > 0)
    np.testing.assert_allclose(y, np.where(passes, 1, slope) * normalized,
                               rtol=1e-6, atol=1e-6)
    got = bn_mlir.backward(dy, x, None, mean, variance, bits=bits, **options)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    compare(got, ref.backward(np.where(passes, 1, slope) * dy, x, None, mean,
                              inverse, 1), x.dtype)
    with pytest.raises(ValueError, match="expected 'slope' to be above 0"):
        bn_mlir.backward(dy, x, None, mean, variance, output=y, **options)


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (2, 3, 0, 1), (1, 0, 2, 3),
                                   (3, 1, 0, 2)])
@pytest.mark.parametrize("dtype", ref.DTYPES)
def test_views(order, dtype):
    """Bits are in the order of the memory of x, whatever that of its shape."""
    shape, axis = (3, 8, 16, 5), 1
    if order[-1] == 2:
        shape = (3, 5, 16, 2)
    if order[-1] == 3:
        shape = (3, 5, 2, 8)
    dy, x = (in_memory_order(ref.random_array(shape, ref.DTYPES[dtype], seed),
                             order) for seed in (1, 2))
    scale, offset, _, _ = ref.parameters(shape, axis, ref.wide(x.dtype))
    check_layer(dy, x, scale, offset, axis, "add_relu")


def test_channels_last_view_is_the_channels_last_kernel():
    nhwc = ref.random_array((2, 6, 7, 24), np.float32)
    arguments = ref.parameters(nhwc.shape, -1, ref.DTYPES["f32"])[:2]
    expected = train(nhwc, *arguments, -1, "relu")
    before = bn_mlir.compile_statistics()
    got = train(nhwc.transpose(0, 3, 1, 2), *arguments, 1, "relu")
    assert bn_mlir.compile_statistics() == before
    np.testing.assert_array_equal(got[-1], expected[-1])


@pytest.mark.parametrize("distance", [1e2, 3e3])
@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32"])
@pytest.mark.parametrize("shape, axis", [((8, 19, 14, 4), 1),
                                         ((8, 14, 7, 48), -1)])
def test_far_from_zero(shape, axis, dtype, distance):
    """Both versions of a sweep, with and without the mean in its offset, write
    bits."""
    x = ref.random_array(shape, ref.DTYPES[dtype], 5, offset=distance)
    scale, offset, _, _ = ref.parameters(shape, axis, ref.DTYPES["f32"])
    y, *_, bits = train(x, scale, offset, axis, "relu")
    passes = assert_bits(bits, y)
    assert 0.1 < passes.mean() < 0.9
    assert not y[~passes].any()


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    "which", [w for size in (1, 2)
              for w in itertools.combinations(names("add_relu"), size)],
    ids="-".join)
def test_subsets(which, frozen):
    """What is not asked for changes nothing of the rest."""
    shape, axis = (4, 37, 3, 8), 1
    case = make_case(shape, axis, ref.DTYPES["f32"])
    passes = random_passes(case[1])
    got = differentiate(case, "add_relu", pack(passes), axis, which=which,
                        frozen=frozen)
    expected = dict(zip(names("add_relu"),
                        expect(case, "add_relu", passes, axis, frozen)))
    assert len(got) == len(which)
    for name, gradient in zip(which, got):
        size = np.max(np.abs(expected[name]))
        np.testing.assert_allclose(gradient, expected[name], rtol=2e-6,
                                   atol=3e-5 * size, err_msg=name)


@pytest.mark.parametrize("shape, axis", [((6, 5, 4, 8), 1), ((6, 5, 24), -1)])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_groups(shape, axis, dtype):
    dtype = ref.DTYPES[dtype]
    dy, x, scale, offset, _ = make_case(shape, axis, dtype)
    y, mean, variance, bits = train(x, scale, offset, axis, "relu", groups=3)
    passes = assert_bits(bits, y)
    got = differentiate((dy, x, scale, mean, variance), "relu", bits, axis,
                        groups=3)
    parts = [expect((dy[part], x[part], scale, mean[i], variance[i]), "relu",
                    passes[part], axis)
             for i, part in enumerate(slice(j, j + 2) for j in (0, 2, 4))]
    data, scale_grads, offset_grads, _ = zip(*parts)
    compare(got, (np.concatenate(data), sum(scale_grads), sum(offset_grads)),
            dtype)


@pytest.mark.parametrize("shape, axis, mask_shape", [
    ((6, 5, 3, 8), 1, (6, 1, 3, 8)), ((6, 5, 3, 8), 1, (6, 1, 1, 1)),
    ((6, 5, 3, 8), 1, (1, 1, 3, 1)), ((6, 5, 24), -1, (6, 5, 1))])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_masks(shape, axis, mask_shape, dtype):
    """Elements without weight pass, or not, as others do."""
    dtype = ref.DTYPES[dtype]
    dy, x, scale, offset, _ = make_case(shape, axis, dtype)
    mask = np.random.default_rng(3).random(mask_shape) < 0.7
    y, mean, variance, bits = train(x, scale, offset, axis, "add_relu",
                                    mask=mask)
    passes = assert_bits(bits, y)
    got = differentiate((dy, x, scale, mean, variance), "add_relu", bits, axis,
                        mask=mask)
    normalized = through(dy, passes, "add_relu")
    np.testing.assert_array_equal(got[3], normalized)
    dims = ref.other_dims(x.ndim, axis)
    count, expected_mean, _ = weighted_statistics(x, mask, axis)
    ref.assert_close(mean, expected_mean)

    def spread(per_channel):
        return np.expand_dims(per_channel.astype(np.float64), dims)

    inverse = 1 / np.sqrt(spread(variance) + 1e-3)
    hat = (x - spread(mean)) * inverse
    offset_grad = normalized.sum(dims)
    scale_grad = (normalized * hat).sum(dims)
    rest = (spread(offset_grad) + hat * spread(scale_grad)) / spread(count)
    input_grad = spread(scale) * inverse * (normalized - mask * rest)
    compare(got[:3], (input_grad, scale_grad, offset_grad), dtype)


@pytest.mark.parametrize("epilogue", ["leaky_relu", "add_relu"])
@pytest.mark.parametrize("dtype", ["bf16", "f64"])
def test_running_statistics(dtype, epilogue):
    shape, axis, dtype = (4, 5, 3, 8), 1, ref.DTYPES[dtype]
    x = ref.random_array(shape, dtype)
    scale, offset, old_mean, old_variance = ref.parameters(
        shape, axis, ref.wide(dtype))
    results = train(x, scale, offset, axis, epilogue, running_mean=old_mean,
                    running_variance=old_variance, momentum=0.75)
    assert len(results) == 6
    assert_forward(results, x, scale, offset, axis, epilogue)
    new_mean, new_variance = ref.running(
        old_mean, old_variance, ref.statistics(x, axis), 0.75, "population")
    ref.assert_close(results[3], new_mean)
    ref.assert_close(results[4], new_variance)


def test_out():
    """Given memory, whatever it holds, and y in the place of x or the addend.
    """
    shape = (4, 5, 3, 8)
    x = ref.random_array(shape, np.float32)
    addend = ref.random_array(shape, np.float32, seed=11)
    old_mean, old_variance = ref.parameters(shape, 1, ref.DTYPES["f32"])[2:]
    running = {"running_mean": old_mean, "running_variance": old_variance}
    expected = train(x, None, None, 1, "add_relu", addend=addend, **running)
    for place in (x, addend):
        kept, bits = place.copy(), np.full(x.size // 8, -1, np.int8)
        out = (place, None, None, None, None, bits)
        got = train(x, None, None, 1, "add_relu", addend=addend, out=out,
                    **running)
        assert got[0] is place and got[5] is bits
        for a, b in zip(got, expected):
            np.testing.assert_array_equal(a, b)
        place[...] = kept
    plain = bn_mlir.training(x, None, None, axis=1, epilogue="add_relu",
                             addend=addend, **running)
    assert len(plain) == 5
    for a, b in zip(plain, expected):
        np.testing.assert_array_equal(a, b)


def test_bits_begin_anywhere():
    """Bytes have no alignment, and none around them is written."""
    x = ref.random_array((33, 40), np.float32)
    expected = train(x, None, None, -1, "relu")[3]
    memory = np.full(x.size // 8 + 16, 7, np.int8)
    for begin in (0, 1, 5):
        bits = memory[begin:begin + x.size // 8]
        train(x, None, None, -1, "relu", out=(None, None, None, bits))
        np.testing.assert_array_equal(bits, expected)
        assert np.all(memory[:begin] == 7)
        assert np.all(memory[begin + x.size // 8:] == 7)
        memory[...] = 7


@pytest.mark.parametrize("shape, axis", [((16, 64, 14, 28), 1),
                                         ((9, 31, 40), 1), ((500, 64), -1)])
@pytest.mark.parametrize("place", [0, 3])
def test_gradients_in_place(shape, axis, place):
    """Each of the large gradients over that of the output."""
    case = make_case(shape, axis, ref.DTYPES["f32"])
    bits = pack(random_passes(case[1]))
    bits.flags.writeable = False
    expected = differentiate(case, "add_relu", bits, axis)
    dy = case[0].copy()
    out = [None] * 4
    out[place] = dy
    got = differentiate((dy, *case[1:]), "add_relu", bits, axis,
                        out=tuple(out))
    assert got[place] is dy
    for a, b in zip(got, expected):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape, axis, dtype", [
    ((5, 37, 23, 8), 1, "f64"), ((2100, 24), -1, "f32"),
    ((8, 3, 64, 64), 1, "bf16")])
def test_same_bits_for_any_threads(shape, axis, dtype):
    dy, x, scale, offset, _ = make_case(shape, axis, ref.DTYPES[dtype])
    results = []
    for threads in (1, 2, 3):
        with bn_mlir.knobs.scope(threads=threads):
            forward = train(x, scale, offset, axis, "relu")
            results.append(forward + differentiate(
                (dy, x, scale, *forward[1:3]), "relu", forward[3], axis))
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape, axis", [((4, 8, 40), 1), ((33, 8), -1)])
def test_nan_stays_in_its_channel(shape, axis):
    """NaN passes: it is not 0 or below."""
    x, dy = (ref.random_array(shape, np.float32, seed) for seed in (1, 2))
    clean = train(x, None, None, axis, "relu")
    kept = np.delete(unpack(clean[3], x), 2, axis)
    x.swapaxes(0, axis)[2, 1] = np.nan
    y, mean, variance, bits = train(x, None, None, axis, "relu")
    assert np.isnan(y.swapaxes(0, axis)[2]).all()
    passes = unpack(bits, x)
    np.testing.assert_array_equal(np.delete(passes, 2, axis), kept)
    assert passes.swapaxes(0, axis)[2].all()
    got = differentiate((dy, x, None, mean, variance), "relu", bits, axis)
    others = ref.other_dims(x.ndim, axis)
    for with_nan in (np.isnan(got[0]).any(others), np.isnan(got[1])):
        assert with_nan.tolist() == [i == 2 for i in range(8)]
    sums = np.where(passes, dy, 0).astype(np.float64).sum(others)
    np.testing.assert_allclose(got[2], sums, rtol=1e-5, atol=1e-5)


def test_nan_of_gradients():
    """Bits stop a NaN as they stop numbers."""
    case = make_case((4, 5, 40), 1, ref.DTYPES["f32"])
    passes = random_passes(case[1])
    for index, passed in (((1, 2, 3), True), ((1, 1, 1), False)):
        case[0][index] = np.nan
        passes[index] = passed
    got = differentiate(case, "add_relu", pack(passes), 1)
    with_nan = np.isnan(got[0]).any((0, 2))
    assert with_nan.tolist() == [False, False, True, False, False]
    assert np.isnan(got[3]).sum() == 1


def test_before_it_was_rounded():
    """Of what float16 rounds to 0, the bits know the sign."""
    x = ref.random_array((64, 8), np.float16)
    scale, offset = np.full(8, 1e-9, np.float32), np.zeros(8, np.float32)
    statistics = np.empty(8), np.empty(8)
    y, mean, variance, bits = train(x, scale, offset, -1, "relu",
                                    out=(None, *statistics, None))
    assert not y.any()
    np.testing.assert_array_equal(unpack(bits, x), x > mean)
    (total,) = differentiate((np.ones_like(x), x, scale, mean, variance),
                             "relu", bits, -1, which=("offset",))
    np.testing.assert_array_equal(total, (x > mean).sum(0))


def test_zero_does_not_pass():
    """Nor does -0, which a sum cannot be but a product."""
    x = np.zeros((4, 16), np.float32)
    for scale in (1, -1):
        y, *_, bits = train(x, np.full(16, scale, np.float32), None, -1,
                            "relu")
        assert not y.any() and not bits.any()
    smallest = np.float32(1e-45)
    addend = np.where(np.arange(64).reshape(4, 16) % 3 == 0, smallest, 0)
    *_, bits = train(x, None, None, -1, "add_relu",
                     addend=addend.astype(np.float32))
    np.testing.assert_array_equal(unpack(bits, x), addend > 0)
