# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""benchmarks/layers.py measures two things that compute the same."""

import argparse
import pathlib

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")

import bn_mlir.keras  # noqa: E402

BACKEND = keras.config.backend()
BENCHMARKS = pathlib.Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def threads(monkeypatch):
    """0, the default, on TensorFlow, which refuses to change their number."""
    monkeypatch.setenv("NPROC", "1")
    with bn_mlir.knobs.scope(threads=1):
        if BACKEND == "torch":
            import torch

            before = torch.get_num_threads()
            yield 1
            torch.set_num_threads(before)
        else:
            yield 0 if BACKEND == "tensorflow" else 1


def flatten(results):
    """The arrays in lists and tuples inside each other."""
    if isinstance(results, (list, tuple)):
        return [array for part in results for array in flatten(part)]
    return [keras.ops.convert_to_numpy(results)]


@pytest.mark.skipif(
    BACKEND == "numpy", reason="Keras on NumPy has no gradients")
@pytest.mark.parametrize(
    "jit_compile", [False, True] if BACKEND == "tensorflow" else [False])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("layer", ["batch_norm", "batch_norm_add_relu"])
def test_both_compute_the_same(
        layer, layout, jit_compile, threads, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import layers

    calls = layers.make_calls((4, 3, 5, 6), argparse.Namespace(
        framework="keras", backend=None, jit_compile=jit_compile, layer=layer,
        layout=layout, dtype="float32", threads=threads))
    results = {name: flatten(call()) for name, call in calls.items()}
    gradients = 3 if layer == "batch_norm" else 4
    state = 2 if BACKEND == "jax" else 0
    assert len(results["ours"]) == 1 + gradients + state
    for ours, stock in zip(results["ours"], results["stock"], strict=True):
        assert (ours.shape, ours.dtype) == (stock.shape, stock.dtype)
        np.testing.assert_allclose(ours, stock, rtol=1e-5, atol=1e-5)
