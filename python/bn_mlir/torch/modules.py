# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers: those of torch.nn, with another forward and backward."""

from __future__ import annotations

from typing import Optional

from torch import Tensor, nn

from bn_mlir.torch.functional import Epilogue, batch_norm

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
]


class _Normalization(nn.modules.batchnorm._BatchNorm):
    """What torch.nn's layers do in Python, around our function."""

    _epilogue: Optional[Epilogue] = None

    def forward(self, input: Tensor) -> Tensor:
        return self._normalize(input, None)

    def _normalize(self, input: Tensor, addend: Optional[Tensor]) -> Tensor:
        self._check_input_dim(input)
        training = self.training
        running_mean, running_var = self.running_mean, self.running_var
        momentum = 0.0 if self.momentum is None else self.momentum
        if training and not self.track_running_stats:
            running_mean = running_var = None
        elif training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                # A cumulative average; a tensor, since it changes.
                momentum = self.num_batches_tracked.double().reciprocal()
        training = training or (running_mean is None and running_var is None)
        return batch_norm(
            input, running_mean, running_var, self.weight, self.bias, training,
            momentum, self.eps, epilogue=self._epilogue, addend=addend)


class BatchNorm1d(_Normalization, nn.BatchNorm1d):
    """``torch.nn.BatchNorm1d``: of ``(N, C)`` or ``(N, C, L)``."""


class BatchNorm2d(_Normalization, nn.BatchNorm2d):
    """``torch.nn.BatchNorm2d``: of ``(N, C, H, W)``."""


class BatchNorm3d(_Normalization, nn.BatchNorm3d):
    """``torch.nn.BatchNorm3d``: of ``(N, C, D, H, W)``."""


class BatchNormReLU1d(BatchNorm1d):
    """`BatchNorm1d` and the ReLU behind it, in one sweep."""

    _epilogue = "relu"


class BatchNormReLU2d(BatchNorm2d):
    """`BatchNorm2d` and the ReLU behind it, in one sweep."""

    _epilogue = "relu"


class BatchNormReLU3d(BatchNorm3d):
    """`BatchNorm3d` and the ReLU behind it, in one sweep."""

    _epilogue = "relu"


class _AddReLU(_Normalization):
    _epilogue = "add_relu"

    def forward(self, input: Tensor, addend: Tensor) -> Tensor:
        return self._normalize(input, addend)


class BatchNormAddReLU1d(_AddReLU, BatchNorm1d):
    """The ReLU of the sum of `BatchNorm1d` and an addend, in one sweep."""


class BatchNormAddReLU2d(_AddReLU, BatchNorm2d):
    """The ReLU of the sum of `BatchNorm2d` and an addend, in one sweep."""


class BatchNormAddReLU3d(_AddReLU, BatchNorm3d):
    """The ReLU of the sum of `BatchNorm3d` and an addend, in one sweep."""
