"""Batch normalization, compiled for this machine and this very layer."""

from bn_mlir._core import (
    CompileError,
    __version__,
    backward,
    clear_kernels,
    clear_pool,
    inference,
    training,
)

__all__ = [
    "CompileError",
    "__version__",
    "backward",
    "clear_kernels",
    "clear_pool",
    "inference",
    "training",
]
