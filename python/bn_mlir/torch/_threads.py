# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels use as many threads as PyTorch's own.

PyTorch and the kernels usually have different OpenMP libraries, which know
nothing of each other. Each remembers a number per calling thread, so ours is
told where PyTorch's has changed.

The cores are PyTorch's again as soon as a kernel ends, so threads of ours do not
spin after it, as they would for 200 ms. To wake them takes as long as one thread
needs for some 1 MiB; less data is not shared out.
"""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

import torch

from bn_mlir import _core

#: A kernel with less data has one thread.
ONE_THREAD_BYTES = 1 << 20

# Asked for by way of the extension module: the process may hold functions of
# the same name in another OpenMP library.
_libraries = ctypes.CDLL(_core.__file__)
_set_num_threads = _libraries.omp_set_num_threads
_set_num_threads.argtypes = [ctypes.c_int]
_set_num_threads.restype = None
_set_blocktime = _libraries.kmp_set_blocktime
_set_blocktime.argtypes = [ctypes.c_int]
_set_blocktime.restype = None


def _get_address(library: Any, name: str) -> int | None:
    function = getattr(library, name, None)
    return ctypes.cast(function, ctypes.c_void_p).value if function else None


#: Whether PyTorch's operators are on our OpenMP library, which the user has
#: loaded before PyTorch's: there is nothing to tell it then.
IS_SHARED = (_get_address(ctypes.CDLL(None), "GOMP_parallel")
             == _get_address(_libraries, "GOMP_parallel"))


class _Told(threading.local):
    count = 0


_told = _Told()


def _forget() -> None:
    _told.count = 0


# The OpenMP library of a forked process begins anew.
os.register_at_fork(after_in_child=_forget)


def _tell(count: int) -> None:
    if _told.count != count:
        _set_num_threads(count)
        if "KMP_BLOCKTIME" not in os.environ:
            _set_blocktime(0)
        _told.count = count


class threads_for:
    """A context in which kernels that this thread calls with data like `x` use
    ``torch.get_num_threads()`` threads, or one. Behind it they use the former,
    whoever calls them.
    """

    __slots__ = ("_is_small",)

    def __init__(self, x: torch.Tensor):
        self._is_small = x.nbytes < ONE_THREAD_BYTES

    def __enter__(self) -> None:
        if not IS_SHARED:
            _tell(1 if self._is_small else torch.get_num_threads())

    def __exit__(self, *_: object) -> None:
        if self._is_small and not IS_SHARED:
            _tell(torch.get_num_threads())
