"""torch.compile (Inductor) of the operators behind BatchNorm2d, static shapes.

The gradients are a function of their own, as they are when a compiled layer is
trained: what the forward call saved are arguments. With an epilogue there is
also `joint`: the gradients that PyTorch derives from the compiled layer and its
epilogue, where the compiler itself decides what is saved.
"""

from __future__ import annotations

from ..arrays import Data
from ..cases import EPSILON, Case
from . import KEEP_BLOCKS, Variant
from ._torch import Arguments, apply_epilogue, get_differentiate, to_memory

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

    if case.kind == "backward":
        variants = {"": a.make_gradients(torch.compile(
            get_differentiate(case), dynamic=False, fullgraph=True))}
        if case.epilogue:
            variants["joint"] = make_joint(case, a)
        return variants

    def function(x, scale, offset, mean, variance, addend):
        y, *saved = torch.ops.aten.native_batch_norm.default(
            x, scale, offset, mean, variance, training, 0.1, EPSILON)
        return apply_epilogue(y, addend, case), *saved

    compiled = torch.compile(function, dynamic=False, fullgraph=True)
    statistics = (None, None) if training else (a.mean, a.variance)

    @torch.inference_mode()
    def call() -> None:
        a.results = ()
        a.keep(*compiled(a.x, a.scale, a.offset, *statistics, a.addend))

    return {"": Variant(call, lambda: to_memory(a.results[0], case),
                        a.get_statistics if training else None)}


def make_joint(case: Case, a: Arguments) -> Variant:
    """The backward part of the joint graph of forward and backward."""
    import torch
    import torch._functorch.config

    # Otherwise the gradients of one forward call can be had only once.
    torch._functorch.config.donated_buffer = False

    def forward(x, scale, offset, addend):
        y = torch.nn.functional.batch_norm(
            x, None, None, scale, offset, True, 0.1, EPSILON)
        return apply_epilogue(y, addend, case)

    leaves = [t.detach().requires_grad_() for t in (a.x, a.scale, a.offset)]
    addend = a.addend.detach().requires_grad_() if case.adds else None
    y = torch.compile(forward, dynamic=False, fullgraph=True)(*leaves, addend)
    inputs = leaves + ([addend] if case.adds else [])

    def call() -> None:
        a.results = ()
        a.keep(*torch.autograd.grad(y, inputs, a.output_grad,
                                    retain_graph=True))

    return Variant(call, lambda: to_memory(a.results[0], case))
