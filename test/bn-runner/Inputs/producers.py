"""The arrays of producers.mlir, and the results that they should give.

  producers.py make DIR          writes the inputs
  producers.py check DIR ENTRY   compares results; ENTRY is a function's name
"""

import pathlib
import sys

import numpy as np

EPSILON = 1.0e-3


def make(folder):
    random = np.random.default_rng(5)
    shape = (6, 16, 30, 30)
    arrays = {
        "a": random.normal(1.0, 2.0, shape),
        "b": random.normal(0.0, 1.0, shape),
        "bias": random.normal(0.0, 1.0, 16),
        "dy": random.normal(0.5, 1.0, shape),
        "mean": random.normal(0.5, 0.1, 16),
        "variance": random.uniform(0.5, 2.0, 16)}
    for name, array in arrays.items():
        np.save(folder / name, array.astype(np.float32))


def check(folder, entry):
    def load(name):
        return np.load(folder / (name + ".npy")).astype(np.float64)

    def spread(name):
        return load(name).reshape(-1, 1, 1)

    x = np.maximum(load("a") + load("b") + spread("bias"), 0.0)
    if entry == "training":
        mean, variance = (f(x, (0, 2, 3), keepdims=True)
                          for f in (np.mean, np.var))
    else:
        mean, variance = spread("mean"), spread("variance")
    r = 1.0 / np.sqrt(variance + EPSILON)
    normalized = (x - mean) * r
    expected = [normalized]
    if entry == "training":
        expected += [mean.ravel(), variance.ravel()]
    if entry == "backward":
        n, g = x[:, 0].size, load("dy")
        offset = g.sum((0, 2, 3), keepdims=True)
        scale = (g * normalized).sum((0, 2, 3), keepdims=True)
        expected = [r * (g - (offset + normalized * scale) / n), scale.ravel()]
    # Of f32: two additions, and sums within a tile.
    for name, values in zip(("first", "second", "third"), expected):
        np.testing.assert_allclose(load(name), values, rtol=1e-5, atol=1e-5,
                                   err_msg=f"{entry}: {name}")


folder = pathlib.Path(sys.argv[2])
if sys.argv[1] == "make":
    make(folder)
else:
    check(folder, sys.argv[3])
