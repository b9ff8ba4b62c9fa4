"""Runs peers in processes of their own, one at a time, and talks to them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

HERE = pathlib.Path(__file__).resolve().parent.parent


class Failure(Exception):
    """A peer's process ended, or said nothing for too long."""


@contextlib.contextmanager
def quiet(command: list[str]) -> Iterator[None]:
    """Holds what `command` holds while it runs, for example a lock.

    The command gets a program to run as further arguments; it is left running
    for the time of the block. Without a command nothing is held.
    """
    if not command:
        yield
        return
    script = "echo held; read -r line"
    holder = subprocess.Popen([*command, "sh", "-c", script], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if holder.stdout.readline() != "held\n":
            raise ValueError(f"expected '{command[0]}' to run its arguments, "
                             f"got exit code {holder.wait()}")
        yield
    finally:
        with contextlib.suppress(BrokenPipeError):
            holder.stdin.write("done\n")
            holder.stdin.flush()
        holder.communicate()


class Worker:
    """The process of one peer; see worker.py for what is said."""

    def __init__(self, peer: ModuleType, threads: int, build: pathlib.Path,
                 log: pathlib.Path, as_installed: bool = False):
        environment = os.environ | {"KMP_BLOCKTIME": "2"}
        environment |= peer.environment(threads)
        if as_installed:
            environment.pop("GLIBC_TUNABLES", None)
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(HERE), str(build / "python_packages")])
        name = peer.__name__.rsplit(".", 1)[1]
        command = [sys.executable, "-m", "bnbench.worker", name,
                   str(build / "lib" / "libbn-floor.so")]
        if threads < (os.cpu_count() or 1):
            # Pools of all runtimes are as large as the set of allowed cores.
            cores = ",".join(map(str, range(threads)))
            command = ["taskset", "--cpu-list", cores, *command]
        with open(log, "a") as errors:
            self._process = subprocess.Popen(
                command, env=environment, text=True, stderr=errors,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request: dict, timeout: float) -> dict:
        """Sends a request and returns the answer; raises Failure."""
        timer = threading.Timer(timeout, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise Failure(f"its process ended with {self._process.wait()}, "
                          f"or took longer than {timeout:.0f} s")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
