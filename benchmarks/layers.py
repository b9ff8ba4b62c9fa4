#!/usr/bin/env python3
# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A framework's own layer and ours: forward and backward, as a user has them.

Usage: PYTHONPATH=build/python_packages benchmarks/layers.py --framework torch

With jax, stock is the definition written in jax.numpy; with flax and keras,
their layers. Keras runs on --backend, or on what KERAS_BACKEND says.

Both run in one process, in turns: a block of calls of each per round, every
other round in the opposite order, with a pause before each block in which
thread pools fall asleep. The ratio is the median over the rounds of ours /
stock; the times are medians, too. Memory for results is what each asks for:
most of stock's time may be page faults, which glibc spares it where
GLIBC_TUNABLES sets glibc.malloc.mmap_threshold and trim_threshold to 2**33.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

from bnbench.cases import SETS, parse_shape
from layer_calls import FRAMEWORKS, Calls, make_calls

PAUSE_SECONDS = 0.02


def measure_block(call: Callable[[], object], count: int) -> float:
    """Seconds per call, after one that is not measured."""
    time.sleep(PAUSE_SECONDS)
    call()
    begin = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begin) / count


def measure(calls: Calls, rounds: int,
            block_seconds: float) -> tuple[float, float, float]:
    """Seconds of stock, seconds of ours, and the ratio of ours to stock."""
    counts = {name: max(3, math.ceil(block_seconds / measure_block(call, 1)))
              for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    for _ in range(rounds):
        for name in order:
            times[name].append(measure_block(calls[name], counts[name]))
        order.reverse()
    ratios = [b / a for a, b in zip(times["stock"], times["ours"])]
    return (statistics.median(times["stock"]),
            statistics.median(times["ours"]), statistics.median(ratios))


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, default="torch")
    parser.add_argument("--backend", choices=["tensorflow", "torch", "jax"],
                        help="of Keras")
    parser.add_argument("--jit-compile", action="store_true",
                        help="stock in Keras on TensorFlow is compiled by XLA")
    parser.add_argument("--layer", default="batch_norm",
                        choices=["batch_norm", "batch_norm_add_relu"])
    parser.add_argument("--shapes", nargs="*", default=SETS["resnet50"],
                        metavar="NxCxHxW")
    parser.add_argument("--layout", choices=["nchw", "nhwc"], default="nchw")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--block-ms", type=float, default=20)
    return parser.parse_args()


def main() -> None:
    """Prints a row per shape, and the geometric mean of the ratios."""
    options = parse_arguments()
    print(", ".join(filter(None, [
        options.framework, options.backend, options.layer, options.dtype,
        options.layout, f"{options.threads} threads"])) + "\n")
    print("| shape | stock ms | ours ms | ours / stock |\n|---|---|---|---|")
    ratios = []
    for shape in options.shapes:
        calls = make_calls(parse_shape(shape), options)
        stock, ours, ratio = measure(
            calls, options.rounds, options.block_ms / 1e3)
        ratios.append(ratio)
        print(f"| {shape} | {stock * 1e3:.3f} | {ours * 1e3:.3f} "
              f"| {ratio:.2f} |", flush=True)
    print(f"| geometric mean | | | {statistics.geometric_mean(ratios):.2f} |")


if __name__ == "__main__":
    main()
