# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Has kernels run on the threads of PyTorch's operators, as many as they use.

A team of our own would find the cores taken: PyTorch's threads spin for a while
after each operator, and ours would have to be woken for each kernel.
"""

from __future__ import annotations

import ctypes

import torch

from bn_mlir import _core

#: PyTorch's interface in C for extensions; since version 2.10 with threads.
_FUNCTIONS = ("torch_parallel_for", "torch_get_num_threads")


def use_torch_threads() -> None:
    """Kernels run on PyTorch's threads from now on, whoever calls them.

    Those of our own are for PyTorch before version 2.10, and for forked
    processes; they leave the cores to PyTorch as soon as a kernel ends.
    """
    _core.let_threads_sleep()
    library = ctypes.CDLL(torch._C.__file__)
    if all(hasattr(library, name) for name in _FUNCTIONS):
        _core.use_torch_threads(*(
            ctypes.cast(getattr(library, name), ctypes.c_void_p).value
            for name in _FUNCTIONS))
