# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Custom ops: what `torch.compile`, `torch.export` and meta tensors see.

They are functions, without effects: new running statistics are results, and the
copy that puts them in the place of the old ones is one that a compiler knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import torch
from torch import Tensor

from bn_mlir.torch import _compute
from bn_mlir.torch._eager import keep_for_backward, unpack_saved
from bn_mlir.torch._first_order import refuse_second_order


def _make_op(name: str, function: Any, fake: Any) -> Any:
    @torch.no_grad()
    def run(*arguments: Any) -> Any:
        return function(*arguments)

    schema = torch.library.infer_schema(function, mutates_args=())
    op = torch.library.custom_op(
        f"bn_mlir::{name}", run, mutates_args=(), device_types="cpu",
        schema=schema)
    op.register_fake(fake)
    return op


#===------------------------------------------------------------------------===#
# Training
#===------------------------------------------------------------------------===#


def _training(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    addend: Optional[Tensor], running_mean: Optional[Tensor],
    running_var: Optional[Tensor], momentum: float, eps: float,
    epilogue: Optional[str],
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    x = _compute.to_dense(x)
    save_bits = _compute.saves_bits(x, epilogue)
    y, mean, variance, *others = _compute.training(
        x, weight, bias, addend, running_mean, running_var, momentum, eps,
        epilogue, False, save_bits)
    # Results that are not there have no elements.
    if running_mean is None:
        others = [mean.new_empty(0), mean.new_empty(0), *others]
    if not save_bits:
        others.append(x.new_empty(0, dtype=torch.int8))
    return (y, mean, variance, *others)


def _fake_training(x, weight, bias, addend, running_mean, running_var, momentum,
                   eps, epilogue):
    channels = x.size(1)
    mean = x.new_empty(
        channels, dtype=_compute.get_statistics_type(x.dtype, epilogue))
    new = mean.new_empty(0) if running_mean is None else running_mean
    y = torch.empty_like(x)
    bits = y.new_empty(
        y.numel() // 8 if _compute.saves_bits(y, epilogue) else 0,
        dtype=torch.int8)
    return (y, mean, torch.empty_like(mean), torch.empty_like(new),
            torch.empty_like(new), bits)


training = _make_op("training", _training, _fake_training)


def _set_up_training(ctx, inputs, output):
    x, weight, bias, _, _, _, _, eps, epilogue = inputs
    y, mean, variance, *running, bits = output
    ctx.mark_non_differentiable(mean, variance, *running, bits)
    state = bits if _compute.saves_bits(y, epilogue) else y
    keep_for_backward(
        ctx, x, weight, bias, mean, variance, state, eps, epilogue, y.stride())


def _differentiate_training(ctx, dy, *_):
    return (*_differentiate(ctx, dy, False), *[None] * 5)


training.register_autograd(
    _differentiate_training, setup_context=_set_up_training)

#===------------------------------------------------------------------------===#
# Inference
#===------------------------------------------------------------------------===#


def _inference(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    addend: Optional[Tensor], mean: Tensor, variance: Tensor, eps: float,
    epilogue: Optional[str],
) -> Tensor:
    return _compute.inference(
        _compute.to_dense(x), weight, bias, addend, mean, variance, eps,
        epilogue)


def _fake_inference(x, weight, bias, addend, mean, variance, eps, epilogue):
    return torch.empty_like(x)


inference = _make_op("inference", _inference, _fake_inference)


def _set_up_inference(ctx, inputs, output):
    x, weight, bias, _, mean, variance, eps, epilogue = inputs
    keep_for_backward(
        ctx, x, weight, bias, mean, variance, output, eps, epilogue,
        output.stride())


def _differentiate_inference(ctx, dy):
    return (*_differentiate(ctx, dy, True), *[None] * 4)


inference.register_autograd(
    _differentiate_inference, setup_context=_set_up_inference)

#===------------------------------------------------------------------------===#
# Backward
#===------------------------------------------------------------------------===#


def _backward(
    dy: Tensor, x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    mean: Tensor, variance: Tensor, y: Optional[Tensor], eps: float,
    frozen: bool, epilogue: Optional[str], wanted: Sequence[bool],
) -> list[Tensor]:
    gradients = _compute.backward(
        dy, _compute.to_dense(x), weight, bias, mean, variance, y, eps, frozen,
        epilogue, wanted)
    # A result must not be an argument.
    return [gradient.clone() if gradient is dy else gradient
            for gradient in gradients if gradient is not None]


def _fake_backward(dy, x, weight, bias, mean, variance, y, eps, frozen,
                   epilogue, wanted):
    parameter = weight
    if weight is None and _compute.recomputes_output(epilogue):
        parameter = bias
    if parameter is None:
        parameter = mean.new_empty(
            mean.shape, dtype=_compute.get_statistics_type(x.dtype))
    likes = (x, parameter, parameter, x)
    return [torch.empty_like(like) for like, want in zip(likes, wanted) if want]


backward = _make_op("backward", _backward, _fake_backward)
backward.register_autograd(refuse_second_order)


def _differentiate(ctx, dy, frozen):
    wanted = list(ctx.needs_input_grad[:4])
    gradients = iter(backward(
        dy, *unpack_saved(ctx), ctx.eps, frozen, ctx.epilogue, wanted))
    return [next(gradients) if want else None for want in wanted]


def run_training(
    x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
    addend: Optional[Tensor], running_mean: Optional[Tensor],
    running_var: Optional[Tensor], momentum: _compute.Momentum, eps: float,
    epilogue: Optional[str],
) -> Tensor:
    """Returns y, and updates the running statistics."""
    if _compute.fits_kernel(running_mean, x, momentum):
        y, _, _, new_mean, new_var, _ = training(
            x, weight, bias, addend, running_mean, running_var, momentum, eps,
            epilogue)
        running_mean.copy_(new_mean)
        running_var.copy_(new_var)
        return y
    y, mean, variance, *_ = training(
        x, weight, bias, addend, None, None, 0.0, eps, epilogue)
    if running_mean is not None:
        with torch.no_grad():
            _compute.update_running(
                running_mean, running_var, mean, variance,
                x.numel() // x.size(1), momentum)
    return y
