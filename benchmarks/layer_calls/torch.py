# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of PyTorch, eager."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from . import Calls


def make_calls(shape: tuple[int, ...], options: argparse.Namespace) -> Calls:
    """torch.nn.BatchNorm2d, on its own or with an addition and a ReLU."""
    import torch

    import bn_mlir.torch as ours

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    channels, dtype = shape[1], getattr(torch, options.dtype)

    def make_data() -> torch.Tensor:
        data = torch.randn(shape, dtype=dtype)
        if options.layout == "nhwc":
            data = data.to(memory_format=torch.channels_last)
        return data

    x, addend, output_grad = (make_data() for _ in range(3))
    x.requires_grad_(), addend.requires_grad_()
    stock = torch.nn.BatchNorm2d(channels)
    if options.layer == "batch_norm":
        layer, others = ours.BatchNorm2d(channels), []
        forward = stock
    else:
        layer, others = ours.BatchNormAddReLU2d(channels), [addend]
        forward = lambda x, addend: (stock(x) + addend).relu_()  # noqa: E731

    def make_call(function: Callable, module: torch.nn.Module) -> Callable:
        wanted = [x, *others, *module.parameters()]
        return lambda: torch.autograd.grad(
            function(x, *others), wanted, output_grad)

    return {"stock": make_call(forward, stock),
            "ours": make_call(layer, layer)}
