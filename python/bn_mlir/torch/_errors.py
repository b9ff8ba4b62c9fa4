# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is wrong with the tensors of a call, in PyTorch's words.

The kernels' own messages have the names and types of the ops, and stand behind
nothing that is raised here. These checks run after a call has failed, so that a
good one does not pay for them.
"""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

#: What goes with data of a type; the kernels refuse data of any other.
_PARAMETER_TYPES = {
    torch.float16: (torch.float16, torch.float32, torch.float64),
    torch.bfloat16: (torch.bfloat16, torch.float32, torch.float64),
    torch.float32: (torch.float32, torch.float64),
    torch.float64: (torch.float64,),
}


def check_channels(channels: int,
                   parameters: dict[str, Optional[Tensor]]) -> None:
    """Raises ValueError where not all of `parameters` have an entry for each
    channel of the input.
    """
    shapes = {name: tuple(tensor.shape)
              for name, tensor in parameters.items() if tensor is not None}
    wrong = {name: shape for name, shape in shapes.items()
             if shape != (channels,)}
    if not wrong:
        return
    name, shape = next(iter(wrong.items()))
    if len(shape) == 1 and set(shapes.values()) == {shape}:
        # They agree with one another: a layer was given another's input.
        raise ValueError(
            f"expected an input of {shape[0]} channels, got {channels}"
        ) from None
    raise ValueError(
        f"expected '{name}' to have shape {(channels,)}, got {shape}"
    ) from None


def check_tensors(input: Tensor, addend: Optional[Tensor],
                  pairs: list[dict[str, Optional[Tensor]]]) -> None:
    """Raises TypeError or ValueError for the first tensor that does not go with
    `input`.

    :param pairs: weight and bias, running mean and variance; the tensors of a
        pair have one type.
    """
    parameters = {name: tensor for pair in pairs
                  for name, tensor in pair.items() if tensor is not None}
    for name, tensor in {**parameters, "addend": addend}.items():
        if tensor is not None:
            _check_memory(name, tensor)
    check_channels(input.size(1), parameters)
    for name, tensor in parameters.items():
        _check_type(name, tensor, input)
    for pair in pairs:
        (first, one), (second, other) = pair.items()
        if (one is not None and other is not None
                and one.dtype != other.dtype):
            raise TypeError(
                f"expected '{second}' to have the type of '{first}', "
                f"{one.dtype}, got {other.dtype}") from None


def _check_memory(name: str, tensor: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"expected '{name}' to be a tensor of PyTorch, got "
                        f"{type(tensor).__name__}") from None
    if tensor.device.type != "cpu":
        raise ValueError(f"expected '{name}' to be a tensor on the CPU, got "
                         f"one on '{tensor.device}'") from None


def _check_type(name: str, tensor: Tensor, input: Tensor) -> None:
    """Parameters may have more digits than the input, not fewer."""
    types = _PARAMETER_TYPES.get(input.dtype)
    if types is None or tensor.dtype in types:
        return
    wider = " or a wider one," if len(types) > 1 else ""
    raise TypeError(
        f"expected '{name}' to have the type of the input, {input.dtype},"
        f"{wider} got {tensor.dtype}") from None
