"""Errors of training against float64, ours and the peers'.

Values of deviation 1 around an offset, in f32: the larger the offset, the more
digits are lost by whoever squares before subtracting.
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import sys
from types import ModuleType

import numpy as np

from . import arrays, peers, tables
from .cases import EPSILON, LAYOUTS, Case, parse_shape
from .process import HERE, Failure, Worker

OFFSETS = (0.0, 1e2, 1e4, 1e5, 1e6, 1e7)
#: Elements a channel, and shapes with as many.
SHAPES = {
    1e3: "10x16x10x10", 1e4: "10x16x25x40", 1e5: "10x16x100x100",
    1e6: "10x8x250x400", 1e7: "10x4x1000x1000", 1e8: "100x2x1000x1000",
}
PEERS = ("bn_mlir_python", "torch_eager", "onednn_cpu", "jax_xla",
         "tensorflow_op", "tensorflow_xla", "keras_torch", "keras_tensorflow",
         "keras_jax")
#: Elements that are converted to float64 at a time.
PIECE = 1 << 22


def make_data(case: Case, offset: float) -> arrays.Data:
    """Random values without repetition; scale 1 and offset 0."""
    data = arrays.Data(case)
    random = np.random.default_rng(7)
    flat = data.x.reshape(-1)
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE]
        piece[:] = offset + random.standard_normal(piece.size)
    data.scale[:] = 1
    data.offset[:] = 0
    return data


def get_pieces(array: np.ndarray, case: Case, channel: int):
    """A channel of an array in memory order, in pieces of float64."""
    index = [slice(None)] * array.ndim
    index[case.axis] = channel
    for image in array[tuple(index)]:
        flat = image.reshape(-1)
        for start in range(0, flat.size, PIECE):
            yield flat[start : start + PIECE].astype(np.float64)


def compare(case: Case, data: arrays.Data,
            variant: peers.Variant) -> dict[str, float | None]:
    """The largest relative error of a variance, and the largest error of y."""
    variant.call()
    output = np.asarray(variant.output()).reshape(case.memory_shape)
    found = variant.statistics()[1] if variant.statistics else None
    worst = {"variance": 0.0 if found is not None else None, "y": 0.0}
    count = case.elements // case.channels
    for channel in range(case.channels):
        # Exact enough: the sums are of float64 and about the first element.
        pivot = next(get_pieces(data.x, case, channel))[0]
        mean = pivot + sum(
            (p - pivot).sum() for p in get_pieces(data.x, case, channel)) / count
        variance = sum(np.square(p - mean).sum()
                       for p in get_pieces(data.x, case, channel)) / count
        factor = 1 / math.sqrt(variance + EPSILON)
        for x, y in zip(get_pieces(data.x, case, channel),
                        get_pieces(output, case, channel)):
            worst["y"] = larger(worst["y"], np.abs(y - (x - mean) * factor).max())
        if found is not None:
            error = abs(np.float64(found[channel]) - variance) / variance
            worst["variance"] = larger(worst["variance"], error)
    return worst


def larger(a: float, b: float) -> float:
    """The larger one; NaN wins."""
    return float("nan") if math.isnan(a) or math.isnan(b) else max(a, float(b))


def measure(module: ModuleType, case: Case,
            offset: float) -> dict[str, dict[str, float | None]]:
    """The errors of each variant of a peer."""
    data = make_data(case, offset)
    return {name: compare(case, data, variant)
            for name, variant in module.prepare(case, data).items()
            if name != "pool"}  # the same kernel


def run(names: list[str], largest: float, build: pathlib.Path,
        path: pathlib.Path) -> None:
    """Measures; each peer and size in a process of its own."""
    for name in names:
        peer = peers.load(name)
        missing = peers.get_missing(peer)
        if missing:
            print(f"left out: {peer.NAME} (not installed: "
                  f"{', '.join(missing)})", file=sys.stderr)
            continue
        for elements, shape in SHAPES.items():
            if elements > largest:
                continue
            rows = measure_size(peer, elements, shape, build)
            with open(path, "a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            print(f"{peer.NAME}, {elements:.0e} elements a channel: "
                  f"{len(rows)} rows", file=sys.stderr)


def measure_size(peer: ModuleType, elements: float, shape: str,
                 build: pathlib.Path) -> list[dict]:
    rows = []
    worker = Worker(peer, 2, build, build / "benchmarks.log")
    for layout in LAYOUTS:
        case = Case("training", "f32", layout, parse_shape(shape), 2)
        for offset in OFFSETS:
            try:
                answer = worker.ask(
                    {"accuracy": case.to_json(), "offset": offset}, 900)
            except Failure as failure:
                print(f"{peer.NAME} {shape}: {failure}", file=sys.stderr)
                worker.close()
                worker = Worker(peer, 2, build, build / "benchmarks.log")
                continue
            for problem in ("error", "unsupported"):
                if problem in answer:
                    print(f"{peer.NAME} {shape}: {answer[problem]}",
                          file=sys.stderr)
            rows += [{"peer": f"{peer.NAME} {variant}".strip(),
                      "version": peers.get_version(peer), "layout": layout,
                      "elements": elements, "offset": offset, **errors}
                     for variant, errors in answer.get("errors", {}).items()]
    worker.close()
    return rows


def format_table(rows: list[dict]) -> str:
    """A line per peer and layout: the worst over all sizes, by offset."""
    latest = {(r["peer"], r["layout"], r["elements"], r["offset"]): r
              for r in rows}
    worst: dict[tuple, dict[float, list]] = {}
    for (peer, layout, _, offset), row in latest.items():
        cell = worst.setdefault((peer, layout), {}).setdefault(offset, [0.0, 0.0])
        for i, name in enumerate(("variance", "y")):
            if row[name] is None:
                cell[i] = None
            elif cell[i] is not None:
                cell[i] = larger(cell[i], row[name])
    lines = []
    for (peer, layout), cells in sorted(worst.items(), key=order):
        title = f"**{peer}**" if peer == "bn_mlir" else peer
        lines.append([f"{title} {layout}"] + [
            format_cell(cells.get(offset)) for offset in OFFSETS])
    return tables.format_table(["", *map(format_offset, OFFSETS)], lines)


def format_losses(rows: list[dict]) -> str:
    """Where a peer's error is smaller than ours, and by how much."""
    latest = {(r["peer"], r["layout"], r["elements"], r["offset"]): r
              for r in rows}
    lines, compared = [], 0
    for (peer, *place), row in sorted(latest.items(), key=str):
        others = [(r, p) for (p, *q), r in latest.items()
                  if p != "bn_mlir" and q == place]
        if peer != "bn_mlir" or not others:
            continue
        for name in ("variance", "y"):
            found = [(r[name], p) for r, p in others
                     if r[name] is not None and not math.isnan(r[name])]
            best, who = min(found, default=(math.inf, ""))
            compared += 1
            if not row[name] <= best:
                lines.append([
                    f"{place[0]}, {format_offset(place[1])} elements, offset "
                    f"{format_offset(place[2])}", name, format_error(row[name]),
                    f"{format_error(best)} {who}"])
    header = [f"{len(lines)} of {compared}", "of", "bn_mlir", "best peer"]
    return tables.format_table(header, lines)


def order(item: tuple) -> tuple:
    (peer, layout), _ = item
    return peer != "bn_mlir", peer, layout


def format_offset(offset: float) -> str:
    return f"1e{math.log10(offset):.0f}" if offset else "0"


def format_cell(cell: list | None) -> str:
    if cell is None:
        return "-"
    return " / ".join("-" if v is None else format_error(v) for v in cell)


def format_error(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks/accuracy", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="+", default=PEERS, metavar="PEER")
    parser.add_argument("--largest", type=float, default=1e8,
                        help="elements a channel at most (default 1e8: about "
                        "5 GB of memory, and half an hour with all peers)")
    parser.add_argument("--results", type=pathlib.Path,
                        default=HERE / "results" / "accuracy.jsonl")
    parser.add_argument("--build", type=pathlib.Path,
                        default=HERE.parent / "build")
    parser.add_argument("--no-build", action="store_true",
                        help="measure what is built, as it is")
    parser.add_argument("--report", metavar="FOLDER", type=pathlib.Path,
                        help="measure nothing: renew the table in Numerics.md "
                        "in this folder")
    options = parser.parse_args()
    sys.path.append(str(options.build / "python_packages"))
    if not options.report:
        run(options.peers, options.largest, options.build, options.results)
    rows = [json.loads(line)
            for line in options.results.read_text().splitlines()]
    if not options.report:
        print(format_table(rows))
        return 0
    from .report import replace_parts

    page = options.report / "Numerics.md"
    page.write_text(replace_parts(page.read_text(),
                                  {"accuracy": format_table(rows),
                                   "losses": format_losses(rows)}))
    print(f"written: {page}")
    return 0
