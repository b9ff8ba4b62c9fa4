"""Rounds: a block of the floor and one of each candidate, again and again.

Memory is shared with neighbours and its speed moves by a factor of two within
minutes, so that only times of one round are compared. Thread pools spin for a
while after a call: a pause before each block lets them fall asleep.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

from .floor import Floor, measure_block, plan_block

PAUSE_SECONDS = 0.02


def measure(floor: Floor, calls: Mapping[str, Callable[[], object]],
            rounds: int, block_seconds: float) -> dict[str, dict[str, float]]:
    """Returns the figures of each call: times in seconds, ratios to the floor."""
    floor.plan(block_seconds)
    plans = {}
    for name, call in calls.items():
        time.sleep(PAUSE_SECONDS)
        plans[name] = plan_block(call, block_seconds)
    times: dict[str, list[float]] = {name: [] for name in calls}
    floors: list[float] = []
    streaming = 0
    order = list(calls)
    for _ in range(rounds):
        time.sleep(PAUSE_SECONDS)
        both = floor.measure()
        floors.append(min(both))
        streaming += both[1] < both[0]
        for name in order:
            time.sleep(PAUSE_SECONDS)
            times[name].append(measure_block(calls[name], plans[name]))
        order.reverse()
    return {name: summarize(times[name], floors, streaming / rounds)
            for name in calls}


def summarize(times: list[float], floors: list[float],
              streaming: float) -> dict[str, float]:
    ratios = [time / floor for time, floor in zip(times, floors)]
    figures = {
        "time_min": min(times), "time_median": statistics.median(times),
        "floor_min": min(floors), "floor_median": statistics.median(floors),
        "floor_streaming": streaming,
        "ratio": statistics.median(ratios), "ratio_best": min(ratios),
    }
    return {name: float(f"{value:.4g}") for name, value in figures.items()}
