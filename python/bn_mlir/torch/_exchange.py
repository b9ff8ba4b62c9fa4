# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A module takes the place of another."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def make_as(cls: type[M], old: nn.Module) -> M:
    """Makes a `cls` with the very parameters, buffers and hooks of `old`, which
    is not to be used any more: handles of hooks know the tables that they are
    in.
    """
    new = cls.__new__(cls)
    new.__dict__.update(old.__dict__)
    return new


def exchange(module: nn.Module,
             types: dict[type[nn.Module], type[nn.Module]]) -> nn.Module:
    """Exchanges `module` and all below it; a module in two places stays one.

    :raises TypeError: `module` is none.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"expected a module of torch.nn, got {type(module).__name__}")
    exchanged: dict[nn.Module, nn.Module] = {}

    def get(old: nn.Module) -> nn.Module:
        if type(old) not in types or not _is_ours_to_run(old):
            return old
        if old not in exchanged:
            exchanged[old] = make_as(types[type(old)], old)
        return exchanged[old]

    for parent in list(module.modules()):
        for name, child in list(parent._modules.items()):
            if child is not None:
                parent._modules[name] = get(child)
    return get(module)


def _is_ours_to_run(module: nn.Module) -> bool:
    return all(tensor.device.type in ("cpu", "meta")
               for tensor in (*module.parameters(), *module.buffers()))
