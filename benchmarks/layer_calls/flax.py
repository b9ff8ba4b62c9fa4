# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers of Flax, in a jax.jit."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from . import Calls
from .jax import import_jax, jit_passes


def make_calls(shape: tuple[int, ...], options: argparse.Namespace) -> Calls:
    """flax.nnx.BatchNorm, on its own or with an addition and a ReLU."""
    axis = import_jax(options)
    import jax
    from flax import nnx

    import bn_mlir.flax

    def make_call(kind: type) -> Callable:
        layer = kind(shape[1], axis=axis, dtype=options.dtype,
                     rngs=nnx.Rngs(0))
        graph, parameters, running = nnx.split(
            layer, nnx.Param, nnx.BatchStat)

        def function(x: jax.Array, parameters: nnx.State,
                     *addend: jax.Array) -> jax.Array:
            # Copies belong to this trace, so that the layer may change them.
            mutable = jax.tree.map(jax.numpy.asarray, running)
            y = nnx.merge(graph, parameters, mutable)(x)
            return nnx.relu(y + addend[0]) if addend else y

        return jit_passes(function, (parameters,), options, shape, axis)

    return {"stock": make_call(nnx.BatchNorm),
            "ours": make_call(bn_mlir.flax.BatchNorm)}
