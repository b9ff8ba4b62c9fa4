# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The code in docs/Keras.md, and examples/python/digits_keras.py."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")

ROOT = pathlib.Path(__file__).parents[3]


def test_page():
    page = (ROOT / "docs/Keras.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(block, "docs/Keras.md", "exec"), {})


@pytest.mark.skipif(keras.config.backend() == "numpy",
                    reason="Keras on NumPy has no gradients")
def test_digits(tmp_path):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    image = tmp_path / "losses.png"
    run = subprocess.run(
        [sys.executable, ROOT / "examples/python/digits_keras.py", "--epochs=2",
         f"--plot={image}"], check=True, capture_output=True, text=True,
        env={**os.environ, "BN_THREADS": "1", "OMP_NUM_THREADS": "1"})
    results = dict(
        (name, (float(loss), float(accuracy))) for name, loss, accuracy in
        re.findall(r"^(\w+) +loss (\S+)  accuracy (\S+)", run.stdout,
                   re.MULTILINE))
    assert results.keys() == {"stock", "ours"}
    assert abs(results["ours"][0] - results["stock"][0]) < 0.02
    assert min(accuracy for _, accuracy in results.values()) > 0.9
    assert "100.0% of predictions the same" in run.stdout
    assert image.stat().st_size > 5000
