# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients through epilogues: those of the normalized elements, which float64
NumPy has, go through the float64 gradients of batch normalization.
"""

import itertools
import re

import numpy as np
import pytest

import bn_mlir
import reference as ref
from test_backward import compare, make_case

SLOPE = 0.125
EPILOGUES = ["relu", "leaky_relu", "add", "add_relu"]
epilogues = pytest.mark.parametrize("epilogue", EPILOGUES)


def through(output_grad, output, epilogue):
    """The gradient of what the epilogue was given."""
    if epilogue == "add":
        return output_grad
    slope = SLOPE if epilogue == "leaky_relu" else 0.0
    positive = output.astype(np.float64) > 0
    return np.where(positive, output_grad, slope * output_grad.astype(np.float64))


def options(epilogue, output):
    result = {"epilogue": epilogue}
    if epilogue == "leaky_relu":
        result["slope"] = SLOPE
    if epilogue != "add":
        result["output"] = output
    return result


def names(epilogue):
    addend = ("addend",) if epilogue.startswith("add") else ()
    return ("input", "scale", "offset") + addend


def make_output(shape, dtype):
    """What a forward call may have written: zeros of both signs, too."""
    output = ref.random_array(shape, dtype, 9)
    flat = output.reshape(-1)
    flat[::5] = 0.0
    flat[::7] = -0.0
    return output


def expect(case, epilogue, output, axis, frozen):
    dy, x, scale, mean, variance = case
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    normalized = through(dy, output, epilogue)
    return ref.backward(normalized, x, scale, mean, inverse, axis,
                        frozen) + (normalized,)


def assert_gradients(got, expected, dtype, epilogue):
    compare(got[:3], expected[:3], dtype)
    if len(got) == 4:
        np.testing.assert_array_equal(got[3], expected[3].astype(dtype))


@epilogues
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("dtype", ref.DTYPES)
@pytest.mark.parametrize("shape, axis", ref.SHAPES)
def test_gradients(shape, axis, dtype, frozen, epilogue):
    dtype = ref.DTYPES[dtype]
    case = make_case(shape, axis, dtype)
    output = make_output(shape, dtype)
    got = bn_mlir.backward(*case, axis=axis, frozen=frozen,
                           which=names(epilogue), **options(epilogue, output))
    assert all(g.dtype == dtype and g.shape == shape
               for g in got[:1] + got[3:])
    expected = expect(case, epilogue, output, axis, frozen)
    assert_gradients(got, expected, dtype, epilogue)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    "which", [w for size in (1, 2, 3)
              for w in itertools.combinations(names("add_relu"), size)],
    ids="-".join)
@pytest.mark.parametrize("shape, axis", [((4, 37, 9, 8), 1), ((70, 48), -1)])
def test_subsets(shape, axis, which, frozen):
    """What is not asked for changes nothing of the rest."""
    dtype = ref.DTYPES["f32"]
    case = make_case(shape, axis, dtype)
    output = make_output(shape, dtype)
    got = bn_mlir.backward(*case, axis=axis, frozen=frozen, which=which,
                           **options("add_relu", output))
    got = got if isinstance(got, tuple) else (got,)
    expected = dict(zip(names("add_relu"),
                        expect(case, "add_relu", output, axis, frozen)))
    for name, gradient in zip(which, got):
        size = np.max(np.abs(expected[name]))
        np.testing.assert_allclose(gradient, expected[name], rtol=2e-6,
                                   atol=3e-5 * size, err_msg=name)


@epilogues
@pytest.mark.parametrize("shape, axis", [
    ((16, 64, 56, 56), 1),  # past the caches: pipelined slabs
    ((4, 56, 56, 64), -1),  # row blocks
    ((8201, 256), -1),      # past the caches, rows left over
    ((503, 2048), -1),      # more channels than the L1 cache holds
    ((1201, 100), -1),      # rows that start within cache lines
    ((50, 30, 7, 7), 1),    # tiles of many rows
    ((8, 3, 224, 224), 1),  # few channels
    ((1000, 3), -1),
])
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_schedules(shape, axis, dtype, epilogue):
    dtype = ref.DTYPES[dtype]
    case = make_case(shape, axis, dtype)
    output = make_output(shape, dtype)
    got = bn_mlir.backward(*case, axis=axis, which=names(epilogue),
                           **options(epilogue, output))
    expected = expect(case, epilogue, output, axis, False)
    assert_gradients(got, expected, dtype, epilogue)


@epilogues
@pytest.mark.parametrize("extra", ["mask", "groups"])
def test_masks_and_groups(extra, epilogue):
    """As the gradients of the normalized elements alone would give."""
    shape, axis, dtype = (8, 6, 5, 7), 1, ref.DTYPES["f64"]
    dy, x, scale, mean, variance = make_case(shape, axis, dtype)
    arguments = {"axis": axis}
    if extra == "mask":
        mask = np.random.default_rng(3).random((8, 1, 5, 7)) < 0.7
        arguments["mask"] = mask.astype(np.float64)
    else:
        arguments["groups"] = 4
        mean, variance = (np.stack([a, a + 0.5, a + 1, a + 2])
                          for a in (mean, variance))
    output = make_output(shape, dtype)
    got = bn_mlir.backward(dy, x, scale, mean, variance, **arguments,
                           which=names(epilogue), **options(epilogue, output))
    normalized = through(dy, output, epilogue)
    expected = bn_mlir.backward(normalized, x, scale, mean, variance,
                                **arguments)
    for a, b in zip(got, expected + (normalized,)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape, axis", [((16, 64, 28, 28), 1),
                                         ((9, 31, 40), 1), ((500, 64), -1)])
@pytest.mark.parametrize("place", ["output_grad", "output"])
def test_in_place(shape, axis, place):
    """Each of the large gradients over what it is made of."""
    case = make_case(shape, axis, ref.DTYPES["f32"])
    output = make_output(shape, case[1].dtype)
    which = names("add_relu")
    expected = bn_mlir.backward(*case, axis=axis, which=which,
                                **options("add_relu", output))
    dy, z = case[0].copy(), output.copy()
    out = (dy, None, None, z) if place == "output_grad" else (z, None, None, dy)
    got = bn_mlir.backward(dy, *case[1:], axis=axis, which=which, out=out,
                           **options("add_relu", z))
    assert got[0] is out[0] and got[3] is out[3]
    for a, b in zip(got, expected):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("saved", ["output", "bits"])
@pytest.mark.parametrize("dtype", ["f16", "f32"])
def test_two_past_the_caches(dtype, saved):
    """Both large gradients are stored past the caches; nothing depends on
    where lines begin, nor on whether that is at the same elements of both."""
    dtype = ref.DTYPES[dtype]
    image = (64, 28, 30)  # rows end within lines
    shape = (ref.batch_past_caches(np.prod(image) * dtype.itemsize), *image)
    ref.assert_past_caches("backward", shape, dtype, epilogue="add_relu",
                           has_bits=saved == "bits")
    x = np.tile(ref.random_array((3, *image), dtype),
                (-(-shape[0] // 3), 1, 1, 1))[:shape[0]]
    dy, output = np.roll(x, 1, 0), np.roll(x, 2, 0)
    scale, _, mean, variance = ref.parameters(shape, 1, ref.DTYPES["f32"])
    arguments = {"epilogue": "add_relu", "which": ("input", "addend")}
    arguments[saved] = output
    if saved == "bits":
        arguments[saved] = np.packbits(output > 0, bitorder="little").view(
            np.int8)

    def run(*elements):
        """The gradients, so many elements behind the start of a line."""
        out = []
        for element in elements:
            place = np.empty(x.size + 64, dtype)
            start = -place.ctypes.data % 64 // dtype.itemsize + element
            out.append(place[start:start + x.size].reshape(shape))
        return bn_mlir.backward(dy, x, scale, mean, variance, axis=1, out=out,
                                **arguments)

    first = run(0, 0)
    np.testing.assert_array_equal(first[1], np.where(output > 0, dy, 0))
    some = slice(None, None, 31)  # of some channels: float64 is slow
    case = (dy[:, some], x[:, some], scale[some], mean[some], variance[some])
    expected = expect(case, "add_relu", output[:, some], 1, False)
    ref.assert_close(first[0][:, some], expected[0])
    for elements in ((8, 8), (5, 5), (0, 8), (3, 0)):
        for got, same in zip(run(*elements), first):
            assert got.tobytes() == same.tobytes(), elements


@epilogues
def test_finite_differences(epilogue):
    """Of the loss sum(dy * epilogue(training(x))), in float64."""
    shape, axis = (6, 3, 5), 1
    dy, x, scale, _, _ = make_case(shape, axis, ref.DTYPES["f64"])
    offset = np.array([0.1, -0.2, 0.3])
    forward = {"epilogue": epilogue}
    if epilogue == "leaky_relu":
        forward["slope"] = SLOPE
    arguments = [x, scale, offset]
    if epilogue.startswith("add"):
        arguments.append(ref.random_array(shape, x.dtype, 11))

    def run(x, scale, offset, addend=None):
        if addend is not None:
            forward["addend"] = addend
        return bn_mlir.training(x, scale, offset, axis=axis, **forward)

    output, mean, variance = run(*arguments)
    got = bn_mlir.backward(dy, x, scale, mean, variance, axis=axis,
                           which=names(epilogue), **options(epilogue, output))
    step = 1e-6
    for place, gradient in enumerate(got):
        numeric = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            losses = []
            for sign in (1, -1):
                moved = [a.copy() for a in arguments]
                moved[place][index] += sign * step
                losses.append(np.sum(dy * run(*moved)[0]))
            numeric[index] = (losses[0] - losses[1]) / (2 * step)
        np.testing.assert_allclose(gradient, numeric, rtol=2e-5, atol=2e-7)


@pytest.mark.parametrize("epilogue", ["relu", "add_relu"])
def test_same_bits_for_any_threads(epilogue):
    shape = (5, 37, 23, 29)
    case = make_case(shape, 1, ref.DTYPES["f32"])
    output = make_output(shape, case[1].dtype)
    results = []
    for threads in (1, 2, 3):
        with bn_mlir.knobs.scope(threads=threads):
            results.append(bn_mlir.backward(
                *case, axis=1, which=names(epilogue),
                **options(epilogue, output)))
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


def test_nan_stays_in_its_channel():
    shape = (4, 5, 33)
    case = make_case(shape, 1, ref.DTYPES["f32"])
    output = make_output(shape, case[1].dtype)
    output[2, 3, 4] = np.nan
    case[0][1, 2, 3] = np.nan
    case[0][1, 1, 1] = np.nan
    output[1, 2, 3] = 1.0  # the NaN passes
    output[1, 1, 1] = -1.0  # and here not
    got = bn_mlir.backward(*case, axis=1, which=names("add_relu"),
                           **options("add_relu", output))
    with_nan = np.isnan(got[0]).any((0, 2))
    assert with_nan.tolist() == [False, False, True, False, False]
    assert np.isnan(got[3]).sum() == 1


def run_forward(x, scale, offset, axis, epilogue):
    """Output and statistics, which are float64: they are not rounded."""
    channels = [x.shape[dim] for dim in np.atleast_1d(axis)]
    out = (None, *[np.empty(channels) for _ in range(2)])
    slope = {"slope": SLOPE} if epilogue == "leaky_relu" else {}
    return bn_mlir.training(x, scale, offset, axis=axis, epilogue=epilogue,
                            out=out, **slope)


def assert_close_gradients(actual, expected):
    """To a rounding of the type: no element that passes in one only."""
    step = float(ref.ml_dtypes.finfo(actual.dtype).eps)
    actual, expected = (np.asarray(array, np.float64)
                        for array in (actual, expected))
    np.testing.assert_allclose(actual, expected, rtol=step,
                               atol=1e-6 * np.abs(expected).max(initial=0))


def assert_recomputed(x, axis, epilogue, compare_gradients=
                      np.testing.assert_array_equal, **arguments):
    """The output that is computed again has the sign of the one that was
    written, whatever the schedules: the gradients are the same bits.
    """
    dy, _, scale, _, _ = make_case(x.shape, axis, x.dtype)
    offset = arguments.pop("offset", np.asarray(scale * 0.5 - 0.4, scale.dtype))
    output, mean, variance = run_forward(x, scale, offset, axis, epilogue)
    known = options(epilogue, output)
    expected = bn_mlir.backward(dy, x, scale, mean, variance, axis=axis,
                                **arguments, **known)
    known["output"] = None
    got = bn_mlir.backward(dy, x, scale, mean, variance, axis=axis,
                           offset=offset, **arguments, **known)
    positive = np.count_nonzero(output.astype(np.float32) > 0)
    assert x.size < 99 or 0.1 < positive / x.size < 0.9
    for a, b in zip(got, expected):
        compare_gradients(a, b)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("epilogue", ["relu", "leaky_relu"])
@pytest.mark.parametrize("dtype", ref.DTYPES)
@pytest.mark.parametrize("shape, axis", ref.SHAPES)
def test_recomputed_output(shape, axis, dtype, epilogue, frozen):
    x = ref.random_array(shape, ref.DTYPES[dtype], 5)
    assert_recomputed(x, axis, epilogue, frozen=frozen)


@pytest.mark.parametrize("shape, axis", [
    ((16, 64, 56, 56), 1), ((4, 56, 56, 64), -1), ((50, 30, 7, 7), 1),
    ((8, 3, 224, 224), 1), ((1000, 3), -1), ((40, 14, 14, 256), -1)])
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_recomputed_in_schedules(shape, axis, dtype):
    """A tensor less is read, which may be why sums are cut in other pieces."""
    x = ref.random_array(shape, ref.DTYPES[dtype], 5)
    strategies = [bn_mlir.compile(bn_mlir.Spec(
        "backward", shape, axis=axis, dtype=x.dtype, epilogue="relu",
        statistics_dtype="float64", recomputes_output=again)).strategy
        for again in (False, True)]
    read, recomputed = (re.search(r"<.*parallel = .*?tile = .*?\]", strategy)[0]
                        for strategy in strategies)
    assert_recomputed(x, axis, "relu", np.testing.assert_array_equal
                      if read == recomputed else assert_close_gradients)


@pytest.mark.parametrize("distance", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("shape, axis", [((8, 37, 14, 14), 1),
                                         ((8, 14, 14, 48), -1)])
def test_recomputed_far_from_zero(shape, axis, distance):
    """Where the mean that is rounded to float32 is not the one subtracted."""
    x = ref.random_array(shape, np.float32, 5) + np.float32(distance)
    assert_recomputed(x, axis, "relu")


def test_recomputed_without_parameters():
    x = ref.random_array((4, 6, 35), np.float32, 5)
    assert_recomputed(x, 1, "relu", offset=None)
    mask = np.random.default_rng(3).random((4, 1, 35)) < 0.7
    assert_recomputed(x, 1, "relu", mask=mask)
    assert_recomputed(x, 1, "relu", which=("scale",))
    assert_recomputed(x, 1, "relu", which=("offset", "input"))


def test_recomputed_before_it_was_rounded():
    """Of what float16 rounds to 0, only the recomputed sign knows more."""
    x = ref.random_array((64, 3), np.float16)
    scale, offset = np.full(3, 1e-9, np.float32), np.zeros(3, np.float32)
    statistics = np.empty(3), np.empty(3)
    y, mean, variance = bn_mlir.training(
        x, scale, offset, epilogue="relu", out=(None, *statistics))
    assert not y.any()

    def sum_gradients(**state):
        (total,) = bn_mlir.backward(
            np.ones_like(x), x, scale, mean, variance, epilogue="relu",
            which=("offset",), **state)
        return total

    np.testing.assert_array_equal(sum_gradients(output=y), 0)
    np.testing.assert_array_equal(
        sum_gradients(offset=offset), (x > mean).sum(0))


def test_errors():
    case = make_case((4, 6), -1, ref.DTYPES["f32"])
    output = make_output((4, 6), np.float32)
    one = "expected one of 'output', 'bits' and 'offset' where 'epilogue' is "
    none = one.replace("one", "none")
    with pytest.raises(ValueError, match=one + "'relu', got none"):
        bn_mlir.backward(*case, epilogue="relu")
    with pytest.raises(ValueError, match="got 'output' and 'offset'"):
        bn_mlir.backward(*case, epilogue="relu", output=output, offset=case[2])
    with pytest.raises(ValueError, match=none + "'add', got 'output'"):
        bn_mlir.backward(*case, epilogue="add", output=output)
    with pytest.raises(ValueError, match=none + "None, got 'offset'"):
        bn_mlir.backward(*case, offset=case[2])
    with pytest.raises(ValueError, match="addend"):
        bn_mlir.backward(*case, epilogue="relu", output=output,
                         which=("addend",))
    with pytest.raises(ValueError, match="slope"):
        bn_mlir.backward(*case, epilogue="leaky_relu", slope=0.0,
                         output=output)
    with pytest.raises(ValueError, match="expected"):
        bn_mlir.backward(*case, epilogue="relu", output=output[:3])
