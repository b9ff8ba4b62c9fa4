"""JAX: batch normalization written in jax.numpy, compiled by XLA."""

from __future__ import annotations

import numpy as np

from ..arrays import Data
from ..cases import Case
from . import KEEP_BLOCKS, Variant
from ._jax import get_functions

NAME = "xla.jax"
MODULES = ("jax",)
PACKAGES = ("jax", "jaxlib")


def environment(threads: int) -> dict[str, str]:
    return {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1",
            "NPROC": str(threads), **KEEP_BLOCKS}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import jax

    arrays = [data.x, data.scale, data.offset]
    if case.kind == "backward":
        arrays = [data.output_grad, data.x, data.scale, data.mean,
                  data.variance]
    if case.kind == "inference":
        arrays += [data.mean, data.variance]
    extra = data.saved if case.kind == "backward" else data.addend
    if extra is not None:
        arrays.append(extra)
    arguments = [jax.device_put(array) for array in arrays]
    return {name: make_variant(jax.jit(function), arguments)
            for name, function in get_functions(case).items()}


def make_variant(function, arguments) -> Variant:
    results: list = []

    def call() -> None:
        results.clear()
        results.extend(function(*arguments))
        for result in results:
            result.block_until_ready()

    return Variant(call, lambda: np.asarray(results[0]),
                   lambda: (np.asarray(results[1]), np.asarray(results[2])))
