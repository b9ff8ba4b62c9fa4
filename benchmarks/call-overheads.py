#!/usr/bin/env python3
# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a call from Python costs, and what memory a result is given.

Usage: PYTHONPATH=build/python_packages benchmarks/call-overheads.py

The first table: calls with arrays so small (8x16, f32) that the kernel's own
time, some 0.1 us, does not count; the least of 30 means of 1000 calls. The
second: layers of PyTorch on 2x16x3x3, torch.nn's and ours in turns; the least
of 30 means of 300 calls. The third: inference on 50x64x56x56 f32 (40 MB) with
memory for the result from different places; the median of 25 calls.
"""

import statistics
import time
import timeit

import numpy as np

import bn_mlir


def small_calls(name, x, c, empty_like):
    """Prints a row per call with `x` and one value `c` per channel."""
    out = empty_like(x)
    calls = {
        "inference": lambda: bn_mlir.inference(x, c, c, c, c),
        "training": lambda: bn_mlir.training(x, c, c, c, c),
    }
    if name != "JAX":
        calls["inference, out="] = lambda: bn_mlir.inference(
            x, c, c, c, c, out=out
        )
        calls["training, out="] = lambda: bn_mlir.training(
            x, c, c, out=(out, c1, c2)
        )
        c1, c2 = empty_like(c), empty_like(c)
    for call, function in calls.items():
        function()
        number = 50 if name == "JAX" else 1000
        best = min(timeit.repeat(function, number=number, repeat=30)) / number
        print(f"| {name} | {call} | {best * 1e6:.1f} |")


def small_table():
    """Prints the table of small calls."""
    print("| arrays | call | us |\n|---|---|---|")
    x, c = np.ones((8, 16), np.float32), np.ones(16, np.float32)
    small_calls("NumPy", x, c, np.empty_like)
    try:
        import torch
    except ImportError:
        print("| PyTorch | not installed | |")
    else:
        small_calls(
            "PyTorch", torch.ones(8, 16), torch.ones(16), torch.empty_like
        )
    try:
        import jax.numpy as jnp
    except ImportError:
        print("| JAX | not installed | |")
    else:
        small_calls(
            "JAX", jnp.asarray(x), jnp.asarray(c), lambda array: array
        )


def layer_table():
    """Prints the table of PyTorch's layers."""
    try:
        import torch

        import bn_mlir.torch
    except ImportError:
        return
    torch.set_num_threads(1)
    x = torch.randn(2, 16, 3, 3, requires_grad=True)
    dy = torch.ones_like(x)
    layers = torch.nn.BatchNorm2d(16), bn_mlir.torch.BatchNorm2d(16)
    print("\n| layer of PyTorch | torch.nn us | ours us | ours / torch.nn |")
    print("|---|---|---|---|")

    def passes(layer):
        torch.autograd.grad(layer(x), [x, *layer.parameters()], dy)

    def forward(layer):
        with torch.no_grad():
            layer(x)

    for call, function, training in (
        ("evaluation", forward, False),
        ("training, forward", forward, True),
        ("training, forward and backward", passes, True),
    ):
        best = [float("inf")] * 2
        for _ in range(30):
            for i, layer in enumerate(layers):
                layer.train(training)
                seconds = timeit.timeit(lambda: function(layer), number=300)
                best[i] = min(best[i], seconds / 300)
        stock, ours = best
        print(f"| {call} | {stock * 1e6:.1f} | {ours * 1e6:.1f} "
              f"| {ours / stock:.2f} |")


def median(function):
    """Returns the median time of 25 calls in milliseconds."""
    times = []
    for _ in range(25):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3


def memory_table():
    """Prints the table of memory for results."""
    x = np.random.default_rng(0).standard_normal((50, 64, 56, 56), np.float32)
    c, out = np.ones(64, np.float32), np.ones_like(x)

    def call(out=None):
        bn_mlir.inference(x, c, c, c, c, axis=1, out=out)

    def fresh():
        bn_mlir.clear_pool()
        call()

    call()
    print("\n| the result's memory | ms |\n|---|---|")
    print(f"| out=, in use before | {median(lambda: call(out)):.1f} |")
    print(f"| the pool's, in use before | {median(call):.1f} |")
    print(f"| the pool's, fresh from the system | {median(fresh):.1f} |")
    print(f"| np.empty | {median(lambda: call(np.empty_like(x))):.1f} |")


if __name__ == "__main__":
    small_table()
    layer_table()
    memory_table()
