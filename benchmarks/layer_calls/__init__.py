# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A framework's own layer and ours, as functions to be timed.

Each module has `make_calls` for the framework it is named after.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Mapping

#: Stock's layer and ours, by the names "stock" and "ours": each call is a
#: forward and a backward pass, and returns the output and the gradients.
Calls = Mapping[str, Callable[[], object]]

FRAMEWORKS = ("torch", "jax", "flax", "keras")


def make_calls(shape: tuple[int, ...], options: argparse.Namespace) -> Calls:
    """The layers of `options.framework`, with data of a shape N, C, H, W."""
    module = importlib.import_module(f".{options.framework}", __name__)
    return module.make_calls(shape, options)
