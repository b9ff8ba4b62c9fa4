"""Measures the cases of run lists with every peer that is installed."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import pathlib
import sys
import time
from collections.abc import Iterator
from types import ModuleType

import tomllib

from . import peers, results
from .cases import (
    DTYPES,
    EPILOGUES,
    KINDS,
    LAYOUTS,
    Case,
    get_shapes,
    parse_shape,
)
from .process import Failure, Worker, quiet

PREPARE_SECONDS = 300
MEASURE_SECONDS = 120


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to measure."""

    build: pathlib.Path
    results: pathlib.Path
    rounds: int = 5
    block_seconds: float = 0.005
    #: A command that keeps the machine quiet while its argument runs.
    lock: tuple[str, ...] = ()
    only_missing: bool = False
    #: Without the settings that keep the memory of results (peers.KEEP_BLOCKS).
    as_installed: bool = False


@dataclasses.dataclass(frozen=True)
class Job:
    """The cases of one process: a peer, a shape, a number of threads."""

    peer: ModuleType
    cases: tuple[Case, ...]


def read_list(path: pathlib.Path) -> list[dict]:
    """Reads a run list; raises ValueError for what it does not know."""
    runs = tomllib.loads(path.read_text()).get("run", [])
    known = {"sets": None, "shapes": None, "peers": None, "threads": None,
             "kinds": KINDS, "dtypes": DTYPES, "layouts": LAYOUTS,
             "epilogues": EPILOGUES}
    for run in runs:
        for key, values in run.items():
            if key not in known:
                raise ValueError(f"{path.name}: expected one of "
                                 f"{', '.join(known)}, got '{key}'")
            for value in values:
                if known[key] and value not in known[key]:
                    raise ValueError(
                        f"{path.name}: expected '{key}' to be of "
                        f"{', '.join(known[key])}, got '{value}'")
    return runs


def get_cases(run: dict) -> Iterator[Case]:
    """The cases of an entry of a run list, those of one shape together."""
    by_shape: dict[tuple[int, ...], list[Case]] = {}
    for layout in run.get("layouts", LAYOUTS):
        shapes = [parse_shape(text) for text in run.get("shapes", [])]
        shapes += get_shapes(run.get("sets", []), layout)
        for shape, kind, dtype, threads, epilogue in itertools.product(
                shapes, run.get("kinds", KINDS[:2]),
                run.get("dtypes", ["f32", "bf16"]), run.get("threads", [2]),
                run.get("epilogues", ["none"])):
            by_shape.setdefault(shape, []).append(
                Case(kind, dtype, layout, shape, threads,
                     "" if epilogue == "none" else epilogue))
    return itertools.chain.from_iterable(by_shape.values())


def get_jobs(runs: list[dict], modules: list[ModuleType],
             settings: Settings) -> list[Job]:
    stored = results.load([settings.results]).items()
    done = {(row["peer"], *key[2:]) for key, row in stored}
    done -= {(row["peer"], *key[2:]) for key, row in stored
             if results.is_disturbed(row)}
    jobs: dict[tuple, dict[Case, None]] = {}
    for run in runs:
        for case, peer in itertools.product(get_cases(run), modules):
            name = peer.__name__.rsplit(".", 1)[1]
            if name not in run.get("peers", [name]):
                continue
            key = (peer.NAME, case.kind, case.dtype, case.layout,
                   case.shape_text, case.threads, case.epilogue)
            if settings.only_missing and key in done:
                continue
            jobs.setdefault((case.shape, name, case.threads), {})[case] = None
    return [Job(peers.load(name), tuple(cases))
            for (_, name, _), cases in jobs.items()]


class Progress:
    """A bar on standard error; on a terminal it stays on one line."""

    def __init__(self, total: int):
        self._total, self._done = total, 0
        self._start = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def step(self, text: str) -> None:
        self._done += 1
        part = self._done / self._total
        left = (time.monotonic() - self._start) * (1 / part - 1)
        bar = ("#" * round(24 * part)).ljust(24, ".")
        line = (f"[{bar}] {self._done}/{self._total}, "
                f"{left / 60:.0f} min left: {text}")
        print(f"\r{line:<100.100}" if self._terminal else line,
              end="" if self._terminal else "\n", file=sys.stderr, flush=True)
        if self._terminal and self._done == self._total:
            print(file=sys.stderr)


def make_row(job: Job, case: Case) -> results.Row:
    """What is written down beside the figures."""
    return {"peer": job.peer.NAME, "variant": "", **case.to_json(),
            "version": peers.get_version(job.peer),
            "date": datetime.date.today().isoformat()}


def measure_case(worker: Worker, job: Job, case: Case,
                 settings: Settings) -> list[results.Row]:
    """Measures a case with all variants of the peer; raises Failure."""
    answer = worker.ask({"case": case.to_json(), "rounds": settings.rounds,
                         "block_seconds": settings.block_seconds},
                        PREPARE_SECONDS)
    if "ready" in answer:
        with quiet(list(settings.lock)):
            answer = worker.ask({"go": True}, MEASURE_SECONDS)
    row = make_row(job, case)
    for name in ("unsupported", "error"):
        if name in answer:
            return [row | {name: answer[name]}]
    prefix = "installed " if settings.as_installed else ""
    return [row | {"variant": (prefix + variant).strip(),
                   "rounds": settings.rounds} | figures
            for variant, figures in answer["figures"].items()] + [
        row | {"variant": variant, "error": f"wrong result: {why}"}
        for variant, why in answer["wrong"].items()]


def measure_alone(job: Job, case: Case,
                  settings: Settings) -> list[results.Row]:
    """Measures with a peer that has a program of its own."""
    row = make_row(job, case)
    try:
        with quiet(list(settings.lock)):
            found = job.peer.measure(case, settings.rounds,
                                     settings.block_seconds, settings.build)
        return [row | {"variant": variant, "rounds": settings.rounds} | figures
                for variant, figures in found.items()]
    except peers.Unsupported as error:
        return [row | {"error": str(error)}]


def run_job(job: Job, settings: Settings, progress: Progress) -> None:
    log = settings.build / "benchmarks.log"
    worker = None
    for case in job.cases:
        try:
            if hasattr(job.peer, "measure"):
                rows = measure_alone(job, case, settings)
            else:
                worker = worker or Worker(job.peer, case.threads,
                                          settings.build, log,
                                          settings.as_installed)
                rows = measure_case(worker, job, case, settings)
        except Failure as failure:
            if worker:
                worker.close()
            worker = None
            rows = [make_row(job, case) | {"error": str(failure)}]
        for row in rows:
            results.append(settings.results, row)
        progress.step(f"{job.peer.NAME} {case.group} {case.shape_text}: "
                      + describe(rows))
    if worker:
        worker.close()


def describe(rows: list[results.Row]) -> str:
    texts = []
    for row in rows:
        if "ratio" in row:
            texts.append(f"{row['variant']} {row['ratio']:.2f}".strip())
        else:
            texts.append(row.get("error") or row["unsupported"])
    return ", ".join(texts)


def run(runs: list[dict], names: list[str], settings: Settings) -> None:
    """Measures; names what is not installed and leaves it out."""
    modules = []
    for name in names:
        peer = peers.load(name)
        missing = peers.get_missing(peer)
        if missing:
            print(f"left out: {peer.NAME} (not installed: "
                  f"{', '.join(missing)})", file=sys.stderr)
        else:
            modules.append(peer)
    jobs = get_jobs(runs, modules, settings)
    progress = Progress(sum(len(job.cases) for job in jobs))
    for job in jobs:
        run_job(job, settings, progress)
