"""Renews the generated parts of the pages of results, and their plots.

There is one page for each machine: benchmarks/results has a folder for it. A
part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; the rest of
the page is written by hand.
"""

from __future__ import annotations

import pathlib
import re
import sys

from . import goals, machine, results, tables
from .cases import SETS
from .process import HERE

#: Peers are measured once, ours anew with every change.
RESULTS = ("peers.jsonl", "bn_mlir.jsonl")

#: The machines, and the page of each, without ".md".
PAGES = {"xeon": "Benchmarks", "zen3": "BenchmarksZen3",
         "zen4": "BenchmarksZen4", "zen5": "BenchmarksZen5"}


def make_parts(rows: list[results.Row], described: str) -> dict[str, str]:
    """The text of each part, by name; `described` is the machine."""
    resnet = [r for r in rows if r["shape"] in SETS["resnet50"]
              and r["threads"] == 2 and r["dtype"] != "f16"]
    odd = [r for r in rows if r["shape"] not in SETS["resnet50"]
           and r["threads"] == 2]
    one = [r for r in rows if r["threads"] == 1]
    return {
        "machine": f"{described}. Peers: "
                   f"{machine.describe_versions(rows)}.",
        "groups": tables.format_groups(resnet),
        "goals": goals.format_floor_goals(rows),
        "speedups": goals.format_speedups(rows, "bn_mlir.kernel"),
        "speedups-python": goals.format_speedups(rows, "bn_mlir"),
        "epilogue-costs": goals.format_epilogue_costs(rows, "bn_mlir.kernel"),
        "epilogue-speedups": goals.format_epilogue_speedups(
            rows, "bn_mlir.kernel"),
        "epilogue-speedups-python": goals.format_epilogue_speedups(
            rows, "bn_mlir"),
        "shapes": tables.format_shapes(resnet),
        "odd-goals": goals.format_odd_goals(rows),
        "odd": tables.format_shapes(odd),
        "odd-groups": tables.format_groups(odd),
        "f16": tables.format_f16(rows),
        "installed": tables.format_installed(rows),
        "one-thread": tables.format_groups(one),
        "threads": tables.format_threads(rows),
    }


def replace_parts(text: str, parts: dict[str, str]) -> str:
    """Raises ValueError for a part of the page that is unknown."""
    def renew(match: re.Match) -> str:
        name = match.group(1)
        if name not in parts:
            raise ValueError(f"expected a part of {', '.join(parts)}, "
                             f"got '{name}'")
        return (f"<!-- begin {name} -->\n\n{parts[name]}\n\n"
                f"<!-- end {name} -->")

    return re.sub(r"<!-- begin (\S+) -->.*?<!-- end \1 -->", renew, text,
                  flags=re.DOTALL)


def write(folder: pathlib.Path) -> None:
    """Renews the pages in `folder` from benchmarks/results."""
    for name, title in PAGES.items():
        source = HERE / "results" / name
        rows = list(results.load([source / n for n in RESULTS]).values())
        described = (source / "machine.txt").read_text().strip()
        page = folder / f"{title}.md"
        page.write_text(
            replace_parts(page.read_text(), make_parts(rows, described)))
        print(f"written: {page}")
        write_plots(rows, folder / "images" / name)


def write_plots(rows: list[results.Row], folder: pathlib.Path) -> None:
    try:
        from . import plots
    except ImportError as error:
        print(f"left out: plots ({error})", file=sys.stderr)
        return
    for path in plots.write(rows, folder):
        print(f"written: {path}")
