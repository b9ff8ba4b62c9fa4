# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On Keras' backend JAX: the custom calls of bn_mlir.jax."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import bn_mlir.jax
from bn_mlir.keras.normalization import Normalization

__all__ = ["SUPPORTS_JIT", "apply", "moments"]

SUPPORTS_JIT = True


def apply(
    normalization: Normalization, x: Any, scale: Any, offset: Any,
    mean: Any = None, variance: Any = None, mask: Any = None,
) -> tuple[Any, ...]:
    """The output, and the statistics where they are of the batch."""
    options = {"axis": normalization.axis, "epsilon": normalization.epsilon}
    if normalization.statistics == "constant":
        mean, variance = map(jax.lax.stop_gradient, (mean, variance))
        return (
            bn_mlir.jax.inference(
                x, scale, offset, mean, variance, **options),
        )
    # Given statistics are those of the batch, which the kernel finds again:
    # what they are to the gradient it has to know from itself.
    y, *statistics = bn_mlir.jax.training(
        x, scale, offset, mask=mask, **options)
    if normalization.statistics == "given":
        return (y,)
    return (y, *map(jax.lax.stop_gradient, statistics))


def moments(x: Any, mask: Any, axis: int) -> tuple[Any, Any]:
    """Mean and variance of each channel, which are constants."""
    count, mean, m2 = bn_mlir.jax.stats(
        jax.lax.stop_gradient(x), mask=mask, axis=axis)
    return mean, m2 / jnp.maximum(count, 1)
