# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""benchmarks/layers.py measures two things that compute the same."""

import argparse
import pathlib

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

import bn_mlir  # noqa: E402

BENCHMARKS = pathlib.Path(__file__).parents[3] / "benchmarks"


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("layer", ["batch_norm", "batch_norm_add_relu"])
@pytest.mark.parametrize("framework", ["jax", "flax"])
def test_both_compute_the_same(framework, layer, layout, monkeypatch):
    pytest.importorskip(framework, reason=f"{framework} is not installed")
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("NPROC", "1")
    import layers

    with bn_mlir.knobs.scope(threads=1):
        calls = layers.make_calls((4, 3, 5, 6), argparse.Namespace(
            framework=framework, layer=layer, layout=layout, dtype="float32",
            threads=1))
        results = {name: jax.tree.leaves(call())
                   for name, call in calls.items()}
    assert len(results["ours"]) == (4 if layer == "batch_norm" else 5)
    for ours, stock in zip(results["ours"], results["stock"], strict=True):
        assert (ours.shape, ours.dtype) == (stock.shape, stock.dtype)
        np.testing.assert_allclose(ours, stock, rtol=1e-5, atol=1e-5)
