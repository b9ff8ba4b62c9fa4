# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients that nobody may differentiate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

import torch
from torch import Tensor

Gradients = Sequence[Optional[Tensor]]


def refuse_second_order(ctx: Any, *_: Any) -> None:
    """The derivative of gradients."""
    raise NotImplementedError(
        "expected gradients of first order, got a gradient of the gradient "
        "of a batch normalization of bn_mlir")


class _FirstOrder(torch.autograd.Function):
    """PyTorch's `once_differentiable` cuts what it gives from what it took: then
    the gradient of a loss with a penalty on gradients lacks the penalty's part,
    without a word. Here it is linked to all of it.
    """

    @staticmethod
    def forward(ctx: Any, compute: Callable[[], Gradients],
                *sources: Optional[Tensor]) -> Gradients:
        return tuple(compute())  # of a list autograd sees no tensors

    backward = staticmethod(refuse_second_order)


def compute_first_order(compute: Callable[[], Gradients],
                        *sources: Optional[Tensor]) -> Gradients:
    """Returns ``compute()``, gradients that depend on `sources`. To
    differentiate them is an error.
    """
    # This costs as much as half of a small kernel's call, and nobody can
    # differentiate where no graph is made.
    if torch.is_grad_enabled():
        return _FirstOrder.apply(compute, *sources)
    return compute()
