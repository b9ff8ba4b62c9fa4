# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""examples/python/digits_torch.py, for a few steps."""

import importlib.util
import pathlib

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")

FILE = pathlib.Path(__file__).parents[3] / "examples/python/digits_torch.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("digits_torch", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def one_thread():
    """More would wait for each other where the machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_digits(example, one_thread, tmp_path):
    trainings, figures = example.run(epochs=1)
    assert all(len(t.losses) == 11 for t in trainings.values())
    assert {type(part).__name__
            for part in trainings["bn_mlir.torch"].network.modules()} >= {
                "BatchNorm2d", "BatchNormReLU2d", "BatchNormAddReLU2d"}
    for training in trainings.values():
        assert training.losses[-1] < training.losses[0] / 2
    # Rounding of other sums, grown for 11 steps.
    assert figures["first loss, difference"] < 1e-5
    assert figures["all losses, mean difference"] < 1e-3
    assert figures["checkpoint, largest difference of scores"] < 1e-3
    for name in trainings:
        assert figures[f"accuracy, {name}"] > 0.2  # By chance, 0.1.
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    example.save_plot(tmp_path / "losses.png", trainings)
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")
