# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The options of the process, and the only reader of its environment.

``config`` holds the options; `KNOBS` lists them with the variables of the
environment that set them when the package is imported.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bn_mlir._core import Config, config

__all__ = ["KNOBS", "Config", "config", "read_environment", "scope"]


def _to_bool(text: str) -> bool:
    words = {"0": False, "false": False, "1": True, "true": True}
    if text.lower() not in words:
        raise ValueError(f"expected 0 or 1, got '{text}'")
    return words[text.lower()]


def _to_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected an integer, got '{text}'") from None


def _to_bytes(text: str) -> int:
    units = {"k": 10, "m": 20, "g": 30}
    shift = units.get(text[-1:].lower(), 0)
    try:
        return int(text[:-1] if shift else text) << shift
    except ValueError:
        raise ValueError(
            f"expected an integer, with k, m or g behind it for KiB, MiB or "
            f"GiB, got '{text}'"
        ) from None


#: For each option the variable that sets it, and how its text is read.
KNOBS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "threads": ("BN_THREADS", _to_int),
    "disk_cache": ("BN_DISK_CACHE", _to_bool),
    "cache_dir": ("BN_CACHE_DIR", str),
    "dump_dir": ("BN_DUMP_DIR", str),
    "cpu": ("BN_CPU", str),
    "features": ("BN_FEATURES", str),
    "opt_level": ("BN_OPT_LEVEL", _to_int),
    "perf": ("BN_PERF", _to_bool),
    "gdb": ("BN_GDB", _to_bool),
    "pool_limit": ("BN_POOL_LIMIT", _to_bytes),
}


def read_environment(environment: Mapping[str, str]) -> None:
    """Sets the options that `environment` names.

    :raises ValueError: a variable cannot be read; the message names it.
    """
    for name, (variable, convert) in KNOBS.items():
        text = environment.get(variable, "")
        if not text:
            continue
        try:
            setattr(config, name, convert(text))
        except ValueError as error:
            raise ValueError(f"{variable}: {error}") from None


@contextlib.contextmanager
def scope(**options: Any) -> Iterator[Config]:
    """Sets options for the time of a ``with`` block.

    They hold for the whole process, not only for the thread of the block.
    """
    unknown = options.keys() - KNOBS.keys()
    if unknown:
        raise TypeError(
            f"expected options among {', '.join(KNOBS)}, "
            f"got {', '.join(sorted(unknown))}"
        )
    before = {name: getattr(config, name) for name in options}
    try:
        for name, value in options.items():
            setattr(config, name, value)
        yield config
    finally:
        for name, value in before.items():
            setattr(config, name, value)


read_environment(os.environ)
