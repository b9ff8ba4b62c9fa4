# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""benchmarks/layers.py measures two things that compute the same."""

import argparse
import pathlib
import sys

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

BENCHMARKS = pathlib.Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def layers(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import layers

    before = torch.get_num_threads()
    yield layers
    torch.set_num_threads(before)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("layer", ["batch_norm", "batch_norm_add_relu"])
def test_both_compute_the_same(layers, layer, layout):
    calls = layers.FRAMEWORKS["torch"]((4, 3, 5, 6), argparse.Namespace(
        layer=layer, layout=layout, dtype="float32", threads=1))
    stock, ours = calls["stock"](), calls["ours"]()
    assert len(stock) == len(ours) == (3 if layer == "batch_norm" else 4)
    for actual, ideal in zip(ours, stock):
        torch.testing.assert_close(actual, ideal, rtol=1e-5, atol=1e-5)
        assert actual.stride() == ideal.stride()


def test_table(layers, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [
        "layers.py", "--shapes", "2x3x4x4", "3x2x1x5", "--rounds", "1",
        "--block-ms", "0"])
    layers.main()
    rows = [line.split(" | ")[0] for line in
            capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert rows == ["| shape", "| 2x3x4x4", "| 3x2x1x5", "| geometric mean"]
