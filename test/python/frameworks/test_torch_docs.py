# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/PyTorch.md: its examples run, and what it says is refused is refused."""

import pathlib
import re

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import torch.autograd.forward_ad as forward_ad  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402

import bn_mlir.torch as bt  # noqa: E402

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "PyTorch.md"
X = torch.randn(4, 3)


def train(x, **options):
    return bt.batch_norm(x, None, None, training=True, **options)


def on_another_device():
    with FakeTensorMode():
        train(torch.empty(2, 3, device="cuda"))


def differentiate_twice():
    x = X.clone().requires_grad_()
    gradient, = torch.autograd.grad(
        train(x).square().sum(), x, create_graph=True)
    gradient.sum().backward()


def differentiate_forward():
    with forward_ad.dual_level():
        train(forward_ad.make_dual(X, X))


def differentiate_by_transform():
    layer = bt.BatchNorm1d(3, track_running_stats=False)
    torch.func.grad(lambda x: layer(x).square().sum())(X)


#: In the order of the table.
CALLS = [
    on_another_device,
    lambda: train(X.int()),
    lambda: train(X.to_sparse()),
    lambda: train(X[0]),
    lambda: train(X[:1]),
    lambda: train(X, eps=0.0),
    lambda: bt.BatchNorm1d(3)(torch.randn(4, 4)),
    lambda: train(X, weight=torch.ones(3, dtype=torch.float16)),
    differentiate_twice,
    differentiate_by_transform,
    differentiate_forward,
]


def read_messages():
    """The second column of the table of what is refused."""
    text = PAGE.read_text().split("## What is refused", 1)[1]
    messages = re.findall(r"^\|.*\| `(.*)` \|$", text, re.MULTILINE)
    assert len(messages) == len(CALLS)
    return messages


@pytest.mark.parametrize("index", range(len(CALLS)))
def test_refusal(index):
    with pytest.raises(
            (TypeError, ValueError, RuntimeError, NotImplementedError),
            match=re.escape(read_messages()[index])):
        CALLS[index]()


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_transforms_of_torch_func():
    with pytest.raises(NotImplementedError, match="got a transform"):
        torch.func.jvp(train, (X,), (X,))
    x = torch.randn(5, 4, 3)
    mapped = torch.func.vmap(train)(x)
    torch.testing.assert_close(mapped, torch.stack([train(y) for y in x]))


def find_examples():
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("code", find_examples())
def test_example(code):
    torch.manual_seed(0)
    exec(compile(code, str(PAGE), "exec"), {})
