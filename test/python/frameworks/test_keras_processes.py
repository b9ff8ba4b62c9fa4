# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Keras' layer on bn-mlir in processes of its own: imports and forks."""

import subprocess
import sys

import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")

BACKEND = keras.config.backend()


_IMPORTED_FIRST = """
import bn_mlir, numpy as np
x = np.arange(12.0, dtype="f").reshape(4, 3)
expected = bn_mlir.training(x)[0]
import bn_mlir.keras, keras
layer = bn_mlir.keras.BatchNormalization()
y = keras.ops.convert_to_numpy(layer(x, training=True))
np.testing.assert_array_equal(y, expected)
bn_mlir.training(x[:2])
"""


def test_imported_before_the_framework():
    """TensorFlow has an LLVM of its own; here it is loaded after ours."""
    subprocess.run([sys.executable, "-c", _IMPORTED_FIRST], check=True)


_FORKED = """
import os, signal, keras, numpy as np
import bn_mlir, bn_mlir.keras
x = np.random.default_rng(0).normal(size=(16, 64, 64, 8)).astype("f")
layer = bn_mlir.keras.BatchNormalization()
expected = keras.ops.convert_to_numpy(layer(x, training=True))

def is_the_same():
    y, _, _ = bn_mlir.training(x, np.ones(8, "f"), np.zeros(8, "f"))
    return np.array_equal(y, expected)

assert is_the_same()
process = os.fork()
if process == 0:
    signal.alarm(60)  # Should it wait for ever.
    os._exit(0 if is_the_same() else 1)
assert os.waitpid(process, 0)[1] == 0
"""


@pytest.mark.skipif(BACKEND not in ("jax", "tensorflow"),
                    reason="PyTorch has tests of its own, NumPy no threads")
def test_forked_processes_have_kernels():
    """Those of bn_mlir; what a framework can do there is another question."""
    subprocess.run([sys.executable, "-c", _FORKED], check=True)
