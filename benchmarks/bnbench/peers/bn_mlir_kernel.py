"""bn-mlir's kernel alone, measured by bin/bn-kernel-benchmark.

Behind a ReLU of a sum, training writes bits of what that lets pass, and backward
reads them (`bits`), or reads the output.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile

from ..cases import Case
from . import Unsupported

NAME = "bn_mlir.kernel"
MODULES = ()
PACKAGES = ("bn_mlir",)


def measure(case: Case, rounds: int, block_seconds: float,
            build: pathlib.Path) -> dict[str, dict[str, float]]:
    """Returns the figures of each variant. The floor is in the binary, too."""
    variants = {"": []}
    if case.may_save_bits:
        variants["bits"] = ["--bits"]
    return {name: run(case, rounds, block_seconds, build, flags)
            for name, flags in variants.items()}


def run(case: Case, rounds: int, block_seconds: float, build: pathlib.Path,
        flags: list[str]) -> dict[str, float]:
    with tempfile.NamedTemporaryFile("r") as file:
        command = [
            str(build / "bin" / "bn-kernel-benchmark"), "--kind", case.kind,
            "--dtype", case.dtype, "--layout", case.layout, "--shape",
            case.shape_text, "--epilogue", case.epilogue or "none",
            "--threads", str(case.threads), "--rounds", str(rounds),
            "--block-ms", str(block_seconds * 1e3), "--json", file.name,
            *flags]
        found = subprocess.run(command, text=True, capture_output=True)
        line = file.readline()
    if not line:
        raise Unsupported((found.stderr or found.stdout)[-300:].strip())
    names = ("time_min", "time_median", "floor_min", "floor_median",
             "floor_streaming", "ratio", "ratio_best")
    return {n: float(f"{json.loads(line)[n]:.4g}") for n in names}
