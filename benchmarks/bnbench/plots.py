"""Plots of the results, as PNG."""

from __future__ import annotations

import pathlib
from collections import defaultdict

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from . import tables  # noqa: E402
from .cases import SETS, Case  # noqa: E402
from .results import Row  # noqa: E402


def write(rows: list[Row], folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes all plots; returns their paths."""
    rows = [r for r in rows if tables.is_compared(r) and r["threads"] == 2
            and r["shape"] in SETS["resnet50"]]
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"roofline.png": plot_roofline(rows), "peers.png": plot_peers(rows)}
    for name, figure in figures.items():
        figure.savefig(folder / name, dpi=90, bbox_inches="tight")
        plt.close(figure)
    return [folder / name for name in figures]


def get_groups(rows: list[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tables.get_group(row)].append(row)
    return dict(sorted(groups.items()))


def get_floor_bytes(row: Row) -> float:
    case = Case.from_json(row)
    return case.tensor_bytes * case.floor_tensors


def plot_roofline(rows: list[Row]):
    """Bytes per second of the floor, of ours and of the fastest peer: the bytes
    that the floor moves."""
    groups = get_groups(rows)
    ratios = tables.get_ratios(rows)
    figure, axes = plt.subplots(-(-len(groups) // 2), 2, squeeze=False,
                                figsize=(12, 2.6 * -(-len(groups) // 2)))
    for axis, (group, members) in zip(axes.flat, groups.items()):
        by_case = {tables.get_case(row): row for row in members}
        for row in members:  # the floor of our own run, where there is one
            if row["peer"] in tables.OURS:
                by_case[tables.get_case(row)] = row
        cases = [c for s in SETS["resnet50"] for c in by_case if c[3] == s]
        speed = [get_floor_bytes(by_case[c]) / by_case[c]["floor_median"] / 1e9
                 for c in cases]
        best = [tables.get_best_peer(ratios, c) for c in cases]
        bars = {
            "floor": speed,
            "bn_mlir": [v / ratios["bn_mlir.kernel"][c]
                        if c in ratios["bn_mlir.kernel"] else 0
                        for v, c in zip(speed, cases)],
            "best peer": [v / b[0] if b else 0 for v, b in zip(speed, best)],
        }
        for i, (name, values) in enumerate(bars.items()):
            axis.bar([x + (i - 1) * 0.27 for x in range(len(cases))], values,
                     0.27, label=name)
        axis.set_xticks(range(len(cases)), [c[3][3:] for c in cases],
                        fontsize=7, rotation=20)
        axis.set_title(group, fontsize=9)
        axis.set_ylabel("GB/s", fontsize=8)
    axes.flat[0].legend(fontsize=8)
    figure.suptitle("Bytes that must be moved per second (batch 50, 2 threads)")
    figure.tight_layout()
    return figure


#: Groups side by side.
PEERS_COLUMNS = 8


def get_times_of_peers(rows: list[Row]) -> dict[str, dict[str, list[float]]]:
    """Times over ours of each shape, by group and peer; of groups with peers."""
    ratios = tables.get_ratios(rows)
    ours = ratios["bn_mlir.kernel"]
    times: dict[str, dict[str, list[float]]] = {}
    for group, members in get_groups(rows).items():
        cases = {tables.get_case(row) for row in members}
        for name in sorted(set(ratios) - set(tables.OURS)):
            values = [ratio / ours[case] for case, ratio in ratios[name].items()
                      if case in cases and case in ours]
            if values:
                times.setdefault(group, {})[name] = values
    return times


def plot_peers(rows: list[Row]):
    """Time of each peer over ours, a point per shape."""
    times = get_times_of_peers(rows)
    names = sorted({name for group in times.values() for name in group})
    columns = max(1, min(len(times), PEERS_COLUMNS))
    lines = max(1, -(-len(times) // columns))
    figure, axes = plt.subplots(
        lines, columns, sharex=True, sharey=True, squeeze=False,
        figsize=(1.9 * columns, (0.8 + 0.25 * len(names)) * lines))
    for axis in axes.flat[len(times):]:
        axis.set_axis_off()
    for axis, (group, peers) in zip(axes.flat, times.items()):
        for name, values in peers.items():
            row = names.index(name)
            axis.plot(values, [row] * len(values), "o", alpha=0.6,
                      color=f"C{row}", markersize=4)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.tick_params(labelsize=8, labelbottom=True)
        axis.set_title(group.replace(" ", "\n", 1), fontsize=8)
    axes.flat[0].set_yticks(range(len(names)), names)
    axes.flat[0].set_ylim(-0.5, len(names) - 0.5)
    figure.suptitle("Time of a peer / time of bn-mlir's kernel, a point a shape "
                    "(right of the line: slower than bn-mlir)", fontsize=10)
    figure.tight_layout()
    return figure
