# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests that are asked for by the environment, because of what they need.

BN_TEST_HUGE=1    a tensor of more than 2^31 elements; 6 GiB of memory
BN_TEST_WHEEL=1   the wheel, built and used in a new environment; minutes
"""

import os
import pathlib
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

import bn_mlir

ROOT = pathlib.Path(__file__).parents[2]


def asked_for(name, what):
    return pytest.mark.skipif(
        os.environ.get(name, "0") in ("", "0"),
        reason=f"set {name}=1 to run it: it needs {what}")


def fill(x, pattern):
    """Fills x's first dimension by repeating `pattern`, without a copy of its
    size.
    """
    for row in x:
        row[...] = pattern


@asked_for("BN_TEST_HUGE", "6 GiB of memory")
@pytest.mark.parametrize("layout", ["channels first", "channels last"])
def test_more_than_2_to_the_31_elements(layout):
    """In place, bf16, 2^31 + 2^20 elements: every row is the same, so that a
    wrapped index is seen as a row that is not.
    """
    rows, channels, inner = 2049, 8, 131072
    first = layout == "channels first"
    shape = (rows, channels, inner) if first else (rows, inner, channels)
    axis = 1 if first else 2
    x = np.empty(shape, ml_dtypes.bfloat16)
    assert x.size > 2**31
    pattern = (np.random.default_rng(0).standard_normal(shape[1:]) * 2 + np.
               arange(channels).reshape((-1, 1) if first else (1, -1))).astype(
                   x.dtype)
    exact = pattern.astype(np.float64)
    dims = 1 if first else 0
    mean, variance = exact.mean(dims), exact.var(dims)
    expand = (lambda a: a[:, None]) if first else (lambda a: a)
    ideal = (exact - expand(mean)) / np.sqrt(expand(variance) + 1e-3)

    def check():
        first_row = x[0].astype(np.float64)
        assert np.abs(first_row - ideal).max() <= 0.51 * 2**-7 * np.abs(
            ideal).max()
        bits = x[0].view(np.uint16)
        for index in range(1, rows):
            np.testing.assert_array_equal(
                x[index].view(np.uint16), bits, f"row {index}")

    fill(x, pattern)
    statistics = [a.astype(np.float32) for a in (mean, variance)]
    bn_mlir.inference(x, None, None, *statistics, axis=axis, out=x)
    check()
    fill(x, pattern)
    _, got_mean, got_variance = bn_mlir.training(
        x, axis=axis, out=(x, None, None))
    check()
    np.testing.assert_allclose(got_mean, mean, atol=1e-6)
    np.testing.assert_allclose(got_variance, variance, rtol=1e-6)


@asked_for("BN_TEST_WHEEL", "some minutes and a package index")
def test_wheel(tmp_path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path,
         f"--config-settings=build-dir={ROOT / 'build' / 'wheel'}", ROOT],
        check=True)
    (wheel,) = tmp_path.glob("bn_mlir-*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", site, wheel], check=True)
    code = ("import bn_mlir, numpy\n"
            "y, m, v = bn_mlir.training(numpy.ones((4, 3), numpy.float32))\n"
            "print(bn_mlir.__file__, m)")
    result = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ,
                                               PYTHONPATH=str(site)),
        check=True, capture_output=True, text=True)
    assert str(site) in result.stdout and "[1. 1. 1.]" in result.stdout
