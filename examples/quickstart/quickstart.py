#!/usr/bin/env python3
"""Batch normalization of real data with bn-runner, checked with NumPy.

Two data sets of scikit-learn, written as .npy files:

  photographs   2 pictures, 3 channels, 427 x 640 pixels (channels first):
                one training step, then inference with the running statistics
                that it produced; both are timed
  digits        1797 handwritten digits of 64 pixels, as a dense layer sees
                them: seven training steps over batches of 256, each given the
                running statistics of the step before, then inference over all

Every result is compared with the same computation in NumPy at float64.
"""

import argparse
import pathlib
import subprocess
import sys
import time

import numpy as np
from sklearn.datasets import load_digits, load_sample_images

HERE = pathlib.Path(__file__).parent
EPSILON = 1.0e-3
MOMENTUM = 0.9
# Largest error allowed, relative to max(1, |reference|). A result in float32
# is rounded by up to 6e-8 of itself; seven steps round the running statistics
# once each, and inference rounds three times more.
TOLERANCE = 1.0e-6


class Reference:
    """Batch normalization at float64; channels along `axis`."""

    def __init__(self, scale, offset, axis):
        self.axis = axis
        self.scale, self.offset = np.float64(scale), np.float64(offset)
        self.mean = np.zeros(len(scale))
        self.variance = np.ones(len(scale))

    def normalize(self, x, mean, variance):
        shape = [1] * x.ndim
        shape[self.axis] = -1
        mean, variance, scale, offset = (
            v.reshape(shape)
            for v in (mean, variance, self.scale, self.offset))
        return (x - mean) * scale / np.sqrt(variance + EPSILON) + offset

    def training(self, x):
        x = np.float64(x)
        others = tuple(i for i in range(x.ndim) if i != self.axis)
        mean, variance = x.mean(others), x.var(others)
        self.mean = MOMENTUM * self.mean + (1 - MOMENTUM) * mean
        self.variance = MOMENTUM * self.variance + (1 - MOMENTUM) * variance
        y = self.normalize(x, mean, variance)
        return [y, mean, variance, self.mean, self.variance]

    def inference(self, x):
        return [self.normalize(np.float64(x), self.mean, self.variance)]


class Runner:
    """Calls functions of one .mlir file; arrays travel as .npy files."""

    def __init__(self, executable, module, work_dir):
        self.executable, self.module = executable, HERE / module
        self.work_dir = work_dir / self.module.stem
        self.work_dir.mkdir(parents=True, exist_ok=True)

    def save(self, name, array):
        path = self.work_dir / (name + ".npy")
        np.save(path, array)
        return path

    def run(self, entry, inputs, outputs, repeat=0):
        """`inputs` and `outputs`: file names. Returns the results."""
        outputs = [self.work_dir / (name + ".npy") for name in outputs]
        command = [self.executable, self.module, "--entry=" + entry]
        command += ["--input=%s" % path for path in inputs]
        command += ["--output=%s" % path for path in outputs]
        if repeat:
            command.append("--repeat=%d" % repeat)
        process = subprocess.run([str(c) for c in command], text=True,
                                 stdout=subprocess.PIPE)
        for line in process.stdout.splitlines():
            print("    " + line)
        if process.returncode:
            sys.exit("error: bn-runner ended with exit code %d"
                     % process.returncode)
        return [np.load(path) for path in outputs]


def announce(name, x):
    shape = "x".join(map(str, x.shape))
    print("%s: %s %s" % (name, shape, x.dtype), flush=True)


def report(what, results, references):
    """Prints the largest error; returns whether it is small enough."""
    worst = 0.0
    for result, reference in zip(results, references):
        bound = np.maximum(1.0, np.abs(reference))
        # Where either is NaN the comparison must fail: np.max keeps NaN.
        worst = np.max([worst, np.max(np.abs(result - reference) / bound)])
    good = bool(worst <= TOLERANCE)
    print("  %-34s largest error %.1e (allowed %.0e)  %s"
          % (what, worst, TOLERANCE, "ok" if good else "WRONG"), flush=True)
    return good


STATISTICS = ["mean", "variance", "running_mean", "running_variance"]


def photographs(executable, work_dir, repeat):
    x = np.stack(load_sample_images().images).astype(np.float32)
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    announce("photographs", x)
    scale = np.array([0.5, 1.0, 2.0], np.float32)
    offset = np.array([-1.0, 0.0, 1.0], np.float32)
    reference = Reference(scale, offset, axis=1)
    runner = Runner(executable, "photographs.mlir", work_dir)
    arguments = [runner.save("x", x), runner.save("scale", scale),
                 runner.save("offset", offset)]

    results = runner.run("training", arguments + ["zeros", "ones"] +
                         5 * ["zeros"], ["y"] + STATISTICS, repeat)
    good = report("training", results, reference.training(x))
    statistics = [runner.work_dir / (n + ".npy") for n in STATISTICS[2:]]
    results = runner.run("inference", arguments + statistics + ["zeros"],
                         ["y"], repeat)
    return report("inference", results, reference.inference(x)) and good


def digits(executable, work_dir):
    x = load_digits().data.astype(np.float32)
    announce("digits", x)
    channels = x.shape[1]
    scale = np.linspace(0.5, 2.0, channels, dtype=np.float32)
    offset = np.linspace(-1.0, 1.0, channels, dtype=np.float32)
    reference = Reference(scale, offset, axis=1)
    runner = Runner(executable, "digits.mlir", work_dir)
    parameters = [runner.save("scale", scale), runner.save("offset", offset)]
    running = ["zeros", "ones"]

    good = True
    for step in range(7):
        batch = x[256 * step:256 * (step + 1)]
        arguments = [runner.save("x", batch)] + parameters + running
        arguments += ["zeros:%dx%d" % batch.shape] + 4 * ["zeros"]
        # Two names for each statistic: a step does not write what it reads.
        names = ["%s_%d" % (name, step % 2) for name in STATISTICS]
        results = runner.run("training", arguments, ["y"] + names)
        running = [runner.work_dir / (n + ".npy") for n in names[2:]]
        good &= report("training, step %d" % (step + 1), results,
                       reference.training(batch))
    arguments = [runner.save("x", x)] + parameters + running
    arguments.append("zeros:%dx%d" % x.shape)
    results = runner.run("inference", arguments, ["y"])
    return report("inference, all digits", results,
                  reference.inference(x)) and good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runner", default="build/bin/bn-runner",
                        help="the bn-runner to use (default: %(default)s)")
    parser.add_argument("--work-dir", type=pathlib.Path,
                        default=pathlib.Path("build/quickstart"),
                        help="folder of the arrays (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=20,
                        help="timed calls per function (default: %(default)s)")
    options = parser.parse_args()

    start = time.monotonic()
    good = photographs(options.runner, options.work_dir, options.repeat)
    good &= digits(options.runner, options.work_dir)
    print("%.1f s; arrays in %s" % (time.monotonic() - start,
                                    options.work_dir))
    print("OK: all results agree with float64" if good else
          "FAILED: a result differs from float64 by more than is allowed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
