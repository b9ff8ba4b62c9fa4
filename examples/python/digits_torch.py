#!/usr/bin/env python3
# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small residual network learns digits, with PyTorch's layers and with ours.

Usage: PYTHONPATH=build/python_packages examples/python/digits_torch.py

Both networks start from the same weights and see the same batches, epoch by
epoch in turns. Printed are the accuracy on digits that were not learned, the
median time of an epoch, and how far apart the losses are. At the end, a
checkpoint of PyTorch's network is loaded into ours. Needs torch, scikit-learn
and, with --plot, matplotlib.
"""

from __future__ import annotations

import argparse
import copy
import io
import statistics
import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

import bn_mlir.torch

BATCH = 128
TRAINING_DIGITS = 1408  # 11 batches; the other 389 are for the test.


class Block(nn.Module):
    """Two convolutions, and a way around them."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.short = nn.Identity()
        if stride > 1 or inside != outside:
            self.short = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False),
                nn.BatchNorm2d(outside))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Halves height and width where the stride is 2."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.short(x))


def make_network() -> nn.Module:
    """Of torch.nn's layers; images of 1x8x8 become 10 scores."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32),
        nn.ReLU(), Block(32, 32, 1), Block(32, 64, 2), Block(64, 128, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def load_data() -> tuple[torch.Tensor, ...]:
    """Images and labels to learn, and those of the test."""
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    y = torch.tensor(digits.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    learn, test = order[:TRAINING_DIGITS], order[TRAINING_DIGITS:]
    return x[learn], y[learn], x[test], y[test]


class Training:
    """A network, and what is known of how it learns."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.optimizer = torch.optim.SGD(
            network.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
        self.losses: list[float] = []
        self.seconds: list[float] = []

    def run_epoch(self, x: torch.Tensor, y: torch.Tensor,
                  order: torch.Tensor) -> None:
        """Learns all digits once, in the given order."""
        self.network.train()
        begin = time.perf_counter()
        for batch in order.split(BATCH):
            loss = F.cross_entropy(self.network(x[batch]), y[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.item())
        self.seconds.append(time.perf_counter() - begin)


@torch.no_grad()
def get_scores(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Of all digits, with running statistics."""
    return network.eval()(x)


def get_accuracy(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """The part of the digits that is recognized."""
    return (get_scores(network, x).argmax(1) == y).double().mean().item()


def save_plot(file: str, trainings: dict[str, Training]) -> None:
    """Draws the losses of all steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    styles = {"torch.nn": ("C1", 3), "bn_mlir.torch": ("C0", 1)}
    for name, training in trainings.items():
        color, width = styles[name]
        axes.plot(training.losses, color, linewidth=width, label=name)
    axes.set(yscale="log", xlabel="step", ylabel="cross-entropy of the batch",
             title="Residual network on handwritten digits")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def load_checkpoint(stock: nn.Module, x: torch.Tensor) -> float:
    """The largest difference of scores after a checkpoint of `stock` went into
    a network of ours.
    """
    file = io.BytesIO()
    torch.save(stock.state_dict(), file)
    file.seek(0)
    ours = bn_mlir.torch.convert(make_network(), fuse=True)
    ours.load_state_dict(torch.load(file, weights_only=True))
    return (get_scores(ours, x) - get_scores(stock, x)).abs().max().item()


def run(epochs: int) -> tuple[dict[str, Training], dict[str, float]]:
    """Trains both networks; returns them, and figures by name."""
    torch.manual_seed(0)
    x, y, test_x, test_y = load_data()
    stock = make_network()
    ours = bn_mlir.torch.convert(copy.deepcopy(stock), fuse=True)
    trainings = {"torch.nn": Training(stock), "bn_mlir.torch": Training(ours)}
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for training in trainings.values():
            training.run_epoch(x, y, order)

    first, second = (training.losses for training in trainings.values())
    figures = {
        f"accuracy, {name}": get_accuracy(training.network, test_x, test_y)
        for name, training in trainings.items()}
    figures |= {
        f"seconds per epoch, {name}": statistics.median(training.seconds)
        for name, training in trainings.items()}
    figures["first loss, difference"] = abs(first[0] - second[0])
    figures["all losses, mean difference"] = statistics.mean(
        abs(a - b) for a, b in zip(first, second))
    figures["checkpoint, largest difference of scores"] = load_checkpoint(
        stock, test_x)
    return trainings, figures


def main() -> None:
    """Reads the command line, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plot", metavar="FILE", help="write a plot of losses")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trainings, figures = run(options.epochs)
    for name, figure in figures.items():
        print(f"{name}: {figure:.4g}")
    if options.plot:
        save_plot(options.plot, trainings)


if __name__ == "__main__":
    main()
