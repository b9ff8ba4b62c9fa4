"""The results on disk: JSON lines, of which the last of a kind counts."""

from __future__ import annotations

import json
import pathlib
from typing import Any

Row = dict[str, Any]

KEY = ("peer", "variant", "kind", "dtype", "layout", "shape", "threads",
       "epilogue")


def get_key(row: Row) -> tuple:
    return tuple(row[name] for name in KEY)


#: A median this many times the best round is that of a busy machine.
DISTURBED = 2.5


def is_disturbed(row: Row) -> bool:
    """Ours and the peers' results alike are measured again then."""
    return "ratio" in row and row["ratio"] > DISTURBED * row["ratio_best"]


def append(path: pathlib.Path, row: Row) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        file.write(json.dumps(row) + "\n")


def load(paths: list[pathlib.Path]) -> dict[tuple, Row]:
    """The rows of all files by key; files that do not exist are empty. Older
    rows have no epilogue."""
    rows: dict[tuple, Row] = {}
    for path in paths:
        if path.exists():
            for line in path.read_text().splitlines():
                row = {"epilogue": "", **json.loads(line)}
                rows[get_key(row)] = row
    return rows


def compact(path: pathlib.Path) -> None:
    """Drops the rows that later ones have replaced."""
    rows = load([path])
    path.write_text("".join(json.dumps(rows[key]) + "\n"
                            for key in sorted(rows, key=str)))
