# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels as custom calls of XLA, on the CPU.

`call` puts one into a JAX computation. Nothing runs through Python when the
computation does: XLA calls the compiled part of bn_mlir, which knows the kernel
by the key of its spec.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from bn_mlir import _core

__all__ = ["TARGET", "call"]

#: The name of the custom call in XLA's programs.
TARGET = "bn_mlir"

_DTYPES = {
    "f16": jnp.float16,
    "bf16": jnp.bfloat16,
    "f32": jnp.float32,
    "f64": jnp.float64,
    "i8": jnp.int8,
}

jax.ffi.register_ffi_target(
    TARGET,
    {"instantiate": _core.xla_handler(), "execute": _core.xla_handler()},
    platform="cpu",
)


def _check(arguments: list[Any], operands: Sequence[jax.Array]) -> None:
    """Compares operands with what the kernel takes, while there are names."""
    for (name, dtype, sizes, _), operand in zip(arguments, operands):
        if operand.dtype != _DTYPES[dtype]:
            raise TypeError(
                f"expected '{name}' to have element type "
                f"{_DTYPES[dtype].dtype}, got {operand.dtype}"
            )
        if operand.shape != sizes:
            raise ValueError(
                f"expected '{name}' to have shape {sizes}, got {operand.shape}"
            )


def _emit(
    kind: str, options: dict[str, Any], operands: Sequence[jax.Array]
) -> tuple[jax.Array, ...]:
    """The custom call itself. The first operand has the sizes of the data."""
    spec = _core.Spec(kind, operands[0].shape, **options)
    arguments = spec.arguments
    _check(arguments[: len(operands)], operands)
    # Within shard_map results vary over the axes over which operands do, and
    # are on the same mesh.
    like = jax.typeof(operands[0])
    sharding = NamedSharding(like.sharding.mesh, PartitionSpec())
    results = [
        jax.ShapeDtypeStruct(
            sizes,
            _DTYPES[dtype],
            sharding=sharding,
            manual_axis_type=like.manual_axis_type,
        )
        for _, dtype, sizes, access in arguments
        if access != "read"
    ]
    emit = jax.ffi.ffi_call(TARGET, results, vmap_method="sequential")
    return tuple(emit(*operands, spec=spec.key))


def _map(
    kind: str,
    options: dict[str, Any],
    size: int,
    batched: Sequence[bool],
    operands: Sequence[jax.Array],
) -> tuple[jax.Array, ...]:
    """The call for each entry of a mapped dimension, the first of operands.

    Entries are independent of one another as channels are, so the dimension
    becomes one of channels. Scalars hold for all of them.
    """
    operands = [
        operand if has or operand.ndim == 0
        else jnp.broadcast_to(operand, (size, *operand.shape))
        for operand, has in zip(operands, batched)
    ]
    if options.get("groups", 1) != 1:
        # Groups cut dimension 0, which must not be one of channels.
        return jax.lax.map(lambda each: call(kind, options, *each), operands)
    mapped = dict(options, axis=(0, *(dim + 1 for dim in options["axis"])))
    if "mask_shape" in mapped:
        mapped["mask_shape"] = (size, *mapped["mask_shape"])
    # Bits have one dimension, whatever the data have.
    results = call(kind, mapped, *(
        operand.reshape(-1) if operand.dtype == jnp.int8 else operand
        for operand in operands
    ))
    return tuple(
        result.reshape(size, -1) if result.dtype == jnp.int8 else result
        for result in results
    )


@functools.lru_cache(maxsize=1024)
def _make(kind: str, items: tuple[tuple[str, Any], ...]):
    """A function of operands that can be mapped, and says so when asked for
    derivatives.
    """
    options = dict(items)

    @jax.custom_batching.custom_vmap
    def mapped(*operands):
        return _emit(kind, options, operands)

    @mapped.def_vmap
    def rule(size, batched, *operands):
        results = _map(kind, options, size, batched, operands)
        return results, (True,) * len(results)

    @jax.custom_jvp
    def function(*operands):
        return mapped(*operands)

    @function.defjvp
    def refuse(primals, tangents):
        raise NotImplementedError(
            "expected first derivatives in reverse mode, got a derivative of "
            f"bn_mlir's '{kind}': gradients of gradients, and forward mode, "
            "are not implemented"
        )

    return function


def call(
    kind: str, options: dict[str, Any], *operands: jax.Array
) -> tuple[jax.Array, ...]:
    """Runs a kernel in a JAX computation.

    :param kind: which, in the words of `bn_mlir.Spec`.
    :param options: further arguments of `bn_mlir.Spec`; ``axis`` counts from
        the front.
    :param operands: the inputs, in the order of the kernel.
    :returns: the outputs, in the order of the kernel.
    """
    return _make(kind, tuple(sorted(options.items())))(*operands)
