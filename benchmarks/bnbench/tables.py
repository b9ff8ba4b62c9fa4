"""Tables from results, as Markdown."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from .results import Row

#: Input and output together.
SMALL_BYTES = 1e6

#: Ours are in columns of their own and not among the peers.
OURS = ("bn_mlir", "bn_mlir.kernel")


def is_compared(row: Row) -> bool:
    """Results as a user gets them who gives no memory are a table of their
    own: the time of page faults would hide that of the computation. Training
    that saves bits does more than the same without."""
    saves = row["kind"] == "training" and row["variant"] == "bits"
    return ("ratio" in row and row["variant"] != "pool" and not saves
            and not row["variant"].startswith("installed"))


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def get_case(row: Row) -> tuple:
    """What two rows must share to be compared."""
    return (row["kind"], row["dtype"], row["layout"], row["shape"],
            row["threads"], row["epilogue"])


def get_group(row: Row) -> str:
    text = f"{row['kind']} {row['dtype']} {row['layout']} {row['epilogue']}"
    text = text.strip()
    return text if row["threads"] == 2 else f"{text}, {row['threads']} thread"


def get_ratios(rows: Iterable[Row]) -> dict[str, dict[tuple, float]]:
    """The best variant's time over the floor, by peer and case.

    The floor of a tensor below 1 MB is the cost of waking a thread, which
    depends on what else a process does: the smallest of all processes counts.
    """
    rows = [row for row in rows if is_compared(row)]
    floors: dict[tuple, float] = {}
    for row in rows:
        case = get_case(row)
        floors[case] = min(row.get("floor_median", math.inf),
                           floors.get(case, math.inf))
    ratios: dict[str, dict[tuple, float]] = defaultdict(dict)
    for row in rows:
        case, by_case = get_case(row), ratios[row["peer"]]
        ratio = row["ratio"]
        if row["bytes"] <= SMALL_BYTES:
            ratio = row["time_median"] / floors[case]
        by_case[case] = min(ratio, by_case.get(case, math.inf))
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
        if is_compared(row) and get_case(row) not in cases[get_group(row)]:
            cases[get_group(row)].append(get_case(row))
    lines = []
    for group, members in sorted(cases.items()):
        best = [found[0] for case in members
                if (found := get_best_peer(ratios, case))]
        lines.append([group] + [
            format_ratios([ratios[n][c] for c in members if c in ratios[n]])
            for n in names] + [format_ratios(best)])
    return format_table(["", *names, "best peer"], lines)


def format_shapes(rows: Iterable[Row]) -> str:
    """A line per case: ours, and the fastest peer, over the floor."""
    rows = list(rows)
    ratios = get_ratios(rows)
    facts = {get_case(row): row for row in rows if is_compared(row)}
    ours = [name for name in OURS if name in ratios]
    lines = []
    for case, row in sorted(facts.items(), key=order_cases):
        best = get_best_peer(ratios, case)
        found = [ratios[name].get(case) for name in ours]
        speedup = best and found and found[0] and best[0] / found[0]
        lines.append([
            get_group(row), row["shape"], f"{row['bytes'] / 1e6:.1f}",
            f"{row['floor_median'] * 1e3:.3g}",
            *(f"{ratio:.2f}" if ratio else "-" for ratio in found),
            f"{best[0]:.2f} {best[1]}" if best else "-",
            f"{speedup:.2f}" if speedup else "-"])
    return format_table(["", "shape", "MB", "floor, ms", *ours, "best peer",
                         "times faster"], lines)


def format_f16(rows: Iterable[Row]) -> str:
    """f16 against bf16, by kind and layout: the ratios to the floor."""
    ratios = get_ratios(rows)["bn_mlir.kernel"]
    changes: dict[str, list[float]] = defaultdict(list)
    for case, ratio in sorted(ratios.items(), key=str):
        other = ratios.get((case[0], "bf16", *case[2:]))
        if case[1] == "f16" and other:
            changes[f"{case[0]} {case[2]}"].append(ratio / other)
    return format_table(["", "f16 / bf16"], [
        [name, format_ratios(values)] for name, values in changes.items()])


def format_installed(rows: Iterable[Row]) -> str:
    """A line per peer as it is installed, without memory for the result."""
    rows = [row for row in rows if "ratio" in row]
    wanted = {row["peer"]: row["variant"] for row in rows
              if row["variant"] == "installed"}
    wanted |= {"bn_mlir": "installed pool"}
    cases = sorted({get_case(r) for r in rows
                    if wanted.get(r["peer"]) == r["variant"]}, key=str)
    by_key = {(r["peer"], r["variant"], get_case(r)): r["ratio"] for r in rows}
    lines = []
    for peer, variant in sorted(wanted.items()):
        found = [by_key.get((peer, variant, case)) for case in cases]
        if any(found):
            lines.append([peer] + [f"{v:.2f}" if v else "-" for v in found])
    return format_table(["", *(" ".join(case[:4]) for case in cases)], lines)


def order_cases(item: tuple[tuple, Row]) -> tuple:
    """Groups together, large shapes first."""
    case, row = item
    return case[4] != 2, case[:3], case[5], -row["bytes"], case[3]


def format_threads(rows: Iterable[Row]) -> str:
    """Two threads against one: ours, and what the floor itself gains."""
    rows = [row for row in rows if "ratio" in row]
    times = {(row["peer"], get_case(row)): row for row in rows
             if row["peer"] == "bn_mlir.kernel"}
    ratios = get_ratios(rows)
    lines = []
    for (peer, case), one in sorted(times.items(), key=lambda i: str(i[0])):
        two = times.get((peer, (*case[:4], 2, case[5])))
        if case[4] != 1 or not two:
            continue
        best = get_best_peer(ratios, case)
        lines.append([
            " ".join(case[:3]), case[3],
            f"{one['time_median'] / two['time_median']:.2f}",
            f"{one['floor_median'] / two['floor_median']:.2f}",
            f"{one['ratio']:.2f}",
            f"{best[0]:.2f} {best[1]}" if best else "-"])
    return format_table(["", "shape", "gain of two threads", "of the floor",
                         "one thread / floor", "best peer"], lines)
