#!/usr/bin/env python3
# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training steps of ResNet-50 in PyTorch, and how much of them layers take.

Usage: PYTHONPATH=build/python_packages benchmarks/resnet50.py

A step is forward, loss, backward and SGD. The model of torch.nn, the same after
`bn_mlir.torch.convert`, and after `convert` with `fuse=True` take turns in one
process; every other round goes the opposite way. In each turn one step warms
up, one is timed, and torch.profiler looks at one. Of the figures, the medians
over the rounds are printed; shares are those of the profiled step. The fused
model does additions and ReLUs in its layers: compare the sum with these.

As installed, PyTorch asks the system for the memory of each large result, whose
page faults are part of the operator's time; glibc spares it that where
GLIBC_TUNABLES sets glibc.malloc.mmap_threshold and trim_threshold to 2**33.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bn_mlir.torch import convert

#===------------------------------------------------------------------------===#
# The model
#===------------------------------------------------------------------------===#


def make_convolution(inputs: int, outputs: int, size: int,
                     stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size of the image, but for the stride."""
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)


class Bottleneck(nn.Module):
    """Three convolutions around which the input goes, too."""

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        outputs = 4 * width
        self.conv1 = make_convolution(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = make_convolution(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = make_convolution(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                make_convolution(inputs, outputs, 1, stride),
                nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.shortcut is None else self.shortcut(x)
        return self.relu(y)


class ResNet(nn.Module):
    """A residual network of bottlenecks; by default ResNet-50.

    :param depths: the number of bottlenecks at each size of the image.
    :param width: channels of the first convolution.
    """

    def __init__(self, depths: Sequence[int] = (3, 4, 6, 3), width: int = 64,
                 classes: int = 1000):
        super().__init__()
        self.stem = nn.Sequential(
            make_convolution(3, width, 7, 2), nn.BatchNorm2d(width),
            nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        blocks, channels = [], width
        for level, depth in enumerate(depths):
            for block in range(depth):
                stride = 2 if level > 0 and block == 0 else 1
                blocks.append(Bottleneck(channels, width << level, stride))
                channels = 4 * width << level
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(self.stem(x)).mean((2, 3)))


#===------------------------------------------------------------------------===#
# Steps
#===------------------------------------------------------------------------===#

VARIANTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "torch.nn": lambda model: model,
    "convert(model)": convert,
    "convert(model, fuse=True)": lambda model: convert(model, fuse=True),
}


def make_steps(model: nn.Module, images: Tensor,
               labels: Tensor) -> dict[str, Callable[[], Tensor]]:
    """Returns for each variant of `model`, which stays as it is, a function
    that trains it by a step and returns the loss.
    """

    def make_step(model: nn.Module) -> Callable[[], Tensor]:
        optimizer = torch.optim.SGD(
            model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

        def step() -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step

    return {name: make_step(change(copy.deepcopy(model)))
            for name, change in VARIANTS.items()}


#===------------------------------------------------------------------------===#
# Profiles
#===------------------------------------------------------------------------===#

#: What torch.profiler calls the operators of a part of the step. Names with
#: "Backward" are steps of autograd.
PARTS: dict[str, set[str]] = {
    "batch norm forward": {"aten::batch_norm", "Training"},
    "batch norm backward": {"NativeBatchNormBackward0", "TrainingBackward"},
    "addition, ReLU forward": {"aten::add_", "aten::relu_"},
    "addition, ReLU backward": {"AddBackward0", "ReluBackward0"},
    "convolution forward": {"aten::conv2d"},
    "convolution backward": {"ConvolutionBackward0"},
}


class Turn(NamedTuple):
    """What one turn of a variant has found.

    :ivar seconds: of a step that is not profiled.
    :ivar shares: fractions of the step that is, by part.
    """

    seconds: float
    shares: dict[str, float]


def find_part(event: Any) -> str | None:
    """Returns the part that `event` of torch.profiler belongs to, where it is
    the operator itself: not one that another calls, as the optimizer does.
    """
    parent = event.cpu_parent
    is_operator = parent is None or parent.name.startswith(
        "autograd::engine::evaluate_function") and "Backward" in event.name
    if not is_operator:
        return None
    return next((part for part, names in PARTS.items() if event.name in names),
                None)


def sum_parts(events: Iterable[Any]) -> dict[str, float]:
    """Returns the seconds of each part."""
    seconds = dict.fromkeys(PARTS, 0.0)
    for event in events:
        part = find_part(event)
        if part is not None:
            seconds[part] += event.cpu_time_total * 1e-6
    return seconds


def measure(step: Callable[[], object]) -> float:
    """Returns the seconds that `step` takes."""
    begin = time.perf_counter()
    step()
    return time.perf_counter() - begin


def take_turn(step: Callable[[], object]) -> Turn:
    """Warms up, measures a step, and profiles one."""
    step()
    seconds = measure(step)
    with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        whole = measure(step)
    parts = sum_parts(profile.events())
    return Turn(seconds, {part: parts[part] / whole for part in parts})


def take_turns(steps: dict[str, Callable[[], object]],
               rounds: int) -> dict[str, list[Turn]]:
    """Measures each of `steps` once per round."""
    turns: dict[str, list[Turn]] = {name: [] for name in steps}
    order = list(steps)
    for _ in range(rounds):
        for name in order:
            turns[name].append(take_turn(steps[name]))
        order.reverse()
    return turns


#===------------------------------------------------------------------------===#
# The table
#===------------------------------------------------------------------------===#


def print_table(turns: dict[str, list[Turn]]) -> None:
    """Prints a column per variant."""
    groups = {part: [part] for part in PARTS}
    groups["batch norm"] = list(PARTS)[:2]
    groups["batch norm, addition, ReLU"] = list(PARTS)[:4]
    print("| share of the step |", *(f"{name} |" for name in turns))
    print("|---" * (len(turns) + 1) + "|")
    for name, group in groups.items():
        shares = (statistics.median(sum(turn.shares[part] for part in group)
                                    for turn in own)
                  for own in turns.values())
        print(f"| {name} |", *(f"{share:.1%} |" for share in shares))
    stock, *_ = turns.values()
    ratios = (statistics.median(b.seconds / a.seconds
                                for a, b in zip(stock, own))
              for own in turns.values())
    print("| step, of the first |", *(f"{ratio:.2f} |" for ratio in ratios))
    seconds = (statistics.median(turn.seconds for turn in own)
               for own in turns.values())
    print("| step, seconds |", *(f"{second:.3f} |" for second in seconds))


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=224,
                        help="height and width of the images")
    parser.add_argument("--width", type=int, default=64,
                        help="channels of the first convolution")
    parser.add_argument("--layout", default="contiguous",
                        choices=["contiguous", "channels_last"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    return parser.parse_args()


def main() -> None:
    """Measures, and prints the table."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    order = {"contiguous": torch.contiguous_format,
             "channels_last": torch.channels_last}[options.layout]
    model = ResNet(width=options.width).to(memory_format=order)
    images = torch.randn(options.batch, 3, options.size, options.size)
    labels = torch.randint(1000, (options.batch,))
    steps = make_steps(model, images.to(memory_format=order), labels)
    print(f"ResNet-50, {options.batch}x3x{options.size}x{options.size}, "
          f"float32, {options.layout}, {options.threads} threads\n")
    print_table(take_turns(steps, options.rounds))


if __name__ == "__main__":
    main()
