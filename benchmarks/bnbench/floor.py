"""The floor of kernel/Floor.h: what memory allows, by the very same loops."""

from __future__ import annotations

import ctypes
import dataclasses
import pathlib
import time
from collections.abc import Callable

import numpy as np

#: A sample is long against reading the clock, and against a Python call.
SAMPLE_SECONDS = 20e-6


@dataclasses.dataclass(frozen=True)
class BlockPlan:
    """A block takes `samples` times, each of `batch` calls."""

    samples: int
    batch: int

    @staticmethod
    def of(call_seconds: float, block_seconds: float) -> BlockPlan:
        call_seconds = max(call_seconds, 50e-9)
        batch = max(1, -int(-SAMPLE_SECONDS // call_seconds))
        samples = max(3, -int(-block_seconds // (call_seconds * batch)))
        return BlockPlan(samples, batch)


def measure_block(call: Callable[[], object], plan: BlockPlan) -> float:
    """Seconds per call: the median of the samples after an unmeasured call."""
    clock = time.perf_counter
    call()
    times = []
    for _ in range(plan.samples):
        start = clock()
        for _ in range(plan.batch):
            call()
        times.append((clock() - start) / plan.batch)
    return sorted(times)[len(times) // 2]


def plan_block(call: Callable[[], object], block_seconds: float) -> BlockPlan:
    """Plans blocks of at least `block_seconds` and three calls."""
    call()
    seconds = measure_block(call, BlockPlan(1, 1))
    if seconds < SAMPLE_SECONDS:
        seconds = measure_block(call, BlockPlan(1, 16))
    return BlockPlan.of(seconds, block_seconds)


class Floor:
    """The floor of given arrays, by default with one input."""

    def __init__(self, library: pathlib.Path, output: np.ndarray,
                 first: np.ndarray, threads: int,
                 second: np.ndarray | None = None):
        self._arrays = (output, first, second)  # keep them alive
        function = ctypes.CDLL(str(library)).bnFloorBlock
        function.restype = ctypes.c_double
        function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int64] + [
            ctypes.c_int32] * 4
        pointers = [None if a is None else a.ctypes.data for a in self._arrays]
        self._block = lambda streaming, plan: function(
            *pointers, output.nbytes, threads, streaming, plan.samples,
            plan.batch)
        self._plans = (BlockPlan(1, 1), BlockPlan(1, 1))

    def plan(self, block_seconds: float) -> None:
        """Must be called once, while the machine is quiet."""
        self._plans = tuple(
            BlockPlan.of(self._block(streaming, BlockPlan(3, 1)), block_seconds)
            for streaming in (0, 1))

    def measure(self) -> tuple[float, float]:
        """Seconds of a call with ordinary and with streaming stores."""
        ordinary, streaming = (
            self._block(streaming, self._plans[streaming])
            for streaming in (0, 1))
        return ordinary, streaming
