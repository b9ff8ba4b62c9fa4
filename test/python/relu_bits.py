# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What tests of saved bits share. References are float64; where bits are made
here, they are those of NumPy's packbits.
"""

import numpy as np

import bn_mlir
import reference as ref
from test_backward_epilogues import SLOPE, assert_gradients, names, through

EPILOGUES = ["relu", "leaky_relu", "add_relu"]
#: What is said of rows that have no whole bytes of bits.
ROWS = "expected rows of a multiple of 8 elements where there are bits, got "


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


def make_spec(kind, shape, axis, dtype, **options):
    wide = ref.wide(ref.DTYPES[dtype])
    options = {"epilogue": "add_relu", "has_bits": True,
               "has_running_stats": False, "dtype": ref.DTYPES[dtype],
               "parameter_dtype": wide, "statistics_dtype": wide} | options
    return bn_mlir.Spec(kind, shape, axis=axis, **options)
