# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On Keras' backend NumPy: arrays as they are, and no gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from bn_mlir.keras.normalization import Normalization

__all__ = ["SUPPORTS_JIT", "apply"]

SUPPORTS_JIT = True


def _dense(x: np.ndarray) -> np.ndarray:
    """`x`, copied where its elements do not fill their memory."""
    is_dense = np.empty_like(x).strides == x.strides
    return x if is_dense else np.ascontiguousarray(x)


def apply(
    normalization: Normalization, x: Any, scale: Any, offset: Any,
    mean: Any = None, deviation: Any = None, mask: Any = None,
) -> tuple[Any, ...]:
    """What `Normalization.forward` returns."""
    return normalization.forward(
        _dense(x), scale, offset, mean, deviation, mask)
