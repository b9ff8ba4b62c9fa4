# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is refused, with which words."""

import functools
import pathlib
import platform
import re

import numpy as np
import pytest

import bn_mlir
import reference as ref

X = ref.random_array((2, 3, 4), np.float32)
C = np.ones(3, np.float32)


def inference(x=X, scale=C, offset=C, mean=C, variance=C, axis=1, **options):
    return bn_mlir.inference(
        x, scale, offset, mean, variance, axis=axis, **options)


def training(x=X, *arguments, axis=1, **options):
    return bn_mlir.training(x, *arguments, axis=axis, **options)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@functools.cache
def spec_kernel():
    return bn_mlir.compile(bn_mlir.Spec("inference", X.shape, axis=1))


@functools.cache
def function():
    return bn_mlir.compile("""
        func.func @add(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
          %z = linalg.add ins(%x, %x : tensor<3xf32>, tensor<3xf32>)
              outs(%y : tensor<3xf32>) -> tensor<3xf32>
          return %z : tensor<3xf32>
        }""")


@functools.cache
def int8_function():
    return bn_mlir.compile("""
        func.func @same(%x: tensor<3xi8>) -> tensor<3xi8> {
          return %x : tensor<3xi8>
        }""")


ERRORS = [
    (lambda: inference([1.0]), TypeError,
     "expected 'input' to be an array of NumPy or one with DLPack, got list"),
    (lambda: inference(mean=None), TypeError,
     "expected 'mean' to be an array of NumPy or one with DLPack, "
     "got NoneType"),
    (lambda: training(None), TypeError,
     "expected 'input' to be an array of NumPy or one with DLPack, got "
     "NoneType"),
    (lambda: inference(X.astype(np.int32)), TypeError,
     "expected 'input' to have element type float16, bfloat16, float32 or "
     "float64, got int32"),
    (lambda: inference(X.astype(np.complex64)), TypeError,
     "expected 'input' to have element type float16, bfloat16, float32 or "
     "float64, got complex64"),
    (lambda: inference(X.astype(">f4")), TypeError,
     "expected 'input' in the byte order of this machine, got the other one"),
    (lambda: inference(scale=C.astype(np.float16)), TypeError,
     "expected 'scale' to have element type float32 or a wider float, got "
     "float16"),
    (lambda: inference(offset=C.astype(np.float64)), TypeError,
     "expected 'offset' to have element type float32, got float64"),
    (lambda: inference(variance=C.astype(np.float64)), TypeError,
     "expected 'variance' to have element type float32, got float64"),
    (lambda: inference(out=X.astype(np.float64)), TypeError,
     "expected 'output' to have element type float32, got float64"),
    (lambda: inference(scale=np.ones(4, np.float32)), ValueError,
     r"expected 'scale' to have shape \(3,\), that of the channels of 'input' "
     r"\(axis=1\), got \(4,\)"),
    (lambda: inference(axis=-1), ValueError,
     r"expected 'scale' to have shape \(4,\), that of the channels of 'input' "
     r"\(axis=2\), got \(3,\)"),
    (lambda: inference(axis=[-1, 0]), ValueError,
     r"expected 'scale' to have shape \(2, 4\), that of the channels of "
     r"'input' \(axis=\(0, 2\)\), got \(3,\)"),
    (lambda: inference(X.transpose(1, 2, 0), axis=2), ValueError,
     r"expected 'scale' to have shape \(2,\), that of the channels of 'input' "
     r"\(axis=2\), got \(3,\)"),
    (lambda: inference(mean=np.ones((1, 3), np.float32)), ValueError,
     r"expected 'mean' to have shape \(3,\), that of the channels of 'input' "
     r"\(axis=1\), got \(1, 3\)"),
    (lambda: inference(scale=np.ones(6, np.float32)[::2]), ValueError,
     "expected 'scale' to be contiguous in C order with strides "
     r"\(1,\), got \(2,\)"),
    (lambda: inference(X.transpose(1, 2, 0).copy().transpose(2, 0, 1),
                       scale=np.ones((2, 3), np.float32), axis=[0, 1]),
     ValueError,
     r"expected 'scale' to have strides \(1, 2\), those of the channels of "
     r"'input' \(axis=\(0, 1\)\), got \(3, 1\)"),
    (lambda: inference(out=X[:1]), ValueError,
     r"expected 'output' to have shape \(2, 3, 4\), that of 'input', got "
     r"\(1, 3, 4\)"),
    (lambda: inference(out=read_only(X)), ValueError,
     "expected 'output' to be writable, got a read-only array"),
    (lambda: inference(out=(X, X)), ValueError,
     "expected 'out' to have 1 entries, got 2"),
    (lambda: inference(axis=3), ValueError,
     "expected 'axis' to be from -3 to 2, got 3"),
    (lambda: inference(axis=[1, -2]), ValueError,
     "expected 'axis' to name each dimension once, got 1 again"),
    (lambda: inference(axis=[]), ValueError,
     "expected 'axis' to name a dimension, got none"),
    (lambda: inference(axis=1.0), TypeError,
     "expected 'axis' to be an int or a list of them, got 1.0"),
    (lambda: inference(axis="1"), TypeError,
     "expected 'axis' to be an int or a list of them, got '1'"),
    (lambda: inference(axis=np.float32(1)), TypeError,
     "expected 'axis' to be an int or a list of them, got "),
    (lambda: inference(np.array(1, np.float32)), ValueError,
     "expected 'input' to have rank 1 or more, got 0"),
    (lambda: inference(epsilon=np.inf), ValueError,
     "expected 'epsilon' to be finite, got INF"),
    (lambda: inference(axis=None), TypeError,
     "expected 'axis' to be an int or a list of them, got None"),
    (lambda: inference(epsilon="1"), TypeError,
     "expected 'epsilon' to be a number, got '1'"),
    (lambda: training(groups=2.5), TypeError,
     "expected 'groups' to be an int, got 2.5"),
    (lambda: training(X, C, C, C, C, momentum=None), TypeError,
     "expected 'momentum' to be a number, got None"),
    (lambda: training(X, C, C, C, C, running_variance_kind=1), TypeError,
     "expected 'running_variance_kind' to be a string, got 1"),
    (lambda: bn_mlir.backward(X, X, C, C, C, axis=1, which=None), TypeError,
     "expected 'which' to be a list of names, got None"),
    (lambda: bn_mlir.backward(X, X, C, C, C, axis=1, which="input"), TypeError,
     "expected 'which' to be a list of names, got 'input'"),
    (lambda: bn_mlir.backward(X, X, C, C, C, axis=1, which=(1,)), TypeError,
     r"expected 'which\[...\]' to be a string, got 1"),
    (lambda: bn_mlir.backward(X, X, C, C, C, axis=1, frozen=1), TypeError,
     "expected 'frozen' to be True or False, got 1"),
    (lambda: training(X, C, C, C), ValueError,
     "expected 'running_mean' and 'running_variance' or neither, got only "
     "'running_mean'"),
    (lambda: training(X, C, C, C, C, momentum=np.nan), ValueError,
     "expected 'momentum' to be finite, got"),
    (lambda: training(X, C, C, C, C, running_variance_kind="biased"),
     ValueError, "expected 'running_variance_kind' to be 'population' or "
     "'sample', got 'biased'"),
    (lambda: training(out=(X, None)), ValueError,
     "expected 'out' to have 3 entries, got 2"),
    (lambda: bn_mlir.backward(X, X, C, C, C, axis=1, which=()), ValueError,
     "expected 'which' to name a gradient, got none"),
    (lambda: bn_mlir.backward(X, X, C, C, C, axis=1, which=("x",)),
     ValueError, "expected 'which' to name some of 'input', 'scale', 'offset' "
     "and 'addend' once, got 'x'"),
    (lambda: bn_mlir.backward(X[:1], X, C, C, C, axis=1), ValueError,
     "expected 'output_grad' to have shape"),
    (lambda: bn_mlir.backward(X, X, C, C, C, axis=1, statistics_kind="std"),
     ValueError, "expected 'statistics_kind' to be 'variance' or "
     "'inverse_std', got 'std'"),
    (lambda: bn_mlir.backward_input(X, X, C, C, C, axis=1, mean=X), ValueError,
     r"expected 'mean' to have shape \(3,\), that of the channels of 'input' "
     r"\(axis=1\), got \(2, 3, 4\)"),
    (lambda: bn_mlir.Spec("norm", (2, 3)), ValueError,
     "expected 'kind' to be the name of an op"),
    (lambda: bn_mlir.Spec("training", (2, 3), dtype="int8"), TypeError,
     "expected 'dtype' to be float16, bfloat16, float32 or float64, got int8"),
    (lambda: bn_mlir.Spec("training", (2, -3)), ValueError,
     "expected 'shape' to have sizes of 0 or more, or -1 for any, got -3"),
    (lambda: bn_mlir.Spec("training", 5), TypeError,
     "expected 'shape' to be a tuple of ints and None, got 5"),
    (lambda: bn_mlir.Spec("training", (2, 3), threads=1025), ValueError,
     "expected 'threads' to be from 0 to 1024, got 1025"),
    (lambda: training(axis=2**70), ValueError,
     rf"expected 'axis' to be from -3 to 2, got {2**70}"),
    (lambda: bn_mlir.Spec("inference", (2**70, 3)), ValueError,
     f"expected 'shape' to hold ints of 64 bits, got {2**70}"),
    (lambda: setattr(bn_mlir.config, "cpu", "a\0b"), ValueError,
     r"expected 'cpu' without a character 0, got 'a\\x00b'"),
    (lambda: int8_function()(np.ones(3, np.uint32)), TypeError,
     "expected 'argument 0' to have element type int8, got uint32"),
    (lambda: function()(C, C, out=X), TypeError,
     "expected 'out' to be None for a function of a module, which takes all its "
     "arguments, got ndarray"),
    (lambda: training(groups=2**70), ValueError,
     rf"expected 'groups' to be an int of 64 bits, got {2**70}"),
    (lambda: training(out=(None, C.astype("e"), C.astype("e"))), TypeError,
     "expected the entries of 'out' for statistics to have element type float32 "
     "or float64, got float16"),
    (lambda: training(mask=np.ones((2, 1, 4), np.uint8)), TypeError,
     "expected 'mask' to have element type bool, int8, int32, int64 or a float, "
     "got uint8"),
    (lambda: bn_mlir.backward(X, X, None, C, C, axis=1, which=3), TypeError,
     "expected 'which' to be a list of names, got 3"),
    (lambda: spec_kernel()(X.astype("d"), C, C, C, C), TypeError,
     "expected 'input' to have element type float32, got float64"),
    (lambda: function()(C), TypeError, "expected 2 arguments, got 1"),
    (lambda: function()(C.astype("d"), C), TypeError,
     "expected 'argument 0' to have element type float32, got float64"),
    (lambda: function()(C, C), ValueError,
     "expected argument 1 not to overlap argument 0, got 12 common bytes"),
    (lambda: function()(C, read_only(C)), ValueError,
     "expected 'argument 1' to be writable, got a read-only array"),
    (lambda: bn_mlir.compile("module {"), bn_mlir.CompileError, "expected"),
    (lambda: bn_mlir.compile("layer.mlir"), bn_mlir.CompileError,
     "expected the text of a module, got a path, 'layer.mlir'"),
    (lambda: bn_mlir.compile(3), TypeError,
     "expected 'source' to be a Spec or the text of a module, got int"),
]


@pytest.mark.parametrize("index", range(len(ERRORS)))
def test_error(index):
    function, kind, message = ERRORS[index]
    with pytest.raises(kind) as raised:
        function()
    text = str(raised.value)
    assert re.search(message, text), text
    assert not text.endswith(".")


def test_a_function_leaves_its_arguments_alone():
    """Arithmetic has no destination, and gets one that is no argument."""
    kernel = bn_mlir.compile("""
        func.func @add(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
          %z = arith.addf %x, %y : tensor<3xf32>
          %w = arith.mulf %z, %x : tensor<3xf32>
          return %w : tensor<3xf32>
        }""")
    assert [access for *_, access in kernel.arguments] == ["read", "read"]
    x = read_only(C)
    np.testing.assert_array_equal(kernel(x, x), 2 * C)
    np.testing.assert_array_equal(x, C)


def test_arguments_of_a_function():
    """Only destinations are written."""
    assert [access for *_, access in function().arguments] == [
        "read", "read_write"]
    x, y = read_only(C), np.zeros_like(C)
    z = function()(x, y)
    assert np.shares_memory(y, z)
    np.testing.assert_array_equal(z, 2 * C)


@pytest.mark.parametrize("option, value, kind, message", [
    ("cpu", 5, TypeError, "expected 'cpu' to be a string, got 5"),
    ("cpu", "abacus", ValueError, "expected a CPU of .*, got 'abacus'"),
    ("features", "+abacus", ValueError,
     r"expected features of .*, got '\+abacus'"),
    ("threads", 1.5, TypeError, "expected 'threads' to be an int, got 1.5"),
    ("threads", 1025, ValueError,
     "expected 'threads' to be from 0 to 1024, got 1025"),
    ("opt_level", 4, ValueError, "expected 'opt_level' to be from 0 to 3, got 4"),
    ("perf", 1, TypeError, "expected 'perf' to be True or False, got 1"),
    ("pool_limit", "1M", TypeError,
     "expected 'pool_limit' to be an int, got '1M'")])
def test_options(option, value, kind, message):
    before = repr(bn_mlir.config)
    with pytest.raises(kind, match=message):
        setattr(bn_mlir.config, option, value)
    assert repr(bn_mlir.config) == before


def test_options_are_printed():
    text = repr(bn_mlir.config)
    assert [name for name in bn_mlir.knobs.KNOBS if f"{name}=" not in text] == []


def test_an_error_leaves_the_arguments_alone():
    x, mean = X.copy(), C.copy()
    for _ in range(100):
        with pytest.raises(ValueError):
            inference(x, mean=mean, variance=np.ones(2, np.float32))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(mean, C)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="Features of x86-64")
def test_code_for_another_machine():
    """It can be looked at."""
    if "avx10_2" in pathlib.Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has all that the test knows")
    with bn_mlir.knobs.scope(features="+avx10.2"):
        kernel = bn_mlir.compile(bn_mlir.Spec("inference", X.shape, axis=1))
        assert "ret" in kernel.asm
        message = r"expected a machine with .*avx10\.2.*, got one without"
        with pytest.raises(ValueError, match=message):
            kernel(X, C, C, C, C)
        with pytest.raises(ValueError, match=message):
            inference()
