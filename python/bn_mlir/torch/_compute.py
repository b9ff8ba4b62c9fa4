# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kernels, called with tensors in the memory of the CPU.

Nothing here is seen by autograd: callers do not record gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
from torch import Tensor

import bn_mlir
from bn_mlir.torch._errors import check_tensors

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


def get_statistics_type(dtype: torch.dtype,
                        epilogue: Optional[str] = None) -> torch.dtype:
    """Returns the type of the statistics of data of type `dtype`."""
    is_wide = dtype == torch.float64 or recomputes_output(epilogue)
    return torch.float64 if is_wide else torch.float32


def recomputes_output(epilogue: Optional[str]) -> bool:
    """Whether the gradient takes the sign of the result from the input, which
    it reads anyway, and from the bias. Statistics are float64 then: rounded,
    the mean would not be the one that was subtracted.
    """
    return epilogue in ("relu", "leaky_relu")


def takes_output(epilogue: Optional[str]) -> bool:
    """Whether the gradient reads the result."""
    return epilogue == "add_relu"


def saves_bits(x: Tensor, epilogue: Optional[str]) -> bool:
    """Whether the training call of `x`, which is dense, saves a bit for each
    element that the gradient reads in the place of the result: that takes rows
    of whole bytes, of the channels or of what lies together of one channel.
    """
    if not takes_output(epilogue) or x.size(1) == 1:
        return False
    row = x.size(1) if x.stride(1) == 1 else x.stride(1)
    return row % 8 == 0


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
    epilogue: Optional[str], in_place: bool, save_bits: bool,
) -> tuple[Tensor, ...]:
    """Returns y, mean and variance; with running statistics, also the new ones,
    which are the old tensors with `in_place`; with `save_bits` bits at the end.
    """
    statistics = (None, None)
    if recomputes_output(epilogue):
        statistics = tuple(x.new_empty(x.size(1), dtype=torch.float64)
                           for _ in range(2))
    options = {"axis": 1, "epsilon": eps, "epilogue": epilogue,
               "save_bits": save_bits}
    running = (running_mean, running_var) if in_place else (None, None)
    bits = (None,) if save_bits else ()
    try:
        if addend is not None:
            addend = to_layout(addend, x)
        if running_mean is None:
            return bn_mlir.training(
                x, weight, bias, addend=addend,
                out=(None, *statistics, *bits), **options)
        results = bn_mlir.training(
            x, weight, bias, running_mean, running_var, momentum=1 - momentum,
            running_variance_kind="sample", addend=addend,
            out=(None, *statistics, *running, *bits), **options)
    except Exception:
        check_tensors(x, addend, [
            {"weight": weight, "bias": bias},
            {"running_mean": running_mean, "running_var": running_var}])
        raise
    if in_place:
        torch.autograd.graph.increment_version((running_mean, running_var))
    return results


def inference(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    addend: Optional[Tensor], mean: Tensor, variance: Tensor, eps: float,
    epilogue: Optional[str],
) -> Tensor:
    """Normalizes with given statistics."""
    try:
        if addend is not None:
            addend = to_layout(addend, x)
        return bn_mlir.inference(
            x, weight, bias, mean, variance, axis=1, epsilon=eps,
            epilogue=epilogue, addend=addend)
    except Exception:
        check_tensors(x, addend, [
            {"weight": weight, "bias": bias},
            {"running_mean": mean, "running_var": variance}])
        raise


def backward(
    dy: Tensor, x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    mean: Tensor, variance: Tensor, y: Optional[Tensor], eps: float,
    frozen: bool, epilogue: Optional[str], wanted: Sequence[bool],
) -> list[Optional[Tensor]]:
    """Returns the gradients that are `wanted`, and None for the others.

    :param bias: used where the epilogue `recomputes_output`.
    :param y: the result of the forward call, or the bits that it has saved,
        where it `takes_output`.
    """
    dy = to_layout(dy, x)
    found: dict[str, Tensor] = {}
    state: dict[str, Any] = {}
    if takes_output(epilogue):
        kind = "bits" if y.dtype == torch.int8 else "output"
        state = {"epilogue": epilogue, kind: y}
    elif recomputes_output(epilogue):
        state = {"epilogue": epilogue, "offset": bias}
    elif wanted[3]:
        # What is added has the gradient of the sum.
        found["addend"] = dy
    which = [name for name, want in zip(GRADIENTS, wanted)
             if want and name not in found]
    if which:
        found.update(zip(which, bn_mlir.backward(
            dy, x, weight, mean, variance, axis=1, epsilon=eps,
            frozen=frozen, which=which, **state)))
    return [found.get(name) for name in GRADIENTS]
