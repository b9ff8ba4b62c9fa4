# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Batch normalization for PyTorch on the CPU: layers and a function that take
the place of those of ``torch.nn``.

`BatchNorm1d`, `BatchNorm2d` and `BatchNorm3d` are those of ``torch.nn`` with
another forward and backward; `convert` puts them into a model that is there.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        "expected PyTorch for bn_mlir.torch, got none: install 'torch'"
    ) from error

from bn_mlir.torch._threads import use_torch_threads as _use_torch_threads
from bn_mlir.torch.convert import convert, revert
from bn_mlir.torch.functional import batch_norm
from bn_mlir.torch.modules import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    BatchNormAddReLU1d,
    BatchNormAddReLU2d,
    BatchNormAddReLU3d,
    BatchNormReLU1d,
    BatchNormReLU2d,
    BatchNormReLU3d,
)

_use_torch_threads()

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "BatchNormAddReLU1d",
    "BatchNormAddReLU2d",
    "BatchNormAddReLU3d",
    "BatchNormReLU1d",
    "BatchNormReLU2d",
    "BatchNormReLU3d",
    "batch_norm",
    "convert",
    "revert",
]
