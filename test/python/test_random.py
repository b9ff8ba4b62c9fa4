# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cases at random, against float64: products of what other tests have one by
one.

BN_RANDOM_CASES=N   how many (60)
BN_RANDOM_FIRST=N   the first one, each of which is made of its number (0)
"""

import os
import random
from dataclasses import dataclass

import numpy as np
import pytest

import bn_mlir
import reference as ref
from test_backward_epilogues import SLOPE, names, options, through
from test_cpus import list_cpus
from test_layouts import in_memory_order
from test_masks import weighted_statistics

FIRST = int(os.environ.get("BN_RANDOM_FIRST", 0))
CASES = range(FIRST, FIRST + int(os.environ.get("BN_RANDOM_CASES", 60)))

#: Around vectors of all lengths, and what layers have.
SIZES = [1, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 24, 31, 32, 33, 49, 56, 64, 100]
MOST_ELEMENTS = 200_000


@dataclass(init=False)
class Case:
    shape: tuple
    axis: list
    dtype: np.dtype
    order: list  # of the dimensions in memory
    distance: float  # of the mean from 0
    epilogue: str
    knobs: dict

    def __init__(self, number):
        choose = random.Random(number)
        while True:
            rank = choose.choice([1, 2, 2, 3, 3, 4, 4, 4, 5])
            self.shape = tuple(choose.choices(SIZES, k=rank))
            if np.prod(self.shape) <= MOST_ELEMENTS:
                break
        if choose.random() < 0.05:
            self.shape = (0, *self.shape[1:])
        few = 1 if choose.random() < 0.75 else choose.randint(1, rank)
        self.axis = choose.sample(range(-rank, 0), few)
        self.dtype = ref.DTYPES[choose.choice(list(ref.DTYPES))]
        self.order = list(range(rank))
        if choose.random() < 0.4:
            choose.shuffle(self.order)
        narrow = self.dtype.itemsize == 2
        self.distance = choose.choice([0, 0.5, 3] if narrow else [0, 0.5, 1e4])
        self.epilogue = choose.choice(["relu", "leaky_relu", "add", "add_relu"])
        self.knobs = {"threads": choose.choice([1, 2, 3, 4]),
                      "cpu": choose.choice(["", *list_cpus()])}
        self.random = np.random.default_rng(number)

    def draw(self, distance=0.0):
        values = self.random.standard_normal(self.shape) * 2 + distance
        return in_memory_order(values.astype(self.dtype), self.order)

    def draw_channels(self, distance=0.5):
        """A number per channel, in memory as the channels of the data are."""
        dims = ref.sorted_axis(self.axis, len(self.shape))
        order = [dims.index(dim) for dim in self.order if dim in dims]
        values = self.random.standard_normal(
            ref.channel_shape(self.shape, self.axis)) + distance
        return in_memory_order(values.astype(ref.wide(self.dtype)), order)

    def draw_mask(self):
        """Weights of all dimensions that are no channels, or of some."""
        others = ref.other_dims(len(self.shape), self.axis)
        shape = [size if dim in others and self.random.random() < 0.8 else 1
                 for dim, size in enumerate(self.shape)]
        return self.random.random(shape) < 0.7


@pytest.fixture(params=CASES)
def case(request):
    case = Case(request.param)
    with bn_mlir.knobs.scope(**case.knobs):
        yield case


def largest(x):
    return np.max(np.abs(np.asarray(x, np.float64)), initial=0)


def assert_near(case, got, expected, terms, message):
    """`terms` says how large what is added up is; results are rounded once more.
    """
    got = np.asarray(got)
    assert got.shape == expected.shape, message
    digits = float(ref.ml_dtypes.finfo(got.dtype).eps)
    smallest = float(ref.ml_dtypes.finfo(got.dtype).smallest_subnormal)
    computed = 1e-14 if ref.wide(case.dtype) == np.float64 else 5e-6
    error = np.abs(got.astype(np.float64) - expected)
    bound = 0.51 * digits * np.abs(expected) + computed * terms + smallest
    # AVX512-BF16 has no subnormal numbers.
    np.testing.assert_array_less(error, bound + 1.2e-38, f"{message}: {case}")


def normalize(case, x, scale, offset, mean, variance, addend):
    """The output, and how large its terms are."""
    y = ref.inference(x, scale, offset, mean, variance, case.axis)
    inverse = 1 / np.sqrt(np.asarray(variance, np.float64) + 1e-3)
    terms = (largest(x) + largest(mean)) * largest(scale * inverse) + largest(y)
    if "add" in case.epilogue:
        y = y + addend.astype(np.float64)
    if "relu" in case.epilogue:
        slope = SLOPE if case.epilogue == "leaky_relu" else 0
        y = np.where(y > 0, y, slope * y)
    return y, terms + 4


def forward_options(case):
    addend = case.draw() if "add" in case.epilogue else None
    slope = {"slope": SLOPE} if case.epilogue == "leaky_relu" else {}
    return {"axis": case.axis, "epilogue": case.epilogue, "addend": addend,
            **slope}


def test_inference(case):
    x, arguments = case.draw(case.distance), forward_options(case)
    scale, offset, mean = (case.draw_channels() for _ in range(3))
    variance = np.abs(case.draw_channels()) + mean.dtype.type(0.1)
    y = bn_mlir.inference(x, scale, offset, mean, variance, **arguments)
    assert y.dtype == case.dtype
    assert_near(case, y, *normalize(case, x, scale, offset, mean, variance,
                                    arguments["addend"]), "y")


@pytest.mark.parametrize("masked", [False, True])
def test_training(case, masked):
    x, arguments = case.draw(case.distance), forward_options(case)
    scale, offset = case.draw_channels(), case.draw_channels()
    mask = case.draw_mask() if masked else np.ones((1,) * x.ndim)
    y, mean, variance = bn_mlir.training(
        x, scale, offset, mask=mask if masked else None, **arguments)
    _, wanted_mean, wanted_variance = weighted_statistics(x, mask, case.axis)
    assert_near(case, mean, wanted_mean, largest(x), "mean")
    # What merges of means lose is in proportion to their distance from 0.
    assert_near(case, variance, wanted_variance,
                largest(wanted_variance) + largest(x) * 0.02, "variance")
    assert_near(case, y, *normalize(case, x, scale, offset, wanted_mean,
                                    wanted_variance, arguments["addend"]), "y")


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients(case, frozen):
    x, dy, output = case.draw(case.distance), case.draw(), case.draw()
    scale, mean = case.draw_channels(), case.draw_channels(case.distance)
    variance = np.abs(case.draw_channels()) + mean.dtype.type(0.1)
    got = bn_mlir.backward(
        dy, x, scale, mean, variance, axis=case.axis, frozen=frozen,
        which=names(case.epilogue), **options(case.epilogue, output))
    inverse = 1 / np.sqrt(variance.astype(np.float64) + 1e-3)
    normalized = through(dy, output, case.epilogue).astype(np.float64)
    expected = (*ref.backward(normalized, x, scale, mean, inverse, case.axis,
                              frozen), normalized)
    hat = (largest(x) + largest(mean)) * largest(inverse)
    count = x.size // max(1, scale.size)
    sums = largest(dy) * count
    terms = (largest(scale * inverse) * largest(dy) * (2 + hat * hat),
             sums * hat, sums, 0)
    for gradient, wanted, size in zip(got, expected, terms):
        assert_near(case, gradient, wanted, size, "gradient")
