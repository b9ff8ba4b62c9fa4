# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Threads of kernels, calls from several threads, and forked processes."""

import concurrent.futures
import json
import multiprocessing
import os
import re
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

import bn_mlir.torch as bt  # noqa: E402
from bn_mlir._core import get_num_threads  # noqa: E402

# Large enough for kernels to use all the threads they may, and not so.
SHAPE = (16, 8, 64, 64)
SMALL = (2, 8, 4, 4)


def step(layer, x, dy):
    """The output and all gradients."""
    x = x.clone().requires_grad_()
    y = layer(x)
    return [y.detach(), *torch.autograd.grad(y, [x, *layer.parameters()], dy)]


COUNT_THREADS = """
import json, os, sys, numpy, torch
import bn_mlir.torch as bt
count, *shape = json.loads(sys.argv[1])
torch.set_num_threads(count)
layer = bt.BatchNorm2d(shape[1])
x = torch.from_numpy(numpy.zeros(shape, numpy.float32))
tasks = [len(os.listdir("/proc/self/task"))]
for step in (lambda: layer(x), lambda: torch.zeros(1000000).add_(1)):
    step()
    tasks.append(len(os.listdir("/proc/self/task")) - tasks[0])
assert torch.get_num_threads() == count
print(json.dumps(tasks[1:]))
"""


def count_started_threads(count, shape, **environment):
    """How many threads a first kernel starts where PyTorch has `count`, and how
    many there are after an operator of PyTorch.
    """
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("the system does not list a process' threads")
    environment = {**os.environ, "BN_THREADS": "", **environment}
    return json.loads(subprocess.run(
        [sys.executable, "-c", COUNT_THREADS, json.dumps([count, *shape])],
        env=environment, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("count, shape, started", [
    (1, SHAPE, 0), (3, SHAPE, 2), (3, SMALL, 0)])
def test_kernels_run_on_the_threads_of_pytorch(count, shape, started):
    """They start those that PyTorch then has, and no others."""
    assert count_started_threads(count, shape) == [started, count - 1]


def test_the_number_of_the_options_comes_first():
    assert count_started_threads(3, SHAPE, BN_THREADS="1") == [0, 2]


def find_openmp():
    """The file of the OpenMP library of the kernels."""
    with open("/proc/self/maps") as file:
        found = re.search(r"/\S*/libomp\.so\S*", file.read())
    return found.group() if found else pytest.skip("libomp.so is not mapped")


def test_one_library_for_both():
    """Loaded before PyTorch's own, LLVM's library has the operators, too."""
    assert count_started_threads(3, SHAPE, LD_PRELOAD=find_openmp()) == [2, 2]


def test_a_later_change_is_followed():
    before = torch.get_num_threads()
    layer, x = bt.BatchNorm2d(SHAPE[1]), torch.randn(SHAPE)
    results = []
    try:
        for count in (1, 2, 1):
            torch.set_num_threads(count)
            results.append(step(layer, x, torch.ones(SHAPE)))
            assert get_num_threads() == count
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_each_thread_has_the_number():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert pool.submit(get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)


def test_calls_from_several_threads():
    torch.manual_seed(0)
    layers = [bt.BatchNormReLU2d(SHAPE[1]) for _ in range(3)]
    data = [(torch.randn(SHAPE), torch.randn(SHAPE)) for _ in layers]
    ideal = [step(bt.BatchNormReLU2d(SHAPE[1]), *pair) for pair in data]

    def work(index):
        return [step(layers[index], *data[index]) for _ in range(10)]

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for index, results in enumerate(pool.map(work, range(3))):
            for result in results:
                assert all(map(torch.equal, result, ideal[index]))


class Normalized(Dataset):
    """Normalizes in the process of the worker, and says with what."""

    def __init__(self):
        self.layer = bt.BatchNorm2d(SHAPE[1], track_running_stats=False)
        self.x = torch.randn(SHAPE)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        y = self.layer(self.x + index).detach()
        return y, get_num_threads(), torch.get_num_threads(), os.getpid()


def test_workers_of_a_data_loader():
    """Forked after kernels have run on many threads in this process."""
    data = Normalized()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        ideal = [data[index][0] for index in range(len(data))]
        loader = DataLoader(data, batch_size=None, num_workers=2, timeout=60,
                            multiprocessing_context="fork")
        for expected, (y, kernel_threads, threads, process) in zip(
                ideal, loader):
            assert torch.equal(y, expected)
            assert kernel_threads == threads == 1
            assert process != os.getpid()
        assert torch.equal(data[0][0], ideal[0])
    finally:
        torch.set_num_threads(before)


def run_in_fork(function, *arguments):
    """The result of `function`, an array, from a forked process."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def run():
        sender.send(function(*arguments))

    process = context.Process(target=run)
    process.start()
    try:
        assert receiver.poll(60), "expected a result, got none in 60 s"
        return receiver.recv()
    finally:
        process.kill()
        process.join()


def test_a_forked_process_has_many_threads():
    """PyTorch's operators cannot: theirs are those of the parent."""
    x = torch.randn(SHAPE)
    before = torch.get_num_threads()

    def normalize():
        y = bt.batch_norm(x, None, None, training=True)
        return y.numpy(), get_num_threads()

    try:
        torch.set_num_threads(2)
        ideal, _ = normalize()
        y, threads = run_in_fork(normalize)
        assert threads == 2
        np.testing.assert_array_equal(y, ideal)
    finally:
        torch.set_num_threads(before)
