# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Threads of kernels, calls from several threads, and forked processes."""

import concurrent.futures
import ctypes
import json
import os
import re
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

import bn_mlir  # noqa: E402
import bn_mlir.torch as bt  # noqa: E402

# Large enough for kernels to use all the threads they may, and not so.
SHAPE = (16, 8, 64, 64)
SMALL = (2, 8, 4, 4)


def step(layer, x, dy):
    """The output and all gradients."""
    x = x.clone().requires_grad_()
    y = layer(x)
    return [y.detach(), *torch.autograd.grad(y, [x, *layer.parameters()], dy)]


def get_kernel_threads():
    """How many threads a kernel uses that is called from here."""
    return ctypes.CDLL(bn_mlir._core.__file__).omp_get_max_threads()


COUNT_THREADS = """
import json, os, sys, torch
import bn_mlir.torch as bt
count, *shape = json.loads(sys.argv[1])
torch.set_num_threads(count)
layer, x = bt.BatchNorm2d(shape[1]), torch.zeros(shape)
before = len(os.listdir("/proc/self/task"))
layer(x)
assert torch.get_num_threads() == count
print(len(os.listdir("/proc/self/task")) - before)
"""


def count_started_threads(count, shape, **environment):
    """How many threads a first kernel starts where PyTorch has `count`."""
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("the system does not list a process' threads")
    environment = {**os.environ, "BN_THREADS": "", **environment}
    return int(subprocess.run(
        [sys.executable, "-c", COUNT_THREADS, json.dumps([count, *shape])],
        env=environment, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("count, shape, started", [
    (1, SHAPE, 0), (3, SHAPE, 2), (3, SMALL, 0)])
def test_a_kernel_starts_as_many_threads_as_pytorch_has(count, shape, started):
    assert count_started_threads(count, shape) == started


def find_openmp():
    """The file of the OpenMP library of the kernels."""
    with open("/proc/self/maps") as file:
        found = re.search(r"/\S*/libomp\.so\S*", file.read())
    return found.group() if found else pytest.skip("libomp.so is not mapped")


def test_one_library_for_both():
    """Loaded before PyTorch's, it has PyTorch's number of threads already; that
    a small kernel has one thread must not change it.
    """
    assert count_started_threads(3, SMALL, LD_PRELOAD=find_openmp()) == 0


def test_a_later_change_is_followed():
    before = torch.get_num_threads()
    layer, x = bt.BatchNorm2d(SHAPE[1]), torch.randn(SHAPE)
    results = []
    try:
        for count in (1, 2, 1):
            torch.set_num_threads(count)
            results.append(step(layer, x, torch.ones(SHAPE)))
            assert get_kernel_threads() == count
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_a_small_kernel_leaves_the_number_as_it_is():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        bt.BatchNorm2d(SMALL[1])(torch.randn(SMALL))
        assert get_kernel_threads() == 3
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
        return y, get_kernel_threads(), torch.get_num_threads(), os.getpid()


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
