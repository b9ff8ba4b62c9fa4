"""IREE: the StableHLO of peers/_jax.py, compiled for this machine's CPU."""

from __future__ import annotations

import numpy as np

from ..arrays import Data
from ..cases import Case
from . import KEEP_BLOCKS, Unsupported, Variant, refuse_epilogue
from ._jax import get_functions

NAME = "iree"
MODULES = ("iree.compiler", "iree.runtime", "jax")
PACKAGES = ("iree-base-compiler",)


def environment(threads: int) -> dict[str, str]:
    return {"JAX_PLATFORMS": "cpu", **KEEP_BLOCKS}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    refuse_epilogue(case)
    if case.kind == "backward":
        raise Unsupported("backward is not measured yet")
    if case.dtype != "f32":
        raise Unsupported("measured in f32 only")
    arrays = [data.x, data.scale, data.offset]
    if case.kind == "inference":
        arrays += [data.mean, data.variance]
    return {name: make_variant(case, function, arrays)
            for name, function in get_functions(case).items()}


def make_variant(case: Case, function, arrays) -> Variant:
    import iree.compiler as compiler
    import iree.runtime as runtime
    import jax

    text = jax.jit(function).lower(*arrays).as_text()
    binary = compiler.compile_str(
        text, input_type="stablehlo", target_backends=["llvm-cpu"],
        extra_args=["--iree-llvmcpu-target-cpu=host"])
    runtime.flags.FUNCTION_INPUT_VALIDATION = False
    runtime.flags.parse_flags(f"--task_topology_group_count={case.threads}")
    config = runtime.Config("local-task")
    module = runtime.load_vm_flatbuffer(binary, driver="local-task")
    arguments = [runtime.asdevicearray(config.device, a) for a in arrays]
    results: list = []

    def call() -> None:
        results.clear()
        found = module.main(*arguments)
        results.extend(found if isinstance(found, (list, tuple)) else [found])

    return Variant(call, lambda: results[0].to_host(),
                   lambda: tuple(np.asarray(r.to_host()) for r in results[1:]))
