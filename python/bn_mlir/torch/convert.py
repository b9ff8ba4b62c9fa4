# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of torch.nn are exchanged for ours, and back, in a given model."""

from __future__ import annotations

from torch import nn

from bn_mlir.torch import _fuse, modules
from bn_mlir.torch._exchange import exchange
from bn_mlir.torch._unfuse import unfuse

__all__ = ["convert", "revert"]

_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: modules.BatchNorm1d,
    nn.BatchNorm2d: modules.BatchNorm2d,
    nn.BatchNorm3d: modules.BatchNorm3d,
}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}


def convert(module: nn.Module, *, fuse: bool = False) -> nn.Module:
    """Puts our layers in the place of torch.nn's batch normalization.

    The new layers have the parameters, buffers, hooks and mode of the old ones:
    an optimizer that has them goes on, and so does a ``state_dict``. Subclasses
    of torch.nn's layers and those of other devices are left alone.

    :param fuse: also join a layer with the ReLU, or the addition and the ReLU,
        behind it, where ``torch.fx`` can trace `module` or a part of it. What
        has been traced becomes a ``torch.fx.GraphModule``: names of parameters
        and results are as before, but it has no other methods, and no hooks.
    :returns: `module`, changed; another one where it is itself such a layer, or
        has been traced.
    :raises TypeError: `module` is none of torch.nn.
    """
    module = exchange(module, _OURS)
    return _fuse.fuse(module) if fuse else module


def revert(module: nn.Module) -> nn.Module:
    """Puts torch.nn's layers in the place of ours: the way back of `convert`.

    In what `convert` has traced, fused layers become layers of torch.nn again,
    with the addition and the ReLU behind them; it stays a
    ``torch.fx.GraphModule``. Fused layers elsewhere stay: torch.nn has none.

    :raises TypeError: `module` is none of torch.nn.
    """
    module = exchange(module, _THEIRS)
    unfuse(module, _THEIRS)
    return module
