# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""On Keras' backend JAX: the custom calls of bn_mlir.jax."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import bn_mlir.jax
from bn_mlir.jax import _custom_call
from bn_mlir.keras.normalization import Normalization

__all__ = ["SUPPORTS_JIT", "apply"]

SUPPORTS_JIT = True


def apply(
    normalization: Normalization, x: Any, scale: Any, offset: Any,
    mean: Any = None, deviation: Any = None, mask: Any = None,
) -> tuple[Any, ...]:
    """What `Normalization.forward` returns."""
    options = {"axis": normalization.axis, "epsilon": normalization.epsilon}
    if normalization.statistics == "constant":
        mean, deviation = map(jax.lax.stop_gradient, (mean, deviation))
        return (
            bn_mlir.jax.inference(
                x, scale, offset, mean, deviation, **options),
        )
    if normalization.statistics == "batch":
        y, *statistics = bn_mlir.jax.training(
            x, scale, offset, mask=mask, **options)
    else:
        if mask is not None:
            mask = mask.astype(mean.dtype)
        y, *statistics = _renormalize(
            normalization, x, scale, offset, mean, deviation, mask)
    return (y, *map(jax.lax.stop_gradient, statistics))


def _call(
    kind: str, normalization: Normalization, x: Any, scale: Any, offset: Any,
    mask: Any, operands: list[Any], **options: Any,
) -> tuple[Any, ...]:
    """A kernel of renormalization, with the operands that are not None."""
    parameter = offset if scale is None else scale
    if parameter is not None:
        options["parameter_dtype"] = parameter.dtype.name
    if mask is not None:
        options.update(mask_shape=mask.shape, mask_dtype=mask.dtype.name)
    return _custom_call.call(
        kind,
        dict(
            options,
            axis=(normalization.axis % x.ndim,),
            epsilon=normalization.epsilon,
            dtype=x.dtype.name,
            statistics_dtype=jnp.promote_types(x.dtype, jnp.float32).name,
            has_scale=scale is not None,
            has_offset=offset is not None,
            renormalized=True,
        ),
        *(operand for operand in operands if operand is not None),
    )


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _renormalize(normalization, x, scale, offset, mean, deviation, mask):
    # The kernel's limits are float64, also where JAX has no such arrays.
    with jax.enable_x64(True):
        limits = [jnp.asarray(limit, "float64")
                  for limit in normalization.limits]
        results = _call(
            "training", normalization, x, scale, offset, mask,
            [x, scale, offset, mean, deviation, *limits, mask],
            has_running_stats=False)
    return results[: 1 + normalization.statistics_count]


def _renormalize_forward(normalization, x, scale, offset, *given):
    results = _renormalize(normalization, x, scale, offset, *given)
    return results, (x, scale, offset, given[-1], results[1:])


def _renormalize_backward(normalization, kept, cotangents):
    x, scale, offset, mask, statistics = kept
    x_grad, scale_grad, offset_grad = _call(
        "backward", normalization, x, scale, offset, mask,
        [cotangents[0], x, scale, *statistics, mask])
    return (
        x_grad,
        None if scale is None else scale_grad,
        None if offset is None else offset_grad,
        None,
        None,
        None,
    )


_renormalize.defvjp(_renormalize_forward, _renormalize_backward)
