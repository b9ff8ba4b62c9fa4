"""bn-mlir from Python: the package `bn_mlir`.

Results go into given arrays, or (`pool`) into memory of the package's pool.
Gradients of a ReLU read its output, or (`recomputed`) compute its sign again, or
(`bits`) read bits that training has saved.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..arrays import Data, allocate
from ..cases import EPSILON, SLOPE, Case
from . import Variant

NAME = "bn_mlir"
MODULES = ("bn_mlir",)
PACKAGES = ("bn_mlir",)


def environment(threads: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(threads)}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import bn_mlir

    options = {"axis": case.axis, "epsilon": EPSILON}
    if case.epilogue:
        options |= {"epilogue": case.epilogue, "slope": SLOPE}
    if case.kind == "backward":
        return prepare_gradients(bn_mlir.backward, case, data, options)
    results: list = []
    if case.adds:
        options["addend"] = data.addend
    if case.kind == "inference":
        def call() -> None:
            bn_mlir.inference(data.x, data.scale, data.offset, data.mean,
                              data.variance, out=data.output, **options)

        def call_pool() -> None:
            results[:] = [bn_mlir.inference(
                data.x, data.scale, data.offset, data.mean, data.variance,
                **options)]

        return {"": Variant(call, lambda: data.output),
                "pool": Variant(call_pool, lambda: results[0])}

    kind = case.parameter_dtype
    mean, variance = (allocate((case.channels,), kind) for _ in "mv")
    out = (data.output, mean, variance)

    def train() -> None:
        bn_mlir.training(data.x, data.scale, data.offset, out=out, **options)

    def train_pool() -> None:
        results[:] = bn_mlir.training(data.x, data.scale, data.offset,
                                      **options)

    variants = {
        "": Variant(train, lambda: data.output, lambda: (mean, variance)),
        "pool": Variant(train_pool, lambda: results[0])}
    if case.may_save_bits:
        bits = np.zeros(case.elements // 8, np.int8)
        variants["bits"] = Variant(
            partial(bn_mlir.training, data.x, data.scale, data.offset,
                    save_bits=True, out=(*out, bits), **options),
            lambda: data.output)
    return variants


def prepare_gradients(backward: Callable, case: Case, data: Data,
                      options: dict) -> dict[str, Variant]:
    """Into given arrays, into the pool's, and with a ReLU's sign recomputed."""
    results: list = []
    out = [data.output]
    out += [allocate((case.channels,), case.parameter_dtype) for _ in "so"]
    if case.adds:
        out.append(data.addend_grad)
        options = options | {"which": ("input", "scale", "offset", "addend")}
    call = partial(backward, data.output_grad, data.x, data.scale, **options)
    statistics = (data.mean, data.variance)
    state = {"output": data.saved} if case.has_relu else {}

    def call_pool() -> None:
        results[:] = call(*statistics, **state)

    variants = {
        "": Variant(partial(call, *statistics, out=out, **state),
                    lambda: data.output),
        "pool": Variant(call_pool, lambda: results[0]),
    }
    if case.has_relu and not case.adds:
        # As a user has them from the forward call. These were rounded, but no
        # gradient comes from where that decides a sign.
        wide = [array.astype("float64") for array in statistics]
        variants["recomputed"] = Variant(
            partial(call, *wide, offset=data.offset, out=out),
            lambda: data.output)
    if case.may_save_bits:
        # In the order of memory.
        bits = np.packbits(np.asarray(data.saved).reshape(-1) > 0,
                           bitorder="little").view(np.int8)
        variants["bits"] = Variant(
            partial(call, *statistics, bits=bits, out=out),
            lambda: data.output)
    return variants
