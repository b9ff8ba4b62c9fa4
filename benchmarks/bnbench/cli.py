"""The command line of benchmarks/run."""

from __future__ import annotations

import argparse
import pathlib
import shlex
import sys

from . import driver, peers, results
from .cases import DTYPES, EPILOGUES, KINDS, LAYOUTS, SETS

HERE = pathlib.Path(__file__).resolve().parent.parent

EPILOG = """examples:
  benchmarks/run --quick
  benchmarks/run --list resnet50 --peers bn_mlir_python torch_eager
  benchmarks/run --set resnet50 --kinds training --dtypes f32 --layouts nhwc
  benchmarks/run --shape 50x256x56x56 --threads 1 2
  benchmarks/run --report docs"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Batch normalization of bn-mlir and of its peers, each "
        "interleaved with the floor: the time in which a plain loop moves the "
        "bytes that have to be moved.")
    what = parser.add_argument_group("what is measured")
    what.add_argument("--quick", action="store_true",
                      help="the list 'quick': a first impression")
    what.add_argument("--list", nargs="+", default=[], metavar="NAME",
                      help="run lists: of benchmarks/lists, or TOML files")
    what.add_argument("--set", nargs="+", default=[], metavar="SET",
                      help=f"sets of shapes: {', '.join(SETS)}")
    what.add_argument("--shape", nargs="+", default=[], metavar="NxCxHxW",
                      help="shapes, N, C, H, W or N, C in either layout")
    what.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS[:2])
    what.add_argument("--dtypes", nargs="+", choices=DTYPES,
                      default=["f32", "bf16"])
    what.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    what.add_argument("--epilogues", nargs="+", choices=EPILOGUES,
                      default=EPILOGUES[:1],
                      help="what is done to the output (default: none)")
    what.add_argument("--threads", nargs="+", type=int, default=[2])
    what.add_argument("--peers", nargs="+", metavar="PEER",
                      default=peers.get_names(),
                      help=f"of {', '.join(peers.get_names())}")
    how = parser.add_argument_group("how")
    how.add_argument("--rounds", type=int, default=5)
    how.add_argument("--block-ms", type=float, default=5.0,
                     help="the shortest block of calls, in milliseconds")
    how.add_argument("--only-missing", action="store_true",
                     help="leave out what the results have, unless it was "
                     "disturbed: a median of 2.5 times the best round")
    how.add_argument("--as-installed", action="store_true",
                     help="without the settings of glibc that let peers reuse "
                     "memory: what a user gets")
    how.add_argument("--lock", default="", metavar="COMMAND",
                     help="hold this while measuring: it gets a command to run")
    how.add_argument("--results", type=pathlib.Path,
                     help="JSON lines (default: build/benchmarks.jsonl); "
                     "the machine is described in a .txt beside them")
    how.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build",
                     help="the build folder (default: build)")
    how.add_argument("--no-build", action="store_true",
                     help="measure what is built, as it is")
    what.add_argument("--report", metavar="FOLDER", type=pathlib.Path,
                      help="measure nothing: write the pages and plots of "
                      "benchmarks/results to this folder")
    return parser


def get_runs(options: argparse.Namespace) -> list[dict]:
    names = ["quick"] if options.quick else options.list
    runs: list[dict] = []
    for name in names:
        path = pathlib.Path(name)
        if path.suffix != ".toml":
            path = HERE / "lists" / f"{name}.toml"
        runs += driver.read_list(path)
    if options.set or options.shape:
        runs.append({"sets": options.set, "shapes": options.shape,
                     "kinds": options.kinds, "dtypes": options.dtypes,
                     "layouts": options.layouts, "threads": options.threads,
                     "epilogues": options.epilogues})
    return runs


def main() -> int:
    parser = make_parser()
    options = parser.parse_args()
    sys.path.append(str(options.build / "python_packages"))
    if options.report:
        from . import report

        report.write(options.report)
        return 0
    path = options.results or options.build / "benchmarks.jsonl"
    settings = driver.Settings(
        build=options.build, results=path,
        rounds=3 if options.quick else options.rounds,
        block_seconds=options.block_ms * 1e-3,
        lock=tuple(shlex.split(options.lock)),
        only_missing=options.only_missing,
        as_installed=options.as_installed)
    try:
        runs = get_runs(options)
        if not runs:
            parser.error("expected --quick, --list, --set or --shape, got none")
        driver.run(runs, options.peers, settings)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    results.compact(path)
    from . import machine, tables

    path.with_suffix(".txt").write_text(machine.describe() + "\n")

    print(tables.format_groups(results.load([path]).values()))
    print(f"results: {path}")
    return 0
