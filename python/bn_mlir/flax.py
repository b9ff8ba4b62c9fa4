# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The layer of Flax: `BatchNorm` stands in for ``flax.nnx.BatchNorm``."""

from __future__ import annotations

import math
from functools import partial

try:
    import flax  # noqa: F401
except ImportError as error:
    raise ImportError(
        "expected Flax to be installed, which bn_mlir.flax needs, got none: "
        "'pip install flax' installs it"
    ) from error

import jax
import jax.numpy as jnp
from flax import nnx

from bn_mlir import jax as bn
from bn_mlir.jax.functional import get_axis

__all__ = ["BatchNorm"]


def _as_mask(mask: jax.Array | None, rank: int) -> jax.Array | None:
    """Flax's masks are what can be broadcast to the input."""
    if mask is None:
        return None
    mask = jnp.asarray(mask, bool)
    return mask.reshape((1,) * (rank - mask.ndim) + mask.shape)


class BatchNorm(nnx.BatchNorm):
    """``flax.nnx.BatchNorm``, computed by bn_mlir.

    Constructor, parameters and state are those of the base class, so either
    layer takes the state of the other. Differences:

    - Parameters and running statistics are used with all their digits, where
      the base class rounds them to ``dtype``.
    - ``use_fast_variance`` makes no difference: the variance is taken around
      the mean in any case, and costs no more.
    - With ``axis_name``, statistics are those of all elements, where the base
      class gives each device the same weight, whatever ``mask`` leaves of it.
    - A channel of which ``mask`` leaves nothing has mean and variance 0, not
      NaN.
    """

    def __call__(
        self,
        x: jax.Array,
        use_running_average: bool | None = None,
        *,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        """Normalizes `x`; in training, updates the running statistics."""
        if use_running_average is None:
            use_running_average = self.use_running_average
        if use_running_average is None:
            raise ValueError(
                "expected 'use_running_average' to be given to the call or to "
                "the constructor, got None"
            )
        axis, x, scale, bias = self._operands(x)
        options = {"axis": axis, "epsilon": self.epsilon}
        if use_running_average:
            wide = jnp.promote_types(x.dtype, jnp.float32)
            channels = [x.shape[dim] for dim in axis]
            mean, var = (
                running[...].astype(wide).reshape(channels)
                for running in (self.mean, self.var)
            )
            return bn.inference(x, scale, bias, mean, var, **options)
        mask = _as_mask(mask, x.ndim)
        y, mean, var = self._train(x, scale, bias, mask, options)
        self._update(self.mean, mean)
        self._update(self.var, var)
        return y

    def _operands(self, x):
        """The channel dimensions; input and parameters of the types that the
        constructor's ``dtype`` makes of them.
        """
        scale, bias = (
            None if parameter is None else parameter[...]
            for parameter in (self.scale, self.bias)
        )
        arrays = (x, self.mean[...], self.var[...], scale, bias)
        x = self.promote_dtype(arrays, dtype=self.dtype)[0]
        # The base class lets a list name a dimension twice.
        axis = tuple(sorted(set(get_axis(self.axis, x))))
        channels = tuple(x.shape[dim] for dim in axis)
        if math.prod(channels) != self.num_features:
            raise ValueError(
                f"expected the input to have {self.num_features} features in "
                f"dimensions {axis}, got shape {x.shape}"
            )
        given = [p for p in (scale, bias) if p is not None]
        wide = jnp.result_type(x, *given)
        scale, bias = (
            None if p is None else p.astype(wide).reshape(channels)
            for p in (scale, bias)
        )
        return axis, x, scale, bias

    def _train(self, x, scale, bias, mask, options):
        """Returns the result and the statistics it was normalized with."""
        if self.axis_name is None:
            return bn.training(x, scale, bias, mask=mask, **options)[:3]
        count, mean, m2 = bn.stats(x, mask=mask, axis=options["axis"])
        mean, var = self._merge(count, mean, m2)
        return bn.inference(x, scale, bias, mean, var, **options), mean, var

    def _merge(self, count, mean, m2):
        """The mean and variance of what all along `axis_name` have."""
        total = partial(
            jax.lax.psum,
            axis_name=self.axis_name,
            axis_index_groups=self.axis_index_groups,
        )
        whole = jnp.maximum(total(count), 1)
        # A mean far from 0 would lose digits when it is multiplied.
        pivot = jax.lax.stop_gradient(
            total(mean) / total(jnp.ones_like(mean)))
        merged = pivot + total(count * (mean - pivot)) / whole
        return merged, total(m2 + count * (mean - merged) ** 2) / whole

    def _update(self, running: nnx.BatchStat, batch: jax.Array) -> None:
        """Moves running statistics towards those of a batch."""
        old = running[...]
        batch = jax.lax.stop_gradient(batch).reshape(old.shape)
        new = self.momentum * old + (1 - self.momentum) * batch
        running[...] = new.astype(old.dtype)
