# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The function behind the layers."""

from __future__ import annotations

from typing import Literal, Optional

import torch
from torch import Tensor
from torch._C._functorch import TransformType
from torch.overrides import handle_torch_function, has_torch_function_variadic

from bn_mlir.torch import _eager, _ops
from bn_mlir.torch._compute import Momentum, to_dense
from bn_mlir.torch._errors import check_channels

__all__ = ["batch_norm"]

#: What happens to normalized elements before they are written.
Epilogue = Literal["relu", "add", "add_relu"]


def batch_norm(
    input: Tensor,
    running_mean: Optional[Tensor],
    running_var: Optional[Tensor],
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    training: bool = False,
    momentum: Momentum = 0.1,
    eps: float = 1e-5,
    *,
    epilogue: Optional[Epilogue] = None,
    addend: Optional[Tensor] = None,
) -> Tensor:
    """Normalizes each channel: ``torch.nn.functional.batch_norm`` and more.

    :param input: floats of shape ``(N, C, ...)`` on the CPU, in any strides.
    :param running_mean: float per channel; updated in place with `training`,
        where it may be None.
    :param running_var: as `running_mean`. The variance of the sample goes in.
    :param training: use the statistics of the batch, not the running ones.
    :param momentum: the weight of the batch in the running statistics. It is
        compiled into the kernel: give one that changes from call to call as a
        tensor.
    :param epilogue: what is done in the same sweep: 'relu', 'add' or
        'add_relu', the ReLU of the sum.
    :param addend: the tensor that an epilogue adds.
    :returns: tensor of the type of `input`, and with its strides where those
        have no holes.
    """
    if has_torch_function_variadic(
            input, running_mean, running_var, weight, bias, addend):
        return handle_torch_function(
            batch_norm,
            (input, running_mean, running_var, weight, bias, addend), input,
            running_mean, running_var, weight=weight, bias=bias,
            training=training, momentum=momentum, eps=eps, epilogue=epilogue,
            addend=addend)
    _check(input, running_mean, running_var, training, eps, epilogue, addend)
    if addend is not None and (
            addend.shape != input.shape or addend.dtype != input.dtype):
        y = batch_norm(input, running_mean, running_var, weight, bias, training,
                       momentum, eps) + addend
        return y if epilogue == "add" else torch.relu(y)
    run = _run_eagerly if _is_eager(input) else _run_ops
    return run(input, running_mean, running_var, weight, bias, training,
               momentum, eps, epilogue, addend)


def _check(input: Tensor, running_mean: Optional[Tensor],
           running_var: Optional[Tensor], training: bool, eps: float,
           epilogue: Optional[str], addend: Optional[Tensor]) -> None:
    if not isinstance(input, Tensor) or input.layout is not torch.strided:
        raise TypeError(f"expected a dense tensor of PyTorch, got "
                        f"{getattr(input, 'layout', type(input))}")
    if input.device.type not in ("cpu", "meta"):
        raise ValueError(f"expected 'input' to be a tensor on the CPU, got one "
                         f"on '{input.device}'")
    shape = input.shape
    if len(shape) < 2:
        raise ValueError(f"expected an input of 2 dimensions or more, got "
                         f"{len(shape)}")
    if epilogue not in (None, "relu", "add", "add_relu"):
        raise ValueError(f"expected 'epilogue' to be 'relu', 'add', 'add_relu' "
                         f"or None, got {epilogue!r}")
    if (addend is not None) != (epilogue in ("add", "add_relu")):
        raise ValueError(
            f"expected 'addend' exactly when 'epilogue' is 'add' or "
            f"'add_relu', got {'none' if addend is None else 'one'} and "
            f"{epilogue!r}")
    if running_mean is not None and running_mean.shape != shape[1:2]:
        check_channels(shape[1], {"running_mean": running_mean,
                                  "running_var": running_var})
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("expected running statistics outside of training, "
                             "got none")
        if eps < 0:
            raise ValueError(f"expected 'eps' of 0 or more, got {eps}")
        return
    if eps <= 0:
        raise ValueError(f"expected 'eps' above 0 in training, got {eps}")
    if input.numel() == shape[1]:
        raise ValueError(f"expected more than 1 value per channel in training, "
                         f"got an input of size {tuple(shape)}")


def _is_eager(input: Tensor) -> bool:
    """Whether `input` has data, and nobody looks on."""
    return (not torch.compiler.is_compiling()
            and (type(input) is Tensor or type(input) is torch.nn.Parameter)
            and input.device.type == "cpu"
            and torch._C._len_torch_dispatch_stack() == 0
            and torch._C._functorch.peek_interpreter_stack() is None)


def _run_eagerly(input, running_mean, running_var, weight, bias, training,
                 momentum, eps, epilogue, addend):
    input = to_dense(input)  # here, where autograd sees the copy
    if training:
        return _eager.Training.apply(
            input, weight, bias, addend, running_mean, running_var, momentum,
            eps, epilogue, torch.is_grad_enabled())
    return _eager.Inference.apply(
        input, weight, bias, addend, running_mean, running_var, eps, epilogue)


def _run_ops(input, running_mean, running_var, weight, bias, training, momentum,
             eps, epilogue, addend):
    if not torch.compiler.is_compiling():
        _refuse_derivatives()
    if training:
        return _ops.run_training(
            input, weight, bias, addend, running_mean, running_var, momentum,
            eps, epilogue)
    return _ops.inference(
        input, weight, bias, addend, running_mean, running_var, eps, epilogue)


def _refuse_derivatives() -> None:
    """Raises inside of transforms whose results would be wrong or none."""
    refused = (TransformType.Grad, TransformType.Jvp)
    stack = torch._C._functorch.get_interpreter_stack() or ()
    for interpreter in stack:
        if interpreter.key() in refused:
            raise NotImplementedError(
                "expected gradients by torch.autograd, got a transform of "
                "torch.func (grad, vjp, jvp)")
