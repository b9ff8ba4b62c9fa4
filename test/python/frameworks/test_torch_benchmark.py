# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmarks of PyTorch's layers measure what they say."""

import argparse
import pathlib
import sys

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import bn_mlir.torch as bt  # noqa: E402

BENCHMARKS = pathlib.Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """The benchmarks can be imported, and threads are as before."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def layers():
    import layers

    return layers


@pytest.fixture
def resnet50():
    import resnet50

    return resnet50


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("layer", ["batch_norm", "batch_norm_add_relu"])
def test_both_compute_the_same(layers, layer, layout):
    calls = layers.make_calls((4, 3, 5, 6), argparse.Namespace(
        framework="torch", layer=layer, layout=layout, dtype="float32",
        threads=1))
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


def test_resnet50_is_that_of_the_paper(resnet50):
    with torch.device("meta"):
        model = resnet50.ResNet()
        assert model(torch.empty(2, 3, 224, 224)).shape == (2, 1000)
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters == 25_557_032
    norms = [part for part in model.modules()
             if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(norms) == 53
    model = bt.convert(model, fuse=True)
    kinds = [type(part) for part in model.modules()]
    assert kinds.count(bt.BatchNormReLU2d) == 33
    assert kinds.count(bt.BatchNormAddReLU2d) == 16
    assert kinds.count(bt.BatchNorm2d) == 4  # of the shortcuts


def test_resnet50_variants_train_alike(resnet50):
    torch.manual_seed(0)
    model = resnet50.ResNet((1, 2), width=4, classes=5).double()
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    steps = resnet50.make_steps(model, images, torch.tensor([0, 3, 4]))
    losses = {name: [step().item() for _ in range(3)]
              for name, step in steps.items()}
    stock = losses.pop("torch.nn")
    assert len(losses) == 2 and len(set(stock)) == 3
    for own in losses.values():
        assert own == pytest.approx(stock, rel=1e-9)


def test_resnet50_profile_finds_all_layers(resnet50):
    """Each part of the profile has as many operators as the model has."""
    model = resnet50.ResNet((1, 2), width=4, classes=5)
    steps = resnet50.make_steps(
        model, torch.randn(2, 3, 32, 32), torch.tensor([0, 3]))
    counts = {}
    for name, step in steps.items():
        with torch.profiler.profile() as profile:
            step()
        found = [resnet50.find_part(event) for event in profile.events()]
        counts[name] = [found.count(part) for part in resnet50.PARTS]
    # 12 layers, 10 ReLUs, 3 additions; each layer counts its calls by an
    # addition, which has no gradient.
    assert counts == {
        "torch.nn": [12, 12, 25, 13, 12, 12],
        "convert(model)": [12, 12, 25, 13, 12, 12],
        "convert(model, fuse=True)": [12, 12, 12, 0, 12, 12],
    }


def test_resnet50_table(resnet50, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [
        "resnet50.py", "--batch", "2", "--size", "32", "--width", "4",
        "--rounds", "1", "--layout", "channels_last"])
    resnet50.main()
    rows = [line.strip("|").split("|") for line in
            capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert all(len(row) == 4 for row in rows)
    shares = {name.strip(): [float(share.strip(" %")) for share in row]
              for name, *row in rows[1:]}
    parts = [shares[part] for part in resnet50.PARTS]
    for i in range(3):
        assert 0 < sum(part[i] for part in parts) <= 100.3
        assert shares["batch norm"][i] == pytest.approx(
            parts[0][i] + parts[1][i], abs=0.11)


def test_first_calls(tmp_path):
    """The second process compiles nothing."""
    import first_calls

    def run():
        times = first_calls.run_process(
            "torch", ["2x2x3x3", "3x4x5x2"], str(tmp_path))
        return times, sorted(tmp_path.rglob("*"))

    times, files = run()
    assert sorted(times) == ["ours again", "ours first",
                             "stock again", "stock first"]
    # One shape of two is measured, in two layouts.
    assert all(len(values) == 2 for values in times.values())
    kernels = [path for path in files if path.is_file()]
    assert len(kernels) >= 8  # forward and backward of each
    assert run()[1] == files


def test_first_calls_print_the_least_of_the_runs(capsys):
    """What kernels cost is the difference of two columns, shape by shape."""
    import first_calls

    def times(*ours):
        return {"stock first": [7.0, 9.0], "ours first": ours,
                "ours again": [5.0, 2.0]}

    first_calls.print_rows("torch", [
        {"empty": times(30.0, 10.0), "filled": times(6.0, 2.5)},
        {"empty": times(15.0, 40.0), "filled": times(8.0, 3.0)}])
    assert capsys.readouterr().out.splitlines() == [
        "| torch, empty | 8.0 (9.0) | 12.5 (15.0) | 3.5 (5.0) | 9.0 (10.0) |",
        "| torch, filled | 8.0 (9.0) | 4.2 (6.0) | 3.5 (5.0) | 0.8 (1.0) |"]
