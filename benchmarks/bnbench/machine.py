"""The machine and the versions, in words."""

from __future__ import annotations

import os
import pathlib
import platform
from collections.abc import Iterable

from .results import Row

CPU = pathlib.Path("/sys/devices/system/cpu/cpu0/cache")


def get_cpu() -> str:
    """The name that the CPU gives itself, and the widest vectors we use."""
    fields = dict(
        (part.strip() for part in line.split(":", 1))
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        if ":" in line)
    flags = fields.get("flags", "").split()
    widest = next((name for flag, name in (
        ("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"))
        if flag in flags), "SSE2")
    return (f"{fields.get('model name', platform.machine())} "
            f"(family {fields.get('cpu family', '?')}, {widest})")


def get_caches() -> str:
    """"L1 32K, L2 512K, L3 32768K"."""
    found = []
    for cache in sorted(CPU.glob("index*")):
        kind = (cache / "type").read_text().strip()
        if kind != "Instruction":
            level = (cache / "level").read_text().strip()
            found.append(f"L{level} {(cache / 'size').read_text().strip()}")
    return ", ".join(found)


def describe() -> str:
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return (f"{get_cpu()}, {os.cpu_count()} cores, {get_caches()}; {system}, "
            f"Python {platform.python_version()}")


def describe_versions(rows: Iterable[Row]) -> str:
    """The versions of the peers that were measured."""
    versions = {part for row in rows if "ratio" in row
                for part in row["version"].split(", ")}
    return ", ".join(sorted(versions))
