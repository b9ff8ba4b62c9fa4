"""The peers, one small module each. A module has:

NAME          how it is called in tables
MODULES       the Python modules it needs
DISTRIBUTIONS the packages it needs that have no module; may be missing
PACKAGES      the distributions whose versions are written down
environment(threads) -> dict[str, str]
              what must be set before the process starts
prepare(case, data) -> dict[str, Variant]
              ways to compute the case; raises Unsupported

Nothing heavy is imported before `prepare`. Modules may hold to `data`, whose
arrays are in memory order.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..cases import Case


class Unsupported(Exception):
    """The peer has no way to compute the case."""


def refuse_epilogue(case: Case) -> None:
    """For peers that are not measured with one; raises Unsupported."""
    if case.epilogue:
        raise Unsupported(f"{case.epilogue} is not measured")


@dataclasses.dataclass(frozen=True)
class Variant:
    """A call that computes the case, and where its last results are.

    `output` returns y, or the gradient of x, as an array of C order in memory
    order; `statistics` mean and variance of training, where the peer gives them.
    """

    call: Callable[[], Any]
    output: Callable[[], Any]
    statistics: Callable[[], tuple[Any, Any]] | None = None


#: Large blocks of glibc stay with the process and get huge pages: a peer that
#: allocates its result would otherwise be measured at the speed of page faults.
KEEP_BLOCKS = {
    "GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.arena_max=1:"
                      "glibc.malloc.trim_threshold=68719476736:"
                      "glibc.malloc.hugetlb=1",
}


def get_names() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(__path__)
                  if not m.name.startswith("_"))


def load(name: str) -> ModuleType:
    if name not in get_names():
        raise ValueError(
            f"expected a peer of {', '.join(get_names())}, got '{name}'")
    return importlib.import_module(f"{__name__}.{name}")


def get_missing(peer: ModuleType) -> list[str]:
    """What a peer needs and is not installed."""
    return [m for m in peer.MODULES if not has_module(m)] + [
        p for p in getattr(peer, "DISTRIBUTIONS", ()) if not has_package(p)]


def has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def has_package(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def get_version(peer: ModuleType) -> str:
    versions = []
    for package in peer.PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(package)
    return ", ".join(versions)
