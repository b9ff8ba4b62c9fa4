# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Batch normalization in JAX, in a jax.jit."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from . import Calls


def jit_passes(function: Callable, parameters: tuple,
               options: argparse.Namespace, shape: tuple[int, ...],
               axis: int) -> Callable:
    """Forward and backward of `function`, of input, parameters and, with the
    addition and the ReLU, the addend, in one jax.jit.
    """
    import jax

    def passes(output_grad: jax.Array, *arrays: object) -> tuple:
        y, pull = jax.vjp(function, *arrays)
        return y, *pull(output_grad)

    if axis != 1:
        shape = (shape[0], *shape[2:], shape[1])
    x, addend, output_grad = (
        jax.random.normal(key, shape, options.dtype)
        for key in jax.random.split(jax.random.key(0), 3))
    others = () if options.layer == "batch_norm" else (addend,)
    jitted = jax.jit(passes)
    return lambda: jax.block_until_ready(
        jitted(output_grad, x, *parameters, *others))


def import_jax(options: argparse.Namespace) -> int:
    """Has JAX and ours use the threads; returns the dimension of channels."""
    os.environ["NPROC"] = str(options.threads)
    import bn_mlir

    bn_mlir.config.threads = options.threads
    return 1 if options.layout == "nchw" else -1


def make_calls(shape: tuple[int, ...], options: argparse.Namespace) -> Calls:
    """The definition in jax.numpy, alone or with an addition and a ReLU."""
    axis = import_jax(options)
    import jax.numpy as jnp
    from jax import lax, nn

    import bn_mlir.jax

    dims = (0, 2, 3) if axis == 1 else (0, 1, 2)

    def stock(x: jnp.ndarray, scale: jnp.ndarray, offset: jnp.ndarray,
              *addend: jnp.ndarray) -> jnp.ndarray:
        wide = x.astype(jnp.float32)
        mean, variance = wide.mean(dims), wide.var(dims)
        factor = scale * lax.rsqrt(variance + 1e-3)
        mean, factor, offset = (
            jnp.expand_dims(v, dims) for v in (mean, factor, offset))
        y = ((wide - mean) * factor + offset).astype(x.dtype)
        return nn.relu(y + addend[0]) if addend else y

    def ours(x: jnp.ndarray, scale: jnp.ndarray, offset: jnp.ndarray,
             *addend: jnp.ndarray) -> jnp.ndarray:
        fused = {"epilogue": "add_relu", "addend": addend[0]} if addend else {}
        return bn_mlir.jax.training(x, scale, offset, axis=axis, **fused)[0]

    parameters = jnp.ones(shape[1]), jnp.zeros(shape[1])
    return {name: jit_passes(function, parameters, options, shape, axis)
            for name, function in (("stock", stock), ("ours", ours))}
