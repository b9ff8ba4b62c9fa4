# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On Keras' backend NumPy: arrays as they are, and no gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

import bn_mlir
from bn_mlir.keras.normalization import Normalization

__all__ = ["SUPPORTS_JIT", "apply", "moments"]

SUPPORTS_JIT = True


def _dense(x: np.ndarray) -> np.ndarray:
    """`x`, copied where its elements do not fill their memory."""
    is_dense = np.empty_like(x).strides == x.strides
    return x if is_dense else np.ascontiguousarray(x)


def apply(
    normalization: Normalization, x: Any, *arguments: Any
) -> tuple[Any, ...]:
    """The output, and the statistics where they are of the batch."""
    return normalization.forward(_dense(x), *arguments)


def moments(x: Any, mask: Any, axis: int) -> tuple[Any, Any]:
    """Mean and variance of each channel."""
    count, mean, m2 = bn_mlir.stats(_dense(x), mask=mask, axis=axis)
    wide = np.result_type(x.dtype, np.float32)
    return mean.astype(wide), (m2 / np.maximum(count, 1)).astype(wide)
