"""The process in which a peer runs: one peer, one shape, with the floor.

Usage: python -m bnbench.worker PEER FLOOR_LIBRARY, with a JSON line on standard
input for each request and one on standard output for each answer:

    {"case": ..., "rounds": N, "block_seconds": S}   prepare a case
        -> {"ready": [variants]} or {"unsupported": why} or {"error": what}
    {"go": true}                                     measure what is prepared
        -> {"figures": {variant: {...}}, "wrong": {variant: why}}
    {"accuracy": case, "offset": F}                  compare with float64
        -> {"errors": {variant: {"variance": E, "y": E}}} or as above

Whatever the peer itself prints goes to standard error.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pathlib
import sys
import traceback

import numpy as np

from . import accuracy, arrays, rounds
from .cases import Case
from .floor import Floor
from .peers import Unsupported, Variant

#: Largest error of y, or of the gradient of x, against float64: rounding of the result, and a little of
#: the computation. Accuracy is measured elsewhere (benchmarks/accuracy).
TOLERANCE = {"f64": 1e-9, "f32": 1e-3, "f16": 2e-2, "bf16": 1e-1}


def check(case: Case, data: arrays.Data, variant: Variant) -> str | None:
    """Returns what is wrong with a variant's result, or None."""
    variant.call()
    output = np.asarray(variant.output()).reshape(case.memory_shape)
    for channel in (0, case.channels // 2, case.channels - 1):
        expected = arrays.reference(case, data, channel)
        found = arrays.get_channel(output, case, channel)
        error = float(np.max(np.abs(found - expected)))
        if not error <= TOLERANCE[case.dtype]:
            return f"channel {channel} is off by {error:.3g}"
    return None


def serve(peer: str, library: pathlib.Path, answer) -> None:
    module = importlib.import_module(f"{__package__}.peers.{peer}")
    variants: dict[str, Variant] = {}
    wrong: dict[str, str] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "accuracy" in request:
                variants = floor = data = None
                case = Case.from_json(request["accuracy"])
                answer({"errors": accuracy.measure(module, case,
                                                   request["offset"])})
            elif "case" in request:
                variants = wrong = data = floor = None
                gc.collect()
                case = Case.from_json(request["case"])
                data = arrays.Data(case)
                variants = module.prepare(case, data)
                found = {n: check(case, data, v) for n, v in variants.items()}
                wrong = {n: why for n, why in found.items() if why}
                floor = Floor(library, data.output, data.x, case.threads,
                              data.addend if data.output_grad is None
                              else data.output_grad)
                answer({"ready": sorted(variants)})
                settings = request["rounds"], request["block_seconds"]
            else:
                calls = {n: v.call for n, v in variants.items()
                         if n not in wrong}
                figures = rounds.measure(floor, calls, *settings)
                answer({"figures": figures, "wrong": wrong})
        except Unsupported as error:
            answer({"unsupported": str(error)})
        except Exception as error:  # the peer's own errors are of any type
            traceback.print_exc()
            answer({"error": f"{type(error).__name__}: {error}"[:300]})


def main() -> None:
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    serve(sys.argv[1], pathlib.Path(sys.argv[2]),
          lambda value: print(json.dumps(value), file=channel, flush=True))
    channel.flush()
    os._exit(0)  # some runtimes hang when they are taken down


if __name__ == "__main__":
    main()
