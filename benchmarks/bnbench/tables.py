"""Tables from results, as Markdown."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from .results import Row

#: Ours are in columns of their own and not among the peers.
OURS = ("bn_mlir", "bn_mlir.kernel")


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def get_case(row: Row) -> tuple:
    """What two rows must share to be compared."""
    return (row["kind"], row["dtype"], row["layout"], row["shape"],
            row["threads"])


def get_group(row: Row) -> str:
    text = f"{row['kind']} {row['dtype']} {row['layout']}"
    return text if row["threads"] == 2 else f"{text}, {row['threads']} thread"


def get_ratios(rows: Iterable[Row]) -> dict[str, dict[tuple, float]]:
    """The best variant's time over the floor, by peer and case."""
    ratios: dict[str, dict[tuple, float]] = defaultdict(dict)
    for row in rows:
        if "ratio" in row:
            by_case = ratios[row["peer"]]
            case = get_case(row)
            by_case[case] = min(row["ratio"], by_case.get(case, math.inf))
    return ratios


def get_best_peer(ratios: dict[str, dict[tuple, float]],
                  case: tuple) -> tuple[float, str] | None:
    """The fastest of the peers in a case, or None."""
    found = [(by_case[case], peer) for peer, by_case in ratios.items()
             if peer not in OURS and case in by_case]
    return min(found, default=None)


def format_table(header: list[str], lines: Iterable[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def format_ratios(values: list[float]) -> str:
    """"1.05 (0.98..1.21)": geometric mean, best and worst."""
    if not values:
        return "-"
    mean = f"{geometric_mean(values):.2f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({min(values):.1f}..{max(values):.1f})"


def format_groups(rows: Iterable[Row]) -> str:
    """A line per kind, type and layout, a column per peer: times over the
    floor, geometric mean over the shapes (best..worst)."""
    rows = list(rows)
    ratios = get_ratios(rows)
    names = [n for n in OURS if n in ratios] + sorted(set(ratios) - set(OURS))
    cases: dict[str, list[tuple]] = defaultdict(list)
    for row in rows:
        if "ratio" in row and get_case(row) not in cases[get_group(row)]:
            cases[get_group(row)].append(get_case(row))
    lines = []
    for group, members in sorted(cases.items()):
        best = [found[0] for case in members
                if (found := get_best_peer(ratios, case))]
        lines.append([group] + [
            format_ratios([ratios[n][c] for c in members if c in ratios[n]])
            for n in names] + [format_ratios(best)])
    return format_table(["", *names, "best peer"], lines)
