#!/usr/bin/env python3
# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A framework's own layer and ours: forward and backward, as a user has them.

Usage: PYTHONPATH=build/python_packages benchmarks/layers.py --framework torch

With jax, stock is the definition written in jax.numpy; with flax, its layer.

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
import os
import statistics
import time
from collections.abc import Callable, Mapping

from bnbench.cases import SETS

#: Stock's layer and ours, by the names "stock" and "ours": each call is a
#: forward and a backward pass.
Calls = Mapping[str, Callable[[], object]]

PAUSE_SECONDS = 0.02


def make_torch(shape: tuple[int, ...], options: argparse.Namespace) -> Calls:
    """torch.nn.BatchNorm2d, on its own or with an addition and a ReLU."""
    import torch

    import bn_mlir.torch as ours

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    channels, dtype = shape[1], getattr(torch, options.dtype)

    def make_data() -> torch.Tensor:
        data = torch.randn(shape, dtype=dtype)
        if options.layout == "nhwc":
            data = data.to(memory_format=torch.channels_last)
        return data

    x, addend, output_grad = (make_data() for _ in range(3))
    x.requires_grad_(), addend.requires_grad_()
    stock = torch.nn.BatchNorm2d(channels)
    if options.layer == "batch_norm":
        layer, others = ours.BatchNorm2d(channels), []
        forward = stock
    else:
        layer, others = ours.BatchNormAddReLU2d(channels), [addend]
        forward = lambda x, addend: (stock(x) + addend).relu_()  # noqa: E731

    def make_call(function: Callable, module: torch.nn.Module) -> Callable:
        wanted = [x, *others, *module.parameters()]
        return lambda: torch.autograd.grad(
            function(x, *others), wanted, output_grad)

    return {"stock": make_call(forward, stock),
            "ours": make_call(layer, layer)}


def jit_passes(function: Callable, parameters: tuple,
               options: argparse.Namespace, shape: tuple[int, ...],
               axis: int) -> Callable:
    """Forward and backward of `function`, of input, parameters and, with the
    addition and the ReLU, the addend, in one jax.jit.
    """
    import jax

    def passes(output_grad: jax.Array, *arrays: object) -> tuple:
        y, pull = jax.vjp(function, *arrays)
        return y, *pull(output_grad)

    if axis != 1:
        shape = (shape[0], *shape[2:], shape[1])
    x, addend, output_grad = (
        jax.random.normal(key, shape, options.dtype)
        for key in jax.random.split(jax.random.key(0), 3))
    others = () if options.layer == "batch_norm" else (addend,)
    jitted = jax.jit(passes)
    return lambda: jax.block_until_ready(
        jitted(output_grad, x, *parameters, *others))


def import_jax(options: argparse.Namespace) -> int:
    """Has JAX and ours use the threads; returns the dimension of channels."""
    os.environ["NPROC"] = str(options.threads)
    import bn_mlir

    bn_mlir.config.threads = options.threads
    return 1 if options.layout == "nchw" else -1


def make_jax(shape: tuple[int, ...], options: argparse.Namespace) -> Calls:
    """The definition in jax.numpy, alone or with an addition and a ReLU."""
    axis = import_jax(options)
    import jax.numpy as jnp
    from jax import lax, nn

    import bn_mlir.jax

    dims = (0, 2, 3) if axis == 1 else (0, 1, 2)

    def stock(x: jnp.ndarray, scale: jnp.ndarray, offset: jnp.ndarray,
              *addend: jnp.ndarray) -> jnp.ndarray:
        wide = x.astype(jnp.float32)
        mean, variance = wide.mean(dims), wide.var(dims)
        factor = scale * lax.rsqrt(variance + 1e-3)
        mean, factor, offset = (
            jnp.expand_dims(v, dims) for v in (mean, factor, offset))
        y = ((wide - mean) * factor + offset).astype(x.dtype)
        return nn.relu(y + addend[0]) if addend else y

    def ours(x: jnp.ndarray, scale: jnp.ndarray, offset: jnp.ndarray,
             *addend: jnp.ndarray) -> jnp.ndarray:
        fused = {"epilogue": "add_relu", "addend": addend[0]} if addend else {}
        return bn_mlir.jax.training(x, scale, offset, axis=axis, **fused)[0]

    parameters = jnp.ones(shape[1]), jnp.zeros(shape[1])
    return {name: jit_passes(function, parameters, options, shape, axis)
            for name, function in (("stock", stock), ("ours", ours))}


def make_flax(shape: tuple[int, ...], options: argparse.Namespace) -> Calls:
    """flax.nnx.BatchNorm, on its own or with an addition and a ReLU."""
    axis = import_jax(options)
    import jax
    from flax import nnx

    import bn_mlir.flax

    def make_call(kind: type) -> Callable:
        layer = kind(shape[1], axis=axis, dtype=options.dtype,
                     rngs=nnx.Rngs(0))
        graph, parameters, running = nnx.split(
            layer, nnx.Param, nnx.BatchStat)

        def function(x: jax.Array, parameters: nnx.State,
                     *addend: jax.Array) -> jax.Array:
            # Copies belong to this trace, so that the layer may change them.
            mutable = jax.tree.map(jax.numpy.asarray, running)
            y = nnx.merge(graph, parameters, mutable)(x)
            return nnx.relu(y + addend[0]) if addend else y

        return jit_passes(function, (parameters,), options, shape, axis)

    return {"stock": make_call(nnx.BatchNorm),
            "ours": make_call(bn_mlir.flax.BatchNorm)}


FRAMEWORKS: dict[str, Callable[..., Calls]] = {
    "torch": make_torch, "jax": make_jax, "flax": make_flax}


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


def parse_shape(text: str) -> tuple[int, ...]:
    """Reads "50x64x56x56"."""
    return tuple(map(int, text.split("x")))


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, default="torch")
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
    print(f"{options.framework}, {options.layer}, {options.dtype}, "
          f"{options.layout}, {options.threads} threads\n")
    print("| shape | stock ms | ours ms | ours / stock |\n|---|---|---|---|")
    ratios = []
    for shape in options.shapes:
        calls = FRAMEWORKS[options.framework](parse_shape(shape), options)
        stock, ours, ratio = measure(
            calls, options.rounds, options.block_ms / 1e3)
        ratios.append(ratio)
        print(f"| {shape} | {stock * 1e3:.3f} | {ours * 1e3:.3f} "
              f"| {ratio:.2f} |", flush=True)
    print(f"| geometric mean | | | {statistics.geometric_mean(ratios):.2f} |")


if __name__ == "__main__":
    main()
