# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls from many threads, the GIL, and when the threads of kernels sleep."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import bn_mlir
import reference as ref


def run_at_once(function, count):
    """Calls function(i) in threads that start together; raises what one did."""
    barrier, errors = threading.Barrier(count), []

    def run(index):
        barrier.wait()
        try:
            function(index)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(index,)) for index in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_threads_share_kernels_and_pool():
    arrays = [
        ref.random_array((8, 5, 7 + index % 3), np.float32, seed=index)
        for index in range(8)
    ]
    expected = [bn_mlir.training(x, axis=1) for x in arrays]
    bn_mlir.clear_kernels()

    def work(index):
        for _ in range(50):
            results = bn_mlir.training(arrays[index], axis=1)
            for result, ideal in zip(results, expected[index]):
                np.testing.assert_array_equal(result, ideal)

    run_at_once(work, 8)


def test_the_gil_is_released():
    """Python goes on while a kernel that takes long is at work."""
    x = np.ones((64, 64, 128, 128), np.float32)  # 256 MiB
    out = (np.empty_like(x), None, None)
    bn_mlir.training(x, axis=1, out=out)
    begin = time.perf_counter()
    bn_mlir.training(x, axis=1, out=out)
    needed = time.perf_counter() - begin

    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(needed / 100)

    thread = threading.Thread(target=tick)
    thread.start()
    time.sleep(needed / 10)
    begin = time.perf_counter()
    bn_mlir.training(x, axis=1, out=out)
    end = time.perf_counter()
    done.set()
    thread.join()
    inside = [t for t in ticks if begin < t < end]
    assert len(inside) >= 3, (len(inside), end - begin)


def test_results_do_not_depend_on_threads():
    x = ref.random_array((16, 3, 40, 40), np.float32, offset=100)
    with bn_mlir.knobs.scope(threads=1):
        expected = bn_mlir.training(x, axis=1)
    for threads in (2, 3):
        with bn_mlir.knobs.scope(threads=threads):
            results = bn_mlir.training(x, axis=1)
        for result, ideal in zip(results, expected):
            np.testing.assert_array_equal(result, ideal)


PRINT_BLOCK_TIMES = """
import ctypes, os, numpy, bn_mlir
from bn_mlir import _core

openmp = ctypes.CDLL(_core.__file__)
large = numpy.ones((16, 8, 64, 64), numpy.float32)

def run():
    bn_mlir.training(large, axis=1)
    print(openmp.kmp_get_blocktime(), flush=True)

run()
_core.let_threads_sleep()
run()
if os.fork() == 0:
    run()
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize("chosen, times", [
    (None, ["200", "0", "0"]), ("7", ["7", "7", "7"])])
def test_threads_sleep_when_they_are_asked_to(chosen, times):
    """In a forked process, too; but the user's environment comes first."""
    environment = {**os.environ, "BN_THREADS": "2"}
    environment.pop("KMP_BLOCKTIME", None)
    if chosen:
        environment["KMP_BLOCKTIME"] = chosen
    output = subprocess.run(
        [sys.executable, "-c", PRINT_BLOCK_TIMES], env=environment,
        check=True, capture_output=True, text=True).stdout
    assert output.split() == times


RUN_IN_FORK = """
import os, signal, sys, numpy, bn_mlir

x, c = numpy.ones((16, 8, 64, 64), numpy.float32), numpy.ones(8, numpy.float32)
MODULE = \"\"\"
!data = tensor<16x8x64x64xf32>
!channel = tensor<8xf32>
func.func @inference(%x: !data, %c: !channel, %y0: !data) -> !data {
  %y = bn.inference axis(1) epsilon(1.0e-3) ins(%x : !data)
      statistics(%c, %c : !channel, !channel) outs(%y0 : !data) -> !data
  return %y : !data
}
\"\"\"
if sys.argv[1] == "module":
    kernel = bn_mlir.compile(MODULE)
    run = lambda: kernel(x, c, numpy.empty_like(x))
else:
    run = lambda: bn_mlir.inference(x, None, None, c, c, axis=1)

def count_started_threads():
    before = len(os.listdir("/proc/self/task"))
    run()
    print(len(os.listdir("/proc/self/task")) - before, flush=True)

count_started_threads()
process = os.fork()
if process == 0:
    signal.alarm(60)  # Should it wait for ever.
    count_started_threads()
    os._exit(0)
assert os.waitpid(process, 0)[1] == 0
print(os.environ["KMP_INIT_AT_FORK"])
"""


@pytest.mark.parametrize("kind", ["spec", "module"])
def test_forked_processes_start_threads(kind):
    """Whatever this variable says, which `import tensorflow` sets."""
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("the system does not list a process' threads")
    environment = {**os.environ, "BN_THREADS": "2", "OMP_NUM_THREADS": "2",
                   "KMP_INIT_AT_FORK": "FALSE"}
    output = subprocess.run(
        [sys.executable, "-c", RUN_IN_FORK, kind], env=environment, check=True,
        capture_output=True, text=True).stdout
    assert output.split() == ["1", "1", "FALSE"]


def test_threads_that_sleep_are_not_woken_for_small_data():
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("the system does not list a process' threads")
    code = """
import os, numpy, bn_mlir
from bn_mlir import _core

_core.let_threads_sleep()
before = len(os.listdir("/proc/self/task"))
for size in (16, 64):
    bn_mlir.training(numpy.ones((16, 8, size, size), numpy.float32), axis=1)
    print(len(os.listdir("/proc/self/task")) - before)
"""
    environment = {**os.environ, "BN_THREADS": "2"}
    environment.pop("KMP_BLOCKTIME", None)
    output = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True,
        capture_output=True, text=True).stdout
    assert output.split() == ["0", "1"]
