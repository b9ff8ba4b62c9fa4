# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What docs/Spec.md says is not supported is refused, in those words."""

import pathlib
import re

import numpy as np
import pytest

import bn_mlir

SPEC = pathlib.Path(__file__).parents[2] / "docs" / "Spec.md"
X = np.ones((4, 3, 5), np.float32)
SCALE = np.ones(3, np.float32)
STACK = np.ones((2, 3), np.float32)
SHAPE = X.shape


def make_spec(kind, **options):
    return bn_mlir.Spec(kind, SHAPE, axis=1, **options)


def train(x=X, **options):
    return bn_mlir.training(x, **({"axis": 1} | options))


def differentiate(mean=SCALE, variance=SCALE, **options):
    return bn_mlir.backward(X, X, SCALE, mean, variance, axis=1, **options)


#: In the order of the table.
CALLS = [
    lambda: make_spec("training", groups=2, renormalized=True),
    lambda: make_spec("backward", frozen=True, renormalized=True),
    lambda: train(axis=0, groups=2),
    lambda: train(groups=3),
    lambda: train(np.asfortranarray(X), groups=2),
    lambda: make_spec("stats", epilogue="relu"),
    lambda: differentiate(epilogue="relu", output=X, which=("addend",)),
    lambda: differentiate(epilogue="leaky_relu", output=X, slope=-1),
    lambda: differentiate(epilogue="add_relu", offset=SCALE),
    lambda: differentiate(epilogue="relu", offset=SCALE, groups=2,
                          mean=STACK, variance=STACK),
    lambda: differentiate(epilogue="relu", offset=SCALE,
                          statistics_kind="inverse_std"),
    lambda: make_spec("backward", epilogue="relu", recomputes_output=True,
                      renormalized=True),
    lambda: make_spec("stats", has_bits=True),
    lambda: train(epilogue="add", addend=X, save_bits=True),
    lambda: make_spec("backward", epilogue="relu", recomputes_output=True,
                      has_bits=True),
    lambda: make_spec("training", epilogue="relu", renormalized=True,
                      has_bits=True),
    lambda: train(epilogue="relu", save_bits=True),
    lambda: make_spec("training", renormalized=True, running_dtype="float64"),
    lambda: train(mask=np.ones((4, 5), np.float32)),
    lambda: train(X.astype(np.int32)),
    lambda: bn_mlir.inference(X.astype(np.float64), *[SCALE] * 4, axis=1),
    lambda: train(X[:, :, ::2]),
]


def read_table():
    """The diagnostics of the table that names this file."""
    text = SPEC.read_text().split(pathlib.Path(__file__).name, 1)[1]
    rows = re.findall(r"^\|.*\| `(.*)` \|$", text, re.MULTILINE)
    assert len(rows) == len(CALLS)
    return rows


@pytest.mark.parametrize("index", range(len(CALLS)))
def test_message(index):
    with pytest.raises((TypeError, ValueError)) as error:
        CALLS[index]()
    assert str(error.value) == read_table()[index]
