# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A network of PyTorch that is trained with either layer for 100 steps."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from test_torch_convert import ResNet  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import bn_mlir.torch as bt  # noqa: E402

STEPS = 100


@pytest.fixture(autouse=True)
def one_thread():
    """More would wait for each other where the machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(model, layout):
    """Learns a few images by heart; returns the losses of all steps."""
    kind = {"dtype": next(model.parameters()).dtype, "memory_format": layout}
    generator = torch.Generator().manual_seed(0)
    x = (2 + 3 * torch.randn(16, 3, 8, 8, generator=generator)).to(**kind)
    labels = torch.randint(5, (16,), generator=generator)
    model.to(**kind)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


@pytest.mark.parametrize("layout, dtype", [
    (torch.contiguous_format, torch.float32),
    (torch.channels_last, torch.float32),
    (torch.contiguous_format, torch.float64)], ids=str)
def test_100_steps(layout, dtype):
    """All layers have the same losses on the way and at the end.

    What noise is: losses of the stock network, about 2 at first, differ by up
    to 2e-7 (float64: 4e-16) where the last bits of its initial weights do. So
    do those of ours.
    """
    torch.manual_seed(0)
    stock = ResNet().to(dtype)
    models = [bt.convert(copy.deepcopy(stock), fuse=fuse)
              for fuse in (False, True)]
    expected = train(stock, layout)
    assert expected[-1] < 0.01 * expected[0]
    noise = 8 * torch.finfo(dtype).eps
    for model in models:
        losses = train(model, layout)
        torch.testing.assert_close(losses, expected, rtol=0, atol=noise)
        state = model.state_dict()
        for name, value in stock.state_dict().items():
            torch.testing.assert_close(
                state[name], value, rtol=0, atol=100 * noise, msg=name)
