"""Batch normalization in JAX, for the peers that compile StableHLO.

The functions compute in float32 and round once, as libraries on JAX do.
"""

from __future__ import annotations

from collections.abc import Callable

from ..arrays import get_slope
from ..cases import EPSILON, Case


def get_functions(case: Case) -> dict[str, Callable]:
    """The ways to write the case; arguments x, scale, offset[, mean, variance],
    or output_grad, x, scale, mean, variance; with an epilogue, behind them the
    addend, or for gradients what the forward call saved, if anything.

    Of training there are two: the second sweep over x for the variance, and
    the difference of mean squares (`fast`), which loses digits.
    """
    import jax.numpy as jnp

    axes = tuple(d for d in range(len(case.shape)) if d != case.axis)
    slope = get_slope(case)
    wide = jnp.float64 if case.dtype == "f64" else jnp.float32
    shape = tuple(-1 if d == case.axis else 1 for d in range(len(case.shape)))

    def apply_epilogue(y, addend):
        for one in addend:
            y = y + one.astype(wide)
        return jnp.where(y > 0, y, slope * y) if case.has_relu else y

    def normalize(x, scale, offset, mean, variance, *addend):
        factor = scale / jnp.sqrt(variance + EPSILON)
        y = ((x.astype(wide) - mean.reshape(shape)) * factor.reshape(shape)
             + offset.reshape(shape))
        return apply_epilogue(y, addend).astype(x.dtype)

    def train(x, scale, offset, *addend):
        wide_x = x.astype(wide)
        mean = jnp.mean(wide_x, axes)
        variance = jnp.mean(jnp.square(wide_x - mean.reshape(shape)), axes)
        y = normalize(x, scale, offset, mean, variance, *addend)
        return y, mean, variance

    def train_fast(x, scale, offset, *addend):
        wide_x = x.astype(wide)
        mean = jnp.mean(wide_x, axes)
        variance = jnp.mean(jnp.square(wide_x), axes) - jnp.square(mean)
        variance = jnp.maximum(variance, 0)
        y = normalize(x, scale, offset, mean, variance, *addend)
        return y, mean, variance

    def backward(dy, x, scale, mean, variance, *saved):
        for output in saved:
            dy = jnp.where(output > 0, dy, (slope * dy).astype(dy.dtype))
        wide_dy = dy.astype(wide)
        inverse = 1 / jnp.sqrt(variance + EPSILON)
        hat = (x.astype(wide) - mean.reshape(shape)) * inverse.reshape(shape)
        offset_grad = jnp.sum(wide_dy, axes)
        scale_grad = jnp.sum(wide_dy * hat, axes)
        count = case.elements // case.channels
        dx = (scale * inverse).reshape(shape) * (
            wide_dy - (offset_grad / count).reshape(shape)
            - hat * (scale_grad / count).reshape(shape))
        return (dx.astype(x.dtype), scale_grad, offset_grad,
                *([dy] if case.adds else []))

    if case.kind == "backward":
        return {"": backward}
    if case.kind == "inference":
        return {"": lambda *arguments: (normalize(*arguments),)}
    return {"": train, "fast": train_fast}
