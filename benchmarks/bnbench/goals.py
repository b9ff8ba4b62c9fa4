"""The goals of the project, compared with what was measured.

Bounds are times over the floor, on two threads and the shapes of ResNet-50.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable

from . import tables
from .cases import SETS, Case
from .results import Row


@dataclasses.dataclass(frozen=True)
class Goal:
    """Bounds for the geometric mean and, unless None, for the worst shape."""

    kind: str
    dtypes: tuple[str, ...]
    layouts: tuple[str, ...]
    size: str
    mean: float
    worst: float | None = None

    def matches(self, row: Row) -> bool:
        sizes = {"large": row["large"], "smaller": not row["large"], "all": True}
        return (row["kind"] == self.kind and row["dtype"] in self.dtypes
                and not row["epilogue"]
                and row["layout"] in self.layouts and sizes[self.size]
                and row["threads"] == 2)


BOTH = ("nchw", "nhwc")
GOALS = (
    Goal("inference", ("f32", "bf16"), BOTH, "large", 1.06, 1.15),
    Goal("inference", ("f32", "bf16"), BOTH, "smaller", 1.25, 1.45),
    Goal("training", ("f32",), ("nchw",), "large", 1.30, 1.55),
    Goal("training", ("f32",), ("nchw",), "smaller", 1.7, 2.0),
    Goal("training", ("bf16",), ("nchw",), "large", 1.45),
    Goal("training", ("bf16",), ("nchw",), "smaller", 2.2),
    Goal("training", ("f32",), ("nhwc",), "all", 1.70, 1.95),
    Goal("training", ("bf16",), ("nhwc",), "all", 1.9),
    Goal("backward", ("f32",), ("nchw",), "large", 1.50, 1.75),
    Goal("backward", ("bf16",), ("nchw",), "large", 1.80, 2.05),
    Goal("backward", ("f32",), ("nhwc",), "all", 2.0, 2.3),
    Goal("backward", ("bf16",), ("nhwc",), "all", 2.3, 2.6),
)

#: How many times faster than the best peer, by kind, type and layout.
SPEEDUPS = {
    ("training", "f32", "nchw"): 2.2, ("training", "bf16", "nchw"): 3.0,
    ("training", "f32", "nhwc"): 1.4, ("training", "bf16", "nhwc"): 1.4,
    ("inference", "f32", "nchw"): 1.1, ("inference", "f32", "nhwc"): 1.1,
    ("inference", "bf16", "nchw"): 1.1, ("inference", "bf16", "nhwc"): 1.1,
    ("backward", "f32", "nchw"): 1.9, ("backward", "bf16", "nchw"): 2.5,
    ("backward", "f32", "nhwc"): 1.25, ("backward", "bf16", "nhwc"): 1.4,
}


#: The same of the gradients through these epilogues, of any type and layout.
EPILOGUE_SPEEDUP = 1.7
#: What training may take more than without an epilogue, and the bytes it adds.
EPILOGUE_COST = 1.08
EPILOGUE_GOALS = ("relu", "add_relu")


def say(reached: bool) -> str:
    return "yes" if reached else "**no**"


def format_floor_goals(rows: Iterable[Row]) -> str:
    """The kernels against the bounds."""
    ours = [r for r in rows if r["peer"] == "bn_mlir.kernel" and "ratio" in r]
    lines = []
    for goal in GOALS:
        ratios = [r["ratio"] for r in ours
                  if goal.matches(r) and r["shape"] in SETS["resnet50"]]
        if not ratios:
            continue
        mean, worst = tables.geometric_mean(ratios), max(ratios)
        bound = f"{goal.mean}" + (f", {goal.worst}" if goal.worst else "")
        reached = mean <= goal.mean and (not goal.worst or worst <= goal.worst)
        lines.append([
            f"{goal.kind} {', '.join(goal.dtypes)} {', '.join(goal.layouts)}",
            goal.size, str(len(ratios)), bound, f"{mean:.2f}, {worst:.2f}",
            say(reached)])
    return tables.format_table(
        ["kernels", "size", "n", "mean, worst at most", "measured", "reached"],
        lines)


def format_speedups(rows: Iterable[Row], peer: str) -> str:
    """How many times faster than the fastest peer of each shape `peer` is."""
    return format_speedup_goals(
        rows, peer, {(*group, ""): bound for group, bound in SPEEDUPS.items()})


def format_epilogue_speedups(rows: Iterable[Row], peer: str) -> str:
    """The same of gradients through epilogues."""
    return format_speedup_goals(rows, peer, {
        ("backward", dtype, layout, epilogue): EPILOGUE_SPEEDUP
        for dtype in ("f32", "bf16") for layout in BOTH
        for epilogue in EPILOGUE_GOALS})


def format_speedup_goals(rows: Iterable[Row], peer: str,
                         goals: dict[tuple[str, ...], float]) -> str:
    """`goals` are bounds by kind, type, layout and epilogue."""
    rows = list(rows)
    ratios = tables.get_ratios(rows)
    large = {tables.get_case(row): row["large"] for row in rows}
    lines = []
    for group, bound in goals.items():
        found = {case: best[0] / ratio for case, ratio in ratios[peer].items()
                 if (*case[:3], case[5]) == group and case[4] == 2
                 and case[3] in SETS["resnet50"]
                 and (best := tables.get_best_peer(ratios, case))}
        if not found:
            continue
        mean = tables.geometric_mean(list(found.values()))
        slow = [f"{case[3]} ({speedup:.2f})" for case, speedup in found.items()
                if speedup < (1 / 1.05 if large[case] else 1 / 1.15)]
        lines.append([" ".join(group).strip(), f"{bound}", f"{mean:.2f}",
                      f"{min(found.values()):.2f}..{max(found.values()):.2f}",
                      say(mean >= bound), ", ".join(slow) or "none"])
    return tables.format_table(
        ["", "at least", "measured", "range", "reached",
         "slower than a peer by more than 5 % (large) or 15 %"], lines)


def format_epilogue_costs(rows: Iterable[Row], peer: str) -> str:
    """Training with an epilogue over training without it and the time in which
    the floor moves the tensors that the epilogue adds; with bits, those too."""
    by_case = {(tables.get_case(row), row["variant"]): row for row in rows
               if row["peer"] == peer and row["variant"] in ("", "bits")
               and "ratio" in row}
    costs: dict[str, dict[str, float]] = defaultdict(dict)
    for (case, variant), row in by_case.items():
        plain = by_case.get(((*case[:5], ""), ""))
        if (case[0] == "training" and case[4] == 2 and plain
                and case[5] in EPILOGUE_GOALS
                and case[3] in SETS["resnet50"]):
            group = tables.get_group(row) + (", bits" if variant else "")
            costs[group][case[3]] = get_epilogue_cost(row, plain)
    lines = []
    for group, found in sorted(costs.items()):
        mean = tables.geometric_mean(list(found.values()))
        above = [f"{shape} ({cost:.2f})" for shape, cost in found.items()
                 if cost > EPILOGUE_COST]
        lines.append([group, str(len(found)), f"{EPILOGUE_COST}", f"{mean:.2f}",
                      f"{min(found.values()):.2f}..{max(found.values()):.2f}",
                      say(mean <= EPILOGUE_COST), ", ".join(above) or "none"])
    return tables.format_table(["", "n", "mean at most", "measured", "range",
                                "reached", "shapes above"], lines)


def get_epilogue_cost(row: Row, plain: Row) -> float:
    """Both times are ratios to the floor of their own rounds, in units of what
    the floor needs for one tensor: the speed of the memory cancels out."""
    case = Case.from_json(row)
    plain_tensors = Case.from_json(plain).floor_tensors
    added = case.floor_tensors - plain_tensors
    if row["variant"] == "bits":
        added += case.elements / 8 / case.tensor_bytes
    return row["ratio"] * case.floor_tensors / (
        plain["ratio"] * plain_tensors + added)


#: How much more than ResNet-50's worst an odd shape may take.
ODD_MARGIN = 0.2


def format_odd_goals(rows: Iterable[Row]) -> str:
    """Shapes that no rule was tuned on: those above 1 MB against the bounds
    and a margin, the others against the best peer."""
    rows = list(rows)
    ratios = tables.get_ratios(rows)
    lines = []
    ours = [r for r in rows if r["peer"] == "bn_mlir.kernel" and "ratio" in r
            and r["shape"] not in SETS["resnet50"] and r["threads"] == 2]
    for group in sorted({tables.get_group(r) for r in ours}):
        members = [r for r in ours if tables.get_group(r) == group]
        failed = []
        for row in members:
            bound = get_odd_bound(row, ratios)
            ratio = ratios[row["peer"]][tables.get_case(row)]
            if bound and ratio > bound:
                failed.append(f"{row['shape']} ({ratio:.2f}, "
                              f"bound {bound:.2f})")
        lines.append([group, str(len(members)),
                      str(len(members) - len(failed)),
                      ", ".join(failed) or "none"])
    return tables.format_table(
        ["", "shapes", "within bounds", "outside"], lines)


def get_odd_bound(row: Row, ratios: dict) -> float | None:
    """The largest ratio that is allowed; None when nothing says."""
    if row["bytes"] <= tables.SMALL_BYTES:
        best = tables.get_best_peer(ratios, tables.get_case(row))
        return best and best[0]
    return next(((goal.worst or goal.mean) + ODD_MARGIN for goal in GOALS
                 if goal.matches(row)), None)
