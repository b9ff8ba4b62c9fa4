# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The layer of Flax: :class:`BatchNorm` stands in for ``flax.nnx.BatchNorm``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BatchNorm"]


def _axes(axis: int | Sequence[int], rank: int) -> tuple[int, ...]:
    dims = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(sorted({dim + rank if dim < 0 else dim for dim in dims}))


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
        scale = None if self.scale is None else self.scale[...]
        bias = None if self.bias is None else self.bias[...]
        mean, var = self.mean[...], self.var[...]
        x = self.promote_dtype((x, mean, var, scale, bias), dtype=self.dtype)[0]
        axis = _axes(self.axis, x.ndim)
        channels = tuple(x.shape[dim] for dim in axis)
        if math.prod(channels) != self.num_features:
            raise ValueError(
                f"expected the input to have {self.num_features} features in "
                f"dimensions {axis}, got shape {x.shape}"
            )
        parameter = jnp.result_type(
            x, *(p for p in (scale, bias) if p is not None))
        scale, bias = (
            None if p is None else p.astype(parameter).reshape(channels)
            for p in (scale, bias)
        )
        options = {"axis": axis, "epsilon": self.epsilon}
        if use_running_average:
            wide = jnp.promote_types(x.dtype, jnp.float32)
            mean, var = (s.astype(wide).reshape(channels) for s in (mean, var))
            return bn.inference(x, scale, bias, mean, var, **options)
        y, mean, var = self._train(x, scale, bias, _as_mask(mask, x.ndim),
                                   options)
        self._update(self.mean, mean)
        self._update(self.var, var)
        return y

    def _train(self, x, scale, bias, mask, options):
        if self.axis_name is None:
            return bn.training(x, scale, bias, mask=mask, **options)[:3]
        raise NotImplementedError

    def _update(self, running: nnx.BatchStat, batch: jax.Array) -> None:
        old = running[...]
        new = self.momentum * old + (1 - self.momentum) * batch.reshape(
            old.shape)
        running[...] = jax.lax.stop_gradient(new).astype(old.dtype)
