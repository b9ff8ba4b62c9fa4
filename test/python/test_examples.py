# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python examples of README.md and docs/Python.md run as they stand."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def find_examples():
    for page in ("README.md", "docs/Python.md"):
        text = (ROOT / page).read_text()
        for block in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
            line = text.count("\n", 0, block.start()) + 2
            yield pytest.param(page, line, block.group(1),
                               id=f"{page}:{line}")


@pytest.mark.parametrize("page, line, code", list(find_examples()))
def test_example(page, line, code):
    if "import torch" in code:
        pytest.importorskip("torch", reason="PyTorch is not installed")
    exec(compile("\n" * (line - 1) + code, page, "exec"), {})
