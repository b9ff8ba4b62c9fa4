# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels use as many threads as PyTorch's own.

PyTorch and the kernels have different OpenMP libraries, which know nothing of
each other. Each remembers a number per calling thread, so ours is told where
PyTorch's has changed. Threads of ours do not spin after a kernel, as they would
for 200 ms, since the cores are PyTorch's then; KMP_BLOCKTIME overrides that.
"""

from __future__ import annotations

import ctypes
import os
import threading

import torch

from bn_mlir import _core

# Asked for by way of the extension module: the process may hold functions of
# the same name in another OpenMP library.
_libraries = ctypes.CDLL(_core.__file__)
_set_num_threads = _libraries.omp_set_num_threads
_set_num_threads.argtypes = [ctypes.c_int]
_set_num_threads.restype = None
_set_blocktime = _libraries.kmp_set_blocktime
_set_blocktime.argtypes = [ctypes.c_int]
_set_blocktime.restype = None


class _Told(threading.local):
    count = 0


_told = _Told()


def _forget() -> None:
    _told.count = 0


# The OpenMP library of a forked process begins anew.
os.register_at_fork(after_in_child=_forget)


def follow_torch() -> None:
    """Has kernels that this thread calls use ``torch.get_num_threads()``."""
    count = torch.get_num_threads()
    if _told.count != count:
        _set_num_threads(count)
        if "KMP_BLOCKTIME" not in os.environ:
            _set_blocktime(0)
        _told.count = count
