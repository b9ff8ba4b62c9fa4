#!/usr/bin/env python3
# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the first forward and backward pass with a new shape costs.

Usage: PYTHONPATH=build/python_packages benchmarks/first_calls.py

One process has an empty folder for kernels, the next what the first has left
there. Each makes a call with another shape, for what a framework does once, and
then measures, shape by shape, the first call of the framework's own layer and
of ours, as benchmarks/layers.py has them. What JAX and TensorFlow trace and
compile for a shape is part of the first call of both. So the same layers are
made anew and called again: the framework begins from the start, but our
kernels are in memory, and the difference is what they cost. Printed are the
median and the largest over the shapes, of the least of several such runs for
each.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

from bnbench.cases import parse_shape
from layer_calls import make_calls

#: Each has another schedule, or other tiles. The first is not measured.
SHAPES = ["3x5x6x7", "8x64x112x112", "8x256x56x56", "8x128x28x28",
          "8x1024x14x14", "8x2048x7x7", "4x96x15x15"]
LAYOUTS = ["nchw", "nhwc"]

#: Milliseconds of a kind of call, per shape.
Times = dict[str, list[float]]


def measure(function: Callable[[], object]) -> float:
    """Returns the milliseconds of a call."""
    begin = time.perf_counter()
    function()
    return (time.perf_counter() - begin) * 1e3


def measure_shapes(framework: str, shapes: Sequence[str]) -> Times:
    """Measures in this process."""
    options = argparse.Namespace(
        framework=framework, layer="batch_norm", dtype="float32",
        threads=os.cpu_count(), backend=None, jit_compile=False)
    times: Times = {}
    for index, shape in enumerate(shapes):
        for options.layout in LAYOUTS:
            for which in ("first", "again"):
                calls = make_calls(parse_shape(shape), options)
                for name, call in calls.items():
                    milliseconds = measure(call)
                    if index > 0:
                        times.setdefault(f"{name} {which}", []).append(
                            milliseconds)
    return times


def run_process(framework: str, shapes: Sequence[str],
                cache_dir: str) -> Times:
    """Has another process `measure_shapes`."""
    output = subprocess.run(
        [sys.executable, __file__, framework, "--in-this-process", "--shapes",
         *shapes], check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "BN_CACHE_DIR": cache_dir, "BN_DISK_CACHE": "1"})
    return json.loads(output.stdout.splitlines()[-1])


def run_pair(framework: str, shapes: Sequence[str]) -> dict[str, Times]:
    """Returns the times with an empty and with a filled folder."""
    with tempfile.TemporaryDirectory() as cache_dir:
        return {cache: run_process(framework, shapes, cache_dir)
                for cache in ("empty", "filled")}


def summarize(times: Sequence[float]) -> str:
    """The median and the largest."""
    return f"{statistics.median(times):.1f} ({max(times):.1f})"


def print_rows(framework: str, pairs: Sequence[dict[str, Times]]) -> None:
    """Prints a row for each of the two folders."""
    for cache, times in pairs[0].items():
        least = {kind: [min(values) for values in
                        zip(*(pair[cache][kind] for pair in pairs))]
                 for kind in times}
        kernels = [first - again for first, again in
                   zip(least["ours first"], least["ours again"])]
        rows = [least["stock first"], least["ours first"],
                least["ours again"], kernels]
        print(f"| {framework}, {cache} |", " | ".join(map(summarize, rows)),
              "|", flush=True)


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frameworks", nargs="*",
                        default=["torch", "jax", "flax", "keras"])
    parser.add_argument("--shapes", nargs="*", default=SHAPES,
                        metavar="NxCxHxW")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--in-this-process", action="store_true",
                        help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Prints two rows per framework."""
    options = parse_arguments()
    if options.in_this_process:
        print(json.dumps(
            measure_shapes(options.frameworks[0], options.shapes)))
        return
    print("| ms: median (largest) | stock | ours | ours, kernels in memory "
          "| our kernels |\n|---|---|---|---|---|")
    for framework in options.frameworks:
        print_rows(framework, [run_pair(framework, options.shapes)
                               for _ in range(options.repeat)])


if __name__ == "__main__":
    main()
