# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Autograd without the dispatcher: what runs where nothing is traced.

A custom op costs several times what a small kernel does; these classes cost as
much as the layer of torch.nn.
"""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor

from bn_mlir.torch import _compute
from bn_mlir.torch._first_order import compute_first_order


def keep_for_backward(ctx: Any, x: Tensor, weight: Optional[Tensor],
                      bias: Optional[Tensor], mean: Tensor, variance: Tensor,
                      y: Tensor, eps: float, epilogue: Optional[str],
                      order: tuple[int, ...]) -> None:
    """Saves what the gradients are made of; `y` may be the bits of the result,
    whose strides are `order`.
    """
    ctx.save_for_backward(
        x, weight, bias if _compute.recomputes_output(epilogue) else None,
        mean, variance, y if _compute.takes_output(epilogue) else None)
    ctx.eps, ctx.epilogue = eps, epilogue
    ctx.order = order if y.dtype == torch.int8 else None


def unpack_saved(ctx: Any) -> tuple[Optional[Tensor], ...]:
    """Returns what was saved. Who has packed and unpacked it may have changed
    the order of `x` in memory, which bits do not know.
    """
    x, *others = ctx.saved_tensors
    if ctx.order is not None and x.stride() != ctx.order:
        x = torch.empty_strided(x.shape, ctx.order, dtype=x.dtype).copy_(x)
    return (x, *others)


def _differentiate(ctx: Any, dy: Tensor, frozen: bool,
                   others: int) -> tuple[Optional[Tensor], ...]:
    """Returns the gradients, with None for as many `others`: arguments that
    have none.
    """
    saved = unpack_saved(ctx)
    gradients = compute_first_order(
        lambda: _compute.backward(dy, *saved, ctx.eps, frozen, ctx.epilogue,
                                  ctx.needs_input_grad[:4]),
        dy, *saved)
    return (*gradients, *[None] * others)


class Training(torch.autograd.Function):
    """Normalizes with the statistics of the batch; `x` is dense."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Optional[Tensor],
                bias: Optional[Tensor], addend: Optional[Tensor],
                running_mean: Optional[Tensor], running_var: Optional[Tensor],
                momentum: _compute.Momentum, eps: float,
                epilogue: Optional[str], records: bool) -> Tensor:
        # `records`: a graph is made, which does not show in here.
        save_bits = (records and any(ctx.needs_input_grad)
                     and _compute.saves_bits(x, epilogue))
        y, mean, variance, *bits = run_training(
            x, weight, bias, addend, running_mean, running_var, momentum, eps,
            epilogue, save_bits)
        keep_for_backward(
            ctx, x, weight, bias, mean, variance, bits[0] if bits else y, eps,
            epilogue, y.stride())
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Optional[Tensor], ...]:
        return _differentiate(ctx, dy, False, 6)


class Inference(torch.autograd.Function):
    """Normalizes with given statistics, which are constants; `x` is dense."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Optional[Tensor],
                bias: Optional[Tensor], addend: Optional[Tensor], mean: Tensor,
                variance: Tensor, eps: float,
                epilogue: Optional[str]) -> Tensor:
        y = _compute.inference(
            x, weight, bias, addend, mean, variance, eps, epilogue)
        keep_for_backward(
            ctx, x, weight, bias, mean, variance, y, eps, epilogue, y.stride())
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Optional[Tensor], ...]:
        return _differentiate(ctx, dy, True, 4)


def run_training(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    addend: Optional[Tensor], running_mean: Optional[Tensor],
    running_var: Optional[Tensor], momentum: _compute.Momentum, eps: float,
    epilogue: Optional[str], save_bits: bool,
) -> tuple[Tensor, ...]:
    """Returns y, mean, variance and, with `save_bits`, bits, and updates the
    running statistics.
    """
    if _compute.fits_kernel(running_mean, x, momentum):
        results = _compute.training(
            x, weight, bias, addend, running_mean, running_var, momentum, eps,
            epilogue, True, save_bits)
        return (*results[:3], *results[5:])
    results = _compute.training(
        x, weight, bias, addend, None, None, 0.0, eps, epilogue, False,
        save_bits)
    if running_mean is not None:
        _compute.update_running(
            running_mean, running_var, *results[1:3],
            x.numel() // max(1, x.size(1)), momentum)
    return results
