# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Batch normalization, compiled for this machine and this very layer.

Functions take arrays of NumPy, or any with DLPack (PyTorch, JAX), without
copying them, and return arrays of the framework of ``x``. The first call for a
shape compiles a kernel; later ones find it in about a microsecond.
"""

try:
    import numpy as _numpy  # noqa: F401
except ImportError as error:
    raise ImportError(
        "expected NumPy for bn_mlir, got none: install 'numpy', or use the "
        "Python of build/venv"
    ) from error

from bn_mlir import _libraries, knobs  # noqa: F401
from bn_mlir._core import (
    CompileError,
    Kernel,
    KernelIR,
    Spec,
    backward,
    backward_input,
    backward_reduce,
    clear_kernels,
    clear_pool,
    compile,
    compile_statistics,
    inference,
    merge_stats,
    normalize,
    pool_statistics,
    renormalization,
    renormalization_backward,
    stats,
    training,
    update_running_stats,
)
from bn_mlir._core import version as __version__
from bn_mlir.knobs import config

__all__ = [
    "CompileError",
    "Kernel",
    "KernelIR",
    "Spec",
    "__version__",
    "backward",
    "backward_input",
    "backward_reduce",
    "clear_kernels",
    "clear_pool",
    "compile",
    "compile_statistics",
    "config",
    "inference",
    "knobs",
    "merge_stats",
    "normalize",
    "pool_statistics",
    "renormalization",
    "renormalization_backward",
    "stats",
    "training",
    "update_running_stats",
]
