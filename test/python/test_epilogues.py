# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Epilogues of inference and training against float64."""

import ml_dtypes
import numpy as np
import pytest

import bn_mlir
import reference as ref

EPILOGUES = {
    "relu": lambda y, slope, addend: np.maximum(y, 0),
    "leaky_relu": lambda y, slope, addend: np.where(y > 0, y, slope * y),
    "add": lambda y, slope, addend: y + addend,
    "add_relu": lambda y, slope, addend: np.maximum(y + addend, 0),
}
SHAPES = [((4, 5, 6, 7), 1), ((4, 6, 7, 5), -1), ((9, 17), -1),
          ((2, 37, 9, 7), 1), ((2, 3, 4, 5), (1, 2))]

epilogues = pytest.mark.parametrize("epilogue", EPILOGUES)


def options(epilogue, shape, dtype):
    """Options of a call."""
    result = {"epilogue": epilogue}
    if epilogue == "leaky_relu":
        result["slope"] = 0.125
    if epilogue.startswith("add"):
        result["addend"] = ref.random_array(shape, dtype, seed=7)
    return result


def apply(y, epilogue, slope=0.01, addend=None):
    if addend is not None:
        addend = addend.astype(np.float64)
    return EPILOGUES[epilogue](y, slope, addend)


def assert_close(actual, expected, y):
    """A sum has the errors of what is added: `y`, before the epilogue."""
    size = np.max(np.abs(y), initial=0.0)
    ref.assert_close(np.append(actual, actual.dtype.type(size)),
                     np.append(expected, float(actual.dtype.type(size))))


@pytest.mark.parametrize("slope", [-0.5, 0.0, 1e-50, 0.125, 1.0, 1.5])
@pytest.mark.parametrize("dtype", ref.DTYPES)
def test_slopes(dtype, slope):
    """Of any sign and size, of infinities and NaN, too."""
    x = ref.random_array((3, 70), ref.DTYPES[dtype])
    x[:, :4] = np.inf, -np.inf, np.nan, 0
    ones = np.ones(70, ref.wide(x.dtype))
    z = bn_mlir.inference(x, ones, 0 * ones, 0 * ones, ones, epsilon=0.0,
                          epilogue="leaky_relu", slope=slope)
    with np.errstate(invalid="ignore"):
        expected = apply(x.astype(np.float64), "leaky_relu",
                         float(ones.dtype.type(slope)))
    np.testing.assert_allclose(z.astype(np.float64), expected,
                               rtol=float(ml_dtypes.finfo(x.dtype).eps))


@epilogues
@pytest.mark.parametrize("shape, axis", SHAPES)
@pytest.mark.parametrize("dtype", ref.DTYPES)
def test_inference(shape, axis, dtype, epilogue):
    dtype = ref.DTYPES[dtype]
    x = ref.random_array(shape, dtype)
    arguments = ref.parameters(shape, axis, ref.wide(dtype))
    extra = options(epilogue, shape, dtype)
    z = bn_mlir.inference(x, *arguments, axis=axis, **extra)
    assert z.dtype == dtype
    y = ref.inference(x, *arguments, axis)
    assert_close(z, apply(y, **extra), y)


@epilogues
@pytest.mark.parametrize("shape, axis", SHAPES)
@pytest.mark.parametrize("dtype", ["bf16", "f32"])
def test_training(shape, axis, dtype, epilogue):
    dtype = ref.DTYPES[dtype]
    x = ref.random_array(shape, dtype)
    scale, offset = ref.parameters(shape, axis, ref.wide(dtype))[:2]
    extra = options(epilogue, shape, dtype)
    z, mean, variance = bn_mlir.training(x, scale, offset, axis=axis, **extra)
    expected = ref.statistics(x, axis)
    y = ref.inference(x, scale, offset, expected.mean, expected.variance, axis)
    assert_close(z, apply(y, **extra), y)
    # The epilogue has no part in the statistics.
    ref.assert_close(mean, expected.mean)
    ref.assert_close(variance, expected.variance)


def test_default_slope():
    x = np.array([[-2.0], [2.0]], np.float32)
    zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    z = bn_mlir.inference(x, None, None, zero, one, epsilon=0.0,
                          epilogue="leaky_relu")
    np.testing.assert_allclose(z, [[-0.02], [2.0]], rtol=1e-6)


@epilogues
def test_nan(epilogue):
    x = ref.random_array((4, 5, 6), np.float32)
    x[1, 2, 3] = np.nan
    arguments = ref.parameters(x.shape, 1, ref.DTYPES["f32"])
    z = bn_mlir.inference(x, *arguments, axis=1,
                          **options(epilogue, x.shape, np.float32))
    assert np.array_equal(np.isnan(z), np.isnan(x))


@pytest.mark.parametrize("where", ["x", "addend"])
def test_in_place(where):
    x = ref.random_array((4, 5, 6, 7), np.float32)
    addend = ref.random_array(x.shape, np.float32, seed=1)
    expected = bn_mlir.training(x, axis=1, epilogue="add_relu", addend=addend)
    out = x if where == "x" else addend
    got = bn_mlir.training(x, axis=1, epilogue="add_relu", addend=addend,
                           out=out)
    assert got[0] is out
    for a, b in zip(expected, got):
        assert np.array_equal(a, b)


def test_layout_of_the_addend():
    x = ref.random_array((4, 6, 7, 5), np.float32).transpose(0, 3, 1, 2)
    addend = ref.random_array((4, 6, 7, 5), np.float32).transpose(0, 3, 1, 2)
    z = bn_mlir.training(x, axis=1, epilogue="add", addend=addend)[0]
    assert z.strides == x.strides
    y = bn_mlir.training(x, axis=1)[0]
    np.testing.assert_allclose(z, y + addend, atol=1e-6)
    with pytest.raises(ValueError, match="expected 'addend' to have strides"):
        bn_mlir.training(x, axis=1, epilogue="add",
                         addend=np.ascontiguousarray(addend))


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("shape, axis", [((4, 3, 49), 1), ((9, 64), -1)])
def test_a_relu_is_a_maximum_of_the_target(shape, axis, dtype):
    """The sign of a zero does not matter to any phase."""
    kernel = bn_mlir.compile(bn_mlir.Spec(
        "training", shape, axis=axis, dtype=ref.DTYPES[dtype],
        epilogue="relu"))
    assert "llvm.intr.maximum" in kernel.ir["llvm"]


def test_spec():
    spec = bn_mlir.Spec("inference", (2, 3, 4), axis=1, epilogue="add_relu")
    assert spec != bn_mlir.Spec("inference", (2, 3, 4), axis=1)
    assert "epilogue add_relu" in spec.key
    kernel = bn_mlir.compile(spec)
    assert "addend" in [name for name, *_ in kernel.arguments]
    assert "arith.maximumf" in kernel.ir["input"]
    x, addend = np.ones((2, 3, 4), np.float32), np.full((2, 3, 4), -3,
                                                         np.float32)
    c = np.ones(3, np.float32)
    assert np.array_equal(kernel(x, c, c, c, c, addend), np.zeros_like(x))


X = np.ones((2, 3), np.float32)
ERRORS = [
    ({"epilogue": "gelu"}, ValueError,
     "expected 'epilogue' to be None, 'relu', 'leaky_relu', 'add' or "
     "'add_relu', got 'gelu'"),
    ({"epilogue": 1}, TypeError,
     "expected 'epilogue' to be a name or None, got 1"),
    ({"epilogue": "add"}, ValueError,
     "expected 'addend' exactly when 'epilogue' is 'add' or 'add_relu', got "
     "none and 'add'"),
    ({"epilogue": "relu", "addend": X}, ValueError,
     "expected 'addend' exactly when 'epilogue' is 'add' or 'add_relu', got "
     "one and 'relu'"),
    ({"addend": X}, ValueError, "got one and None"),
    ({"epilogue": "add", "addend": X.astype(np.float64)}, TypeError,
     "expected 'addend' to have element type float32, got float64"),
    ({"epilogue": "add", "addend": X[:1]}, ValueError,
     "expected 'addend' to have shape"),
    ({"epilogue": "leaky_relu", "slope": np.inf}, ValueError,
     "expected 'slope' to be finite, got INF"),
]


@pytest.mark.parametrize("extra, error, message", ERRORS)
def test_errors(extra, error, message):
    with pytest.raises(error, match=message):
        bn_mlir.training(X, **extra)
