# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bn_mlir.torch under torch.compile, torch.export and without data."""

import copy
import io

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

import bn_mlir.torch as bt  # noqa: E402
from bn_mlir.torch import _ops  # noqa: E402


class Block(nn.Module):
    """Convolutions, and each kind of layer."""

    def __init__(self, momentum=0.1):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.bn = bt.BatchNorm2d(4, momentum=momentum)
        self.bn_relu = bt.BatchNormReLU2d(4, momentum=momentum)
        self.bn_add_relu = bt.BatchNormAddReLU2d(4, momentum=momentum)

    def forward(self, x):
        x = self.bn_relu(self.conv(x))
        return self.bn_add_relu(self.bn(x), x)


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.manual_seed(0)
    torch._dynamo.reset()


def step(module, run, x):
    """Result and gradients of one call."""
    module.zero_grad()
    x = x.clone().requires_grad_()
    y = run(x)
    y.square().sum().backward()
    return [y.detach(), x.grad, *(p.grad for p in module.parameters())]


def assert_same(actual, expected):
    for a, b in zip(actual, expected):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backend, momentum, channels_last", [
    ("aot_eager", 0.1, True), ("aot_eager", None, False),
    ("inductor", 0.1, False)])
def test_compile(backend, momentum, channels_last):
    """Without a break in the graph; the same results, also of later steps."""
    eager = Block(momentum)
    if channels_last:
        eager = eager.to(memory_format=torch.channels_last)
    module = copy.deepcopy(eager)
    compiled = torch.compile(module, backend=backend, fullgraph=True)
    x = torch.randn(2, 3, 8, 8)
    if channels_last:
        x = x.to(memory_format=torch.channels_last)
    for _ in range(2):
        assert_same(step(module, compiled, x), step(eager, eager, x))
        assert_same(module.buffers(), eager.buffers())
    module.eval(), eager.eval()
    assert_same(step(module, compiled, x), step(eager, eager, x))


def test_compile_for_any_batch():
    module = bt.BatchNormReLU2d(4)
    eager = copy.deepcopy(module)
    compiled = torch.compile(
        module, backend="aot_eager", fullgraph=True, dynamic=True)
    for batch in (2, 3, 5):
        x = torch.randn(batch, 4, 6, 6)
        assert_same(step(module, compiled, x), step(eager, eager, x))
        assert_same(module.buffers(), eager.buffers())


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("strict", [True, False])
def test_export(training, strict):
    module = Block().train(training)
    eager = copy.deepcopy(module)
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(
        module, (torch.randn(4, 3, 8, 8),), dynamic_shapes=({0: batch},),
        strict=strict)
    names = {str(node.target) for node in program.graph.nodes}
    op = "training" if training else "inference"
    assert f"bn_mlir.{op}.default" in names
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for size in (4, 7):
        x = torch.randn(size, 3, 8, 8)
        assert_same([loaded(x)], [eager(x)])
    buffers = dict(loaded.named_buffers())
    for name, expected in eager.named_buffers():
        # What evaluation does not read may be left out.
        if training or not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(buffers[name], expected, msg=name)


def test_make_fx_sees_ops():
    layer = bt.BatchNorm2d(3).eval()
    graph = make_fx(layer)(torch.randn(2, 3, 4, 4))
    assert "bn_mlir.inference" in graph.code


def op_samples():
    x = torch.randn(3, 4, 5, requires_grad=True)
    wide = torch.randn(3, 4, 10, requires_grad=True)[..., ::2]
    weight = torch.rand(4, requires_grad=True)
    bias = torch.rand(4, requires_grad=True)
    running = (torch.randn(4), torch.rand(4) + 0.5)
    addend = torch.randn(3, 4, 5, requires_grad=True)
    dy = torch.randn(3, 4, 5)
    return {
        "training": (_ops.training, (
            x, weight, bias, None, *running, 0.1, 1e-5, None)),
        "training add_relu": (_ops.training, (
            x, weight, bias, addend, None, None, 0.1, 1e-5, "add_relu")),
        "training relu": (_ops.training, (
            x, weight, bias, None, *running, 0.1, 1e-5, "relu")),
        "training strided": (_ops.training, (
            wide, None, None, None, None, None, 0.1, 1e-5, None)),
        "training bf16": (_ops.training, (
            x.detach().bfloat16(), None, None, None, None, None, 0.1, 1e-5,
            None)),
        "inference": (_ops.inference, (
            x, weight, bias, None, *running, 1e-5, "relu")),
        "backward": (_ops.backward, (
            dy, x.detach(), weight.detach(), None, *running, addend.detach(),
            1e-5, False, "add_relu", [True, True, False, True])),
        "backward relu": (_ops.backward, (
            dy, x.detach(), None, bias.detach().double(), *running, None, 1e-5,
            False, "relu", [True, False, True, False])),
        "backward frozen": (_ops.backward, (
            dy, x.detach(), None, None, *running, None, 1e-5, True, "add",
            [False, False, True, True])),
    }


@pytest.mark.parametrize("name", op_samples())
def test_ops_are_what_they_say(name):
    """Schema, results without data, gradients, dynamic shapes."""
    op, arguments = op_samples()[name]
    torch.library.opcheck(op, arguments)
