"""bn-mlir from Python: the package `bn_mlir`.

Results go into given arrays, or (`pool`) into memory of the package's pool.
"""

from __future__ import annotations

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

    results: list = []
    options = {"axis": case.axis, "epsilon": EPSILON}
    if case.epilogue:
        options |= {"epilogue": case.epilogue, "slope": SLOPE}
    if case.kind == "backward":
        grads = [allocate((case.channels,), case.parameter_dtype)
                 for _ in "so"]
        if case.adds:
            grads.append(data.addend_grad)
            options["which"] = ("input", "scale", "offset", "addend")
        if case.has_relu:
            options["output"] = data.saved
        arguments = (data.output_grad, data.x, data.scale, data.mean,
                     data.variance)

        def differentiate() -> None:
            bn_mlir.backward(*arguments, out=(data.output, *grads), **options)

        def differentiate_pool() -> None:
            results[:] = bn_mlir.backward(*arguments, **options)

        return {"": Variant(differentiate, lambda: data.output),
                "pool": Variant(differentiate_pool, lambda: results[0])}
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

    return {"": Variant(train, lambda: data.output, lambda: (mean, variance)),
            "pool": Variant(train_pool, lambda: results[0])}
