"""The arrays of prologue.mlir, and the gradients that they should give.

  prologue.py make DIR          writes the inputs
  prologue.py check DIR CODE    compares gradients; CODE is relu or leaky
"""

import pathlib
import sys

import numpy as np

EPSILON = 1.0e-3


def make(folder):
    random = np.random.default_rng(3)
    shape = (6, 16, 30, 30)
    x = random.normal(2.0, 3.0, shape).astype(np.float32)
    y = random.normal(0.0, 1.0, shape).astype(np.float32)
    y[0, 0, 0, :3] = (0.0, -0.0, np.float32(1e-40))  # signs of small numbers
    arrays = {
        "dz": random.normal(0.5, 1.0, shape).astype(np.float32),
        "x": x, "z": np.maximum(y, 0), "bits": (y > 0).astype(np.int8),
        "slopes": random.uniform(-0.5, 0.5, 16),
        "mean": x.mean((0, 2, 3), np.float64).astype(np.float32),
        "variance": x.var((0, 2, 3), np.float64).astype(np.float32)}
    for name, array in arrays.items():
        np.save(folder / name, array)


def check(folder, code):
    def load(name):
        return np.load(folder / (name + ".npy")).astype(np.float64)

    def spread(name):
        return load(name).reshape(-1, 1, 1)

    dz, x = load("dz"), load("x")
    if code == "relu":
        g = np.where(load("z") > 0, dz, 0.0)
    else:
        g = np.where(load("bits") != 0, dz, dz * spread("slopes"))
    r = 1.0 / np.sqrt(spread("variance") + EPSILON)
    normalized = (x - spread("mean")) * r
    n = x[:, 0].size
    offset = g.sum((0, 2, 3), keepdims=True)
    scale = (g * normalized).sum((0, 2, 3), keepdims=True)
    dx = r * (g - (offset + normalized * scale) / n)
    # Within a tile, sums are f32: their errors grow with what is summed.
    for name, expected, tolerance in (
            ("dx", dx, 1e-5), ("dscale", scale.ravel(), 1e-2),
            ("doffset", offset.ravel(), 1e-2), ("dr", g, 1e-6)):
        np.testing.assert_allclose(load(name), expected, rtol=1e-5,
                                   atol=tolerance, err_msg=name)


folder = pathlib.Path(sys.argv[2])
if sys.argv[1] == "make":
    make(folder)
else:
    check(folder, sys.argv[3])
