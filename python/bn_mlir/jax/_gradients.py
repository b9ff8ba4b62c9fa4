# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The functions of bn_mlir.jax with their derivatives.

What is not an array is in a `Layer`; arrays that a call does not have are None.
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from bn_mlir import _core
from bn_mlir.jax import _custom_call

if TYPE_CHECKING:
    from bn_mlir.typing import Epilogue, VarianceKind

__all__ = ["Layer", "inference", "stats", "training"]


@dataclasses.dataclass(frozen=True)
class Layer:
    """What is known of a call besides its arrays."""

    axis: tuple[int, ...]
    epsilon: float = 0.0
    momentum: float = 0.0
    running_variance_kind: VarianceKind = "population"
    groups: int = 1
    epilogue: Epilogue | None = None
    slope: float = 0.01

    def spec(self, x: jax.Array, scale: Any, offset: Any) -> dict[str, Any]:
        """The arguments of `bn_mlir.Spec` that all kinds share."""
        parameter = offset if scale is None else scale
        spec = {
            "axis": self.axis,
            "dtype": x.dtype.name,
            "epsilon": self.epsilon,
            "has_scale": scale is not None,
            "has_offset": offset is not None,
        }
        if parameter is not None:
            spec["parameter_dtype"] = parameter.dtype.name
        return spec

    def forward(self) -> dict[str, Any]:
        return {"epilogue": self.epilogue, "slope": self.slope}

    @property
    def has_relu(self) -> bool:
        return self.epilogue in ("relu", "leaky_relu", "add_relu")

    def keeps_bits(self, x: jax.Array, mask: Any = None) -> bool:
        """Whether backward reads bits of the forward call, not its output."""
        if not self.has_relu:
            return False
        options = {} if mask is None else {"mask_shape": mask.shape}
        return _core.Spec(
            "training", x.shape, axis=self.axis, **options).allows_bits


def _present(*arrays: Any) -> list[jax.Array]:
    return [array for array in arrays if array is not None]


def _is_zero(cotangent: Any) -> bool:
    return type(cotangent) is SymbolicZero


def _values(arguments: tuple[Any, ...]) -> list[Any]:
    """The arrays of what JAX calls a forward rule with."""
    return [None if a is None else a.value for a in arguments]


#: What the backward kernel computes. Which of them are wanted is known in the
#: forward rule alone, and what that keeps must have the same structure for all:
#: a jitted function has one backward rule, whatever it is differentiated by.
_GRADIENTS = ("input", "scale", "offset")


def _spread(layer: Layer, values: jax.Array, shape: tuple[int, ...]):
    """Gives what each channel (and group) has the shape of the data, up to
    sizes of 1.
    """
    sizes = [
        size if dim in layer.axis else 1 for dim, size in enumerate(shape)
    ]
    if layer.groups == 1:
        return values.reshape(sizes)
    rows = values.reshape(layer.groups, *sizes[1:])
    return jnp.repeat(rows, shape[0] // layer.groups, axis=0)


# ---------------------------------------------------------------------------
# Epilogues
# ---------------------------------------------------------------------------


def _check_slope(layer: Layer) -> None:
    # The sign of the result no longer tells that of what the ReLU was given.
    if layer.epilogue == "leaky_relu" and layer.slope <= 0:
        raise ValueError(
            "expected 'slope' to be above 0 where a gradient is wanted, got "
            f"{layer.slope}"
        )


# ---------------------------------------------------------------------------
# Backward
# ---------------------------------------------------------------------------


def _check_mask(mask: Any) -> None:
    if mask is not None and mask.perturbed:
        raise NotImplementedError(
            "expected 'mask' to be a constant, got one whose gradient is wanted"
        )


def _mask_spec(mask: jax.Array | None) -> dict[str, Any]:
    if mask is None:
        return {}
    return {"mask_shape": mask.shape, "mask_dtype": mask.dtype.name}


def _backward(
    layer: Layer,
    y_grad: jax.Array,
    state: jax.Array | None,
    x: jax.Array,
    scale: Any,
    offset: Any,
    mean: jax.Array,
    variance: jax.Array,
    mask: Any = None,
    frozen: bool = False,
) -> dict[str, jax.Array]:
    """The gradients of the input and of what there is of scale, offset and
    addend; of the first two of these in any case. `state` is what tells which
    elements a ReLU has let pass: bits, or the output.
    """
    which = _GRADIENTS
    if layer.epilogue in ("add", "add_relu"):
        which += ("addend",)
    spec = layer.spec(x, scale, offset)
    spec.update(
        layer.forward(),
        which=which,
        groups=layer.groups,
        frozen=frozen,
        statistics_dtype=mean.dtype.name,
        has_bits=state is not None and state.dtype == jnp.int8,
    )
    spec.update(_mask_spec(mask))
    results = _custom_call.call(
        "backward",
        spec,
        *_present(y_grad, x, scale, mean, variance, mask, state),
    )
    return dict(zip(which, results))


def _get_state(layer: Layer, y: jax.Array, bits: Any) -> jax.Array | None:
    """What backward needs to know of the output."""
    if not layer.has_relu:
        return None
    return bits[0] if bits else y


def _results(gradients: dict[str, jax.Array], scale: Any, offset: Any):
    """The gradients of input, scale and offset, where there are such."""
    return (
        gradients.get("input"),
        None if scale is None else gradients.get("scale"),
        None if offset is None else gradients.get("offset"),
    )


def _count(
    layer: Layer, x: jax.Array, mask: jax.Array | None, mean: jax.Array
) -> jax.Array:
    """The weight of the elements behind each entry of `mean`."""
    others = [dim for dim in range(x.ndim) if dim not in layer.axis]
    if mask is None:
        number = math.prod(x.shape[dim] for dim in others) // layer.groups
        return jnp.full_like(mean, number)
    weights = jnp.broadcast_to(mask.astype(mean.dtype), x.shape)
    groups = weights.reshape(layer.groups, -1, *x.shape[1:])
    return groups.sum([dim + 1 for dim in others]).reshape(mean.shape)


def _statistics_grad(
    layer: Layer,
    x: jax.Array,
    mean: jax.Array,
    mask: jax.Array | None,
    mean_grad: Any,
    variance_grad: Any,
) -> jax.Array:
    """What reaches the input through the statistics of the batch."""
    dtype = mean.dtype
    gradient = jnp.zeros((), dtype)
    if not _is_zero(mean_grad):
        gradient += _spread(layer, mean_grad, x.shape)
    if not _is_zero(variance_grad):
        centred = x.astype(dtype) - _spread(layer, mean, x.shape)
        gradient += 2 * _spread(layer, variance_grad, x.shape) * centred
    count = _count(layer, x, mask, mean)
    weight = 1 / _spread(layer, jnp.where(count == 0, 1, count), x.shape)
    gradient = gradient * weight
    if mask is not None:
        # What has weight 0 counts for nothing, even if it is NaN.
        gradient = jnp.where(mask == 0, 0, gradient * mask.astype(dtype))
    return jnp.broadcast_to(gradient, x.shape).astype(x.dtype)


# ---------------------------------------------------------------------------
# Inference
# ---------------------------------------------------------------------------


def _run_inference(
    layer, x, scale, offset, mean, variance, addend, has_bits=False
):
    """Returns y and, with `has_bits`, the bits."""
    spec = layer.spec(x, scale, offset)
    spec.update(
        layer.forward(), statistics_dtype=mean.dtype.name, has_bits=has_bits
    )
    operands = _present(x, scale, offset, mean, variance, addend)
    return _custom_call.call("inference", spec, *operands)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _inference(layer, *arguments):
    return _run_inference(layer, *arguments)[0]


def _inference_forward(layer, *arguments):
    _check_slope(layer)
    values = _values(arguments)
    y, *bits = _run_inference(
        layer, *values, has_bits=layer.keeps_bits(values[0])
    )
    return y, (values[:5], _get_state(layer, y, bits))


def _inference_backward(layer, kept, y_grad):
    (x, scale, offset, mean, variance), state = kept
    if _is_zero(y_grad):
        return (None,) * 6
    gradients = _backward(
        layer, y_grad, state, x, scale, offset, mean, variance, frozen=True
    )
    # The gradients of the statistics are made of those of the parameters.
    inverse = jax.lax.rsqrt(variance + jnp.asarray(layer.epsilon, mean.dtype))
    factor = inverse if scale is None else scale.astype(mean.dtype) * inverse
    mean_grad = -factor * gradients["offset"].astype(mean.dtype)
    variance_grad = -0.5 * factor * inverse * gradients["scale"].astype(
        mean.dtype)
    return (
        *_results(gradients, scale, offset),
        mean_grad,
        variance_grad,
        gradients.get("addend"),
    )


_inference.defvjp(
    _inference_forward, _inference_backward, symbolic_zeros=True
)
inference = jax.jit(_inference, static_argnums=0)


# ---------------------------------------------------------------------------
# Training
# ---------------------------------------------------------------------------


def _run_training(
    layer, x, scale, offset, running, mask, addend, has_bits=False
):
    """Returns y, mean, variance, where `running` is the pair of running
    statistics the new ones, and, with `has_bits`, the bits.
    """
    spec = layer.spec(x, scale, offset)
    spec.update(
        layer.forward(),
        momentum=layer.momentum,
        running_variance_kind=layer.running_variance_kind,
        has_running_stats=running is not None,
        groups=layer.groups,
        has_bits=has_bits,
    )
    spec.update(_mask_spec(mask))
    if running is not None:
        spec["statistics_dtype"] = running[0].dtype.name
    operands = _present(x, scale, offset, *(running or ()), mask, addend)
    return _custom_call.call("training", spec, *operands)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _training(layer, *arguments):
    return _run_training(layer, *arguments)


def _training_forward(layer, x, scale, offset, running, mask, addend):
    _check_slope(layer)
    _check_mask(mask)
    x, scale, offset, mask, addend = _values((x, scale, offset, mask, addend))
    if running is not None:
        running = tuple(_values(running))
    has_bits = layer.keeps_bits(x, mask)
    results = _run_training(
        layer, x, scale, offset, running, mask, addend, has_bits
    )
    results, bits = (
        (results[:-1], results[-1:]) if has_bits else (results, ())
    )
    y, mean, variance = results[:3]
    kept = (x, scale, offset, mean, variance, mask)
    return results, (kept, _get_state(layer, y, bits))


def _training_backward(layer, kept, cotangents):
    arrays, state = kept
    x, scale, offset, mean, variance, mask = arrays
    y_grad, mean_grad, variance_grad = cotangents[:3]
    gradients = {}
    if not _is_zero(y_grad):
        gradients = _backward(
            layer, y_grad, state, x, scale, offset, mean, variance, mask
        )
    if not (_is_zero(mean_grad) and _is_zero(variance_grad)):
        rest = _statistics_grad(layer, x, mean, mask, mean_grad, variance_grad)
        gradients["input"] = gradients.get("input", 0) + rest
    return (
        *_results(gradients, scale, offset),
        None,
        None,
        gradients.get("addend"),
    )


_training.defvjp(_training_forward, _training_backward, symbolic_zeros=True)
training = jax.jit(_training, static_argnums=0)


# ---------------------------------------------------------------------------
# Statistics alone
# ---------------------------------------------------------------------------


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _stats(layer, x, mask):
    """Returns count, mean and the sum of squares around it."""
    wide = jnp.promote_types(x.dtype, jnp.float32)
    spec = {"axis": layer.axis, "dtype": x.dtype.name}
    spec.update(_mask_spec(mask), statistics_dtype=wide.name)
    count, mean, m2 = _custom_call.call("stats", spec, *_present(x, mask))
    return count.astype(wide), mean, m2


def _stats_forward(layer, x, mask):
    _check_mask(mask)
    x, mask = _values((x, mask))
    results = _stats(layer, x, mask)
    return results, (x, mask, *results[:2])


def _stats_backward(layer, kept, cotangents):
    x, mask, count, mean = kept
    _, mean_grad, m2_grad = cotangents
    if not _is_zero(m2_grad):
        m2_grad *= count
    return _statistics_grad(layer, x, mean, mask, mean_grad, m2_grad), None


_stats.defvjp(_stats_forward, _stats_backward, symbolic_zeros=True)
stats = jax.jit(_stats, static_argnums=0)
