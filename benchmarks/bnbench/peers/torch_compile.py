"""torch.compile (Inductor) of torch.nn.functional.batch_norm, static shapes."""

from __future__ import annotations

from ..arrays import Data
from ..cases import EPSILON, Case
from . import KEEP_BLOCKS, Unsupported, Variant
from ._torch import Arguments, to_memory

NAME = "torch.compile"
MODULES = ("torch",)
PACKAGES = ("torch",)


def environment(threads: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(threads), **KEEP_BLOCKS}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import torch
    import torch._dynamo

    if case.kind == "backward":
        raise Unsupported("backward is not measured yet")
    # By default it stops compiling after eight shapes.
    torch._dynamo.reset()
    a = Arguments(case, data)
    training = case.kind == "training"

    def function(x, scale, offset, mean, variance):
        return torch.ops.aten.native_batch_norm.default(
            x, scale, offset, mean, variance, training, 0.1, EPSILON)

    compiled = torch.compile(function, dynamic=False, fullgraph=True)
    statistics = (None, None) if training else (a.mean, a.variance)

    @torch.inference_mode()
    def call() -> None:
        a.results = ()
        a.keep(*compiled(a.x, a.scale, a.offset, *statistics))

    return {"": Variant(call, lambda: to_memory(a.results[0], case),
                        a.get_statistics if training else None)}
