"""torch.compile (Inductor) of the operators behind BatchNorm2d, static shapes.

The gradients are a function of their own, as they are when a compiled layer is
trained: what the forward call saved are arguments.
"""

from __future__ import annotations

from ..arrays import Data
from ..cases import EPSILON, Case
from . import KEEP_BLOCKS, Variant
from ._torch import Arguments, to_memory

NAME = "torch.compile"
MODULES = ("torch",)
PACKAGES = ("torch",)


def environment(threads: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(threads), **KEEP_BLOCKS}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import torch
    import torch._dynamo

    # By default it stops compiling after eight shapes.
    torch._dynamo.reset()
    a = Arguments(case, data)
    training = case.kind == "training"

    def gradients(*arguments):
        return torch.ops.aten.native_batch_norm_backward.default(*arguments)

    if case.kind == "backward":
        return {"": a.make_gradients(
            torch.compile(gradients, dynamic=False, fullgraph=True))}

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
