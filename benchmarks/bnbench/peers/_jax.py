"""Batch normalization in JAX, for the peers that compile StableHLO.

The functions compute in float32 and round once, as libraries on JAX do.
"""

from __future__ import annotations

from collections.abc import Callable

from ..cases import EPSILON, Case


def get_functions(case: Case) -> dict[str, Callable]:
    """The ways to write the case; arguments x, scale, offset[, mean, variance].

    Of training there are two: the second sweep over x for the variance, and
    the difference of mean squares (`fast`), which loses digits.
    """
    import jax.numpy as jnp

    axes = tuple(d for d in range(len(case.shape)) if d != case.axis)
    wide = jnp.float64 if case.dtype == "f64" else jnp.float32
    shape = tuple(-1 if d == case.axis else 1 for d in range(len(case.shape)))

    def normalize(x, scale, offset, mean, variance):
        factor = scale / jnp.sqrt(variance + EPSILON)
        y = ((x.astype(wide) - mean.reshape(shape)) * factor.reshape(shape)
             + offset.reshape(shape))
        return y.astype(x.dtype)

    def train(x, scale, offset):
        wide_x = x.astype(wide)
        mean = jnp.mean(wide_x, axes)
        variance = jnp.mean(jnp.square(wide_x - mean.reshape(shape)), axes)
        return normalize(x, scale, offset, mean, variance), mean, variance

    def train_fast(x, scale, offset):
        wide_x = x.astype(wide)
        mean = jnp.mean(wide_x, axes)
        variance = jnp.mean(jnp.square(wide_x), axes) - jnp.square(mean)
        variance = jnp.maximum(variance, 0)
        return normalize(x, scale, offset, mean, variance), mean, variance

    if case.kind == "inference":
        return {"": lambda *arguments: (normalize(*arguments),)}
    return {"": train, "fast": train_fast}
