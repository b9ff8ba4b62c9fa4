# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels for processors that have less than this one, against float64: LLVM
calls functions there for what others have instructions for.
"""

import pathlib
import platform

import numpy as np
import pytest

import bn_mlir
import reference as ref
from test_backward import compare, make_case

#: Names that LLVM has for levels of x86-64, and what tells them from the level
#: below in Linux' list.
LEVELS = {
    "x86-64": {"sse2"},
    "x86-64-v2": {"ssse3", "sse4_1", "sse4_2", "popcnt"},
    "x86-64-v3": {"avx2", "fma", "f16c", "bmi2"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def list_cpus():
    """Those of `LEVELS` that this machine can run."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not cpuinfo.exists():
        return []
    flags = set(cpuinfo.read_text().split())
    return [cpu for cpu, needed in LEVELS.items() if needed <= flags]


@pytest.fixture(params=list_cpus())
def cpu(request):
    with bn_mlir.knobs.scope(cpu=request.param):
        yield request.param


@pytest.mark.parametrize("dtype", ref.DTYPES)
@pytest.mark.parametrize("shape, axis", [
    ((3, 5, 49), 1), ((3, 4, 8, 8), 1), ((6, 7, 24), -1), ((5, 6, 3), -1)])
def test_all_kinds(cpu, shape, axis, dtype):
    dtype = ref.DTYPES[dtype]
    dy, x, scale, mean, variance = make_case(shape, axis, dtype)
    y = bn_mlir.inference(x, scale, None, mean, variance, axis=axis)
    ref.assert_close(
        y, ref.inference(x, scale, None, mean, variance, axis), "inference")

    y, mean, variance = bn_mlir.training(x, scale, axis=axis)
    stats = ref.statistics(x, axis)
    ref.assert_close(mean, stats.mean, "mean")
    ref.assert_close(variance, stats.variance, "variance")
    expected = ref.inference(x, scale, None, stats.mean, stats.variance, axis)
    ref.assert_close(y, expected, "training")

    got = bn_mlir.backward(dy, x, scale, mean, variance, axis=axis)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    compare(got, ref.backward(dy, x, scale, mean, inverse, axis), dtype)
