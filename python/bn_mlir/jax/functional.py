# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The functions of bn_mlir.jax: arguments are checked and brought into one form
before anything is traced.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from bn_mlir.jax import _gradients

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from bn_mlir.typing import Axis, Epilogue, VarianceKind

__all__ = ["batch_norm", "inference", "stats", "training"]


def _float(value: ArrayLike | None, name: str) -> jax.Array | None:
    return None if value is None else _required(value, name)


def _required(value: ArrayLike, name: str) -> jax.Array:
    if value is None:
        raise TypeError(f"expected '{name}' to be an array, got None")
    array = jnp.asarray(value)
    if array.dtype not in (jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64):
        raise TypeError(
            f"expected '{name}' to have element type float16, bfloat16, "
            f"float32 or float64, got {array.dtype}"
        )
    return array


def _wider(
    value: ArrayLike | None, name: str, x: jax.Array
) -> jax.Array | None:
    """A parameter or statistic, of the type of `x` or a wider one."""
    array = _float(value, name)
    if (
        array is not None
        and jnp.promote_types(array.dtype, x.dtype) != array.dtype
    ):
        raise TypeError(
            f"expected '{name}' to have element type {x.dtype} or a wider "
            f"float, got {array.dtype}"
        )
    return array


def _mask(value: ArrayLike | None, x: jax.Array) -> jax.Array | None:
    """Weights as floats, which kernels want."""
    if value is None:
        return None
    mask = jnp.asarray(value)
    if mask.ndim != x.ndim:
        raise ValueError(
            f"expected 'mask' to have rank {x.ndim}, that of 'input', got "
            f"{mask.ndim}"
        )
    for dim, (size, whole) in enumerate(zip(mask.shape, x.shape)):
        if size not in (1, whole):
            raise ValueError(
                f"expected 'mask' to have size 1 or {whole} in dimension "
                f"{dim}, got {size}"
            )
    if jnp.issubdtype(mask.dtype, jnp.floating):
        return _float(mask, "mask")
    return mask.astype(jnp.promote_types(x.dtype, jnp.float32))


def get_axis(axis: Axis, x: jax.Array) -> tuple[int, ...]:
    """The channel dimensions, counted from the front, in order."""
    dims = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    for dim in dims:
        if not -x.ndim <= operator.index(dim) < x.ndim:
            raise ValueError(
                f"expected 'axis' to be from {-x.ndim} to {x.ndim - 1}, got "
                f"{dim}"
            )
    return tuple(sorted(operator.index(dim) % x.ndim for dim in dims))


def _running(
    mean: Any, variance: Any, x: jax.Array
) -> tuple[jax.Array, jax.Array] | None:
    if (mean is None) != (variance is None):
        given = "variance" if mean is None else "mean"
        raise ValueError(
            "expected 'running_mean' and 'running_variance' or neither, got "
            f"only 'running_{given}'"
        )
    if mean is None:
        return None
    return tuple(
        jax.lax.stop_gradient(_wider(value, f"running_{name}", x))
        for name, value in {"mean": mean, "variance": variance}.items()
    )


def _align(*arrays: Any) -> Any:
    """Makes all arrays vary over the same axes of a mesh, within shard_map.

    JAX then adds up the gradients of those that were the same everywhere.
    """
    varying = {
        id(array): jax.typeof(array).manual_axis_type.varying
        for array in jax.tree.leaves(arrays)
    }
    axes = frozenset().union(*varying.values())

    def align(array):
        missing = tuple(sorted(axes - varying[id(array)]))
        return jax.lax.pcast(array, missing, to="varying")

    return jax.tree.map(align, arrays)


def _addend(value: ArrayLike | None, epilogue: Epilogue | None) -> Any:
    adds = epilogue in ("add", "add_relu")
    if adds != (value is not None):
        raise ValueError(
            "expected 'addend' exactly when 'epilogue' is 'add' or 'add_relu', "
            f"got {'none' if adds else 'one'} and {epilogue!r}"
        )
    return _float(value, "addend")


def inference(
    x: ArrayLike,
    scale: ArrayLike | None,
    offset: ArrayLike | None,
    mean: ArrayLike,
    variance: ArrayLike,
    *,
    axis: Axis = -1,
    epsilon: float = 1e-3,
    epilogue: Epilogue | None = None,
    slope: float = 0.01,
    addend: ArrayLike | None = None,
) -> jax.Array:
    """Normalizes `x` with given statistics.

    The arguments are those of :func:`bn_mlir.inference`. All arrays have
    gradients, the statistics as well.

    :returns: array of the shape and type of `x`.
    """
    x = _required(x, "input")
    addend = _addend(addend, epilogue)
    layer = _gradients.Layer(
        get_axis(axis, x), float(epsilon), epilogue=epilogue, slope=float(slope)
    )
    arrays = _align(
        x,
        _wider(scale, "scale", x),
        _wider(offset, "offset", x),
        _wider(_required(mean, "mean"), "mean", x),
        _wider(_required(variance, "variance"), "variance", x),
        addend,
    )
    return _gradients.inference(layer, *arrays)


def training(
    x: ArrayLike,
    scale: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    running_mean: ArrayLike | None = None,
    running_variance: ArrayLike | None = None,
    *,
    momentum: float = 0.99,
    running_variance_kind: VarianceKind = "population",
    mask: ArrayLike | None = None,
    groups: int = 1,
    axis: Axis = -1,
    epsilon: float = 1e-3,
    epilogue: Epilogue | None = None,
    slope: float = 0.01,
    addend: ArrayLike | None = None,
) -> tuple[jax.Array, ...]:
    """Normalizes `x` with its own statistics, and updates running ones.

    The arguments are those of :func:`bn_mlir.training`. Gradients flow to `x`,
    `scale`, `offset` and `addend`, from the result and from the batch's mean
    and variance; running statistics and `mask` are constants.

    :returns: ``(y, mean, variance)``, with running statistics followed by
        ``new_running_mean, new_running_variance``.
    """
    x = _required(x, "input")
    addend = _addend(addend, epilogue)
    layer = _gradients.Layer(
        get_axis(axis, x),
        float(epsilon),
        float(momentum),
        running_variance_kind,
        operator.index(groups),
        epilogue,
        float(slope),
    )
    arrays = _align(
        x,
        _wider(scale, "scale", x),
        _wider(offset, "offset", x),
        _running(running_mean, running_variance, x),
        _mask(mask, x),
        addend,
    )
    return _gradients.training(layer, *arrays)


_training = training


def batch_norm(
    x: ArrayLike,
    scale: ArrayLike | None,
    offset: ArrayLike | None,
    running_mean: ArrayLike,
    running_variance: ArrayLike,
    *,
    training: bool,
    momentum: float = 0.99,
    running_variance_kind: VarianceKind = "population",
    mask: ArrayLike | None = None,
    groups: int = 1,
    axis: Axis = -1,
    epsilon: float = 1e-3,
    epilogue: Epilogue | None = None,
    slope: float = 0.01,
    addend: ArrayLike | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The layer: :func:`training` or :func:`inference`, with the same results.

    :param training: known when the function is traced.
    :returns: ``(y, running_mean, running_variance)``: the new ones in training,
        those given otherwise.
    """
    shared = dict(
        axis=axis, epsilon=epsilon, epilogue=epilogue, slope=slope,
        addend=addend,
    )
    statistics = (
        _required(running_mean, "running_mean"),
        _required(running_variance, "running_variance"),
    )
    if not training:
        return inference(x, scale, offset, *statistics, **shared), *statistics
    y, _, _, *new = _training(
        x,
        scale,
        offset,
        *statistics,
        momentum=momentum,
        running_variance_kind=running_variance_kind,
        mask=mask,
        groups=groups,
        **shared,
    )
    return y, *new


def stats(
    x: ArrayLike, *, mask: ArrayLike | None = None, axis: Axis = -1
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The statistics of each channel, which can be merged with others.

    The arguments are those of :func:`bn_mlir.stats`. Gradients flow to `x`.

    :returns: ``(count, mean, m2)``: the (weighted) number of elements, their
        mean, and the sum of their squares around it.
    """
    x = _required(x, "input")
    layer = _gradients.Layer(get_axis(axis, x))
    return _gradients.stats(layer, *_align(x, _mask(mask, x)))
