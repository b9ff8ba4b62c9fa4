# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a ReLU lets pass, saved as a bit of each element and read by backward in
the place of the output. References are float64; where bits are made here, they
are those of NumPy's packbits.
"""

import itertools
import re

import numpy as np
import pytest

import bn_mlir
import reference as ref
from test_backward import compare, make_case
from test_backward_epilogues import SLOPE, assert_gradients, names, through
from test_layouts import in_memory_order
from test_masks import weighted_statistics

EPILOGUES = ["relu", "leaky_relu", "add_relu"]

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


def pack(passes):
    """The bits of an array of bool, in the order of its memory."""
    return np.packbits(passes.ravel(order="K"), bitorder="little").view(np.int8)


def unpack(bits, like):
    """An array of bool that lies in memory as `like` does."""
    flat = np.unpackbits(bits.view(np.uint8), bitorder="little").view(bool)
    assert flat.size == like.size
    return np.lib.stride_tricks.as_strided(
        flat, like.shape, [step // like.itemsize for step in like.strides])


def random_passes(like):
    passes = np.empty_like(like, bool)
    passes[...] = np.random.default_rng(8).random(like.shape) < 0.6
    return passes


def slope_of(epilogue):
    return {"slope": SLOPE} if epilogue == "leaky_relu" else {}


def train(x, scale, offset, axis, epilogue, **arguments):
    """Results of a call that saves bits; an addend is made where one is needed
    and none is given.
    """
    if epilogue == "add_relu":
        addend = np.empty_like(x)
        addend[...] = ref.random_array(x.shape, x.dtype, 11)
        arguments.setdefault("addend", addend)
    return bn_mlir.training(x, scale, offset, axis=axis, epilogue=epilogue,
                            save_bits=True, **slope_of(epilogue), **arguments)


def assert_bits(bits, y):
    """They are the sign of the output, where that has not been rounded to 0."""
    assert bits.dtype == np.int8 and bits.shape == (y.size // 8,)
    passes = unpack(bits, y)
    known = y.astype(np.float64)
    np.testing.assert_array_equal(passes[known != 0], known[known != 0] > 0)
    return passes


def assert_forward(results, x, scale, offset, axis, epilogue):
    """Against float64, from which only what is nearly 0 may differ in sign."""
    y, mean, variance, *_, bits = results
    assert y.dtype == x.dtype and y.shape == x.shape
    expected = ref.statistics(x, axis)
    ref.assert_close(mean, expected.mean)
    ref.assert_close(variance, expected.variance)
    exact = ref.inference(x, scale, offset, expected.mean, expected.variance,
                          axis)
    if epilogue == "add_relu":
        exact += ref.random_array(x.shape, x.dtype, 11).astype(np.float64)
    passes = assert_bits(bits, y)
    error = 1e-14 if x.dtype == np.float64 else 4e-6
    wrong = np.abs(exact[passes != (exact > 0)])
    assert np.max(wrong, initial=0) <= error * np.max(np.abs(exact), initial=0)
    return passes


def expect(case, epilogue, passes, axis, frozen=False):
    dy, x, scale, mean, variance = case
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    normalized = through(dy, passes, epilogue)
    return ref.backward(normalized, x, scale, mean, inverse, axis,
                        frozen) + (normalized,)


def differentiate(case, epilogue, bits, axis, **arguments):
    arguments.setdefault("which", names(epilogue))
    return bn_mlir.backward(*case, axis=axis, epilogue=epilogue, bits=bits,
                            **slope_of(epilogue), **arguments)


def check_layer(dy, x, scale, offset, axis, epilogue, frozen=False):
    """Training, and the gradients with the bits that it has saved."""
    results = train(x, scale, offset, axis, epilogue)
    passes = assert_forward(results, x, scale, offset, axis, epilogue)
    case = (dy, x, scale, *results[1:3])
    got = differentiate(case, epilogue, results[-1], axis, frozen=frozen)
    expected = expect(case, epilogue, passes, axis, frozen)
    assert_gradients(got, expected, x.dtype, epilogue)


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


def make_spec(kind, shape, axis, dtype, **options):
    wide = ref.wide(ref.DTYPES[dtype])
    options = {"epilogue": "add_relu", "has_bits": True,
               "has_running_stats": False, "dtype": ref.DTYPES[dtype],
               "parameter_dtype": wide, "statistics_dtype": wide} | options
    return bn_mlir.Spec(kind, shape, axis=axis, **options)


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


X = ref.random_array((4, 3, 8), np.float32)
C = np.ones(3, np.float32)
BITS = np.zeros(12, np.int8)


def save(x=X, axis=1, epilogue="relu", **options):
    return bn_mlir.training(x, axis=axis, epilogue=epilogue, save_bits=True,
                            **options)


def read(bits=BITS, epilogue="relu", x=X, c=C, **options):
    return bn_mlir.backward(x, x, c, c, c, axis=1, epilogue=epilogue,
                            bits=bits, **options)


ROWS = "expected rows of a multiple of 8 elements where there are bits, got "
EXPECTED_BITS = (
    "expected 'bits' to have shape (12,) and to be contiguous, as the forward "
    "call has made it, got shape ")
ERRORS = [
    (lambda: save(np.ones((4, 3, 7), np.float32)), ValueError, ROWS + "7"),
    (lambda: save(np.ones((4, 8, 5), np.float32)), ValueError, ROWS + "5"),
    (lambda: save(axis=0, x=X[:, :, :4].copy()), ValueError, ROWS + "12"),
    (lambda: save(np.ones((8, 12), np.float32), axis=-1), ValueError,
     ROWS + "12"),
    (lambda: save(X.transpose(0, 2, 1).copy().transpose(0, 2, 1)), ValueError,
     ROWS + "3"),
    # A mask may keep dimensions apart.
    (lambda: save(np.ones((4, 3, 2, 4), np.float32),
                  mask=np.ones((4, 1, 2, 4))), ValueError, ROWS + "4"),
    (lambda: read(x=np.ones((8, 3, 5), np.float32), bits=np.zeros(15, np.int8)),
     ValueError, ROWS + "5"),
    (lambda: make_spec("training", (8, 3, None), 1, "f32"), ValueError,
     ROWS + "a dynamic size"),
    (lambda: save(epilogue=None), ValueError,
     "expected 'epilogue' to be relu, leaky_relu or add_relu where there are "
     "bits, got none"),
    (lambda: save(epilogue="add", addend=X), ValueError,
     "expected 'epilogue' to be relu, leaky_relu or add_relu where there are "
     "bits, got add"),
    (lambda: bn_mlir.training(X, axis=1, epilogue="relu", save_bits=1),
     TypeError, "expected 'save_bits' to be True or False, got 1"),
    (lambda: bn_mlir.training(X, axis=1, epilogue="relu", save_bits=None),
     TypeError, "expected 'save_bits' to be True or False, got None"),
    (lambda: save(out=(None, None, None)), ValueError,
     "expected 'out' to have 4 entries, got 3"),
    (lambda: save(out=(None,) * 5), ValueError,
     "expected 'out' to have 4 entries, got 5"),
    (lambda: save(running_mean=C, running_variance=C, out=(None,) * 5),
     ValueError, "expected 'out' to have 6 entries, got 5"),
    (lambda: bn_mlir.training(X, axis=1, epilogue="relu",
                              out=(None, None, None, BITS)), ValueError,
     "expected 'out' to have 3 entries, got 4"),
    (lambda: save(out=(None, None, None, BITS.view(np.uint8))), TypeError,
     "expected 'bits' to have element type int8, got uint8"),
    (lambda: save(out=(None, None, None, BITS[:11])), ValueError,
     "expected 'bits' to have shape (12,), that of the bits of 'input', got "
     "(11,)"),
    (lambda: save(out=(None, None, None, np.zeros(24, np.int8)[::2])),
     ValueError, "expected 'bits' to have strides (1,), those of the bits of "
     "'input', got (2,)"),
    (lambda: save(out=(None, None, None, np.zeros((4, 3, 1), np.int8))),
     ValueError, "expected 'bits' to have shape (12,), that of the bits of "
     "'input', got (4, 3, 1)"),
    (lambda: read(BITS.view(np.uint8)), TypeError,
     "expected 'bits' to have element type int8, got uint8"),
    (lambda: read(BITS.astype(bool)), TypeError,
     "expected 'bits' to have element type int8, got bool"),
    (lambda: read(X), TypeError,
     "expected 'bits' to have element type int8, got float32"),
    (lambda: read([0] * 12), TypeError,
     "expected 'bits' to be an array of NumPy or one with DLPack, got list"),
    (lambda: read(BITS[:11]), ValueError,
     EXPECTED_BITS + "(11,) with strides (1,)"),
    (lambda: read(np.zeros(96, np.int8)), ValueError,
     EXPECTED_BITS + "(96,) with strides (1,)"),
    (lambda: read(BITS.reshape(4, 3)), ValueError,
     EXPECTED_BITS + "(4, 3) with strides (3, 1)"),
    (lambda: read(np.zeros(24, np.int8)[::2]), ValueError,
     EXPECTED_BITS + "(12,) with strides (2,)"),
    (lambda: read(BITS[::-1]), ValueError,
     EXPECTED_BITS + "(12,) with strides (-1,)"),
    (lambda: read(epilogue=None), ValueError,
     "expected none of 'output', 'bits' and 'offset' where 'epilogue' is None, "
     "got 'bits'"),
    (lambda: read(epilogue="add"), ValueError,
     "expected none of 'output', 'bits' and 'offset' where 'epilogue' is "
     "'add', got 'bits'"),
    (lambda: read(output=X), ValueError,
     "expected one of 'output', 'bits' and 'offset' where 'epilogue' is "
     "'relu', got 'output' and 'bits'"),
    (lambda: read(offset=None), ValueError, "got 'bits' and 'offset'"),
    (lambda: read(output=X, offset=C), ValueError,
     "got 'output' and 'bits' and 'offset'"),
    (lambda: read(None), ValueError,
     "expected one of 'output', 'bits' and 'offset' where 'epilogue' is "
     "'relu', got none"),
    (lambda: read(which=("addend",)), ValueError,
     "expected 'epilogue' to be add or add_relu, whose addend has a gradient, "
     "got relu"),
    (lambda: make_spec("backward", (4, 24), -1, "f32", epilogue="relu",
                       recomputes_output=True), ValueError,
     "expected 'recomputesOutput' to be false where there are bits, got true"),
    (lambda: make_spec("stats", (4, 24), -1, "f32", epilogue=None), ValueError,
     "expected no 'hasBits' for the kind stats, got true"),
    (lambda: make_spec("training", (4, 24), -1, "f32", renormalized=True),
     ValueError, "expected 'isRenormalized' to be false where there are bits, "
     "got true"),
]


@pytest.mark.parametrize("index", range(len(ERRORS)))
def test_error(index):
    function, kind, message = ERRORS[index]
    with pytest.raises(kind, match=re.escape(message)):
        function()


def test_bits_are_not_another_result():
    """What backward still has to read is not overwritten."""
    memory = np.zeros(X.nbytes, np.int8)
    y = memory.view(np.float32).reshape(X.shape)
    with pytest.raises(ValueError, match="expected 'bits' not to overlap "
                                         "'output'"):
        save(out=(y, None, None, memory[:12]))
    with pytest.raises(ValueError, match="expected 'input_grad' not to overlap "
                                         "'bits'"):
        read(memory[:12], out=(y, None, None))
