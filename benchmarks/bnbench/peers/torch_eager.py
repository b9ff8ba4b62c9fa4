"""PyTorch as it runs without a compiler: the operator behind BatchNorm2d, and
for an epilogue the operators behind it.

`out` gives it memory for the result; otherwise it allocates one. Of gradients
there is no such variant: that operator's own `out` computes first, and copies.
"""

from __future__ import annotations

from ..arrays import Data
from ..cases import EPSILON, Case
from . import KEEP_BLOCKS, Variant
from ._torch import Arguments, apply_epilogue, get_differentiate, to_memory

NAME = "torch"
MODULES = ("torch",)
PACKAGES = ("torch",)


def environment(threads: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(threads), **KEEP_BLOCKS}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import torch

    a = Arguments(case, data)
    if case.kind == "backward":
        return {"": a.make_gradients(get_differentiate(case))}
    training = case.kind == "training"
    statistics = (None, None) if training else (a.mean, a.variance)
    arguments = (a.x, a.scale, a.offset, *statistics, training, 0.1, EPSILON)
    operator = torch.ops.aten.native_batch_norm
    saved = [torch.empty(case.channels if training else 0) for _ in "mv"]

    @torch.inference_mode()
    def call() -> None:
        a.results = ()
        y, *saved = operator.default(*arguments)
        a.keep(apply_epilogue(y, a.addend, case), *saved)

    @torch.inference_mode()
    def call_out() -> None:
        y, *_ = operator.out(*arguments, out=a.output, save_mean=saved[0],
                             save_invstd=saved[1])
        a.keep(apply_epilogue(y, a.addend, case), *saved)

    def output():
        return to_memory(a.results[0], case)

    read = a.get_statistics if training else None
    return {"": Variant(call, output, read),
            "out": Variant(call_out, output, read)}
