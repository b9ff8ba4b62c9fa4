# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kernels, called with tensors in the memory of the CPU.

Nothing here is seen by autograd: callers do not record gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import torch
from torch import Tensor

import bn_mlir
from bn_mlir.torch._threads import threads_for

#: What the kernels call the gradients, in the order of all lists of them here:
#: of the input, the weight, the bias and the addend.
GRADIENTS = ("input", "scale", "offset", "addend")

#: The weight of the new value; a tensor where each call has another.
Momentum = Union[float, Tensor]


def to_dense(x: Tensor) -> Tensor:
    """Copies what has holes in its memory, or elements in it twice."""
    if x.is_contiguous():
        return x
    if torch.ops.aten.is_non_overlapping_and_dense.default(x):
        return x
    return torch.empty_like(x).copy_(x)


def to_layout(tensor: Tensor, x: Tensor) -> Tensor:
    """Copies what has other strides than `x`, which is dense."""
    if tensor.stride() == x.stride():
        return tensor
    return torch.empty_like(x).copy_(tensor)


def get_statistics_type(dtype: torch.dtype) -> torch.dtype:
    """Returns the type in which data of type `dtype` is summed."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def fits_kernel(running: Optional[Tensor], x: Tensor,
                momentum: Momentum) -> bool:
    """Whether the kernel of the training call updates running statistics.

    It has the momentum as a constant, and gives the statistics of the batch in
    the type of the running ones, which must not cost the gradients digits.
    """
    return (running is not None and isinstance(momentum, float)
            and running.dtype == get_statistics_type(x.dtype)
            and running.is_contiguous())


def update_running(running_mean: Tensor, running_var: Tensor, mean: Tensor,
                   variance: Tensor, count: int, momentum: Momentum) -> None:
    """Updates running statistics as the kernel does, step by step."""
    if count == 0:
        return
    if count > 1:
        variance = variance * (count / (count - 1))
    for old, new in ((running_mean, mean), (running_var, variance)):
        weight = momentum
        if isinstance(weight, Tensor):
            weight = weight.to(new.dtype)
        old.copy_(torch.lerp(old.to(new.dtype), new, weight))


def training(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    addend: Optional[Tensor], running_mean: Optional[Tensor],
    running_var: Optional[Tensor], momentum: float, eps: float,
    epilogue: Optional[str], in_place: bool,
) -> tuple[Tensor, ...]:
    """Returns y, mean and variance; with running statistics, also the new ones,
    which are the old tensors with `in_place`.
    """
    if addend is not None:
        addend = to_layout(addend, x)
    out = None
    if in_place:
        out = (None, None, None, running_mean, running_var)
    with threads_for(x):
        if running_mean is None:
            return bn_mlir.training(
                x, weight, bias, axis=1, epsilon=eps, epilogue=epilogue,
                addend=addend)
        results = bn_mlir.training(
            x, weight, bias, running_mean, running_var, momentum=1 - momentum,
            running_variance_kind="sample", axis=1, epsilon=eps,
            epilogue=epilogue, addend=addend, out=out)
    if in_place:
        torch.autograd.graph.increment_version((running_mean, running_var))
    return results


def inference(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    addend: Optional[Tensor], mean: Tensor, variance: Tensor, eps: float,
    epilogue: Optional[str],
) -> Tensor:
    """Normalizes with given statistics."""
    if addend is not None:
        addend = to_layout(addend, x)
    with threads_for(x):
        return bn_mlir.inference(
            x, weight, bias, mean, variance, axis=1, epsilon=eps,
            epilogue=epilogue, addend=addend)


def backward(
    dy: Tensor, x: Tensor, weight: Optional[Tensor], mean: Tensor,
    variance: Tensor, y: Optional[Tensor], eps: float, frozen: bool,
    epilogue: Optional[str], wanted: Sequence[bool],
) -> list[Optional[Tensor]]:
    """Returns the gradients that are `wanted`, and None for the others.

    :param y: the result of the forward call, where a ReLU was its last step.
        Without one the gradient of the addend is `dy` itself.
    """
    dy = to_layout(dy, x)
    found: dict[str, Tensor] = {}
    if y is None:
        epilogue = None
        if wanted[3]:
            found["addend"] = dy
    which = [name for name, want in zip(GRADIENTS, wanted)
             if want and name not in found]
    if which:
        with threads_for(x):
            found.update(zip(which, bn_mlir.backward(
                dy, x, weight, mean, variance, axis=1, epsilon=eps,
                frozen=frozen, epilogue=epilogue, output=y, which=which)))
    return [found.get(name) for name in GRADIENTS]
