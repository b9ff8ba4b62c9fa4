# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Batch normalization in JAX, as a custom call of XLA on the CPU.

The functions of :mod:`bn_mlir`, to be used inside of ``jax.jit``, ``jax.grad``,
``jax.vmap`` and ``jax.shard_map``. Gradients are those of the compiler's own
``backward``.

In three layers: `functional` checks what a caller gives, `_gradients` has the
derivatives, `_custom_call` puts a kernel into a program of XLA.
"""

try:
    import jax as _jax  # noqa: F401
except ImportError as error:
    raise ImportError(
        "expected JAX to be installed, which bn_mlir.jax needs, got none: "
        "'pip install jax' installs it"
    ) from error

from bn_mlir.jax.functional import batch_norm, inference, stats, training

__all__ = ["batch_norm", "inference", "stats", "training"]
