"""The arrays of bits.mlir, and what should be made of them.

  bits.py make DIR     writes the inputs
  bits.py check DIR    compares output, bytes and gradients
"""

import pathlib
import sys

import numpy as np

EPSILON = 1.0e-3
AXES = (0, 2, 3)


def make(folder):
    random = np.random.default_rng(4)
    for name in ("x", "r", "dz"):
        array = random.normal(0.5, 2.0, (4, 5, 6, 12)).astype(np.float32)
        np.save(folder / (name + ".npy"), array)


def check(folder):
    def load(name):
        return np.load(folder / (name + ".npy"))

    x, r, dz = (load(name).astype(np.float64) for name in ("x", "r", "dz"))
    s = 1.0 / np.sqrt(x.var(AXES, keepdims=True) + EPSILON)
    normalized = (x - x.mean(AXES, keepdims=True)) * s
    np.testing.assert_allclose(load("z"), np.maximum(normalized + r, 0),
                               rtol=1e-5, atol=1e-5)

    # An f32 is not rounded once more: bits are exact. The lowest is the first.
    passes = load("z") > 0
    assert 0.3 < passes.mean() < 0.9
    np.testing.assert_array_equal(
        load("bytes").view(np.uint8),
        np.packbits(passes.ravel(), bitorder="little"))

    g = np.where(passes, dz, 0.0)
    dx = s * (g - g.mean(AXES, keepdims=True)
              - normalized * (g * normalized).mean(AXES, keepdims=True))
    np.testing.assert_allclose(load("dr"), g, rtol=1e-6)
    np.testing.assert_allclose(load("dx"), dx, rtol=1e-5, atol=1e-5)


folder = pathlib.Path(sys.argv[2])
if sys.argv[1] == "make":
    make(folder)
else:
    check(folder)
